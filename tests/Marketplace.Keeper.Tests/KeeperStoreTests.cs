using System.Collections;
using System.Globalization;
using System.Text;
using CsCheck;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Keeper.Api;
using Marketplace.Keeper.Indexing;
using static Marketplace.Keeper.Tests.ScriptedChain;

namespace Marketplace.Keeper.Tests;

public sealed class KeeperStoreTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_deal_is_told_with_what_its_nodes_proved_and_earned()
    {
        using KeeperStore store = _folder.OpenStore();
        store.Apply(Step(
            85,
            (1, [Registered(1), Registered(2)]),
            (5, [Opened(7, from: 1, end: 11, rate: 1000, leaves: 4), Filled(7, 0, 1), Filled(7, 2, 2)]),
            (30, [Proved(1, 1), Proved(2, 1)]),
            (50, [Proved(1, 2)])));
        var queries = new KeeperQueries(store, Clock, TimeProvider.System);

        (KeeperStamp? stamp, PeriodNumber period, DealReport? deal) = queries.Deal(new DealId(Payer, 7));
        Assert.Equal(new KeeperStamp(new BlockNumber(85), HashOf(85), NodeSource.Keepers), stamp);
        Assert.Equal(new PeriodNumber(4), period);
        Assert.Equal((7UL, DealState.Open, 1024L), (deal!.Id, deal.State, deal.BundleBytes));
        Assert.Equal(TokenAmount.FromUnits(3000), deal.Paid);
        Assert.Equal([SlotState.Filled, SlotState.Vacant, SlotState.Filled], deal.Slots.Select(slot => slot.State));
        Assert.Equal(TokenAmount.FromUnits(2000), deal.Slots[0].Paid);
        Assert.Equal(new PeriodNumber(2), deal.Slots[0].LastProvedPeriod);
        Assert.Equal(RootOf(7), deal.Slots[2].Root);
        Assert.Null(deal.Slots[1].Node);

        KeeperNode node = queries.Node(new NodeId(1)).Node!;
        Assert.Equal(TokenAmount.FromUnits(2000), node.Earned);
        Assert.Equal(1024L, node.UsedBytes);
        Assert.Null(node.Online);
    }

    [Fact]
    public void An_extended_deal_keeps_its_holders_and_a_settled_one_has_ended()
    {
        using KeeperStore store = _folder.OpenStore();
        var deal = new DealId(Payer, 1);
        var queries = new KeeperQueries(store, Clock, TimeProvider.System);
        store.Apply(Step(40, (1, [Registered(1)]), (5, [Opened(1, end: 11), Filled(1, 0, 1)]), (9, [new DealExtended(deal, new PeriodNumber(21), 500)])));
        DealReport extended = queries.Deal(deal).Deal!;
        Assert.Equal(new PeriodNumber(21), extended.EndsAtPeriod);
        Assert.Equal(TokenAmount.FromUnits(30_500), extended.Locked);
        Assert.Equal(SlotState.Filled, extended.Slots[0].State);

        store.Apply(Step(430, (425, [new DealSettled(deal, 7000, 23_000)])));
        DealReport settled = queries.Deal(deal).Deal!;
        Assert.Equal((DealState.Ended, TokenAmount.FromUnits(7000), TokenAmount.FromUnits(23_000)), (settled.State, settled.Paid, settled.Refunded));
    }

    [Fact]
    public void A_slot_taken_over_pays_each_holder_for_its_own_periods()
    {
        using KeeperStore store = _folder.OpenStore();
        store.Apply(Step(
            100,
            (1, [Registered(1), Registered(2)]),
            (5, [Opened(1, end: 11), Filled(1, 0, 1)]),
            (30, [Proved(1, 1)]),
            (45, [Filled(1, 0, 2, from: 3)]),
            (70, [Proved(1, 3), Proved(2, 3)]),
            (90, [Proved(2, 4)])));
        DealReport deal = new KeeperQueries(store, Clock, TimeProvider.System).Deal(new DealId(Payer, 1)).Deal!;
        Assert.Equal(new NodeId(2), deal.Slots[0].Node);
        Assert.Equal(TokenAmount.FromUnits(2000), deal.Slots[0].Paid);
        Assert.Equal(TokenAmount.FromUnits(3000), deal.Paid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_slot_that_is_filled_again_and_again_in_a_period_is_its_last_holders(bool isLostBetween)
    {
        using KeeperStore store = _folder.OpenStore();
        var deal = new DealId(Payer, 1);
        // The chain lets a slot be given away, or be told lost and filled again, before its first period began.
        MarketEvent[] between = isLostBetween ? [new SlotVacated(deal, 0, new PeriodNumber(1))] : [];
        store.Apply(Step(
            10,
            (1, [Registered(1), Registered(2), Registered(3)]),
            (5, [Opened(1, end: 11), Filled(1, 0, 1)]),
            (6, [.. between, Filled(1, 0, 2)])));
        string before = Dump(store);
        store.Apply(Step(50, (11, [.. between, Filled(1, 0, 3)]), (30, [Proved(1, 1), Proved(2, 1), Proved(3, 1)])));

        var queries = new KeeperQueries(store, Clock, TimeProvider.System);
        SlotReport slot = queries.Deal(deal).Deal!.Slots[0];
        Assert.Equal((SlotState.Filled, new NodeId(3), TokenAmount.FromUnits(1000)), (slot.State, slot.Node, slot.Paid));
        Assert.Equal([0L, 0L, 1024L], ((uint[])[1, 2, 3]).Select(node => queries.Node(new NodeId(node)).Node!.UsedBytes));

        store.Apply(Fork(10, 12, branch: 1));
        Assert.Equal(before, Dump(store));
        Assert.Equal(new NodeId(2), queries.Deal(deal).Deal!.Slots[0].Node);
    }

    [Fact]
    public void An_event_that_does_not_fit_the_tables_is_left_out_and_nothing_else()
    {
        using KeeperStore store = _folder.OpenStore();
        store.Apply(Step(10, (1, [Registered(1)])));
        string before = Dump(store);
        NodeRegistered twice = Registered(1, price: "7");
        var unholdable = new NodeStakeChanged(new NodeId(1), ulong.MaxValue);
        IReadOnlyList<UnfitEvent> unfit = store.Apply(Step(20, (11, [Opened(1), twice, Filled(1, 0, 1)]), (12, [unholdable, Registered(2)])));
        Assert.Equal([(11UL, twice), (12UL, unholdable)], unfit.Select(one => (one.Block.Value, one.Event)));

        var queries = new KeeperQueries(store, Clock, TimeProvider.System);
        Assert.Equal("20/0", store.Position);
        Assert.Equal(TokenAmount.Parse("0.01"), queries.Node(new NodeId(1)).Node!.Price);
        Assert.NotNull(queries.Node(new NodeId(2)).Node);
        Assert.Equal(new NodeId(1), queries.Deal(new DealId(Payer, 1)).Deal!.Slots[0].Node);

        store.Apply(Fork(10, 12, branch: 1));
        Assert.Equal(before, Dump(store));
    }

    [Fact]
    public void A_slot_that_lost_its_holder_is_vacant_then_reserved_then_filled()
    {
        using KeeperStore store = _folder.OpenStore();
        var deal = new DealId(Payer, 1);
        var queries = new KeeperQueries(store, Clock, TimeProvider.System);
        store.Apply(Step(
            50, (1, [Registered(1), Registered(2)]), (5, [Opened(1, end: 11), Filled(1, 0, 1)]), (30, [Proved(1, 1)]),
            (45, [new NodeStakeChanged(new NodeId(1), 90), new SlotVacated(deal, 0, new PeriodNumber(3))])));
        SlotReport vacant = queries.Deal(deal).Deal!.Slots[0];
        Assert.Equal((SlotState.Vacant, null), (vacant.State, vacant.Node));
        Assert.Equal(TokenAmount.FromUnits(1000), queries.Deal(deal).Deal!.Paid);

        store.Apply(Step(55, (52, [new SlotReserved(deal, 0, new NodeId(2), new PeriodNumber(4))])));
        Assert.Equal(SlotState.Reserved, queries.Deal(deal).Deal!.Slots[0].State);
        store.Apply(Step(101, (100, [Proved(2, 4)])));
        Assert.Equal(SlotState.Vacant, queries.Deal(deal).Deal!.Slots[0].State);
        store.Apply(Step(110, (105, [new ReservationEnded(deal, 0), new SlotReserved(deal, 0, new NodeId(2), new PeriodNumber(7))]), (108, [Filled(1, 0, 2, from: 6)])));
        SlotReport filled = queries.Deal(deal).Deal!.Slots[0];
        Assert.Equal((SlotState.Filled, new NodeId(2)), (filled.State, filled.Node));
    }

    [Fact]
    public void An_evicted_nodes_slots_are_vacant_until_it_cures_and_its_stake_is_what_is_left()
    {
        using KeeperStore store = _folder.OpenStore();
        var deal = new DealId(Payer, 1);
        var queries = new KeeperQueries(store, Clock, TimeProvider.System);
        store.Apply(Step(90, (1, [Registered(1)]), (5, [Opened(1, end: 11), Filled(1, 0, 1)]), (85, [new NodeEvicted(new NodeId(1), new PeriodNumber(5))])));
        Assert.Equal(SlotState.Vacant, queries.Deal(deal).Deal!.Slots[0].State);

        store.Apply(Step(110, (105, [new NodeCured(new NodeId(1)), new NodeStakeTaken(new NodeId(1), 40)])));
        Assert.Equal(SlotState.Filled, queries.Deal(deal).Deal!.Slots[0].State);
        Assert.Equal(TokenAmount.FromUnits((100 * TokenAmount.UnitsPerToken) - 40), queries.Node(new NodeId(1)).Node!.Stake);
    }

    [Fact]
    public void A_deal_that_is_ended_early_ends_for_its_slots_too()
    {
        using KeeperStore store = _folder.OpenStore();
        var deal = new DealId(Payer, 1);
        store.Apply(Step(40, (1, [Registered(1)]), (5, [Opened(1, end: 31), Filled(1, 0, 1)]), (9, [new DealEndedEarly(deal, new PeriodNumber(21), 30_000)])));
        DealReport ended = new KeeperQueries(store, Clock, TimeProvider.System).Deal(deal).Deal!;
        Assert.Equal((new PeriodNumber(21), TokenAmount.FromUnits(60_000), SlotState.Filled), (ended.EndsAtPeriod, ended.Locked, ended.Slots[0].State));
    }

    [Fact]
    public void A_store_that_saw_forks_equals_one_that_saw_only_the_last_branch()
    {
        // A history: for each step, how many of the last blocks are taken back first, and the events of the blocks that follow.
        Gen<MarketEvent> happened = Gen.OneOf(
            Gen.Select(Gen.UInt[1, 4], Gen.Bool, MarketEvent (node, dear) => new NodeOfferChanged(new NodeId(node), dear ? 9UL : 5, 7)),
            Gen.Select(Gen.UInt[1, 4], Gen.UInt[1, 9], MarketEvent (node, to) => new NodeEndpointChanged(new NodeId(node), HashOf(to), $"https://it's.{to}")),
            Gen.Select(Gen.UInt[1, 4], Gen.UInt[1, 30], MarketEvent (node, period) => Proved(node, period)),
            Gen.Select(Gen.UInt[1, 4], Gen.ULong[1, 9], MarketEvent (node, units) => new RewardMinted(new NodeId(node), units)),
            Gen.Select(Gen.ULong[1, 6], Gen.UInt[12, 40], MarketEvent (number, end) => new DealExtended(new DealId(Payer, number), new PeriodNumber(end), 10)),
            Gen.Select(Gen.ULong[1, 6], Gen.Int[0, 2], Gen.UInt[1, 4], MarketEvent (number, slot, node) => Filled(number, slot, node, node)),
            // The same slot over and over, in one period too.
            Gen.UInt[1, 4].Select(MarketEvent (node) => Filled(1, 0, node)),
            Gen.UInt[1, 4].Select(MarketEvent (node) => Filled(1, 0, node)),
            Gen.Select(Gen.ULong[1, 6], Gen.Int[0, 2], Gen.UInt[1, 30], MarketEvent (number, slot, until) => new SlotVacated(new DealId(Payer, number), slot, new PeriodNumber(until))),
            Gen.Select(Gen.ULong[1, 6], Gen.Int[0, 2], Gen.UInt[1, 4], MarketEvent (number, slot, node) => new SlotReserved(new DealId(Payer, number), slot, new NodeId(node), new PeriodNumber(9))),
            Gen.Select(Gen.ULong[1, 6], Gen.Int[0, 2], MarketEvent (number, slot) => new ReservationEnded(new DealId(Payer, number), slot)),
            Gen.Select(Gen.UInt[1, 4], Gen.Bool, MarketEvent (node, cured) => cured ? new NodeCured(new NodeId(node)) : new NodeEvicted(new NodeId(node), new PeriodNumber(5))),
            Gen.Select(Gen.ULong[1, 6], Gen.UInt[5, 40], MarketEvent (number, end) => new DealEndedEarly(new DealId(Payer, number), new PeriodNumber(end), 3)),
            Gen.Select(Gen.ULong[1, 6], Gen.ULong[1, 9], MarketEvent (number, paid) => new DealSettled(new DealId(Payer, number), paid, 1)),
            Gen.Select(Gen.UInt[1, 3], Gen.UInt[1, 9], MarketEvent (keeper, key) => new KeeperAnnounced(keeper, AddressOf(key), AddressOf(key), "")));
        const int PeriodBlocks = 4;
        Gen<(int Back, MarketEvent[][] Blocks)> step = Gen.Select(Gen.Int[0, 6], happened.Array[0, 4].Array[1, 4]);
        step.Array[1, 12].Sample(
            history =>
            {
                using var folder = new TestFolder();
                using KeeperStore forked = folder.OpenStore();
                var branch = new List<MarketEvent[]>();
                for (int i = 0; i < history.Length; i++)
                {
                    int back = Math.Min(history[i].Back, branch.Count);
                    branch.RemoveRange(branch.Count - back, back);
                    int ancestor = branch.Count;
                    branch.AddRange(history[i].Blocks);
                    Assert.Empty(forked.Apply(Fork(back > 0 ? (ulong)ancestor : null, (ulong)branch.Count, i, From(branch, ancestor))));
                }

                using var other = new TestFolder();
                using KeeperStore straight = other.OpenStore();
                straight.Apply(Fork(null, (ulong)branch.Count, history.Length - 1, From(branch, 0)));
                return Dump(forked) == Dump(straight);
            },
            iter: 60);

        static (ulong, MarketEvent[])[] From(List<MarketEvent[]> branch, int ancestor) =>
            [.. branch.Skip(ancestor).Select((drawn, index) => ((ulong)(ancestor + index + 1), AtHeight(ancestor + index + 1, drawn)))];

        // The first block brings the nodes, each of the next a deal; slots are held from the next period on, of which each has a few blocks.
        static MarketEvent[] AtHeight(int height, MarketEvent[] drawn) =>
        [
            .. height == 1 ? [Registered(1), Registered(2), Registered(3)] : height <= 7 ? [Opened((ulong)height - 1)] : Array.Empty<MarketEvent>(),
            .. drawn.Select(one => one is SlotFilled filled ? filled with { From = new PeriodNumber((uint)(height / PeriodBlocks) + 1) } : one),
        ];
    }

    [Fact]
    public void A_reorganisation_takes_back_what_joined_and_what_changed()
    {
        using KeeperStore store = _folder.OpenStore();
        var queries = new KeeperQueries(store, Clock, TimeProvider.System);
        store.Apply(Step(10, (2, [Registered(1, price: "0.01")])));
        string before = Dump(store);
        store.Apply(Step(
            12, (11, [Registered(2), new NodeOfferChanged(new NodeId(1), 99, 1), Opened(1), Filled(1, 0, 2)]), (12, [Proved(2, 1), new RewardMinted(new NodeId(2), 5)])));
        Assert.NotNull(queries.Deal(new DealId(Payer, 1)).Deal);

        store.Apply(Fork(10, 10, branch: 1));
        Assert.Equal(before, Dump(store));
        Assert.Equal(HashOf(10, 1), queries.Head()!.Hash);
        Assert.Null(queries.Deal(new DealId(Payer, 1)).Deal);
    }

    [Fact]
    public void A_step_that_fails_midway_changes_nothing()
    {
        using KeeperStore store = _folder.OpenStore();
        store.Apply(Step(10, (2, [Registered(1)])));
        string before = Dump(store);
        ChainStep broken = Step(20, (11, [Registered(2)])) with { Blocks = new BreakingList(new EventBlock(new BlockNumber(11), [Registered(2)])) };
        Assert.Throws<IOException>(() => store.Apply(broken));
        Assert.Equal(before, Dump(store));
        Assert.Equal("10/0", store.Position);
        store.Apply(Step(20, (11, [Registered(2)])));
        Assert.Equal("20/0", store.Position);
    }

    [Fact]
    public void A_keeper_that_starts_again_goes_on_where_it_stood()
    {
        using (KeeperStore store = _folder.OpenStore())
        {
            Assert.Null(store.Position);
            store.Apply(Step(10, (2, [Registered(1)])));
        }

        using KeeperStore again = _folder.OpenStore();
        Assert.Equal("10/0", again.Position);
        Assert.NotNull(new KeeperQueries(again, Clock, TimeProvider.System).Node(new NodeId(1)).Node);
        again.Apply(Fork(1, 11, branch: 1));
        Assert.Null(new KeeperQueries(again, Clock, TimeProvider.System).Node(new NodeId(1)).Node);
    }

    [Fact]
    public void A_database_of_another_market_is_begun_anew()
    {
        using (KeeperStore store = _folder.OpenStore("one")) store.Apply(Step(10, (2, [Registered(1)])));
        using KeeperStore other = _folder.OpenStore("two");
        Assert.Null(other.Position);
        Assert.Null(new KeeperQueries(other, Clock, TimeProvider.System).Head());
    }

    [Fact]
    public void A_reorganisation_deeper_than_is_kept_is_refused_and_begins_anew()
    {
        using KeeperStore store = _folder.OpenStore();
        store.Apply(Step(KeeperStore.UndoBlocks + 100, (2, [Registered(1)])));
        Assert.Throws<UndoExhaustedException>(() => store.Apply(Fork(5, 5, branch: 1)));
        Assert.NotNull(store.Position);
        store.StartAnew();
        Assert.Null(store.Position);
        store.Apply(Step(3, (2, [Registered(1)])));
        Assert.NotNull(new KeeperQueries(store, Clock, TimeProvider.System).Node(new NodeId(1)).Node);
    }

    /// <summary>All rows that come from the chain, row numbers aside.</summary>
    private static string Dump(KeeperStore store) => store.Read(db =>
    {
        var text = new StringBuilder();
        foreach (string sql in (string[])
        [
            "SELECT * FROM nodes ORDER BY id", "SELECT * FROM keepers ORDER BY id",
            "SELECT hex(client), number, k, n, rate, leaves, from_period, end_period, max_end, locked, settled, paid, refunded FROM deals ORDER BY number",
            "SELECT number, slot, node, hex(root), bytes, slots.from_period, until_period FROM slots JOIN deals ON deals.id = deal ORDER BY number, slot, slots.from_period",
            "SELECT number, slot, node, until_period FROM reservations JOIN deals ON deals.id = deal ORDER BY number, slot",
            "SELECT node, period, paid FROM proofs ORDER BY node, period",
        ])
        {
            foreach (string row in db.List(sql, reader => string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(column => TextOf(reader.GetValue(column))))))
                text.AppendLine(row);
        }

        return text.ToString();
    });

    private static string TextOf(object value) => value is byte[] bytes ? Convert.ToHexString(bytes) : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    /// <summary>Gives one block and then fails, as a process that dies between two blocks.</summary>
    private sealed class BreakingList(EventBlock first) : IReadOnlyList<EventBlock>
    {
        public int Count => 2;

        public EventBlock this[int index] => index == 0 ? first : throw new IOException("The disk is full.");

        public IEnumerator<EventBlock> GetEnumerator()
        {
            yield return first;
            throw new IOException("The disk is full.");
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
