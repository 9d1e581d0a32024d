using Hangfire;
using Marketplace.Domain;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Marketplace.Node.Tests;

/// <summary>Hangfire as the node sets it up.</summary>
public sealed class NodeJobsTests
{
    private static readonly ManualResetEventSlim s_hangs = new();
    private static int s_hanging;
    private static int s_urgent;

    [Fact]
    public async Task What_must_not_be_late_runs_while_everything_else_hangs()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLogging();
        builder.Services.AddNodeJobs(new NodeId(7));
        using IHost host = builder.Build();
        await host.StartAsync();
        try
        {
            IBackgroundJobClient jobs = host.Services.GetRequiredService<IBackgroundJobClient>();
            for (int i = 0; i < 20; i++) jobs.Enqueue(NodeJobs.PatientQueue, () => Hang());
            await NodeProtocolTests.Eventually(() => Task.FromResult(Volatile.Read(ref s_hanging) >= 4));

            jobs.Enqueue(NodeJobs.UrgentQueue, () => Hurry());

            await NodeProtocolTests.Eventually(() => Task.FromResult(Volatile.Read(ref s_urgent) == 1), 20);
        }
        finally
        {
            s_hangs.Set();
            await host.StopAsync();
        }
    }

    public static void Hang()
    {
        Interlocked.Increment(ref s_hanging);
        s_hangs.Wait(TimeSpan.FromMinutes(1));
    }

    public static void Hurry() => Interlocked.Increment(ref s_urgent);
}
