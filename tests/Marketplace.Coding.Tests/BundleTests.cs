using System.Buffers;
using CsCheck;
using Marketplace.Domain;

namespace Marketplace.Coding.Tests;

public sealed class BundleTests
{
    private static readonly EntryAttributes s_attributes = new(1, new DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero).AddTicks(1234567));

    public static TheoryData<int> Sizes()
    {
        var sizes = new TheoryData<int>(0, 1);
        foreach (int boundary in (int[])[MerkleTree.LeafBytes, ShardGeometry.CellBytes, BundleWriter.PackedFileBytesMax, Chunker.ChunkBytesMin, BundleWriter.PackBytesMax, Chunker.ChunkBytesMax])
        {
            sizes.Add(boundary - 1);
            sizes.Add(boundary);
            sizes.Add(boundary + 1);
        }

        return sizes;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_file_comes_back_at_every_boundary(int bytes)
    {
        foreach (byte[] content in (byte[][])[Sample.Bytes(bytes, bytes), Sample.Text(bytes, bytes)])
        {
            byte[] bundle = Write(SealingTests.NewKey(), 1024, writer => AddFile(writer, "a/b", content));
            using var opened = new OpenedBundle(bundle);
            ManifestEntry entry = Assert.Single(opened.Manifest.Entries);
            Assert.Equal(content.Length, entry.Bytes);
            Assert.Equal(bytes == 0, entry.Chunks == 0);
            Assert.Equal(content, opened.Read(entry, 0, entry.Bytes));
        }
    }

    [Fact]
    public void Thousands_of_files_folders_links_and_removals_come_back_in_order()
    {
        var random = new Random(5);
        var expected = new List<(string Name, EntryKind? Kind, byte[] Content, string? Target)>();
        for (int i = 0; i < 4000; i++)
        {
            string name = $"folder {i % 37}/ファイル-{i}.bin";
            int kind = random.Next(20);
            if (kind == 0) expected.Add((name, EntryKind.Folder, [], null));
            else if (kind == 1) expected.Add((name, EntryKind.Symlink, [], $"../{i}"));
            else if (kind == 2) expected.Add((name, null, [], null));
            else if (kind == 3 && i % 10 == 0) expected.Add((name, EntryKind.File, Sample.Text(random.Next(1_500_000), i), null));
            else expected.Add((name, EntryKind.File, Sample.Text(random.Next(3000), i), null));
        }

        byte[] bundle = Write(SealingTests.NewKey(), 1024, writer =>
        {
            foreach ((string name, EntryKind? kind, byte[] content, string? target) in expected)
            {
                EntryName entryName = EntryName.Parse(name);
                if (kind is null) writer.AddRemoval(entryName);
                else if (kind == EntryKind.Folder) writer.AddFolder(entryName, s_attributes);
                else if (kind == EntryKind.Symlink) writer.AddSymlink(entryName, s_attributes, target!);
                else AddFile(writer, name, content);
            }
        });

        using var opened = new OpenedBundle(bundle);
        Assert.Equal(expected.Select(e => e.Name), opened.Manifest.Records.Select(record => record.Name.Value));
        for (int i = 0; i < expected.Count; i++)
        {
            (_, EntryKind? kind, byte[] content, string? target) = expected[i];
            if (kind is null)
            {
                Assert.IsType<ManifestRemoval>(opened.Manifest.Records[i]);
                continue;
            }

            var entry = (ManifestEntry)opened.Manifest.Records[i];
            Assert.Equal((kind.Value, (long)content.Length, target, s_attributes), (entry.Kind, entry.Bytes, entry.LinkTarget, entry.Attributes));
            if (kind == EntryKind.File) Assert.Equal(content, opened.Read(entry, 0, entry.Bytes));
        }
    }

    [Fact]
    public void Any_range_of_a_file_reads_only_its_own_chunks()
    {
        byte[] content = Sample.Bytes(9_000_000, 6);
        byte[] bundle = Write(SealingTests.NewKey(), 256, writer =>
        {
            AddFile(writer, "small", Sample.Text(5000, 1));
            AddFile(writer, "large", content);
        });
        using var opened = new OpenedBundle(bundle);
        ManifestEntry entry = opened.Manifest.Entries.Single(e => e.Name.Value == "large");
        var random = new Random(7);
        for (int i = 0; i < 30; i++)
        {
            int from = random.Next(content.Length + 1);
            int bytes = random.Next(Math.Min(content.Length - from, 100_000) + 1);
            Assert.Equal(content[from..(from + bytes)], opened.Read(entry, from, bytes));
            Assert.InRange(opened.Manifest.Slices(entry, from, bytes).Count(), 0, 2);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => opened.Manifest.Slices(entry, content.Length, 1));
    }

    [Fact]
    public void The_same_key_and_files_give_the_same_bundle_and_its_length_is_padded()
    {
        byte[][] bundles = [.. Enumerable.Range(0, 2).Select(_ => Write(SealingTests.NewKey(), 4 * 256, writer =>
        {
            AddFile(writer, "x", Sample.Text(2_000_000, 1));
            AddFile(writer, "y", Sample.Text(10, 1));
        }))];
        Assert.Equal(bundles[0], bundles[1]);
        Assert.True(ShardGeometry.IsBundleSize(new Redundancy(4, 6), bundles[0].Length));
        Assert.Equal(bundles[0].Length, Padding.PaddedBytes(bundles[0].Length, 4 * 256));
    }

    [Fact]
    public void Padding_adds_little_and_keeps_order() =>
        Gen.Select(Gen.Long[2, 1L << 44], Gen.Int[1, 255]).Sample((bytes, k) =>
        {
            long padded = Padding.PaddedBytes(bytes, 256 * k);
            return padded >= bytes && padded % (256 * k) == 0 && padded <= bytes + (bytes / 8) + (256 * k) && Padding.PaddedBytes(bytes + 1, 256 * k) >= padded;
        });

    [Fact]
    public void A_bundle_with_any_bit_flipped_gives_the_right_bytes_or_an_error()
    {
        byte[] content = Sample.Text(300_000, 8);
        byte[] small = Sample.Text(700, 9);
        byte[] bundle = Write(SealingTests.NewKey(), 256, writer =>
        {
            AddFile(writer, "large", content);
            AddFile(writer, "small", small);
        });
        var random = new Random(10);
        int refused = 0;
        for (int i = 0; i < 400; i++)
        {
            byte[] changed = Sample.FlipBit(bundle, random.Next(bundle.Length * 8));
            try
            {
                using var opened = new OpenedBundle(changed);
                foreach (ManifestEntry entry in opened.Manifest.Entries)
                    Assert.Equal(entry.Name.Value == "large" ? content : small, opened.Read(entry, 0, entry.Bytes));
            }
            catch (BundleFormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 200, 400);    // the rest hit the padding, which nobody reads
    }

    [Fact]
    public void A_bundle_that_was_cut_or_lengthened_is_refused()
    {
        byte[] bundle = Write(SealingTests.NewKey(), 256, writer => AddFile(writer, "a", Sample.Text(5000, 1)));
        SealingTests.AssertFault(BundleFault.Tampered, () => new OpenedBundle(bundle[..^256]).Dispose());
        SealingTests.AssertFault(BundleFault.Tampered, () => new OpenedBundle([.. bundle, .. new byte[256]]).Dispose());
        byte[] inner = [.. bundle[..512], .. bundle[768..]];
        SealingTests.AssertFault(BundleFault.Tampered, () => new OpenedBundle(inner).Dispose());
        SealingTests.AssertFault(BundleFault.NotABundle, () => BundleHead.Read(bundle.AsSpan(1)));
        SealingTests.AssertFault(BundleFault.NotABundle, () => BundleHead.Read(bundle.AsSpan(0, 255)));
    }

    [Fact]
    public void Many_entries_need_several_pieces_and_come_back()
    {
        const int entries = 200_000;
        byte[] bundle = Write(SealingTests.NewKey(), 256, writer =>
        {
            for (int i = 0; i < entries; i++) writer.AddFolder(EntryName.Parse($"{i:x}-{i * 7919L * 104729 % 1000003:x}-{(i * 2654435761L) & 0xFFFFFFFF:x}"), s_attributes);
        });
        using var opened = new OpenedBundle(bundle);
        Assert.True(opened.Footer.Pieces > 1);
        Assert.Equal(entries, opened.Manifest.Records.Count);
    }

    [Fact]
    public void The_writer_never_holds_much_back_nor_gives_much_at_once()
    {
        var sink = new ArrayBufferWriter<byte>();
        using var writer = new BundleWriter(SealingTests.NewKey(), 256, sink);
        writer.BeginFile(EntryName.Parse("big"), s_attributes);
        long given = 0;
        long taken = 0;
        for (int i = 0; i < 300; i++)
        {
            byte[] piece = Sample.Bytes(100_000, i);
            writer.Write(piece);
            given += piece.Length;
            taken += sink.WrittenCount;
            Assert.InRange(sink.WrittenCount, 0, piece.Length + Chunker.ChunkBytesMax + 1024);
            Assert.InRange(given - taken, -100_000, Chunker.ChunkBytesMax);
            sink.ResetWrittenCount();
        }

        writer.CompleteFile();
        BundleSummary? summary;
        sink.ResetWrittenCount();
        while (!writer.CompleteStep(out summary))
        {
            Assert.InRange(sink.WrittenCount, 0, BundleWriter.StepBytesMax);
            sink.ResetWrittenCount();
        }

        Assert.Equal(writer.BundleBytes, summary!.BundleBytes);
        Assert.Equal(given, summary.PlainBytes);
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("a/b c/ü.txt", true)]
    [InlineData("...", true)]
    [InlineData("a\\b", true)]
    [InlineData("", false)]
    [InlineData("/a", false)]
    [InlineData("a/", false)]
    [InlineData("a//b", false)]
    [InlineData(".", false)]
    [InlineData("a/../b", false)]
    [InlineData("a/./b", false)]
    [InlineData("a\0b", false)]
    public void Names_pass_one_gate(string text, bool good) => Assert.Equal(good, EntryName.TryParse(text, out _));

    [Fact]
    public void Names_have_limits()
    {
        Assert.True(EntryName.TryParse(new string('x', EntryName.PartBytesMax), out _));
        Assert.False(EntryName.TryParse(new string('x', EntryName.PartBytesMax + 1), out _));
        Assert.True(EntryName.TryParse(string.Join('/', Enumerable.Repeat("abc", 1024)), out _));
        Assert.False(EntryName.TryParse(string.Join('/', Enumerable.Repeat("abc", 1025)) + "z", out _));
        Assert.False(EntryName.TryRead([0xFF, 0x41], out _));
        Assert.False(EntryName.TryParse("a\uD800", out _));
    }

    [Fact]
    public void Files_that_lie_in_other_bundles_are_named_and_not_stored_again()
    {
        ChunkRef shared = new(7, 256, 1016, 1000, ChunkEncoding.Raw);
        ChunkRef next = new(8, 5000, 2016, 2000, ChunkEncoding.Raw);
        byte[] bundle = Write(SealingTests.NewKey(), 256, writer =>
        {
            writer.AddStored(EntryName.Parse("a"), s_attributes, 400, [shared], 0);
            writer.AddStored(EntryName.Parse("b"), s_attributes, 600, [shared], 400);
            AddFile(writer, "new", Sample.Text(5000, 1));
            writer.AddStored(EntryName.Parse("c"), s_attributes, 2500, [shared, next], 500);
            Assert.Throws<ArgumentException>(() => writer.AddStored(EntryName.Parse("d"), s_attributes, 2500, [shared], 0));
            Assert.Throws<ArgumentException>(() => writer.AddStored(EntryName.Parse("d"), s_attributes, 1000, [shared with { Deal = 0 }], 0));
        });
        using var opened = new OpenedBundle(bundle);
        ManifestEntry[] entries = [.. opened.Manifest.Entries];
        Assert.Equal(["a", "b", "new", "c"], entries.Select(entry => entry.Name.Value));
        Assert.Equal([new ChunkSlice(shared, 400, 600)], opened.Manifest.Slices(entries[1]));
        Assert.Equal([new ChunkSlice(shared, 500, 500), new ChunkSlice(next, 0, 2000)], opened.Manifest.Slices(entries[3]));
        Assert.Equal(entries[0].FirstChunk, entries[1].FirstChunk);
        Assert.Equal(Sample.Text(5000, 1), opened.Read(entries[2], 0, 5000));
        Assert.InRange(bundle.Length, 500, 6000);
    }

    [Fact]
    public void Chunks_that_are_known_are_named_and_not_stored_again()
    {
        byte[] content = Sample.Bytes(9_000_000, 5);
        var known = new RememberedChunks();
        byte[] first = Write(SealingTests.NewKey(), 256, writer => AddFile(writer, "a", content), known);
        known.MoveTo(3);
        byte[] changed = [.. content[..4_000_000], 1, .. content[4_000_000..]];
        byte[] second = Write(SealingTests.NewKey(), 256, writer => AddFile(writer, "a", changed), known);
        Assert.InRange(second.Length, 1, first.Length / 2);
        using var opened = new OpenedBundle(second);
        ManifestEntry entry = Assert.Single(opened.Manifest.Entries);
        Assert.Equal(changed.Length, opened.Manifest.Slices(entry).Sum(slice => slice.Bytes));
        Assert.InRange(opened.Manifest.Chunks.Count(chunk => chunk.Deal == 0), 1, 3);
    }

    private sealed class RememberedChunks : IKnownChunks
    {
        private readonly Dictionary<string, ChunkRef> _chunks = [];
        private string _asked = "";

        public bool TryFind(ReadOnlySpan<byte> plain, out ChunkRef chunk)
        {
            using MasterKey master = SealingTests.Master();
            using ContentIndexKey key = master.CreateIndexKey();
            _asked = key.NameOf(plain).ToString();
            return _chunks.TryGetValue(_asked, out chunk);
        }

        public void Add(ChunkRef chunk, int row) => _chunks.Add(_asked, chunk);

        public bool TryFindFile(ReadOnlySpan<byte> plain, out ChunkRef chunk, out int skip)
        {
            (chunk, skip) = (default, 0);
            return false;
        }

        public void AddFile(int record)
        {
        }

        public void MoveTo(ulong deal)
        {
            foreach (string name in _chunks.Keys.ToList()) _chunks[name] = _chunks[name] with { Deal = deal };
        }
    }

    [Fact]
    public void Calls_out_of_order_are_refused()
    {
        using var writer = new BundleWriter(SealingTests.NewKey(), 256, new ArrayBufferWriter<byte>());
        Assert.Throws<InvalidOperationException>(() => writer.Write([1]));
        Assert.Throws<InvalidOperationException>(writer.CompleteFile);
        writer.BeginFile(EntryName.Parse("a"), s_attributes);
        Assert.Throws<InvalidOperationException>(() => writer.CompleteStep(out _));
        Assert.Throws<InvalidOperationException>(() => writer.AddRemoval(EntryName.Parse("b")));
        writer.CompleteFile();
        writer.CompleteStep(out _);
        Assert.Throws<InvalidOperationException>(() => writer.AddRemoval(EntryName.Parse("b")));
    }

    internal static byte[] Write(BundleKey key, int unit, Action<BundleWriter> add, IKnownChunks? known = null)
    {
        var sink = new ArrayBufferWriter<byte>();
        using var writer = new BundleWriter(key, unit, sink, known: known);
        add(writer);
        BundleSummary? summary;
        while (!writer.CompleteStep(out summary)) continue;
        Assert.Equal(sink.WrittenCount, summary!.BundleBytes);
        return sink.WrittenSpan.ToArray();
    }

    private static void AddFile(BundleWriter writer, string name, byte[] content)
    {
        writer.BeginFile(EntryName.Parse(name), s_attributes);
        foreach (byte[] piece in content.Chunk(70_000)) writer.Write(piece);
        writer.CompleteFile();
    }

    /// <summary>A bundle in memory, read the way a client reads one.</summary>
    private sealed class OpenedBundle : IDisposable
    {
        private readonly byte[] _bundle;
        private readonly BundleKey _key;
        private readonly ChunkOpener _opener;
        private ChunkRef _lastChunk;
        private byte[] _plain = [];

        public OpenedBundle(byte[] bundle)
        {
            _bundle = bundle;
            using MasterKey master = SealingTests.Master();
            _key = BundleKey.Open(BundleHead.Read(bundle.AsSpan(0, BundleHead.SizeBytes)), master);
            _opener = new ChunkOpener(_key);
            Footer = BundleFooter.Open(_key, bundle.Length, bundle.AsSpan((int)BundleFooter.OffsetIn(bundle.Length)));
            using var decoder = new ManifestDecoder(_key, Footer);
            for (int i = 0; i < Footer.Pieces; i++)
            {
                (long offset, int bytes) = Footer.Piece(i);
                decoder.Append(bundle.AsSpan((int)offset, bytes));
            }

            Manifest = decoder.Complete();
        }

        public BundleFooter Footer { get; }

        public Manifest Manifest { get; }

        public byte[] Read(ManifestEntry entry, long from, long bytes)
        {
            var result = new List<byte>();
            foreach (ChunkSlice slice in Manifest.Slices(entry, from, bytes))
            {
                if (slice.Chunk != _lastChunk)
                {
                    _lastChunk = default;
                    _plain = new byte[slice.Chunk.PlainBytes];
                    _opener.Open(slice.Chunk, _bundle.AsSpan((int)slice.Chunk.Offset, slice.Chunk.SealedBytes), _plain);
                    _lastChunk = slice.Chunk;
                }

                result.AddRange(_plain.AsSpan(slice.From, slice.Bytes));
            }

            return [.. result];
        }

        public void Dispose()
        {
            _opener.Dispose();
            _key.Dispose();
        }
    }
}
