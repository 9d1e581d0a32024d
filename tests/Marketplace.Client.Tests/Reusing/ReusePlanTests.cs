using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Client.Reusing;
using Marketplace.Client.Sources;
using Marketplace.Client.Tests.Catalogues;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Tests.Reusing;

public sealed class ReusePlanTests
{
    private static readonly FileMark s_mark = new(1000, 1, 2, 3, 4);
    private static readonly PeriodNumber s_now = new(100);

    [Fact]
    public void A_file_with_the_same_mark_is_not_read_again()
    {
        ReusePlan plan = Plan(s_mark, DealOf(end: 200), end: 200);
        StoredFile stored = Assert.Single(Assert.Single(plan.Objects).Entries).Stored!;
        Assert.All(stored.Chunks, chunk => Assert.Equal(7ul, chunk.Deal));
        Assert.Equal([7ul], plan.Sure);
    }

    [Fact]
    public void A_file_with_any_other_mark_is_read()
    {
        foreach (FileMark other in (FileMark[])[s_mark with { Bytes = 1001 }, s_mark with { Modified = 9 }, s_mark with { Changed = 9 }, s_mark with { Inode = 9 }, s_mark with { Device = 9 }])
            Assert.Null(Plan(other, DealOf(end: 200), end: 200).Objects[0].Entries[0].Stored);
    }

    [Fact]
    public void A_deal_is_lengthened_only_as_far_as_its_nodes_promised_and_as_it_pays()
    {
        Assert.NotNull(Plan(s_mark, DealOf(end: 199), end: 200).Objects[0].Entries[0].Stored);
        Assert.Null(Plan(s_mark, DealOf(end: 199, endMax: 199), end: 200).Objects[0].Entries[0].Stored);
        Assert.Null(Plan(s_mark, DealOf(end: 199, bundleBytes: 1 << 30), end: 200).Objects[0].Entries[0].Stored);
    }

    [Fact]
    public void A_deal_of_another_redundancy_or_with_a_vacant_slot_is_not_relied_on()
    {
        Assert.Null(Plan(s_mark, DealOf(end: 200) with { Redundancy = new Redundancy(2, 4) }, end: 200).Objects[0].Entries[0].Stored);
        DealFacts deal = DealOf(end: 200);
        Assert.Null(Plan(s_mark, deal with { Slots = [.. deal.Slots.Skip(1), new SlotFacts(0, null, null, null, TokenAmount.Zero)] }, end: 200).Objects[0].Entries[0].Stored);
        Assert.Null(Plan(s_mark, deal with { IsSettled = true }, end: 200).Objects[0].Entries[0].Stored);
    }

    [Fact]
    public void An_index_that_points_to_another_file_is_not_believed()
    {
        Assert.Null(Plan(s_mark, DealOf(end: 200), end: 200, record: 0).Objects[0].Entries[0].Stored);
        Assert.Null(Plan(s_mark, DealOf(end: 200), end: 200, record: 99).Objects[0].Entries[0].Stored);
        Assert.Null(Plan(s_mark, DealOf(end: 200), end: 200, record: -1).Objects[0].Entries[0].Stored);
    }

    [Theory]
    [InlineData(300_000, 200, true)]      // it lasts as long: whatever is found in it may be named
    [InlineData(300_000, 199, true)]      // it would have to last longer, for a file of the same length
    [InlineData(300_001, 199, false)]
    [InlineData(300_001, 200, true)]
    public void A_file_under_another_name_may_be_found_by_its_content(int bytes, uint dealEnd, bool isUsable)
    {
        Manifest manifest = Bundles.Read(Bundles.Write(writer =>
        {
            byte[] content = new byte[300_000];
            new Random(1).NextBytes(content);
            writer.BeginFile(EntryName.Parse("a"), new EntryAttributes(1, Bundles.Time));
            writer.Write(content);
            writer.CompleteFile();
        }));
        var entry = new SourceEntry("b", ObjectKind.File, "/b", bytes, Bundles.Time.AddDays(1), Executable: false, null) { Mark = s_mark with { Bytes = bytes } };
        ReusePlan plan = ReusePlan.Make(
            [new SourceObject("b", ObjectKind.File, [entry])],
            _ => null,
            new Dictionary<ulong, Manifest> { [7] = manifest },
            new Dictionary<ulong, DealFacts> { [7] = DealOf(dealEnd, bundleBytes: 300_032) },
            Catalogue.Empty,
            Redundancy.Default,
            s_now,
            new PeriodNumber(200));
        Assert.Equal(isUsable, plan.Usable.ContainsKey(7));
        Assert.Empty(plan.Sure);
    }

    private static ReusePlan Plan(FileMark mark, DealFacts deal, uint end, int record = 1)
    {
        Manifest manifest = Bundles.Read(Bundles.Write(writer =>
        {
            writer.AddRemoval(EntryName.Parse("a"));
            writer.BeginFile(EntryName.Parse("a"), new EntryAttributes(1, Bundles.Time));
            writer.Write(new byte[1000]);
            writer.CompleteFile();
        }));
        var entry = new SourceEntry("a", ObjectKind.File, "/a", mark.Bytes, Bundles.Time, Executable: false, null) { Mark = mark };
        return ReusePlan.Make(
            [new SourceObject("a", ObjectKind.File, [entry])],
            _ => new KnownFile(s_mark, 7, record),
            new Dictionary<ulong, Manifest> { [7] = manifest },
            new Dictionary<ulong, DealFacts> { [7] = deal },
            Catalogue.Empty,
            Redundancy.Default,
            s_now,
            new PeriodNumber(end));
    }

    private static DealFacts DealOf(uint end, uint endMax = 1000, long bundleBytes = 1024) => new(
        new DealId(new Address(new byte[20]), 7),
        IsSettled: false,
        Redundancy.Default,
        Rate.FromUnitsUp(1),
        new PeriodNumber(1),
        new PeriodNumber(end),
        new PeriodNumber(endMax),
        TokenAmount.Zero,
        TokenAmount.Zero,
        TokenAmount.Zero,
        [.. Enumerable.Range(0, 3).Select(i => new SlotFacts(i, new NodeId((uint)i + 1), new ShardCommitment(default, bundleBytes / 256), null, TokenAmount.Zero))]);
}
