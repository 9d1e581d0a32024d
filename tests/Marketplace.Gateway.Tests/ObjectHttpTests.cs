using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Gateway.Objects;

namespace Marketplace.Gateway.Tests;

/// <summary>What HTTP asks of the calls for objects.</summary>
[Collection(RealMarketCollection.Name)]
public sealed class ObjectHttpTests(RealMarket market) : IAsyncLifetime
{
    private RealClient _client = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _client = await market.NewClientAsync();
        _http = await _client.SignInAsync();
    }

    public Task DisposeAsync()
    {
        _http.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task An_answer_says_what_it_holds()
    {
        byte[] bytes = Signed.Bytes(65_537);
        DateTimeOffset before = DateTimeOffset.UtcNow.AddSeconds(-1);
        using HttpResponseMessage put = await _http.PutAsync("/v1/objects/a/b.bin?redundancy=2/4&for=1h", new ByteArrayContent(bytes));
        PutReport report = MarketJson.Read<PutReport>(await put.Content.ReadAsStringAsync());
        Assert.Equal(Redundancy.Parse("2/4"), report.Redundancy);
        Assert.Equal(bytes.Length, Assert.Single(report.Objects).Bytes);
        using HttpResponseMessage answer = await _http.GetAsync(put.Headers.Location);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(bytes.Length, answer.Content.Headers.ContentLength);
        Assert.Equal($"\"{report.Deals[0].Id}-1\"", answer.Headers.ETag?.ToString());
        Assert.Equal("bytes", answer.Headers.AcceptRanges.ToString());
        Assert.InRange(answer.Content.Headers.LastModified!.Value, before, DateTimeOffset.UtcNow);
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("image/png")]
    [InlineData(null)]
    public async Task A_body_is_stored_whatever_type_it_is_called(string? contentType)
    {
        using var content = new ByteArrayContent([1, 2, 3]);
        content.Headers.ContentType = contentType is null ? null : new MediaTypeHeaderValue(contentType);
        using HttpResponseMessage answer = await _http.PutAsync("/v1/objects/typed?for=1h", content);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal([1, 2, 3], await _http.GetByteArrayAsync("/v1/objects/typed"));
    }

    [Fact]
    public async Task One_range_is_answered_with_that_range()
    {
        byte[] bytes = Signed.Bytes(1000);
        await _http.PutObjectAsync("r", bytes);
        using HttpResponseMessage part = await GetRangeAsync("bytes=10-19");
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal("bytes 10-19/1000", part.Content.Headers.ContentRange?.ToString());
        Assert.Equal(bytes[10..20], await part.Content.ReadAsByteArrayAsync());
        using HttpResponseMessage tail = await GetRangeAsync("bytes=-5");
        Assert.Equal(bytes[995..], await tail.Content.ReadAsByteArrayAsync());
        using HttpResponseMessage beyond = await GetRangeAsync("bytes=1000-");
        Assert.Equal("rangeBeyondEnd", (await beyond.ErrorAsync(HttpStatusCode.RequestedRangeNotSatisfiable, "usage")).Reason());
        Assert.Equal("bytes */1000", beyond.Content.Headers.ContentRange?.ToString());
    }

    [Fact]
    public async Task Head_is_the_same_without_the_body()
    {
        await _http.PutObjectAsync("h", Signed.Bytes(77));
        using HttpResponseMessage head = await _http.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/objects/h"));
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal(77, head.Content.Headers.ContentLength);
        Assert.NotNull(head.Headers.ETag);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_copy_that_is_still_right_is_not_sent_again()
    {
        PutReport first = await _http.PutObjectAsync("c", Signed.Bytes(10));
        var tag = new EntityTagHeaderValue($"\"{first.Deals[0].Id}-1\"");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/objects/c");
        request.Headers.IfNoneMatch.Add(tag);
        using HttpResponseMessage same = await _http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        await _http.PutObjectAsync("c", Signed.Bytes(10));
        using var again = new HttpRequestMessage(HttpMethod.Get, "/v1/objects/c");
        again.Headers.IfNoneMatch.Add(tag);
        using HttpResponseMessage changed = await _http.SendAsync(again);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
    }

    [Fact]
    public async Task What_a_client_stores_never_runs_as_a_page_of_the_gateway()
    {
        await _http.PutObjectAsync("evil.html", "<script>alert(1)</script>"u8.ToArray());
        using HttpResponseMessage answer = await _http.GetAsync("/v1/objects/evil.html");
        Assert.Equal("application/octet-stream", answer.Content.Headers.ContentType?.ToString());
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("attachment", answer.Content.Headers.ContentDisposition?.DispositionType);
    }

    [Fact]
    public async Task A_list_is_cut_by_prefix_level_and_page()
    {
        foreach (string name in new[] { "b", "a/1", "a/x/y", "фото/кот" }) await _http.PutObjectAsync(name, Signed.Bytes(3));
        Assert.Equal(["a/1", "a/x/y", "b", "фото/кот"], await NamesAsync(""));
        Assert.Equal(["a/1", "a/x/y"], await NamesAsync("?prefix=a/"));
        Assert.Equal(["a", "b", "фото"], await NamesAsync("?recursive=false"));
        Assert.Equal(["a/1", "a/x"], await NamesAsync("?prefix=a/&recursive=false"));
        Assert.Equal(["a/x/y", "b"], await NamesAsync("?after=a/1&limit=2"));
        Assert.Empty(await NamesAsync("?prefix=c"));
        ListedObject folder = MarketJson.Read<ListReport>(await _http.GetStringAsync("/v1/objects?recursive=false")).Objects[0];
        Assert.Equal((ObjectKind.Folder, 6), (folder.Kind, folder.Bytes));
        await (await _http.GetAsync("/v1/objects?limit=0")).ErrorAsync(HttpStatusCode.BadRequest, "usage");

        // A folder has no bytes.
        Assert.Equal("notAFile", (await (await _http.GetAsync("/v1/objects/a")).ErrorAsync(HttpStatusCode.BadRequest, "usage")).Reason());
        await (await _http.GetAsync("/v1/objects/nothing")).ErrorAsync(HttpStatusCode.NotFound, "notFound");
    }

    [Fact]
    public async Task A_wrong_name_or_wish_is_refused()
    {
        foreach (string path in new[] { "a//b", "a%2F..%2Fb", "a?redundancy=1/2", "a?redundancy=three", "a?for=forever", "a?for=0d" })
        {
            using HttpResponseMessage answer = await _http.PutAsync("/v1/objects/" + path, new ByteArrayContent(Signed.Bytes(10)));
            await answer.ErrorAsync(HttpStatusCode.BadRequest, "usage");
        }

        Assert.Equal(TokenAmount.Zero, await _client.LockedAsync());
    }

    [Fact]
    public async Task Names_in_every_script_and_with_odd_signs_come_back()
    {
        foreach (string name in new[] { "фото/кот.jpg", "日本 語", "a+b&c=d?e#f", "100%", "%2F", "😀", "line\nbreak" })
        {
            string path = "/v1/objects/" + Uri.EscapeDataString(name);
            using HttpResponseMessage put = await _http.PutAsync(path + "?for=1h", new ByteArrayContent(Encoding.UTF8.GetBytes(name)));
            Assert.Equal(HttpStatusCode.Created, put.StatusCode);
            Assert.Equal(name, MarketJson.Read<PutReport>(await put.Content.ReadAsStringAsync()).Objects[0].Name);
            Assert.Equal(Encoding.UTF8.GetBytes(name), await _http.GetByteArrayAsync(put.Headers.Location));
        }
    }

    [Fact]
    public async Task Too_small_an_allowance_is_told_before_a_byte_is_sent()
    {
        await _client.AllowAsync("0.25");
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/objects/a?for=30d");
        using var body = new HeldStream();
        request.Content = new StreamContent(body) { Headers = { ContentLength = 1_000_000_000 } };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage answer = await _http.SendAsync(request);
        var error = await answer.ErrorAsync(HttpStatusCode.PaymentRequired, "insufficientFunds");
        Assert.Equal("allowance", error.Reason());
        Assert.StartsWith($"market allow {market.Operator.Address} ", error.GetProperty("hint").GetString(), StringComparison.Ordinal);
        Assert.True(TokenAmount.Parse(error.GetProperty("missing").GetString()!) > TokenAmount.Zero);
        Assert.False(body.Asked.IsCompleted);
    }

    [Fact]
    public async Task Too_little_money_in_escrow_is_told()
    {
        RealClient poor = await market.NewClientAsync(deposit: "0.25");
        using HttpClient http = await poor.SignInAsync();
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/objects/a");
        request.Content = new StreamContent(Stream.Null) { Headers = { ContentLength = 1_000_000_000 } };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage answer = await http.SendAsync(request);
        var error = await answer.ErrorAsync(HttpStatusCode.PaymentRequired, "insufficientFunds");
        Assert.Equal("escrow", error.Reason());
        Assert.Equal($"market deposit {error.GetProperty("missing").GetString()}", error.GetProperty("hint").GetString());
        Assert.Equal(TokenAmount.Zero, await poor.LockedAsync());
    }

    [Fact]
    public async Task What_every_node_refuses_ends_with_their_words_and_locks_nothing()
    {
        using HttpResponseMessage answer = await _http.PutAsync("/v1/objects/a?for=400d", new ByteArrayContent(Signed.Bytes(10)));
        var error = await answer.ErrorAsync(HttpStatusCode.ServiceUnavailable, "incomplete");
        Assert.Contains("promises at most", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(TokenAmount.Zero, await _client.LockedAsync());
    }

    [Fact]
    public async Task An_object_longer_than_any_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/objects/a");
        request.Content = new StreamContent(Stream.Null) { Headers = { ContentLength = ObjectEndpoints.ObjectBytesMax + 1 } };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage answer = await _http.SendAsync(request);
        Assert.Equal("tooLong", (await answer.ErrorAsync(HttpStatusCode.RequestEntityTooLarge, "usage")).Reason());
    }

    [Fact]
    public async Task A_token_without_a_key_to_seal_to_reads_but_does_not_store()
    {
        using HttpClient http = await _client.SignInAsync(withSealKey: false);
        using HttpResponseMessage put = await http.PutAsync("/v1/objects/a", new ByteArrayContent([1]));
        Assert.Equal("noSealKey", (await put.ErrorAsync(HttpStatusCode.Forbidden, "usage")).Reason());
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/objects")).StatusCode);
    }

    [Fact]
    public async Task A_read_that_fails_midway_never_looks_whole()
    {
        // A gateway of its own: what it learns of dead nodes shall not trouble other tests.
        await using RunningGateway gateway = await RunningGateway.StartAsync(market);
        using HttpClient http = await _client.SignInAsync(gateway.Url);
        const int Bytes = 64 << 20;
        await http.PutObjectAsync("big", Signed.Bytes(Bytes));
        try
        {
            using HttpResponseMessage answer = await http.GetAsync("/v1/objects/big", HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(Bytes, answer.Content.Headers.ContentLength);
            Stream body = await answer.Content.ReadAsStreamAsync();
            await body.ReadExactlyAsync(new byte[1 << 20]);
            market.CutNodes();
            await Assert.ThrowsAnyAsync<IOException>(() => body.CopyToAsync(Stream.Null));
            await (await http.GetAsync("/v1/objects/big")).ErrorAsync(HttpStatusCode.ServiceUnavailable, "incomplete");
        }
        finally
        {
            market.MendNodes();
        }
    }

    [Fact]
    public async Task Uploads_of_one_client_go_one_by_one_and_of_several_side_by_side()
    {
        var body = new HeldStream();
        using var first = new HttpRequestMessage(HttpMethod.Put, "/v1/objects/held?for=1h") { Content = new StreamContent(body) };
        first.Headers.ExpectContinue = true;
        Task<HttpResponseMessage> held = _http.SendAsync(first);
        await body.Asked;

        RealClient other = await market.NewClientAsync();
        using HttpClient others = await other.SignInAsync();
        await others.PutObjectAsync("x", [1]);

        // One runs, seven wait, the rest is turned away.
        List<Task<HttpResponseMessage>> more = [.. Enumerable.Range(0, UploadGate.PerClientMax + 3).Select(i => _http.PutAsync($"/v1/objects/{i}?for=1h", new ByteArrayContent([1])))];
        for (int i = 0; i < 4; i++)
        {
            Task<HttpResponseMessage> early = await Task.WhenAny(more);
            more.Remove(early);
            using HttpResponseMessage refused = await early;
            Assert.Equal("tooManyUploads", (await refused.ErrorAsync(HttpStatusCode.ServiceUnavailable, "failed")).Reason());
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        Assert.False(held.IsCompleted);
        body.Release();
        Assert.Equal(HttpStatusCode.Created, (await held).StatusCode);
        Assert.All(await Task.WhenAll(more), answer => Assert.Equal(HttpStatusCode.Created, answer.StatusCode));
    }

    [Fact]
    public async Task A_quote_says_what_it_would_cost_and_opens_nothing()
    {
        using HttpResponseMessage answer = await _http.PostAsync("/v1/quotes", new StringContent("""{"bytes":2000,"for":"1h"}""", Encoding.UTF8, "application/json"));
        PutReport quote = MarketJson.Read<PutReport>(await answer.Content.ReadAsStringAsync());
        Assert.True(quote.Price > TokenAmount.Zero);
        Assert.Null(quote.Locked);
        Assert.Empty(quote.Deals);
        Assert.Equal(TokenAmount.Zero, await _client.LockedAsync());
        foreach (string wrong in new[] { "{}", """{"bytes":-1}""", """{"bytes":1,"name":"a//b"}""", """{"bytes":1,"redundancy":"3/3"}""", """{"bytes":"1"}""" })
        {
            using HttpResponseMessage refused = await _http.PostAsync("/v1/quotes", new StringContent(wrong, Encoding.UTF8, "application/json"));
            await refused.ErrorAsync(HttpStatusCode.BadRequest, "usage");
        }
    }

    private async Task<HttpResponseMessage> GetRangeAsync(string range)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/objects/r");
        request.Headers.TryAddWithoutValidation("Range", range);
        return await _http.SendAsync(request);
    }

    private async Task<List<string>> NamesAsync(string query) =>
        [.. MarketJson.Read<ListReport>(await _http.GetStringAsync("/v1/objects" + query)).Objects.Select(one => one.Name)];
}
