using Marketplace.Chain.Contracts;
using Marketplace.Chain.Transactions;
using Marketplace.Domain;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// Reports nodes that missed three periods which others proved, for the bounty that the chain pays. Each reporter waits some blocks of
/// its own, so that most find it done.
/// </summary>
internal sealed partial class StrikeReporter(NodeChain chain, ILogger<StrikeReporter> log)
{
    /// <summary>Misses that evict.</summary>
    public const int StrikesNeeded = 3;

    private const uint NodesPerPage = 200;

    /// <summary>Later misses are enough where there are very many.</summary>
    private const uint PeriodsLookedAt = 30;

    private PeriodNumber? _done;

    /// <summary>Whether this period's look is still to come, and may come now.</summary>
    public bool IsDue(BlockNumber tip)
    {
        Schedule schedule = chain.Facts.Schedule;
        PeriodNumber period = schedule.PeriodOf(tip);
        return _done != period && tip.Value >= schedule.FirstBlock(period).Value + Delay(schedule, period);
    }

    /// <summary>Looks at all nodes once a period.</summary>
    public async Task TickAsync(BlockNumber tip, CancellationToken token)
    {
        if (!IsDue(tip)) return;
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        uint count = await chain.Contracts.NodeRegistry.NodeCountAsync(token: token);
        for (uint from = 1; from <= count; from += NodesPerPage)
        {
            foreach (Standing standing in await chain.Contracts.Lens.StandingsAsync(from, Math.Min(NodesPerPage, count - from + 1), token: token))
            {
                bool mayHaveThree = standing.Rate > 0 && !standing.Evicted && standing.Node != chain.Node.Value && standing.StrikesFrom + StrikesNeeded <= period.Value;
                if (mayHaveThree) await ReportAsync(standing, period, token);
            }
        }

        _done = period;
    }

    /// <summary>The first three misses that count: proved by somebody else, and not given up by telling a loss.</summary>
    /// <param name="missed">Periods without a proof of the node, in order.</param>
    /// <param name="paidIn">Units that all proofs of a period were paid.</param>
    /// <param name="forfeited">The period that the node gave up.</param>
    public static PeriodNumber[]? Strikes(IEnumerable<PeriodNumber> missed, Func<PeriodNumber, UInt128> paidIn, PeriodNumber forfeited)
    {
        PeriodNumber[] strikes = [.. missed.Where(period => period != forfeited && paidIn(period) != 0).Take(StrikesNeeded)];
        return strikes.Length == StrikesNeeded ? strikes : null;
    }

    private async Task ReportAsync(Standing standing, PeriodNumber period, CancellationToken token)
    {
        uint first = Math.Max(standing.StrikesFrom, period.Value > PeriodsLookedAt ? period.Value - PeriodsLookedAt : 0);
        var paid = new Dictionary<PeriodNumber, UInt128>();
        for (uint one = first; one < period.Value; one++) paid[new PeriodNumber(one)] = (await chain.Contracts.Lens.PeriodAsync(one, token: token)).Paid;
        if (Strikes(paid.Keys.Order(), one => paid[one], new PeriodNumber(standing.Forfeited)) is not [var a, var b, var c]) return;
        try
        {
            await chain.Contracts.StorageMarket.EvictAsync(standing.Node, a.Value, b.Value, c.Value, token: token);
            LogReported(standing.Node, a.Value, b.Value, c.Value);
        }
        catch (ContractRevertException e) when (e.Error is StorageMarketEvictedError or StorageMarketNoStrikeError or StorageMarketNotEvictableError or StorageMarketBookBehindError)
        {
            // Somebody else was faster, or the node is so far behind that it is out in any case.
        }
    }

    private uint Delay(Schedule schedule, PeriodNumber period) =>
        RepairPolicy.Delay(schedule, new VacantSlot(default, 0, schedule.FirstBlock(period)), chain.Node);

    [LoggerMessage(2114, LogLevel.Information, "Reported node {Node}, which missed the periods {First}, {Second} and {Third}")]
    private partial void LogReported(uint node, uint first, uint second, uint third);
}
