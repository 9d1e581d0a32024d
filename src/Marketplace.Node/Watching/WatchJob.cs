using Hangfire;
using Marketplace.Hosting;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>Keeps what the operator is told: time online, earnings, and alerts by webhook.</summary>
[AutomaticRetry(Attempts = 0)]
internal sealed partial class WatchJob(
    NodePulse pulse, StatusReader statuses, AlertReader alerts, AlertOutbox outbox, EarningsBook earnings, OnlineRecord online, NodeLimits limits, TimeProvider time, ILogger<WatchJob> log) : IDisposable
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "watch";

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SteadyClock _clock = new(time);
    private DateTimeOffset _next;

    /// <summary>One look, if it is time for one; then what waits to be told is told.</summary>
    public async Task RunAsync(CancellationToken token)
    {
        if (!await _turn.WaitAsync(TimeSpan.Zero, token)) return;
        try
        {
            if (_clock.Now >= _next)
            {
                _next = _clock.Now + limits.WatchEvery;
                await LookAsync(token);
            }

            await outbox.DeliverAsync(token);
        }
        catch (Exception e) when (NodeWorker.IsTrouble(e))
        {
            LogTrouble(e.Message);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task LookAsync(CancellationToken token)
    {
        Pulse? seen = pulse.Fresh(time.GetUtcNow(), limits.ChainSilenceMax);
        online.Note(seen is not null);
        if (pulse.Now is not null) outbox.Look(await alerts.ReadAsync(await statuses.ReadAsync(token), token));
        if (seen is not null) await earnings.UpdateAsync(seen.Tip, token);
    }

    [LoggerMessage(2601, LogLevel.Warning, "Looking goes on later: {Why}")]
    private partial void LogTrouble(string why);
}
