using Hangfire;
using Marketplace.Domain;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// Looks at each new block and starts the jobs whose turn it gives something to do. Most blocks give a node nothing: then this look is all
/// that it costs. The jobs run now and then all the same (<see cref="NodeJobs.Schedule"/>), so that nothing rests on this.
/// </summary>
internal sealed partial class ChainWatch(
    NodeChain chain, NodeWorker worker, RepairWorker repair, NodePulse pulse, IRecurringJobManager jobs, TimeProvider time, ILogger<ChainWatch> log) : BackgroundService
{
    private const uint SecondsMax = 30;

    private BlockNumber? _seen;
    private BlockNumber _changed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(Math.Clamp(chain.Facts.Schedule.BlockSeconds, 1, SecondsMax)), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception e) when (NodeWorker.IsTrouble(e))
            {
                // The jobs meet the same trouble in their own turns, and tell of it.
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // Nothing rests on one look, and everything on the host that would end with it.
                LogFailed(e);
            }
        }
    }

    private async Task LookAsync(CancellationToken token)
    {
        BlockNumber tip = await chain.TipAsync(token);
        if (tip != _seen)
        {
            // After a reorganisation everything may be different.
            bool isNext = _seen is { } before && before < tip;
            if (!isNext || await chain.IsMarketTouchedAsync(_seen!.Value, tip, token)) _changed = tip;
            _seen = tip;
        }

        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        if (worker.Turn.IsWanted(period, _changed)) jobs.Trigger(ProvingJob.Id);
        else pulse.StillGood(tip, time.GetUtcNow());
        if (repair.Turn.IsWanted(period, _changed) || repair.IsReportDue(tip)) jobs.Trigger(RepairJob.Id);
        if (repair.HasRebuilds) jobs.Trigger(RebuildJob.Id);
    }

    [LoggerMessage(2009, LogLevel.Error, "A look at the newest block failed; the next block is looked at")]
    private partial void LogFailed(Exception failure);
}

/// <summary>How a worker's last turn ended: whether it would do anything if it had another one. Written by its worker alone.</summary>
internal sealed class LastTurn
{
    private volatile Looked? _last;

    /// <summary>A whole turn ended.</summary>
    /// <param name="period">The period that it looked at.</param>
    /// <param name="tip">The newest block that it knew.</param>
    /// <param name="isIdle">Whether there is nothing to do until the chain changes.</param>
    public void Ended(PeriodNumber period, BlockNumber tip, bool isIdle) => _last = new Looked(period, tip, isIdle);

    /// <summary>Whether another turn may find something to do.</summary>
    public bool IsWanted(PeriodNumber period, BlockNumber changed) =>
        _last is not { IsIdle: true } last || last.Period != period || changed > last.Tip;

    private sealed record Looked(PeriodNumber Period, BlockNumber Tip, bool IsIdle);
}
