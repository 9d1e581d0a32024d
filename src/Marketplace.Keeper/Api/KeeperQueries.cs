using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Keeper.Indexing;
using Marketplace.Keeper.Pinging;
using Microsoft.Data.Sqlite;

namespace Marketplace.Keeper.Api;

/// <summary>Which nodes are asked for. A node that does not say how much is free has nothing free.</summary>
public sealed record NodeFilter(bool? Online = null, ulong? MinFreeBytes = null, TokenAmount? MaxPrice = null);

/// <summary>Counts for the health page and the metrics.</summary>
public sealed record KeeperCounts(long Nodes, long Online, long Deals, long Keepers);

/// <summary>Reads the tables for the API. Each call sees one state of them and says of which block it is.</summary>
public sealed class KeeperQueries(KeeperStore store, Schedule schedule, TimeProvider time)
{
    /// <summary>1, 0, or null for a node that never answered and was not asked often enough to be called offline.</summary>
    private static readonly string IsOnline = $"CASE WHEN s.misses >= {PingFrame.OfflineMisses} THEN 0 WHEN s.seen IS NOT NULL THEN 1 END";

    private static readonly string NodeColumns = $"""
        SELECT n.id, n.hot, n.owner, n.endpoint, n.fingerprint, n.price, n.stake, n.capacity,
          (SELECT COALESCE(SUM(bytes), 0) FROM slots WHERE slots.node = n.id AND slots.until_period > $0),
          s.free, s.misses, s.seen, n.last_proved, n.earned, n.rewarded,
          (SELECT CAST(SUM(answered) AS REAL) / SUM(asked) FROM uptime WHERE uptime.node = n.id AND uptime.day > $1), s.latency, s.version, {IsOnline}
        FROM nodes n LEFT JOIN sightings s ON s.node = n.id AND s.owner = n.owner
        """;

    /// <summary>Nodes after a number, by number; <c>null</c> before the first block was read.</summary>
    public KeeperNodesReport? Nodes(NodeFilter filter, NodeId after, int limit, Func<NodeId, string> cursorOf) => store.Read(db =>
    {
        if (KeeperStore.HeadOf(db) is not { } head) return null;
        List<KeeperNode> nodes = db.List(
            $"""
            {NodeColumns} WHERE n.id > $2
              AND ($3 IS NULL OR ({IsOnline}) = $3)
              AND ($4 IS NULL OR s.free >= $4) AND ($5 IS NULL OR n.price <= $5)
            ORDER BY n.id LIMIT $6
            """,
            ReadNode,
            schedule.PeriodOf(head.Block),
            UptimeAfter(),
            after,
            filter.Online is { } online ? (online ? 1L : 0L) : null,
            filter.MinFreeBytes is { } free ? (long)Math.Min(free, long.MaxValue) : null,
            filter.MaxPrice is { } price ? (long)UInt128.Min(price.Units, long.MaxValue) : null,
            (long)limit + 1);
        bool more = nodes.Count > limit;
        if (more) nodes.RemoveAt(limit);
        return new KeeperNodesReport(head.Block, head.Hash, NodeSource.Keepers, nodes, more ? cursorOf(nodes[^1].Id) : null);
    });

    /// <summary>One node, <c>null</c> if there is none of that number; and the block that the answer is of.</summary>
    public (KeeperStamp? Stamp, KeeperNode? Node) Node(NodeId id) => store.Read(db => KeeperStore.HeadOf(db) is not { } head
        ? default((KeeperStamp?, KeeperNode?))
        : (StampOf(head), db.Single(NodeColumns + " WHERE n.id = $2", ReadNode, schedule.PeriodOf(head.Block), UptimeAfter(), id)));

    /// <summary>One deal, <c>null</c> if there is none of that number; and the block and period that the answer is of.</summary>
    public (KeeperStamp? Stamp, PeriodNumber Period, DealReport? Deal) Deal(DealId id) => store.Read(db =>
    {
        if (KeeperStore.HeadOf(db) is not { } head) return default((KeeperStamp?, PeriodNumber, DealReport?));
        PeriodNumber period = schedule.PeriodOf(head.Block);
        DealRow? row = db.Single(DealRow.Select + " WHERE client = $0 AND number = $1", DealRow.Read, id.Client, id.Number);
        return (StampOf(head), period, row is null ? null : ReportOf(db, row, period));
    });

    /// <summary>Deals of a client after a number, by number; <c>null</c> before the first block was read.</summary>
    public KeeperDealsReport? Deals(Address client, ulong after, int limit, Func<ulong, string> cursorOf) => store.Read(db =>
    {
        if (KeeperStore.HeadOf(db) is not { } head) return null;
        PeriodNumber period = schedule.PeriodOf(head.Block);
        List<DealRow> rows = db.List(
            DealRow.Select + " WHERE client = $0 AND number > $1 ORDER BY number LIMIT $2", DealRow.Read, client, after, (long)limit + 1);
        bool more = rows.Count > limit;
        if (more) rows.RemoveAt(limit);
        List<DealReport> deals = [.. rows.Select(row => ReportOf(db, row, period))];
        return new KeeperDealsReport(head.Block, head.Hash, NodeSource.Keepers, client, period, deals, more ? cursorOf(deals[^1].Id) : null);
    });

    /// <summary>The block that the tables speak of; <c>null</c> before the first.</summary>
    public IndexedHead? Head() => store.Read(KeeperStore.HeadOf);

    /// <summary>How much there is.</summary>
    public KeeperCounts Counts() => store.Read(db => new KeeperCounts(
        db.Number("SELECT COUNT(*) FROM nodes"),
        db.Number($"SELECT COUNT(*) FROM nodes n JOIN sightings s ON s.node = n.id AND s.owner = n.owner WHERE ({IsOnline}) = 1"),
        db.Number("SELECT COUNT(*) FROM deals"),
        db.Number("SELECT COUNT(*) FROM keepers WHERE endpoint <> ''")));

