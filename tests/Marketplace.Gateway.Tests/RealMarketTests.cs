using System.Net;
using Marketplace.Client.Json;
using Marketplace.Client.Sessions;
using Marketplace.Client.Sources;
using Marketplace.Domain;

namespace Marketplace.Gateway.Tests;

[Collection(RealMarketCollection.Name)]
public sealed class RealMarketTests(RealMarket market)
{
    [Fact]
    public async Task Bytes_of_every_odd_length_come_back_through_the_gateway_and_at_home()
    {
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        using StorageClient home = await client.HomeAsync();
        foreach (int count in new[] { 0, 1, 255, 256, 257, 16_383, 16_384, 16_385, 1_048_575, 1_048_576, 1_048_577, 6_000_001 })
        {
            byte[] bytes = Signed.Bytes(count, seed: count);
            PutReport put = await http.PutObjectAsync($"sizes/{count}", bytes);
            Assert.Equal(new SlotCounts(3, 3, 0), Assert.Single(put.Deals).Slots);
            Assert.Equal(bytes, await http.GetObjectAsync($"sizes/{count}"));
            using var own = new MemoryStream();
            await home.GetAsync($"sizes/{count}", null, own);
            Assert.Equal(bytes, own.ToArray());
        }

        ListReport listed = MarketJson.Read<ListReport>(await http.GetStringAsync("/v1/objects?prefix=sizes/"));
        Assert.Equal(12, listed.Objects.Count);
        Assert.Equal(
            (await home.ListAsync("sizes/", recursive: true)).Objects.Select(one => (one.Name, one.Bytes, one.Version)),
            listed.Objects.Select(one => (one.Name, one.Bytes, one.Version)));
    }

