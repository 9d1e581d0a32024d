using Hangfire;

namespace Marketplace.Node;

/// <summary>What Hangfire runs over and over: one turn of the worker. Turns that meet skip; a failed one is simply followed by the next.</summary>
[AutomaticRetry(Attempts = 0)]
internal sealed class ProvingJob(NodeWorker worker)
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "prove-and-tidy";

    private const int SecondsMax = 30;

    public Task RunAsync(CancellationToken token) => worker.TickAsync(token);

    /// <summary>Every second, or as often as blocks come.</summary>
    public static string CronOf(uint blockSeconds) => $"*/{Math.Clamp(blockSeconds, 1, SecondsMax)} * * * * *";
}
