using System.Net;
using System.Text.Json.Nodes;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;
using Marketplace.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Marketplace.Node.Tests;

/// <summary>An endpoint that keeps the logs of some time only, as most do, in front of a real chain.</summary>
[Collection(MarketCollection.Name)]
public sealed class RepairWatchTests(MarketFixture market)
{
    private const int PeriodsMissed = 5;

    [Fact]
    public async Task An_eviction_whose_slots_are_older_than_the_endpoints_logs_keeps_no_other_slot_from_being_repaired()
    {
        await using RunningTestNode gone = await market.StartNodeAsync();
        await using RunningTestNode witness = await market.StartNodeAsync();
        DealView old = await Deals.OpenAsync(market, gone, NodeProtocolTests.RandomBytes(4096), periods: 30);
        DealView told = await Deals.OpenAsync(market, witness, NodeProtocolTests.RandomBytes(4096), periods: 30);
        await gone.StopAsync();
        uint first = Math.Max(old.From, told.From);
        for (uint period = first; period < first + PeriodsMissed; period++)
        {
            await market.MineToProofsAsync(period);
            uint proved = period;
            await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(witness.Id.Value, proved));
        }

        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(first + PeriodsMissed)));
        if (!(await market.Client.Lens.StandingAsync(gone.Id.Value)).Evicted) await market.Client.StorageMarket.EvictAsync(gone.Id.Value, first, first + 1, first + 2);
        await market.Owner.StorageMarket.DeclareLossAsync(told.Id, 0);
        var endpoint = new ForgetfulEndpoint { KeepsFrom = market.Facts.Schedule.FirstBlock(new PeriodNumber(first)) };
        var web3 = new Web3(null, new RpcClient([new Uri(market.Chain.Url)], handler: endpoint));
        using var chain = new NodeChain(new MarketContracts(web3, market.Deployment), witness.Id, market.Facts);
        var time = new SetClock(DateTimeOffset.UtcNow);
        var limits = new NodeLimits { RepairLookBackBlocks = 1 };
        var watch = new RepairWatch(chain, limits, time, NullLogger.Instance);

        Assert.Equal([told.Id], await ReadAsync());
        int refused = endpoint.Refused;
        Assert.True(refused > 0);
        // Not asked for again at once.
        Assert.Equal([told.Id], await ReadAsync());
        Assert.Equal(refused, endpoint.Refused);

        endpoint.KeepsFrom = default;
        time.Advance(limits.RepairPauseMin);
        Assert.Equal(new[] { old.Id, told.Id }.Order(), (await ReadAsync()).Order());

        async Task<System.Numerics.BigInteger[]> ReadAsync() =>
            [.. (await watch.ReadAsync(await market.TipAsync(), default)).Select(slot => slot.Deal.ToWord()).Where(deal => deal == old.Id || deal == told.Id)];
    }

    private sealed class ForgetfulEndpoint() : DelegatingHandler(new SocketsHttpHandler())
    {
        public BlockNumber KeepsFrom { get; set; }

        public int Refused { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            JsonNode asked = JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!;
            bool isRefused = asked is JsonObject && (string)asked["method"]! == "eth_getLogs" && Convert.ToUInt64((string)asked["params"]![0]!["fromBlock"]!, 16) < KeepsFrom.Value;
            if (!isRefused) return await base.SendAsync(request, cancellationToken);
            Refused++;
            return new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = new StringContent($$$"""{"jsonrpc":"2.0","id":{{{asked["id"]}}},"error":{"code":-32701,"message":"History has been pruned for this block"}}"""),
            };
        }
    }
}
