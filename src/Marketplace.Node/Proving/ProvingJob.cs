using Hangfire;

namespace Marketplace.Node;

/// <summary>What Hangfire runs over and over: one turn of the worker. Turns that meet skip; a failed one is simply followed by the next.</summary>
[AutomaticRetry(Attempts = 0)]
internal sealed class ProvingJob(NodeWorker worker)
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "prove-and-tidy";

    public Task RunAsync(CancellationToken token) => worker.TickAsync(token);
}