    [Fact]
    public async Task A_range_of_a_coded_object_is_that_range()
    {
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        byte[] bytes = Signed.Bytes(3_000_000);
        using HttpResponseMessage put = await http.PutAsync("/v1/objects/coded?redundancy=2/4&for=1h", new ByteArrayContent(bytes));
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        foreach ((int from, int to) in new[] { (0, 0), (1_048_570, 1_048_590), (1_500_000, 2_999_999) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/objects/coded");
            request.Headers.Range = new System.Net.Http.Headers.RangeHeaderValue(from, to);
            using HttpResponseMessage part = await http.SendAsync(request);
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal(bytes[from..(to + 1)], await part.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task A_new_version_takes_the_place_of_the_old_one()
    {
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        await http.PutObjectAsync("name", Signed.Bytes(10, seed: 1));
        PutReport second = await http.PutObjectAsync("name", Signed.Bytes(20, seed: 2));
        Assert.Equal(2, second.Objects[0].Version);
        Assert.Equal(Signed.Bytes(20, seed: 2), await http.GetObjectAsync("name"));
    }

    [Fact]
    public async Task Without_an_allowance_nothing_is_stored_and_nothing_locked()
    {
        RealClient client = await market.NewClientAsync(allowed: "0");
        using HttpClient http = await client.SignInAsync();
        using HttpResponseMessage put = await http.PutAsync("/v1/objects/a?for=1h", new ByteArrayContent(Signed.Bytes(1000)));
        var error = await put.ErrorAsync(HttpStatusCode.PaymentRequired, "insufficientFunds");
        Assert.Equal("allowance", error.Reason());
        TokenAmount missing = TokenAmount.Parse(error.GetProperty("missing").GetString()!);
        Assert.True(missing > TokenAmount.Zero);
        Assert.Equal(TokenAmount.Zero, await client.LockedAsync());

        // Doing what the hint says helps.
        string[] hint = error.GetProperty("hint").GetString()!.Split(' ');
        Assert.Equal(["market", "allow", market.Operator.Address.ToString()], hint[..3]);
        await client.AllowAsync(hint[3]);
        await http.PutObjectAsync("a", Signed.Bytes(1000));
        TokenAmount locked = await client.LockedAsync();
        Assert.True(locked > TokenAmount.Zero && locked <= missing);
    }

    [Fact]
    public async Task What_is_beyond_the_allowance_is_refused_before_it_is_sent()
    {
        RealClient client = await market.NewClientAsync(allowed: "0.001");
        using HttpClient http = await client.SignInAsync();
        using HttpResponseMessage quoted = await http.PostAsync(
            "/v1/quotes", new StringContent("""{"bytes":1000000000}""", System.Text.Encoding.UTF8, "application/json"));
        PutReport quote = MarketJson.Read<PutReport>(await quoted.Content.ReadAsStringAsync());
        Assert.True(quote.Price > TokenAmount.Parse("0.001"));
        Assert.Null(quote.Locked);
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/objects/big")
        {
            Content = new StreamContent(Stream.Null) { Headers = { ContentLength = 1_000_000_000 } },
        };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage put = await http.SendAsync(request);
        var error = await put.ErrorAsync(HttpStatusCode.PaymentRequired, "insufficientFunds");
        Assert.Equal(quote.Price - TokenAmount.Parse("0.001"), TokenAmount.Parse(error.GetProperty("missing").GetString()!));
    }

    [Fact]
    public async Task Neither_another_client_nor_what_a_client_stored_at_home_is_visible()
    {
        RealClient client = await market.NewClientAsync();
        RealClient other = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        using HttpClient others = await other.SignInAsync();
        await http.PutObjectAsync("mine", Signed.Bytes(100));
        await (await others.GetAsync("/v1/objects/mine")).ErrorAsync(HttpStatusCode.NotFound, "notFound");

        using StorageClient home = await client.HomeAsync();
        byte[] secret = Signed.Bytes(100, seed: 2);
        SourceObject source = SourceObject.FromStream("secret", new MemoryStream(secret), secret.Length, mayBeShorter: false, DateTimeOffset.UtcNow);
        await home.PutAsync([source], new PutTerms(Redundancy.Default, TimeSpan.FromHours(1)));
        Assert.Equal(["mine", "secret"], (await home.ListAsync("", recursive: true)).Objects.Select(one => one.Name));
        Assert.Equal(["mine"], MarketJson.Read<ListReport>(await http.GetStringAsync("/v1/objects")).Objects.Select(one => one.Name));
        await (await http.GetAsync("/v1/objects/secret")).ErrorAsync(HttpStatusCode.NotFound, "notFound");
    }

    [Fact]
    public async Task With_its_folder_lost_a_gateway_reads_from_the_chain_what_it_stored()
    {
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        byte[] bytes = Signed.Bytes(100_000);
        await http.PutObjectAsync("kept/фото", bytes);
        await using RunningGateway again = await RunningGateway.StartAsync(market);
        using HttpClient fresh = await client.SignInAsync(again.Url);
        Assert.Equal(bytes, await fresh.GetObjectAsync("kept/фото"));

        // A token is for the gateway that gave it.
        using var stray = new HttpClient { BaseAddress = again.Url };
        stray.DefaultRequestHeaders.Authorization = http.DefaultRequestHeaders.Authorization;
        Assert.Equal(HttpStatusCode.Unauthorized, (await stray.GetAsync("/v1/objects")).StatusCode);
    }

    [Fact]
    public async Task Several_clients_and_several_uploads_of_one_go_together()
    {
        RealClient[] clients = [await market.NewClientAsync(), await market.NewClientAsync()];
        HttpClient[] https = [await clients[0].SignInAsync(), await clients[1].SignInAsync()];
        (HttpClient Http, string Name, byte[] Bytes)[] uploads =
        [
            .. Enumerable.Range(0, 6).Select(i => (https[i % 2], $"together/{i}", Signed.Bytes(50_000 + i, seed: i))),
        ];
        await Task.WhenAll(uploads.Select(one => one.Http.PutObjectAsync(one.Name, one.Bytes)));
        foreach ((HttpClient http, string name, byte[] bytes) in uploads) Assert.Equal(bytes, await http.GetObjectAsync(name));
        foreach (HttpClient http in https) http.Dispose();
    }

    [Fact]
    public async Task Balance_and_health_are_the_chains()
    {
        RealClient client = await market.NewClientAsync(deposit: "7", allowed: "5");
        using HttpClient http = await client.SignInAsync();
        BalanceReport balance = MarketJson.Read<BalanceReport>(await http.GetStringAsync("/v1/balance"));
        Assert.Equal(TokenAmount.Parse("7"), balance.Free);
        AllowanceReport allowance = Assert.Single(balance.Allowances);
        Assert.Equal((market.Operator.Address, TokenAmount.Parse("5")), (allowance.Operator, allowance.Left));
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/health")).StatusCode);
    }
}
