using Marketplace.Chain;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Client.Keys;
using Marketplace.Client.Sessions;
using Marketplace.Coding;
using Marketplace.Gateway.Market;

namespace Marketplace.Gateway.Tests;

[Collection(RealMarketCollection.Name)]
public sealed class ClientDeskTests(RealMarket market)
{
    [Fact]
    public async Task What_a_client_holds_is_bounded_and_whoever_was_away_longest_makes_room()
    {
        RealClient here = await market.NewClientAsync(), there = await market.NewClientAsync();
        using HttpClient http = await here.SignInAsync();
        await http.PutObjectAsync("a", Signed.Bytes(100));
        string folder = Directory.CreateTempSubdirectory("market-desk-").FullName;
        try
        {
            using RecipientKeyPair readKey = GatewaySetup.ReadKey(market.Operator);
            using MarketSession session = await MarketSession.OpenAsync(new MarketChain(new MarketContracts(market.Chain.Connect(market.Operator), market.Deployment)), market.Operator);
            using var desk = new ClientDesk(session, readKey, folder, manifestBytesMax: 1);
            StorageClient storage = desk.For(here.Address, null);
            desk.For(there.Address, null);
            Assert.Same(storage, desk.For(here.Address, null));
            Assert.Equal(["a"], (await storage.ListAsync("", recursive: true)).Objects.Select(one => one.Name));
            Assert.Same(storage, desk.For(here.Address, null));
            desk.For(there.Address, null);
            Assert.NotSame(storage, desk.For(here.Address, null));

            using StorageClient narrow = session.ClientOf(here.Address, new SharedKeys(readKey, null), null, new ManifestShelf(1));
            ListReport list = await narrow.ListAsync("", recursive: true);
            Assert.Empty(list.Objects);
            Assert.Single(list.UnreadDeals);
            Assert.Equal("incomplete", list.Error?.Code);
            Assert.Contains("too many to be shown here", list.Error?.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
