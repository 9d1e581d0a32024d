using Hangfire;
using Marketplace.Domain;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Marketplace.Node.Tests;

/// <summary>Hangfire as the node sets it up.</summary>
public sealed class NodeJobsTests
{
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
            for (int i = 0; i < 20; i++) jobs.Enqueue(NodeJobs.PatientQueue, () => Jobs.Hang());
            await NodeProtocolTests.Eventually(() => Task.FromResult(Volatile.Read(ref Jobs.Hanging) >= 4));

            jobs.Enqueue(NodeJobs.UrgentQueue, () => Jobs.Hurry());

            await NodeProtocolTests.Eventually(() => Task.FromResult(Volatile.Read(ref Jobs.Urgent) == 1), 20);
        }
        finally
        {
            Jobs.End.Set();
            await host.StopAsync();
        }
    }

    /// <summary>Jobs as Hangfire wants them: public methods of a public type.</summary>
    public static class Jobs
    {
        internal static readonly ManualResetEventSlim End = new();
        internal static int Hanging;
        internal static int Urgent;

        public static void Hang()
        {
            Interlocked.Increment(ref Hanging);
            End.Wait(TimeSpan.FromMinutes(1));
        }

        public static void Hurry() => Interlocked.Increment(ref Urgent);
    }
}
