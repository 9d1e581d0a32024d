using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Marketplace.Domain;
using ZstdSharp;

namespace Marketplace.Coding.Tests;

/// <summary>
/// Hostile bytes against every format, for a second each here and longer by ./scripts/fuzz.sh. Bytes that are sealed are also changed
/// before they are sealed, so that what lies behind the seal is reached. The only outcomes allowed: the right bytes, or a refusal.
/// </summary>
public sealed class FuzzTests
{
    private static readonly double s_seconds = double.Parse(Environment.GetEnvironmentVariable("MARKET_FUZZ_SECONDS") ?? "1", CultureInfo.InvariantCulture);
    private static readonly string? s_seed = Environment.GetEnvironmentVariable("MARKET_FUZZ_SEED");
    private static readonly EntryAttributes s_attributes = new(1, DateTimeOffset.UnixEpoch);

    [Fact]
    public void Chunk()
    {
        using BundleKey key = SealingTests.NewKey();
        using var opener = new ChunkOpener(key);
        using var compressor = new Compressor(1);
        byte[] opened = new byte[ChunkRef.PlainBytesMax];
        Run(random =>
        {
            byte[] plain = random.Next(2) == 0 ? Sample.Text(random.Next(1, 5000), random.Next()) : Sample.Bytes(random.Next(1, 5000), random.Next());
            byte[] content = random.Next(2) == 0 ? Mutate(compressor.Wrap(plain), random) : Mutate(plain, random);
            byte[] sealedChunk = new byte[content.Length + ChunkRef.OverheadBytes];
            key.Cipher.Seal(SealDomain.Chunk, 1000, content, sealedChunk);
            if (random.Next(4) == 0) sealedChunk = Mutate(sealedChunk, random);
            int promised = random.Next(3) == 0 ? random.Next(-2, ChunkRef.PlainBytesMax + 2) : plain.Length;
            var chunk = new ChunkRef(0, random.Next(8) == 0 ? random.NextInt64() : 1000, random.Next(8) == 0 ? random.Next() : sealedChunk.Length, promised, (ChunkEncoding)random.Next(3));
            Refused(() => opener.Open(chunk, sealedChunk, opened));
        });
    }

    [Fact]
    public void Bundle()
    {
        using MasterKey master = SealingTests.Master();
        byte[] good = BundleTests.Write(SealingTests.NewKey(), 256, writer => Fill(writer, 3));
        Run(random =>
        {
            byte[] bundle = Mutate(good, random);
            Refused(() => Read(bundle, master));
        });
    }

    [Fact]
    public void Footer()
    {
        using MasterKey master = SealingTests.Master();
        using BundleKey key = SealingTests.NewKey();
        byte[] good = BundleTests.Write(SealingTests.NewKey(), 256, writer => Fill(writer, 3));
        byte[] plain = new byte[BundleFooter.SizeBytes - ChunkRef.OverheadBytes];
        Assert.True(key.Cipher.TryOpen(SealDomain.Footer, good.Length, good.AsSpan(^BundleFooter.SizeBytes..), plain, key.Head.Bytes));
        Run(random =>
        {
            byte[] changed = Mutate(plain, random);
            int field = 8 * random.Next(1, 5);
            if (random.Next(4) == 0 && changed.Length >= field + 8) BinaryPrimitives.WriteInt64BigEndian(changed.AsSpan(field), random.NextInt64() >> random.Next(64));
            byte[] sealedFooter = new byte[changed.Length + ChunkRef.OverheadBytes];
            key.Cipher.Seal(SealDomain.Footer, good.Length, changed, sealedFooter, key.Head.Bytes);
            if (changed.Length == plain.Length) Refused(() => Read([.. good[..^BundleFooter.SizeBytes], .. sealedFooter], master));
            else SealingTests.AssertFault(BundleFault.Tampered, () => BundleFooter.Open(key, good.Length, sealedFooter));
        });
    }

    [Fact]
    public void Manifest()
    {
        using BundleKey key = SealingTests.NewKey();
        using var compressor = new Compressor(1);
        using var decompressor = new Decompressor();
        byte[] plain = PlainManifest(key, decompressor);
        Run(random =>
        {
            byte[] changed = Mutate(plain, random);
            byte[] frame = compressor.Wrap(changed).ToArray();
            if (random.Next(4) == 0) frame = Mutate(frame, random);
            if (frame.Length == 0) return;
            Refused(() => ReadManifest(key, frame, random.Next(8) == 0 ? random.NextInt64(1, 1 << 20) : changed.Length));
        });
    }

