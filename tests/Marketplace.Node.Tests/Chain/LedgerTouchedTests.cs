using Marketplace.Chain.Contracts;
using Marketplace.Domain;

namespace Marketplace.Node.Tests;

[Collection(MarketCollection.Name)]
public sealed class LedgerTouchedTests(MarketFixture market)
{
    [Fact]
    public async Task A_deal_that_is_extended_touches_the_ledgers_of_its_own_nodes_and_no_others()
    {
        await using RunningTestNode mine = await market.StartNodeAsync();
        await using RunningTestNode other = await market.StartNodeAsync();
        await Deals.OpenAsync(market, mine, NodeProtocolTests.RandomBytes(256), periods: 3);
        DealView deal = await Deals.OpenAsync(market, other, NodeProtocolTests.RandomBytes(256), periods: 3);
        BlockNumber before = await market.TipAsync();

        await market.Client.StorageMarket.ExtendAsync(deal.Id, deal.End + 1, market.ClientAccount.Address);

        BlockNumber now = await market.TipAsync();
        Assert.False(await IsTouchedAsync(mine, before, now));
        Assert.True(await IsTouchedAsync(other, before, now));
    }

    private Task<bool> IsTouchedAsync(RunningTestNode node, BlockNumber after, BlockNumber to) =>
        new NodeChain(market.Owner, node.Id, market.Facts).IsLedgerTouchedAsync(after, to, default);
}
