using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Gateway.Tests;

/// <summary>Bodies that do not say their length.</summary>
[Collection(RealMarketCollection.Name)]
public sealed class OpenBodyTests(RealMarket market)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2_500_000)]
    public async Task A_body_of_unknown_length_is_stored_to_its_end(int count)
    {
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        byte[] bytes = Signed.Bytes(count);
        using var body = new MemoryStream(bytes);
        using HttpResponseMessage answer = await http.SendOpenAsync("open", body);
        PutReport put = await ObjectCalls.ReadPutAsync(answer);
        Assert.Equal(count, Assert.Single(put.Objects).Bytes);
        Assert.Equal(new SlotCounts(3, 3, 0), Assert.Single(put.Deals).Slots);
        Assert.Equal(bytes, await http.GetObjectAsync("open"));

        // Only what came is paid.
        PutReport exact = await http.PutObjectAsync("exact", bytes);
        Assert.Equal(exact.BundleBytes, put.BundleBytes);
    }

    [Fact]
    public async Task A_long_body_of_unknown_length_gets_its_room_step_by_step()
    {
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        const long Bytes = 80_000_000;
        using var body = new GeneratedStream(Bytes);
        using HttpResponseMessage answer = await http.SendOpenAsync("long", body);
        PutReport put = await ObjectCalls.ReadPutAsync(answer);
        Assert.Equal(Bytes, Assert.Single(put.Objects).Bytes);
        Assert.Equal(new SlotCounts(3, 3, 0), Assert.Single(put.Deals).Slots);
        await using Stream back = await http.GetStreamAsync("/v1/objects/long");
        Assert.Equal(body.Hash, await SHA256.HashDataAsync(back));
    }

    [Fact]
    public async Task A_body_that_is_longer_than_the_money_lasts_ends_with_one_error_and_leaves_nothing()
    {
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        using HttpResponseMessage quoted = await http.PostAsJsonAsync("/v1/quotes", new { bytes = 8_000_000, @for = "30d" });
        PutReport quote = MarketJson.Read<PutReport>(await quoted.Content.ReadAsStringAsync());
        await client.AllowAsync(quote.Price.ToString());

        using var tooLong = new GeneratedStream(10_000_000);
        using HttpResponseMessage answer = await http.SendOpenAsync("a", tooLong, "?for=30d");
        JsonElement error = await answer.ErrorAsync(HttpStatusCode.PaymentRequired, "insufficientFunds");
        Assert.Equal("allowance", error.Reason());
        Assert.Equal(JsonValueKind.Null, error.GetProperty("missing").ValueKind);
        Assert.StartsWith($"market allow {market.Operator.Address} ", error.GetProperty("hint").GetString(), StringComparison.Ordinal);
        Assert.Equal(TokenAmount.Zero, await client.LockedAsync());
        Assert.Empty(MarketJson.Read<ListReport>(await http.GetStringAsync("/v1/objects")).Objects);
        await market.NothingIsArrivingAsync();

        // Nearly all of the money may be used.
        using var fits = new GeneratedStream(7_500_000);
        await ObjectCalls.ReadPutAsync(await http.SendOpenAsync("b", fits, "?for=30d"));
    }

    [Fact]
    public async Task Who_has_no_money_at_all_hears_so_before_a_byte_is_taken()
    {
        RealClient client = await market.NewClientAsync(allowed: "0");
        using HttpClient http = await client.SignInAsync();
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/objects/a");
        using var body = new HeldStream();
        request.Content = new StreamContent(body);
        request.Headers.ExpectContinue = true;
        request.Headers.TransferEncodingChunked = true;
        using HttpResponseMessage answer = await http.SendAsync(request);
        await answer.ErrorAsync(HttpStatusCode.PaymentRequired, "insufficientFunds");
        Assert.False(body.Asked.IsCompleted);
    }

    [Fact]
    public async Task A_body_longer_than_the_gateway_takes_without_a_length_is_refused_and_leaves_nothing()
    {
        await using RunningGateway gateway = await RunningGateway.StartAsync(market, options => options with { OpenBodyBytesMax = 1_000_000 });
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync(gateway.Url);
        using var fits = new GeneratedStream(1_000_000);
        await ObjectCalls.ReadPutAsync(await http.SendOpenAsync("fits", fits));
        TokenAmount locked = await client.LockedAsync();

        using var longer = new GeneratedStream(1_000_001);
        using HttpResponseMessage answer = await http.SendOpenAsync("longer", longer);
        Assert.Equal("tooLong", (await answer.ErrorAsync(HttpStatusCode.RequestEntityTooLarge, "usage")).Reason());
        Assert.Equal(locked, await client.LockedAsync());
        await market.NothingIsArrivingAsync();
    }

    [Fact]
    public async Task A_body_that_breaks_off_leaves_nothing()
    {
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync();
        using var body = new BreakingStream();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => http.SendOpenAsync("broken", body));
        await market.NothingIsArrivingAsync();
        Assert.Equal(TokenAmount.Zero, await client.LockedAsync());
        Assert.Empty(MarketJson.Read<ListReport>(await http.GetStringAsync("/v1/objects")).Objects);
    }

    [Theory]
    [InlineData("Content-Length: 10000000", "")]
    [InlineData("Transfer-Encoding: chunked", "200\r\n")]
    public async Task A_body_that_drips_ends_and_leaves_nothing_and_the_clients_next_one_has_its_turn(string length, string before)
    {
        await using RunningGateway gateway = await RunningGateway.StartAsync(market, options => options with { Grace = TimeSpan.FromSeconds(2) });
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync(gateway.Url);
        using var slow = new TcpClient();
        await slow.ConnectAsync(IPAddress.Loopback, gateway.Url.Port);
        NetworkStream wire = slow.GetStream();
        await wire.WriteAsync(Encoding.ASCII.GetBytes(
            $"PUT /v1/objects/slow?for=1h HTTP/1.1\r\nHost: {gateway.Url.Authority}\r\nAuthorization: {http.DefaultRequestHeaders.Authorization}\r\n{length}\r\n\r\n"));
        byte[] status = new byte["HTTP/1.1 408".Length];
        Task answer = wire.ReadExactlyAsync(status).AsTask();
        byte[] drop = [.. Encoding.ASCII.GetBytes(before), .. new byte[0x200], .. before.Length > 0 ? "\r\n"u8 : []];
        for (int i = 0; i < 300 && !answer.IsCompleted; i++)
        {
            await wire.WriteAsync(drop);
            await Task.WhenAny(answer, Task.Delay(100));
        }

        Assert.True(answer.IsCompleted, "A body of 5 KB/s was taken for half a minute.");
        await answer;
        Assert.Equal("HTTP/1.1 408", Encoding.ASCII.GetString(status));
        await http.PutObjectAsync("next", [1]).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal("next", Assert.Single(MarketJson.Read<ListReport>(await http.GetStringAsync("/v1/objects")).Objects).Name);
        await market.NothingIsArrivingAsync();
    }

    /// <summary>Gives three million bytes, then fails.</summary>
    private sealed class BreakingStream : ReadOnlyStream
    {
        private readonly GeneratedStream _inner = new(3_000_000);

        public override int Read(Span<byte> buffer) => _inner.Read(buffer) is > 0 and var count ? count : throw new IOException("The disk broke.");

        protected override void Dispose(bool disposing)
        {
            if (disposing) _inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
