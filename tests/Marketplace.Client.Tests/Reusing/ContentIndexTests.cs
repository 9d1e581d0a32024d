using CsCheck;
using Marketplace.Client.Reusing;
using Marketplace.Client.Sources;
using Marketplace.Domain;

namespace Marketplace.Client.Tests.Reusing;

public sealed class ContentIndexTests
{
    private static ContentIndex Sample()
    {
        var index = new ContentIndex();
        index.Deals[6] = RootOf(6);
        index.Deals[8] = RootOf(8);
        index.Files[UInt128.MaxValue - 5] = new KnownFile(new FileMark(1, 2, 3, 4, 5), 6, 7);
        index.Files[9] = new KnownFile(new FileMark(long.MaxValue, -2, 3, ulong.MaxValue, 5), 8, 0);
        index.Chunks[UInt128.MaxValue] = new KnownRow(6, 123);
        index.Packed[UInt128.MaxValue] = new KnownRecord(8, 9);
        return index;
    }

    [Fact]
    public void What_is_kept_is_read_again()
    {
        using var folder = new TemporaryFolder();
        Sample().Save(folder["known/contents"]);
        ContentIndex read = ContentIndex.Load(folder["known/contents"]);
        Assert.Equal(Sample().Files, read.Files);
        Assert.Equal(Sample().Chunks, read.Chunks);
        Assert.Equal(Sample().Packed, read.Packed);
        Assert.Equal(Sample().Deals, read.Deals);
        Assert.Single(Directory.EnumerateFiles(folder["known"]));
        Assert.Empty(ContentIndex.Load(folder["nothing"]).Files);
    }

    [Fact]
    public void An_index_that_is_damaged_anywhere_is_no_index()
    {
        byte[] good = Sample().ToBytes();
        Gen.Select(Gen.Int[0, (good.Length * 8) - 1], Gen.Int[0, good.Length - 1]).Sample((bit, length) =>
        {
            byte[] bad = [.. good];
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(ContentIndex.Read(bad));
            Assert.Null(ContentIndex.Read(good.AsSpan(0, length)));
        });
    }

    [Fact]
    public void What_lies_in_deals_that_are_gone_is_forgotten()
    {
        ContentIndex index = Sample();
        index.KeepOnly((deal, _) => deal == 8);
        Assert.Equal(8ul, Assert.Single(index.Files).Value.Deal);
        Assert.Equal(8ul, Assert.Single(index.Deals).Key);
        Assert.Single(index.Packed);
        Assert.Empty(index.Chunks);
    }

    [Fact]
    public void What_another_chain_calls_by_the_same_number_is_not_taken_for_it()
    {
        ContentIndex index = Sample();
        index.KeepOnly((deal, root) => root == RootOf(deal == 6 ? (byte)6 : (byte)99));
        Assert.Equal(6ul, Assert.Single(index.Files).Value.Deal);
        Assert.Single(index.Chunks);
        Assert.Empty(index.Packed);
    }

    private static Root RootOf(byte value) => new([.. Enumerable.Repeat(value, Root.SizeBytes)]);

    [Fact]
    public void A_file_that_was_changed_a_moment_ago_is_not_trusted()
    {
        DateTimeOffset now = DateTimeOffset.UnixEpoch.AddSeconds(10);
        Assert.True(new FileMark(1, 9_000_000_000, 9_500_000_000, 1, 1).IsSettledAt(now));
        Assert.False(new FileMark(1, 9_000_000_000, 9_950_000_000, 1, 1).IsSettledAt(now));
        Assert.False(new FileMark(1, 9_950_000_000, 9_000_000_000, 1, 1).IsSettledAt(now));
    }
}
