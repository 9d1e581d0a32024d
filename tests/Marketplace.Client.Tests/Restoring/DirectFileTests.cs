using System.Runtime.InteropServices;
using Marketplace.Client.Restoring;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Client.Tests.Restoring;

/// <summary>
/// Most of these give two files as one, so that what was written directly stands in one of them and the rest in the other.
/// Contents have no zero, which therefore means: not written.
/// </summary>
public sealed class DirectFileTests : IDisposable
{
    private const int Block = BlockPool.BlockBytes;
    private const int Page = DirectFile.Alignment;
    private const int Threads = ObjectDownload.ReadsMax;
    private const int NoSpace = 28; // ENOSPC
    private const string Memory = "/dev/shm";
    private const string AlwaysFull = "/dev/full";
    private const string TakesNumbersOnly = "/proc/self/oom_score_adj"; // EINVAL for anything else, and for O_DIRECT

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<int> Lengths => new(
        1, Page - 1, Page, Page + 1, Block - Page, Block - 1, Block, Block + 1, (3 * Block) + Page - 1, (3 * Block) + Page, (3 * Block) + Page + 1,
        (int)DirectFile.BytesMin - 1, (int)DirectFile.BytesMin, (int)DirectFile.BytesMin + 1);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Lengths))]
    public void In_order_all_but_a_rest_shorter_than_a_page_is_written_directly_from_one_block(int length)
    {
        byte[] content = Content(length, seed: length);
        using var pool = new BlockPool();
        using (DirectFile file = Open(pool, "cached", "direct", length))
        {
            for (int at = 0; at < length; at += 100_000) file.Write(content.AsSpan(at, Math.Min(100_000, length - at)), at);
        }

        int direct = length - (length % Page);
        AssertHolds("direct", content[..direct]);
        AssertHolds("cached", direct == length ? [] : [.. new byte[direct], .. content[direct..]]);
        Assert.Equal(1, pool.Blocks);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void In_any_order_each_block_goes_one_way(int length)
    {
        byte[] content = Content(length, seed: length);
        for (int blocks = 1; blocks <= 3; blocks++)
        {
            using var pool = new BlockPool(blocks);
            string name = $"{blocks}";
            long written = 0;
            using (DirectFile file = Open(pool, name, name + " direct", length, bytes => Interlocked.Add(ref written, bytes)))
            {
                Parallel.ForEach(Pieces(length, new Random(length + blocks)), new ParallelOptions { MaxDegreeOfParallelism = Threads }, piece =>
                    file.Write(content.AsSpan(piece.From, piece.Bytes), piece.From));
            }

            byte[] cached = [.. File.ReadAllBytes(_folder[name]), .. new byte[length]];
            byte[] direct = [.. File.ReadAllBytes(_folder[name + " direct"]), .. new byte[length]];
            for (int at = 0; at < length; at += Block)
            {
                int end = Math.Min(at + Block, length);
                int whole = direct[at] == 0 ? at : end - (end % Page);
                Assert.True(content.AsSpan(at, whole - at).SequenceEqual(direct.AsSpan(at, whole - at)));
                Assert.True(content.AsSpan(whole, end - whole).SequenceEqual(cached.AsSpan(whole, end - whole)));
                Assert.False(direct.AsSpan(whole, end - whole).ContainsAnyExcept((byte)0));
                Assert.False(cached.AsSpan(at, whole - at).ContainsAnyExcept((byte)0));
            }

            Assert.Equal(length, written);
            Assert.InRange(pool.Blocks, 1, blocks);
        }
    }

    [Fact]
    public void When_all_blocks_are_taken_the_one_that_waited_longest_goes_in_pieces()
    {
        byte[] content = Content(4 * Block, seed: 1);
        using var pool = new BlockPool(2);
        using (DirectFile file = Open(pool, "cached", "direct", content.Length))
        {
            Put(0, 0, 1000);
            Put(1, 0, 1000);
            Put(0, 5000, 1000);         // now block 1 waits longest
            Put(2, 7, 1000);
            Put(0, 1000, 4000);
            Put(3, 0, Block);           // and now block 2
            Put(0, 6000, Block - 6000);
            Put(1, 1000, Block - 1000);
            Put(2, 0, 7);
            Put(2, 1007, Block - 1007);

            void Put(int block, int from, int bytes) => file.Write(content.AsSpan((block * Block) + from, bytes), (block * Block) + from);
        }

        AssertHolds("direct", [.. content[..Block], .. new byte[2 * Block], .. content[(3 * Block)..]]);
        AssertHolds("cached", [.. new byte[Block], .. content[Block..(3 * Block)]]);
        Assert.Equal(2, pool.Blocks);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Memory)]
    public void Many_files_that_share_few_blocks_come_whole_and_are_closed_once(string? place)
    {
        const int Files = 6;
        string folder = place is null ? _folder.Root : Directory.CreateDirectory(Path.Combine(place, Path.GetFileName(_folder.Root))).FullName;
        try
        {
            var random = new Random(5);
            byte[][] contents = [.. Enumerable.Range(0, Files).Select(i => Content((2 * Block) + (i * Page) + i, seed: i))];
            (int File, int From, int Bytes)[] pieces = [.. contents.SelectMany((content, i) => Pieces(content.Length, random).Select(piece => (i, piece.From, piece.Bytes)))];
            random.Shuffle(pieces);
            long[] left = [.. contents.Select(content => (long)content.Length)];
            int closed = 0;
            var files = new DirectFile[Files];
            using var pool = new BlockPool(5);
            for (int i = 0; i < Files; i++)
            {
                int file = i;
                string path = Path.Combine(folder, $"{i}");
                SafeFileHandle cached = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read);
                files[i] = new DirectFile(pool, cached, DirectFile.TryOpen(path), contents[i].Length, bytes =>
                {
                    if (Interlocked.Add(ref left[file], -bytes) > 0) return;
                    files[file].Dispose();
                    Interlocked.Increment(ref closed);
                });
            }

            Parallel.ForEach(pieces, new ParallelOptions { MaxDegreeOfParallelism = Threads }, piece =>
                files[piece.File].Write(contents[piece.File].AsSpan(piece.From, piece.Bytes), piece.From));

            Assert.Equal(Files, closed);
            Assert.All(left, one => Assert.Equal(0, one));
            for (int i = 0; i < Files; i++) AssertHolds(Path.Combine(folder, $"{i}"), contents[i]);
            Assert.InRange(pool.Blocks, 1, 5);
        }
        finally
        {
            if (place is not null) Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_file_that_is_opened_for_direct_writes_has_the_flag()
    {
        _folder.Write("file");
        using SafeFileHandle? file = DirectFile.TryOpen(_folder["file"]);
        Assert.NotNull(file);
        string flags = File.ReadLines($"/proc/self/fdinfo/{file.DangerousGetHandle()}").Single(line => line.StartsWith("flags:", StringComparison.Ordinal));
        Assert.NotEqual(0, Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & (0x4000 | 0x10000));
        Assert.Null(DirectFile.TryOpen(TakesNumbersOnly));
        Assert.Null(DirectFile.TryOpen(_folder["absent"]));
    }

    [Fact]
    public void What_is_refused_at_the_first_write_goes_through_the_page_cache_with_nothing_lost()
    {
        byte[] content = Content((5 * Block) + 123, seed: 3);
        using var pool = new BlockPool();
        long written = 0;
        SafeFileHandle direct = File.OpenHandle(TakesNumbersOnly, FileMode.Open, FileAccess.Write);
        using (var file = new DirectFile(pool, Create("cached"), direct, content.Length, bytes => written += bytes))
        {
            (int From, int Bytes)[] pieces = Pieces(content.Length, new Random(4));
            foreach ((int from, int bytes) in pieces) file.Write(content.AsSpan(from, bytes), from);
        }

        AssertHolds("cached", content);
        Assert.Equal(content.Length, written);
    }

    [Fact]
    public void A_full_disk_says_the_same_on_either_way()
    {
        using var pool = new BlockPool();
        using DirectFile direct = new(pool, Create("file"), Full(), Block, _ => { });
        using DirectFile cached = new(pool, Full(), direct: null, Block, _ => { });
        IOException ofDirect = Assert.Throws<IOException>(() => direct.Write(new byte[Block], 0));
        IOException ofCached = Assert.Throws<IOException>(() => cached.Write(new byte[Block], 0));
        Assert.Equal(NoSpace, ofDirect.HResult);
        Assert.Equal((ofCached.HResult, ofCached.Message), (ofDirect.HResult, ofDirect.Message));

        static SafeFileHandle Full() => File.OpenHandle(AlwaysFull, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
    }

    [Fact]
    public void The_memory_of_blocks_is_aligned_and_wiped_at_the_end()
    {
        var pool = new BlockPool();
        using DirectFile file = Open(pool, "cached", "direct", 2 * Block);
        file.Write(Content(Block + 1000, seed: 1), 0);
        OpenBlock block = pool.Enter(file, 1)!;
        Assert.True(block.Memory.Span[..1000].ContainsAnyExcept((byte)0));
        Assert.Equal(Block, block.Memory.Length);
        Assert.True(MemoryMarshal.TryGetArray(block.Memory, out ArraySegment<byte> segment));
        Assert.Equal(0, Marshal.UnsafeAddrOfPinnedArrayElement(segment.Array!, segment.Offset) % Page);
        pool.Dispose();
        Assert.False(block.Memory.Span.ContainsAnyExcept((byte)0));
    }

    private static byte[] Content(int length, int seed)
    {
        byte[] content = new byte[length];
        new Random(seed).NextBytes(content);
        content.AsSpan().Replace((byte)0, (byte)1);
        return content;
    }

    /// <summary>Cuts a file into pieces of all sizes up to more than two blocks, in any order.</summary>
    private static (int From, int Bytes)[] Pieces(int length, Random random)
    {
        var pieces = new List<(int, int)>();
        for (int at = 0; at < length;)
        {
            int bytes = Math.Min(length - at, 1 + (random.Next(4) == 0 ? random.Next((2 * Block) + Page) : random.Next(Block / 4)));
            pieces.Add((at, bytes));
            at += bytes;
        }

        (int, int)[] mixed = [.. pieces];
        random.Shuffle(mixed);
        return mixed;
    }

    // Assert.Equal takes a second for some MiB.
    private void AssertHolds(string name, byte[] content) => Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(_folder[name])));

    private DirectFile Open(BlockPool pool, string cached, string direct, long length, Action<int>? written = null) =>
        new(pool, Create(cached), Create(direct), length, written ?? (_ => { }));

    private SafeFileHandle Create(string name) => File.OpenHandle(_folder[name], FileMode.CreateNew, FileAccess.Write);
}
