using Marketplace.Client.Json;
using Marketplace.Client.Sessions;
using Marketplace.Client.Sources;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Client.Tests.Sessions;

[Collection(RunningMarketCollection.Name)]
public sealed class UnreadDealTests(RunningMarket market) : IDisposable
{
    private static readonly PutTerms s_terms = new(Redundancy.Default, TimeSpan.FromHours(1));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task While_the_last_version_cannot_be_read_no_older_one_takes_its_place_unasked()
    {
        RunningNode[] early = [.. market.Nodes.Take(3)];
        RunningNode[] late = [.. market.Nodes.Skip(3)];
        byte[] old = Write("report", 10_000);
        await PutWithoutAsync("report", late, s_terms);
        Write("report", 20_000);
        PutReport last = await PutWithoutAsync("report", early, s_terms with { For = TimeSpan.FromHours(2) }, _folder["home"]);
        byte[] settled = Write("settled", 30_000);
        try
        {
            foreach (RunningNode node in late) node.Die();
            StorageClient client = await market.OpenAsync(market.ClientAccount);
            await client.PutAsync(SourceTree.Walk([_folder["settled"]], null), s_terms);
            Func<Task>[] calls =
            [
                () => client.GetAsync("report", _folder["back"], force: false),
                () => client.GetRangeAsync("report", (0, 9), _folder["back"], force: false),
                () => client.GetAsync("report", null, Stream.Null),
                () => client.StatAsync("report"),
                () => client.VerifyAsync("report", deep: false),
                () => client.ExtendAsync("report", TimeSpan.FromHours(1)),
            ];
            foreach (Func<Task> call in calls)
            {
                MarketException failure = await Assert.ThrowsAsync<MarketException>(call);
                Assert.Equal(MarketErrorCode.Incomplete, failure.Code);
                Assert.Contains($"{last.Deals[0].Id}", failure.Message, StringComparison.Ordinal);
                Assert.Contains("--older", failure.Hint, StringComparison.Ordinal);
            }

            Assert.False(Path.Exists(_folder["back"]));
            Assert.Equal(settled, await ReadAsync(client, "settled"));
            Assert.Equal(old, await ReadAsync(await market.OpenAsync(market.ClientAccount, options: new MarketSessionOptions { MayBeOlder = true }), "report"));

            // Whoever put it knows it without asking a node.
            StorageClient putter = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
            Assert.Equal(20_000, (await putter.StatAsync("report")).Bytes);

            // What cannot be read is removed with the rest, for as long as it lasts.
            await client.RemoveAsync("report");
        }
        finally
        {
            foreach (RunningNode node in late) node.Rise();
        }

        StorageClient after = await market.OpenAsync(market.ClientAccount);
        MarketException gone = await Assert.ThrowsAsync<MarketException>(() => after.StatAsync("report"));
        Assert.Equal(MarketErrorCode.NotFound, gone.Code);
        IReadOnlyList<DealReport> deals = (await after.DealsAsync()).Deals;
        Assert.True(deals[^1].EndsAtPeriod >= deals.Single(deal => deal.Id == last.Deals[0].Id).EndsAtPeriod);
    }

    private static async Task<byte[]> ReadAsync(StorageClient client, string name)
    {
        using var back = new MemoryStream();
        await client.GetAsync(name, null, back);
        return back.ToArray();
    }

    private async Task<PutReport> PutWithoutAsync(string name, RunningNode[] away, PutTerms terms, string? home = null)
    {
        try
        {
            foreach (RunningNode node in away) node.Die();
            StorageClient client = await market.OpenAsync(market.ClientAccount, home: home);
            return await client.PutAsync(SourceTree.Walk([_folder[name]], null), terms);
        }
        finally
        {
            foreach (RunningNode node in away) node.Rise();
        }
    }

    private byte[] Write(string name, int bytes)
    {
        byte[] content = new byte[bytes];
        new Random(bytes).NextBytes(content);
        File.WriteAllBytes(_folder[name], content);
        return content;
    }
}