    private static KeeperStamp StampOf(IndexedHead head) => new(head.Block, head.Hash, NodeSource.Keepers);

    private static KeeperNode ReadNode(SqliteDataReader row)
    {
        NodeLiveness state = row.NumberOrNull(10) is { } misses ? PingFrame.StateOf((int)misses) : NodeLiveness.Unknown;
        return new KeeperNode(
            new NodeId((uint)row.GetInt64(0)),
            row.Address(1),
            row.Address(2),
            row.GetString(3),
            "sha256:" + row.Hash(4).ToString()[2..],
            row.Units(5),
            row.Units(6),
            row.GetInt64(7),
            row.GetInt64(8),
            row.NumberOrNull(9),
            OnlineOf(row, 18),
            row.NumberOrNull(11) is { } seen ? DateTimeOffset.FromUnixTimeSeconds(seen) : null,
            row.NumberOrNull(12) is { } proved ? new PeriodNumber((uint)proved) : null,
            row.Units(13),
            row.Units(14),
            state,
            row.IsDBNull(15) ? null : Math.Round(row.GetDouble(15), 4),
            row.IsDBNull(16) ? null : Math.Round(row.GetDouble(16), 1),
            row.IsDBNull(17) ? null : row.GetString(17));
    }

    private static bool? OnlineOf(SqliteDataReader row, int column) => row.NumberOrNull(column) is { } online ? online != 0 : null;

    private static DealReport ReportOf(SqliteConnection db, DealRow deal, PeriodNumber now)
    {
        List<SlotRow> rows = db.List(SlotRow.Select, SlotRow.Read, deal.Row);
        List<(int Slot, uint Until)> reservations = db.List(
            "SELECT slot, until_period FROM reservations WHERE deal = $0", static row => (row.GetInt32(0), (uint)row.GetInt64(1)), deal.Row);
        var slots = new List<SlotReport>(deal.Slots);
        ulong provedPeriods = 0;
        foreach (SlotRow row in rows) provedPeriods += row.ProvedPeriods;
        for (int index = 0; index < deal.Slots; index++)
        {
            SlotRow? holder = rows.FindLast(row => row.Slot == index);
            bool held = holder is not null && holder.Until >= deal.End.Value && (holder.EvictedFrom is not { } evicted || evicted >= deal.End.Value);
            bool reserved = !held && reservations.Any(one => one.Slot == index && one.Until >= now.Value);
            slots.Add(held
                ? new SlotReport(
                    index, SlotState.Filled, holder!.Node, holder.Root, holder.Bytes, holder.Online, holder.LastProved,
                    TokenAmount.FromUnits(deal.RateUnits) * holder.ProvedPeriods)
                : new SlotReport(index, reserved ? SlotState.Reserved : SlotState.Vacant, null, null, null, null, null, null));
        }

        DealState state = deal.Settled || deal.End <= now ? DealState.Ended : DealState.Open;
        TokenAmount paid = deal.Settled ? deal.Paid : TokenAmount.FromUnits(deal.RateUnits) * provedPeriods;
        return new DealReport(deal.Number, state, deal.Needed * deal.ShardBytes, deal.From, deal.End, deal.Locked, paid, deal.Refunded, slots);
    }

    private long UptimeAfter() => SightingStore.DayOf(time.GetUtcNow()) - SightingStore.UptimeDays;

    private sealed record DealRow(
        long Row, ulong Number, int Needed, int Slots, ulong RateUnits, long ShardBytes, PeriodNumber From, PeriodNumber End, TokenAmount Locked, bool Settled,
        TokenAmount Paid, TokenAmount Refunded)
    {
        public const string Select = "SELECT id, number, k, n, rate, leaves, from_period, end_period, locked, settled, paid, refunded FROM deals";

        public static DealRow Read(SqliteDataReader row) => new(
            row.GetInt64(0),
            (ulong)row.GetInt64(1),
            row.GetInt32(2),
            row.GetInt32(3),
            (ulong)row.GetInt64(4),
            row.GetInt64(5) * Projections.LeafBytes,
            new PeriodNumber((uint)row.GetInt64(6)),
            new PeriodNumber((uint)row.GetInt64(7)),
            row.Units(8),
            row.GetInt64(9) != 0,
            row.Units(10),
            row.Units(11));
    }

    private sealed record SlotRow(int Slot, NodeId Node, Root Root, long Bytes, uint Until, uint? EvictedFrom, ulong ProvedPeriods, PeriodNumber? LastProved, bool? Online)
    {
        public static readonly string Select = $"""
            SELECT slot, slots.node, root, bytes, until_period, n.evicted_from,
              (SELECT COUNT(*) FROM proofs WHERE proofs.node = slots.node AND period >= from_period AND period < until_period),
              (SELECT MAX(period) FROM proofs WHERE proofs.node = slots.node AND period >= from_period AND period < until_period),
              {IsOnline}
            FROM slots JOIN nodes n ON n.id = slots.node LEFT JOIN sightings s ON s.node = n.id AND s.owner = n.owner
            WHERE deal = $0 ORDER BY slot, from_period
            """;

        public static SlotRow Read(SqliteDataReader row) => new(
            row.GetInt32(0),
            new NodeId((uint)row.GetInt64(1)),
            row.Root(2),
            row.GetInt64(3),
            (uint)row.GetInt64(4),
            (uint?)row.NumberOrNull(5),
            (ulong)row.GetInt64(6),
            row.NumberOrNull(7) is { } proved ? new PeriodNumber((uint)proved) : null,
            OnlineOf(row, 8));
    }
}
