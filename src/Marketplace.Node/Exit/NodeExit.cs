using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>How far a node that leaves has come.</summary>
/// <param name="FromPeriod">From this period on it takes no shards.</param>
/// <param name="Shards">Ranges of its ledger that it still has to prove.</param>
/// <param name="Bytes">What they hold.</param>
/// <param name="LastPeriod">The last period that it has to prove; null if nothing is held any more.</param>
/// <param name="StakeFreePeriod">From this period on the chain lets go of the stake, if no deal is extended.</param>
/// <param name="StakeFreeAt">About when that is.</param>
/// <param name="IsDone">Whether the stake has gone home.</param>
public sealed record NodeExitView(uint FromPeriod, int Shards, long Bytes, uint? LastPeriod, uint StakeFreePeriod, DateTimeOffset StakeFreeAt, bool IsDone)
{
    /// <summary>The progress at a block; null for a node that does not leave, or that was evicted.</summary>
    internal static NodeExitView? Of(Standing standing, ulong stakeUnits, IEnumerable<LedgerRange> ledger, MarketFacts facts, BlockNumber tip, DateTimeOffset now)
    {
        if (standing.Out == 0 || standing.Evicted) return null;
        PeriodNumber period = facts.Schedule.PeriodOf(tip);
        LedgerRange[] held = [.. ledger.Where(range => range.Until > period)];
        uint? until = held.Length == 0 ? null : held.Max(range => range.Until.Value);
        uint idleFrom = Math.Max(until ?? standing.StrikesFrom, standing.Out);
        uint free = idleFrom + facts.ExitPeriods;
        ulong blocks = facts.Schedule.FirstBlock(new PeriodNumber(free)).Value;
        TimeSpan left = TimeSpan.FromSeconds(blocks > tip.Value ? (double)(blocks - tip.Value) * facts.Schedule.BlockSeconds : 0);
        return new NodeExitView(standing.Out, held.Length, held.Sum(range => range.Shard.Bytes), until - 1, free, now + left, stakeUnits == 0);
    }
}
