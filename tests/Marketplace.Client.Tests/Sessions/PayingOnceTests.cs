using Marketplace.Chain;
using Marketplace.Client.Json;
using Marketplace.Client.Sessions;
using Marketplace.Client.Sources;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Client.Tests.Sessions;

[Collection(RunningMarketCollection.Name)]
public sealed class PayingOnceTests(RunningMarket market) : IDisposable
{
    private static readonly PutTerms s_terms = new(Redundancy.Default, TimeSpan.FromHours(1));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory(Timeout = Patience.TestMilliseconds)]
    [InlineData("the state is behind")]
    [InlineData("whoever asked is gone")]
    [InlineData("no receipt comes and the state is behind")]
    public async Task What_is_open_and_paid_is_told_as_stored_although(string trouble)
    {
        Write("paid", 50_000);
        using var stop = new CancellationTokenSource();
        using var endpoint = new FaultyEndpoint();
        (StorageClient client, IDisposable session) = await endpoint.OpenAsync(market, market.ClientAccount);
        using (session)
        using (client)
        {
            int before = (await client.DealsAsync()).Deals.Count;
            ulong block = await market.Chain.Connect(0).Eth.GetBlockNumberAsync();
            endpoint.Sending = () =>
            {
                if (trouble.Contains("gone", StringComparison.Ordinal)) stop.Cancel();
                if (trouble.Contains("behind", StringComparison.Ordinal)) endpoint.StandsAt = block;
                if (!trouble.StartsWith("no receipt", StringComparison.Ordinal)) return;
                endpoint.NoReceiptFrom = 1;
                _ = Task.Delay(TimeSpan.FromSeconds(3)).ContinueWith(_ => endpoint.StandsAt = null, TaskScheduler.Default);
            };
            PutReport put = await client.PutAsync(SourceTree.Walk([_folder["paid"]], null), s_terms, null, stop.Token);

            endpoint.StandsAt = null;
            Assert.Null(put.Error);
            DealReport deal = (await client.DealsAsync()).Deals.Skip(before).Single();
            Assert.Equal((deal.Id, new SlotCounts(3, 3, 0), deal.Locked), (put.Deals[0].Id, put.Deals[0].Slots, put.Locked!.Value));
            Assert.Equal((await client.StatAsync("paid")).PaidUntil!.Value, put.Until!.Value, TimeSpan.FromMinutes(1));
        }
    }

    private void Write(string name, int bytes)
    {
        byte[] content = new byte[bytes];
        new Random(name.Length + bytes).NextBytes(content);
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], content);
    }
}
