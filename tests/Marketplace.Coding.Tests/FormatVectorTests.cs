using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Marketplace.Domain;

namespace Marketplace.Coding.Tests;

/// <summary>
/// docs/formats/vectors.json: what a second implementation must compute from given bytes. Inputs are the pattern that
/// docs/formats/README.md defines. ./scripts/vectors.sh writes the file anew, for a new version of a format.
/// </summary>
public sealed class FormatVectorTests
{
    private const string WriteTo = "MARKET_WRITE_VECTORS";
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly EntryAttributes s_attributes = new(1, new DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Every_vector_is_computed_as_it_is_written()
    {
        SortedDictionary<string, string> computed = Compute();
        if (Environment.GetEnvironmentVariable(WriteTo) is { Length: > 0 } path) File.WriteAllText(path, JsonSerializer.Serialize(computed, s_json) + "\n");
        Dictionary<string, string> written = Written();
        foreach ((string name, string value) in computed) Assert.True(written[name] == value, $"{name} is {value}, and {written[name]} is written.");
        Assert.Equal(computed.Keys, written.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_bundle_that_is_written_opens_to_its_files()
    {
        byte[] bundle = Convert.FromHexString(Written()["bundle/1of3"]);
        using MasterKey master = Master();
        using BundleKey key = BundleKey.Open(BundleHead.Read(bundle), master);
        BundleFooter footer = BundleFooter.Open(key, bundle.Length, bundle.AsSpan(^BundleFooter.SizeBytes..));
        using var decoder = new ManifestDecoder(key, footer);
        (long offset, int bytes) = footer.Piece(0);
        decoder.Append(bundle.AsSpan((int)offset, bytes));
        Manifest manifest = decoder.Complete();
        Assert.Equal(["text/a.txt", "b.bin", "empty", "link"], manifest.Entries.Select(entry => entry.Name.Value));
        using var opener = new ChunkOpener(key);
        byte[] plain = new byte[ChunkRef.PlainBytesMax];
        byte[][] contents = [.. manifest.Entries.Select(entry => manifest.Slices(entry).SelectMany(slice =>
        {
            opener.Open(slice.Chunk, bundle.AsSpan((int)slice.Chunk.Offset, slice.Chunk.SealedBytes), plain);
            return plain[slice.From..(slice.From + slice.Bytes)];
        }).ToArray())];
        Assert.Equal([Text(), Pattern(9, 700), [], []], contents);
        Assert.Equal("text/a.txt", manifest.Entries.Last().LinkTarget);
    }

    /// <summary>Keccak-256 of (seed, counter of eight bytes), one after another.</summary>
    internal static byte[] Pattern(byte seed, int bytes)
    {
        byte[] pattern = new byte[bytes + 32];
        byte[] message = new byte[9];
        message[0] = seed;
        for (int at = 0; at < bytes; at += 32)
        {
            BinaryPrimitives.WriteInt64BigEndian(message.AsSpan(1), at / 32);
            Keccak256.HashData(message, pattern.AsSpan(at));
        }

        return pattern[..bytes];
    }

    private static Dictionary<string, string> Written() =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors.json")))!;

    private static SortedDictionary<string, string> Compute()
    {
        var vectors = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Trees(vectors);
        Codes(vectors);
        Proofs(vectors);
        Keys(vectors);
        Cuts(vectors);
        foreach (long bytes in (long[])[400, 1000, 65_537, 1_000_000, 1L << 32, 123_456_789_012])
            vectors[$"padding/{bytes}"] = Padding.PaddedBytes(bytes, 1024).ToString(CultureInfo.InvariantCulture);
        return vectors;
    }

    private static void Trees(SortedDictionary<string, string> vectors)
    {
        foreach (int leaves in (int[])[1, 2, 3, 63, 64, 65, 512, 513, 1000])
        {
            var shard = new MemoryShard(Pattern(1, leaves * MerkleTree.LeafBytes));
            vectors[$"tree/{leaves}/root"] = Hex(shard.Commitment.Root.ToArray());
            byte[] sidecar = new byte[new SidecarLayout(leaves).SizeBytes];
            shard.ReadSidecar(0, sidecar);
            vectors[$"tree/{leaves}/sidecar/keccak"] = Hex(Keccak256.HashData(sidecar));
        }

        var thousand = new MemoryShard(Pattern(1, 1000 * MerkleTree.LeafBytes));
        byte[] proof = new byte[RangeProof.SizeBytes(1000, 3, 70)];
        RangeProof.Write(thousand, 1000, 3, 70, proof);
        vectors["tree/1000/range/3+70"] = Hex(proof);
        byte[] answer = new byte[MerkleTree.LeafBytes + (MerkleTree.Depth(1000) * MerkleTree.HashBytes)];
        ChallengeProof.WriteLeafAndPath(thousand, 1000, 999, answer);
        vectors["tree/1000/leaf/999/keccak"] = Hex(Keccak256.HashData(answer));
    }

    private static void Codes(SortedDictionary<string, string> vectors)
    {
        foreach (string text in (string[])["4/6", "10/30"])
        {
            Redundancy redundancy = Redundancy.Parse(text);
            byte[] bundle = Pattern(2, 2 * redundancy.Needed * ShardGeometry.CellBytes + (redundancy.Needed * 512));
            var columns = new ArrayBufferWriter<byte>[redundancy.Shards];
            for (int i = 0; i < columns.Length; i++) columns[i] = new ArrayBufferWriter<byte>();
            using var encoder = new ShardEncoder(new ErasureCode(redundancy));
            for (int at = 0; at < bundle.Length; Take()) at += encoder.Append(bundle.AsSpan(at));
            encoder.Finish();
            Take();
            for (int i = 0; i < columns.Length; i++) vectors[$"code/{text}/column/{i}/keccak"] = Hex(Keccak256.HashData(columns[i].WrittenSpan));

            void Take()
            {
                if (!encoder.HasCells) return;
                for (int i = 0; i < columns.Length; i++) columns[i].Write(encoder.Cell(i).Span);
                encoder.Release();
            }
        }
    }

    private static void Proofs(SortedDictionary<string, string> vectors)
    {
        var shard = new MemoryShard(Pattern(3, 300 * MerkleTree.LeafBytes));
        LedgerRange dead = new(0, 600, shard.Commitment, new PeriodNumber(1), new PeriodNumber(7));
        LedgerRange live = new(600, 400, shard.Commitment, new PeriodNumber(1), new PeriodNumber(100));
        var context = new ChallengeContext(31337, new Address(Pattern(4, 20)), new NodeId(5), new PeriodNumber(7), Challenges.SeedOf(Pattern(5, 20)), 1000);
        IReadOnlyList<Draw> draws = Challenges.Draw(context, position => position < 600 ? dead : live);
        vectors["proof/draws"] = string.Join(' ', draws.Select(draw => $"{draw.Number}:{draw.Position}:{(draw.IsLive ? draw.Leaf : -1)}"));
        var proof = new ArrayBufferWriter<byte>();
        ChallengeProof.Write(draws, _ => shard, proof);
        Assert.True(ChallengeProof.Verify(context, start => start == 0 ? dead : start == 600 ? live : null, proof.WrittenSpan));
        vectors["proof/bytes/keccak"] = Hex(Keccak256.HashData(proof.WrittenSpan));
        var takeover = new TakeoverContext(
            context.ChainId, context.Market, context.Node, context.Period, context.Seed, new DealId(new Address(Pattern(12, 20)), 9), 2);
        vectors["takeover/leaves"] = string.Join(' ', TakeoverProof.Leaves(takeover, 300));
        byte[] shown = TakeoverProof.Make(takeover, shard.Commitment, shard);
        Assert.True(TakeoverProof.Verify(takeover, shard.Commitment, shown));
        vectors["takeover/bytes/keccak"] = Hex(Keccak256.HashData(shown));
    }

    private static void Keys(SortedDictionary<string, string> vectors)
    {
        using MasterKey master = Master();
        byte[] secret = new byte[MasterKey.SizeBytes];
        master.CopyTo(secret);
        vectors["key/master"] = Hex(secret);
        using RecipientKeyPair pair = master.CreateRecipientKeyPair();
        vectors["key/x25519/public"] = Hex(pair.PublicKey.Span);
        using BundleKey derived = BundleKey.Derive(master, Pattern(7, BundleHead.SaltBytes));
        vectors["head/derived"] = Hex(derived.Head.Bytes);
        using BundleKey wrapped = BundleKey.Wrap(Pattern(7, BundleHead.SaltBytes), Pattern(8, 32), pair.PublicKey);
        vectors["head/wrapped"] = Hex(wrapped.Head.Bytes);

        using var sealer = new ChunkSealer(derived, ChunkCompressor.LevelNone);
        byte[] sealedChunk = new byte[100 + ChunkRef.OverheadBytes];
        sealer.Seal(Pattern(9, 100), 4096, sealedChunk);
        vectors["chunk/raw/4096"] = Hex(sealedChunk);

        // How well zstd compresses may change with its version; that what is written opens is another test's.
        vectors["bundle/1of3"] = Written().GetValueOrDefault("bundle/1of3") is { } kept && Environment.GetEnvironmentVariable(WriteTo) is null
            ? kept
            : Hex(BundleTests.Write(BundleKey.Derive(master, Pattern(7, BundleHead.SaltBytes)), MerkleTree.LeafBytes, writer =>
            {
                AddFile(writer, "text/a.txt", Text());
                AddFile(writer, "b.bin", Pattern(9, 700));
                AddFile(writer, "empty", []);
                writer.AddSymlink(EntryName.Parse("link"), s_attributes, "text/a.txt");
                writer.AddRemoval(EntryName.Parse("gone"));
            }));
    }

    private static void Cuts(SortedDictionary<string, string> vectors)
    {
        byte[] stream = Pattern(10, 6 << 20);
        using var chunker = new Chunker(Pattern(11, 32));
        var ends = new List<int>();
        for (int at = 0; at < stream.Length;)
        {
            at += chunker.Next(stream.AsSpan(at), out bool cut);
            if (cut) ends.Add(at);
        }

        vectors["chunker/ends"] = string.Join(' ', ends);
    }

    private static void AddFile(BundleWriter writer, string name, byte[] content)
    {
        writer.BeginFile(EntryName.Parse(name), s_attributes);
        writer.Write(content);
        writer.CompleteFile();
    }

    private static byte[] Text() => [.. Enumerable.Repeat("A line that says the same again and again.\n"u8.ToArray(), 40).SelectMany(line => line)];

    private static MasterKey Master() => MasterKey.FromSeed(Pattern(6, MasterKey.SeedBytes));

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
