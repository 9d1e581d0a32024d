using System.Net;
using System.Text.Json.Nodes;
using Hangfire;
using Hangfire.Common;
using Marketplace.Chain;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Node.Tests;

[Collection(MarketCollection.Name)]
public sealed class ChainWatchTests(MarketFixture market)
{
    [Fact]
    public async Task A_height_that_cannot_be_and_a_fault_that_nobody_foresaw_end_no_watch()
    {
        var endpoint = new BoastingEndpoint();
        var web3 = new Web3(null, new RpcClient([new Uri(market.Chain.Url)], handler: endpoint));
        using var chain = new NodeChain(new MarketContracts(web3, market.Deployment), new NodeId(1), market.Facts);
        RpcFormatException absurd = await Assert.ThrowsAsync<RpcFormatException>(() => chain.TipAsync(default));
        Assert.Contains("cannot be", absurd.Message, StringComparison.Ordinal);

        var time = new FakeTimeProvider();
        var limits = new NodeLimits();
        // The watch asks the workers for nothing but what they found last.
        using var worker = new NodeWorker(chain, null!, new NodePulse(), null!, limits, time, NullLogger<NodeWorker>.Instance);
        using var repair = new RepairWorker(chain, null!, null!, null!, null!, null!, limits, null!, time, NullLogger<RepairWorker>.Instance);
        var jobs = new StarvedJobs();
        using var watch = new ChainWatch(chain, worker, repair, new NodePulse(), jobs, time, NullLogger<ChainWatch>.Instance);
        await watch.StartAsync(default);
        await LooksAsync(() => endpoint.Boasts > 2);
        endpoint.IsHonest = true;

        await LooksAsync(() => jobs.Triggered > 2);

        Assert.False(watch.ExecuteTask!.IsCompleted);
        await watch.StopAsync(default);

        async Task LooksAsync(Func<bool> wanted)
        {
            for (DateTime end = DateTime.UtcNow.AddSeconds(20); !wanted() && DateTime.UtcNow < end; await Task.Delay(10)) time.Advance(TimeSpan.FromSeconds(1));
            Assert.True(wanted());
        }
    }

    /// <summary>Says that the chain is longer than any can be.</summary>
    private sealed class BoastingEndpoint() : DelegatingHandler(new SocketsHttpHandler())
    {
        public bool IsHonest { get; set; }

        public int Boasts { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            JsonNode asked = JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!;
            if (IsHonest || asked is not JsonObject || (string)asked["method"]! != "eth_blockNumber") return await base.SendAsync(request, cancellationToken);
            Boasts++;
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent($$"""{"jsonrpc":"2.0","id":{{asked["id"]}},"result":"0xffffffffffffffff"}""") };
        }
    }

    /// <summary>Cannot take its own lock in time, as on a machine without any to spare.</summary>
    private sealed class StarvedJobs : IRecurringJobManager
    {
        public int Triggered { get; private set; }

        public void AddOrUpdate(string recurringJobId, Job job, string cronExpression, RecurringJobOptions options) => throw new NotSupportedException();

        public void Trigger(string recurringJobId)
        {
            Triggered++;
            throw new TimeoutException("The lock was not to be had.");
        }

        public void RemoveIfExists(string recurringJobId) => throw new NotSupportedException();
    }
}
