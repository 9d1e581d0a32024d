using Hangfire;

namespace Marketplace.Node;

/// <summary>What Hangfire runs over and over: one turn of the worker. Turns that meet skip; a failed one is simply followed by the next.</summary>
[AutomaticRetry(Attempts = 0)]
internal sealed class ProvingJob(NodeWorker worker)
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "prove-and-tidy";

    private const int SecondsMin = 5;
    private const int SecondsMax = 30;

    public Task RunAsync(CancellationToken token) => worker.TickAsync(token);

    /// <summary>How often jobs run that nothing starts: as blocks come, but not every second. What cannot wait is started by <see cref="ChainWatch"/>.</summary>
    public static string CronOf(uint blockSeconds) => $"*/{Math.Clamp(blockSeconds, SecondsMin, SecondsMax)} * * * * *";
}