    [Fact]
    public void Sidecar()
    {
        // A node whose sidecar rots must never make a proof that convinces anyone of other bytes, nor read outside of it.
        Run(random =>
        {
            int leaves = random.Next(1, 2000);
            var shard = new MemoryShard(Sample.Bytes(leaves * MerkleTree.LeafBytes, random.Next()));
            byte[] sidecar = new byte[new SidecarLayout(leaves).SizeBytes];
            shard.ReadSidecar(0, sidecar);
            int bit = random.Next(sidecar.Length * 8);
            var rotten = new RottenShard(shard.Bytes, Sample.FlipBit(sidecar, bit));
            int first = random.Next(leaves);
            int count = random.Next(1, leaves - first + 1);
            byte[] proof = new byte[RangeProof.SizeBytes(leaves, first, count)];
            RangeProof.Write(rotten, leaves, first, count, proof);
            byte[] right = new byte[proof.Length];
            RangeProof.Write(shard, leaves, first, count, right);
            byte[] data = shard.Bytes[(first * MerkleTree.LeafBytes)..((first + count) * MerkleTree.LeafBytes)];
            Assert.Equal(proof.AsSpan().SequenceEqual(right), RangeProof.Verify(shard.Commitment, first, data, proof));
        });
    }

    [Fact]
    public void Range_proof() => Run(random =>
    {
        int leaves = random.Next(1, 700);
        var shard = new MemoryShard(Sample.Bytes(leaves * MerkleTree.LeafBytes, random.Next()));
        int first = random.Next(leaves);
        int count = random.Next(1, leaves - first + 1);
        byte[] proof = new byte[RangeProof.SizeBytes(leaves, first, count)];
        RangeProof.Write(shard, leaves, first, count, proof);
        byte[] data = shard.Bytes[(first * MerkleTree.LeafBytes)..((first + count) * MerkleTree.LeafBytes)];
        byte[] badProof = Mutate(proof, random);
        byte[] badData = Mutate(data, random);
        Assert.Equal(badProof.AsSpan().SequenceEqual(proof), RangeProof.Verify(shard.Commitment, first, data, badProof));
        Assert.Equal(badData.AsSpan().SequenceEqual(data), RangeProof.Verify(shard.Commitment, first, badData, proof));
        Assert.False(RangeProof.Verify(shard.Commitment with { Leaves = random.NextInt64() }, first, data, proof));
        Assert.False(RangeProof.Verify(shard.Commitment, random.NextInt64(leaves, long.MaxValue), data, proof));
    });

    [Fact]
    public void Challenge_proof()
    {
        var shard = new MemoryShard(Sample.Bytes(300 * MerkleTree.LeafBytes, 1));
        var range = new LedgerRange(0, 1000, shard.Commitment, new PeriodNumber(1), new PeriodNumber(100));
        Run(random =>
        {
            var context = new ChallengeContext(1, new Address(new byte[20]), new NodeId(1), new PeriodNumber(2), Challenges.SeedOf(Sample.Bytes(20, random.Next())), 1000);
            var proof = new ArrayBufferWriter<byte>();
            ChallengeProof.Write(Challenges.Draw(context, _ => range), _ => shard, proof);
            byte[] good = proof.WrittenSpan.ToArray();
            byte[] bad = Mutate(good, random);
            Assert.Equal(bad.AsSpan().SequenceEqual(good), ChallengeProof.Verify(context, start => start == 0 ? range : null, bad));
        });
    }

