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

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task An_extension_that_breaks_off_goes_on_when_it_is_asked_for_again_and_pays_nothing_twice()
    {
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        foreach (string file in new[] { "part/a", "part/b", "part/c" })
        {
            Write(file, 10_000);
            await client.PutAsync(SourceTree.Walk([_folder[file]], file), s_terms);
        }

        DateTimeOffset before = (await client.StatAsync("part")).PaidUntil!.Value;
        using var endpoint = new FaultyEndpoint();
        (StorageClient cut, IDisposable session) = await endpoint.OpenAsync(market, market.ClientAccount, new FastClock());
        using (session)
        using (cut)
        {
            endpoint.Sending = () =>
            {
                if (endpoint.Sent > 1) throw new HttpRequestException("The line is cut.");
            };
            await Assert.ThrowsAsync<MarketException>(() => cut.ExtendAsync("part", TimeSpan.FromHours(1)));
            endpoint.Sending = () => { };
        }

        ExtendReport again = await client.ExtendAsync("part", TimeSpan.FromHours(1));
        Assert.Equal(2, again.Deals.Count);
        StatReport stat = await client.StatAsync("part");
        Assert.Single(stat.Deals.Select(deal => deal.EndsAtPeriod).Distinct());
        Assert.Equal(before + TimeSpan.FromHours(1), stat.PaidUntil!.Value, TimeSpan.FromMinutes(2));
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task An_extension_whose_fate_was_unknown_is_told_as_done_when_the_chain_knows_it()
    {
        Write("late", 10_000);
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        await client.PutAsync(SourceTree.Walk([_folder["late"]], null), s_terms);
        DealReport before = (await client.StatAsync("late")).Deals.Single();
        using var endpoint = new FaultyEndpoint { NoReceiptFrom = 1 };
        (StorageClient slow, IDisposable session) = await endpoint.OpenAsync(market, market.ClientAccount);
        using (session)
        using (slow)
        {
            ExtendReport extended = await slow.ExtendAsync("late", TimeSpan.FromHours(1));
            DealReport after = (await client.StatAsync("late")).Deals.Single();
            Assert.True(after.EndsAtPeriod > before.EndsAtPeriod);
            Assert.Equal((after.EndsAtPeriod, after.Locked - before.Locked), (extended.Deals.Single().EndsAtPeriod, extended.Price));
        }
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task Two_puts_at_once_that_refer_to_one_deal_do_not_break_on_each_others_lengthening()
    {
        Write("shared", 400_000);
        Settle();
        StorageClient client = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        await client.PutAsync(SourceTree.Walk([_folder["shared"]], null), s_terms);
        PutTerms longer = s_terms with { For = TimeSpan.FromHours(2) };
        PutReport[] puts = await Task.WhenAll(
            client.PutAsync(SourceTree.Walk([_folder["shared"]], "shared-1"), longer), client.PutAsync(SourceTree.Walk([_folder["shared"]], "shared-2"), longer));
        Assert.All(puts, put => Assert.Null(put.Error));
        Assert.All(puts, put => Assert.Equal(0, put.NewBytes));
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task What_was_removed_from_a_deal_stays_removed_when_another_put_makes_the_deal_last_longer()
    {
        Write("kept/big", 400_000);
        Write("kept/secret", 1_000);
        Settle();
        StorageClient client = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        await client.PutAsync(SourceTree.Walk([_folder["kept"]], null), s_terms);
        RemoveReport removed = await client.RemoveAsync("kept/secret");
        PutReport again = await client.PutAsync(SourceTree.Walk([_folder["kept/big"]], "elsewhere"), s_terms with { For = TimeSpan.FromHours(2) });
        Assert.Null(again.Error);
        Assert.Equal(0, again.NewBytes);

        Dictionary<ulong, DealReport> deals = (await client.DealsAsync()).Deals.ToDictionary(deal => deal.Id);
        PeriodNumber kept = deals[again.Deals[0].Id].EndsAtPeriod;
        Assert.Equal([kept, kept], (await client.StatAsync("kept")).Deals.Select(deal => deal.EndsAtPeriod).Append(deals[removed.Deals[0].Id].EndsAtPeriod));
    }

    /// <summary>Ages all files, so that their marks are trusted.</summary>
    private static void Settle() => Thread.Sleep(FileMark.Settled * 2);

    private void Write(string name, int bytes)
    {
        byte[] content = new byte[bytes];
        new Random(name.Length + bytes).NextBytes(content);
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], content);
    }
}
