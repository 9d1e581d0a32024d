using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node.Tests;

[Collection(MarketCollection.Name)]
public sealed class EarningsBookTests(MarketFixture market) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("market-earnings-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_was_counted_is_not_counted_again_when_an_endpoint_is_behind()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(4096), periods: 3);
        await market.MineToProofsAsync(deal.From);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
        await market.Chain.MineAsync(10);
        BlockNumber tip = await market.TipAsync();
        await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(Path.Combine(_folder, "depot"), 1 << 20), TimeProvider.System, default);
        var book = new EarningsBook(new NodeChain(market.Client, node.Id, market.Facts), depot, new NodeLimits(), TimeProvider.System);
        await book.UpdateAsync(tip, default);
        (TokenAmount, TokenAmount) earned = (book.LastMonth(), book.ThisMonth());
        Assert.NotEqual(default, earned);

        await book.UpdateAsync(new BlockNumber(tip.Value - 5), default);
        await book.UpdateAsync(tip, default);

        Assert.Equal(earned, (book.LastMonth(), book.ThisMonth()));
    }
}