    private static void Run(Action<Random> target)
    {
        if (s_seed is not null)
        {
            target(new Random(int.Parse(s_seed, CultureInfo.InvariantCulture)));
            return;
        }

        long began = Stopwatch.GetTimestamp();
        for (int seed = Random.Shared.Next(); Stopwatch.GetElapsedTime(began).TotalSeconds < s_seconds; seed = Random.Shared.Next())
        {
            try
            {
                target(new Random(seed));
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"Seed {seed} (MARKET_FUZZ_SEED={seed} repeats it): {exception.Message}", exception);
            }
        }
    }

    private static void Refused(Action read)
    {
        try
        {
            read();
        }
        catch (BundleFormatException)
        {
            // The one way in which a format says no.
        }
    }

    /// <summary>Flips, overwrites, cuts, repeats or inserts, once or several times; sometimes nothing.</summary>
    private static byte[] Mutate(ReadOnlySpan<byte> source, Random random)
    {
        byte[] bytes = source.ToArray();
        for (int left = random.Next(4); left > 0 && bytes.Length > 0; left--)
        {
            int at = random.Next(bytes.Length);
            int count = random.Next(1, Math.Min(40, bytes.Length - at) + 1);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    random.NextBytes(bytes.AsSpan(at, count));
                    break;
                case 2:
                    bytes.AsSpan(at, count).Fill((byte)(random.Next(2) == 0 ? 0xFF : 0));
                    break;
                case 3:
                    bytes = [.. bytes[..at], .. bytes[(at + count)..]];
                    break;
                case 4:
                    bytes = [.. bytes[..(at + count)], .. bytes[at..]];
                    break;
                default:
                    bytes = bytes[..at];
                    break;
            }
        }

        return bytes;
    }

    private static void Fill(BundleWriter writer, int files)
    {
        for (int i = 0; i < files; i++)
        {
            writer.BeginFile(EntryName.Parse($"folder/file {i}"), s_attributes);
            writer.Write(Sample.Text(900, i));
            writer.CompleteFile();
        }

        writer.AddFolder(EntryName.Parse("empty"), s_attributes);
        writer.AddSymlink(EntryName.Parse("link"), s_attributes, "folder/file 1");
        writer.AddRemoval(EntryName.Parse("gone"));
    }

    private static void Read(byte[] bundle, MasterKey master)
    {
        using BundleKey key = BundleKey.Open(BundleHead.Read(bundle), master);
        BundleFooter footer = BundleFooter.Open(key, bundle.Length, bundle.AsSpan(^BundleFooter.SizeBytes..));
        using var decoder = new ManifestDecoder(key, footer);
        for (int i = 0; i < footer.Pieces; i++)
        {
            (long offset, int bytes) = footer.Piece(i);
            decoder.Append(bundle.AsSpan((int)offset, bytes));
        }

        Use(decoder.Complete());
    }

    private static byte[] PlainManifest(BundleKey key, Decompressor decompressor)
    {
        byte[] bundle = BundleTests.Write(SealingTests.NewKey(), 256, writer => Fill(writer, 30));
        BundleFooter footer = BundleFooter.Open(key, bundle.Length, bundle.AsSpan(^BundleFooter.SizeBytes..));
        (long offset, int bytes) = footer.Piece(0);
        byte[] frame = new byte[bytes - ChunkRef.OverheadBytes];
        Assert.True(key.Cipher.TryOpen(SealDomain.ManifestPiece, offset, bundle.AsSpan((int)offset, bytes), frame));
        byte[] plain = new byte[footer.ManifestPlainBytes];
        decompressor.Unwrap(frame, plain);
        return plain;
    }

    private static void ReadManifest(BundleKey key, byte[] frame, long promised)
    {
        const long ChunksEnd = 1 << 20;
        long bytes = frame.Length + ChunkRef.OverheadBytes;
        var footer = new BundleFooter(ChunksEnd + bytes + BundleFooter.SizeBytes, ChunksEnd, ChunksEnd, bytes, promised, 1);
        byte[] piece = new byte[bytes];
        key.Cipher.Seal(SealDomain.ManifestPiece, ChunksEnd, frame, piece);
        using var decoder = new ManifestDecoder(key, footer);
        decoder.Append(piece);
        Use(decoder.Complete());
    }

    /// <summary>What was read must be usable: names good, every file's slices together as long as the file.</summary>
    private static void Use(Manifest manifest)
    {
        foreach (ManifestEntry entry in manifest.Entries)
        {
            Assert.True(EntryName.TryParse(entry.Name.Value, out _));
            Assert.Equal(entry.Bytes, manifest.Slices(entry).Sum(slice => (long)slice.Bytes));
            Assert.All(manifest.Slices(entry), slice => Assert.True(slice.Chunk.IsWellFormed && slice.From >= 0 && slice.From + slice.Bytes <= slice.Chunk.PlainBytes));
        }
    }

    private sealed class RottenShard(byte[] shard, byte[] sidecar) : IShardReader
    {
        public void ReadShard(long offset, Span<byte> destination) => shard.AsSpan((int)offset, destination.Length).CopyTo(destination);

        public void ReadSidecar(long offset, Span<byte> destination) => sidecar.AsSpan((int)offset, destination.Length).CopyTo(destination);
    }
}
