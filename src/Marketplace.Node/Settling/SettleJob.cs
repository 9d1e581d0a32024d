using System.Globalization;
using Hangfire;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Transactions;
using Marketplace.Domain;
using Marketplace.Storage;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// Brings home what is the owner's: pay and reward every few periods, and the stake once the node has left, or can cure no more, and the chain lets go of it.
/// All of it goes to the owner's free money in Escrow, whoever calls.
/// </summary>
[AutomaticRetry(Attempts = 0)]
internal sealed partial class SettleJob(NodeChain chain, ShardDepot depot, NodePulse pulse, NodeLimits limits, ILogger<SettleJob> log) : IDisposable
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "settle";

    private const string CollectedFact = "collectedPeriod";

    private readonly SemaphoreSlim _turn = new(1, 1);
    private PeriodNumber? _failedIn;
    private PeriodNumber? _stakeAskedIn;

    /// <summary>One turn. Returns at once if another is under way, and does not ask twice in a period for what failed.</summary>
    public async Task RunAsync(CancellationToken token)
    {
        if (pulse.Now is not { } now || !await _turn.WaitAsync(TimeSpan.Zero, token)) return;
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(now.Tip);
        try
        {
            if (_failedIn == period) return;
            PeriodNumber? last = PeriodNumber.TryParse(depot.Catalogue.Fact(CollectedFact), CultureInfo.InvariantCulture, out PeriodNumber read) ? read : null;
            if (IsTime(period, last, limits.CollectEveryPeriods) && (now.Standing.Earned > 0 || now.Standing.Reward > 0)) await CollectAsync(period, token);
            // Of a node that was evicted the chain keeps the pot alone, once it may cure no more.
            bool mayBeFree = now.Standing.Evicted ? period.Value >= now.Standing.Out + chain.Facts.CurePeriods : now.Standing is { Out: not 0, Rate: 0 };
            if (mayBeFree && now.Registered.Stake > now.Standing.Pot && _stakeAskedIn != period) await TakeStakeAsync(period, now.Registered.Stake, token);
        }
        catch (Exception e) when (NodeWorker.IsTrouble(e))
        {
            _failedIn = period;
            LogTrouble(e.Message);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>Whether enough periods went by since the last collection.</summary>
    internal static bool IsTime(PeriodNumber period, PeriodNumber? last, uint every) => last is not { } before || period.Value >= before.Value + every;

    private async Task CollectAsync(PeriodNumber period, CancellationToken token)
    {
        // What the pulse knew may have been collected a moment ago.
        Standing standing = await chain.StandingAsync(token);
        if (standing.Earned > 0 || standing.Reward > 0)
        {
            await chain.CollectAsync(standing.Earned > 0, standing.Reward > 0, token);
            LogCollected(period.Value);
        }

        depot.Catalogue.SetFact(CollectedFact, period.ToString());
    }

    private async Task TakeStakeAsync(PeriodNumber period, ulong stake, CancellationToken token)
    {
        _stakeAskedIn = period;
        if (await chain.Contracts.StorageMarket.StakeBoundAsync(chain.Node.Value, token: token) >= stake) return;
        try
        {
            await chain.Contracts.NodeRegistry.TakeStakeAsync(chain.Node.Value, token: token);
            LogStakeTaken();
        }
        catch (ContractRevertException e) when (e.Error is NodeRegistryStakeBoundError)
        {
            // Somebody else sent it home meanwhile.
        }
    }

    [LoggerMessage(2501, LogLevel.Information, "Collected pay and reward in period {Period}")]
    private partial void LogCollected(uint period);

    [LoggerMessage(2502, LogLevel.Information, "The node has left: its stake, but for what a pot holds, is in the owner's free money")]
    private partial void LogStakeTaken();

    [LoggerMessage(2503, LogLevel.Warning, "Collecting is tried again in the next period: {Why}")]
    private partial void LogTrouble(string why);
}
