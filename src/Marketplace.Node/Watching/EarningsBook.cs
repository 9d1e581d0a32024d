using System.Globalization;
using System.Text.Json;
using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>
/// What the node was paid on which day, from the chain's events, read once each and kept beside the shards: a month of them is too much to
/// ask for whenever somebody looks. A folder that lost it reads the month again.
/// </summary>
internal sealed class EarningsBook(NodeChain chain, ShardDepot depot, NodeLimits limits, TimeProvider time)
{
    /// <summary>What was written as "earningsByDay" may count days twice: it is left, and the months are read anew.</summary>
    private const string Fact = "earnedByDay";

    private const int DaysKept = 62;

    /// <summary>Blocks that one turn reads.</summary>
    private const ulong BlocksPerTurn = 10_000;

    private readonly uint _reorgBlocks = limits.ReorgBlocksOn(chain.Facts.Scope.ChainId);

    /// <summary>Reads what the chain has added and will not take back.</summary>
    public async Task UpdateAsync(BlockNumber tip, CancellationToken token)
    {
        Page page = Read();
        DateTimeOffset now = time.GetUtcNow();
        if (tip.Value < _reorgBlocks) return;
        var to = new BlockNumber(tip.Value - _reorgBlocks);
        // An endpoint that is behind the one that was asked before has nothing new: what was counted is not counted again.
        ulong first = page.ReadTo is { } read ? read + 1 : BlockAt(FirstOfMonth(now, -1), now, tip);
        if (first > to.Value) return;
        if (to.Value - first >= BlocksPerTurn) to = new BlockNumber(first + BlocksPerTurn - 1);
        var days = new SortedDictionary<string, ulong>(page.Days, StringComparer.Ordinal);
        foreach (EventLog<ProvedEvent> proved in await chain.EventsOfAsync(chain.Contracts.StorageMarket.ProvedEvents, chain.Node, new BlockNumber(first), to, token))
        {
            string day = DayOf(now - TimeSpan.FromSeconds((double)(tip.Value - proved.Log.Block.Number) * chain.Facts.Schedule.BlockSeconds));
            days[day] = days.GetValueOrDefault(day) + (ulong)proved.Event.Pay;
        }

        string oldest = DayOf(now.AddDays(-DaysKept));
        foreach (string day in days.Keys.Where(day => string.CompareOrdinal(day, oldest) < 0).ToArray()) days.Remove(day);
        depot.Catalogue.SetFact(Fact, JsonSerializer.Serialize(new Page(to.Value, days), NodeFilesJson.Default.Page));
    }

    /// <summary>Since the first of this month.</summary>
    public TokenAmount ThisMonth() => Sum(0);

    /// <summary>In the month before.</summary>
    public TokenAmount LastMonth() => Sum(-1);

    private TokenAmount Sum(int month)
    {
        string prefix = FirstOfMonth(time.GetUtcNow(), month).ToString("yyyy-MM", CultureInfo.InvariantCulture);
        return TokenAmount.FromUnits(Read().Days.Where(day => day.Key.StartsWith(prefix, StringComparison.Ordinal)).Aggregate((UInt128)0, (sum, day) => sum + day.Value));
    }

    private Page Read() => depot.Catalogue.Fact(Fact) is { } text ? JsonSerializer.Deserialize(text, NodeFilesJson.Default.Page)! : new Page(null, new SortedDictionary<string, ulong>());

    private ulong BlockAt(DateTimeOffset then, DateTimeOffset now, BlockNumber tip)
    {
        double blocks = (now - then).TotalSeconds / Math.Max(1, chain.Facts.Schedule.BlockSeconds);
        return blocks >= tip.Value ? 0 : tip.Value - (ulong)blocks;
    }

    private static DateTimeOffset FirstOfMonth(DateTimeOffset now, int months) => new DateTimeOffset(now.UtcDateTime.Year, now.UtcDateTime.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(months);

    private static string DayOf(DateTimeOffset when) => when.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>What was read, and up to where: one fact, so that no event is counted twice.</summary>
    internal sealed record Page(ulong? ReadTo, IDictionary<string, ulong> Days);
}
