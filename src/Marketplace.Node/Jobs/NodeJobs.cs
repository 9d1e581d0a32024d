using System.Globalization;
using Hangfire;
using Hangfire.InMemory;
using Marketplace.Domain;
using Microsoft.Extensions.DependencyInjection;

namespace Marketplace.Node;

/// <summary>
/// What Hangfire does for a node, and how often. Proofs and answers have a worker to themselves: a repair or a scrub that takes hours, or
/// a disk that hangs, never keeps them waiting.
/// </summary>
internal static class NodeJobs
{
    /// <summary>The queue of what must not be late.</summary>
    public const string UrgentQueue = "urgent";

    /// <summary>The queue of everything else.</summary>
    public const string PatientQueue = "patient";

    /// <summary>One for each patient job; none of them runs twice at a time.</summary>
    private const int PatientWorkers = 5;

    private const int UrgentWorkers = 1;
    private const int SecondsMin = 5;
    private const int SecondsMax = 30;
    private static readonly TimeSpan s_memory = TimeSpan.FromMinutes(5);

    /// <summary>Hangfire with its memory in this process: every job begins with what is true, so nothing is lost with it.</summary>
    public static IServiceCollection AddNodeJobs(this IServiceCollection services, NodeId node)
    {
        services.AddHangfire(hangfire => hangfire
            .UseInMemoryStorage(new InMemoryStorageOptions { MaxExpirationTime = s_memory })
            .UseFilter(new AutomaticRetryAttribute { Attempts = 0 }));
        services.AddHangfireServer(server => Configure(server, node, UrgentQueue, UrgentWorkers));
        return services.AddHangfireServer(server =>
        {
            Configure(server, node, PatientQueue, PatientWorkers);
            // One scheduler is enough.
            server.IsLightweightServer = true;
        });
    }

    /// <summary>Puts the jobs on the clock: as often as blocks come, but not every second. What cannot wait is started by <see cref="ChainWatch"/>.</summary>
    public static void Schedule(IRecurringJobManager jobs, uint blockSeconds)
    {
        string often = $"*/{Math.Clamp(blockSeconds, SecondsMin, SecondsMax)} * * * * *";
        jobs.AddOrUpdate<ProvingJob>(ProvingJob.Id, UrgentQueue, job => job.RunAsync(CancellationToken.None), often);
        jobs.AddOrUpdate<RepairJob>(RepairJob.Id, PatientQueue, job => job.RunAsync(CancellationToken.None), often);
        jobs.AddOrUpdate<RebuildJob>(RebuildJob.Id, PatientQueue, job => job.RunAsync(CancellationToken.None), often);
        jobs.AddOrUpdate<ScrubJob>(ScrubJob.Id, PatientQueue, job => job.RunAsync(CancellationToken.None), often);
        jobs.AddOrUpdate<WatchJob>(WatchJob.Id, PatientQueue, job => job.RunAsync(CancellationToken.None), often);
        jobs.AddOrUpdate<SettleJob>(SettleJob.Id, PatientQueue, job => job.RunAsync(CancellationToken.None), often);
    }

    private static void Configure(BackgroundJobServerOptions server, NodeId node, string queue, int workers)
    {
        server.Queues = [queue];
        server.WorkerCount = workers;
        server.SchedulePollingInterval = TimeSpan.FromSeconds(1);
        server.ServerName = string.Create(CultureInfo.InvariantCulture, $"node-{node}-{queue}");
    }
}
