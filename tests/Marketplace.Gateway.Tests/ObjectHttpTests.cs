using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Gateway.Objects;

namespace Marketplace.Gateway.Tests;

public sealed class ObjectHttpTests : IAsyncLifetime
{
    private RunningGateway _gateway = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _gateway = await RunningGateway.StartAsync();
        _http = await _gateway.SignedInAsync();
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _gateway.DisposeAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256)]
    [InlineData(65_537)]
    [InlineData(5_000_000)]
    public async Task Bytes_come_back(int count)
    {
        byte[] bytes = Signed.Bytes(count);
        PutReport put = await PutAsync("a/b.bin", bytes, "?redundancy=4/6&for=1h");
        Assert.Equal(Redundancy.Parse("4/6"), put.Redundancy);
        Assert.Equal(count, Assert.Single(put.Objects).Bytes);
        using HttpResponseMessage answer = await _http.GetAsync("/v1/objects/a/b.bin");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(count, answer.Content.Headers.ContentLength);
        Assert.Equal("\"1-1\"", answer.Headers.ETag?.ToString());
        Assert.Equal("bytes", answer.Headers.AcceptRanges.ToString());
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero), answer.Content.Headers.LastModified);
    }

    [Fact]
    public async Task A_body_of_unknown_length_is_taken()
    {
        byte[] bytes = Signed.Bytes(9_000_000);
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/objects/chunked") { Content = new StreamContent(new MemoryStream(bytes)) };
        request.Headers.TransferEncodingChunked = true;
        using HttpResponseMessage answer = await _http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal(bytes, await _http.GetByteArrayAsync("/v1/objects/chunked"));
    }

    [Fact]
    public async Task One_range_is_answered_with_that_range()
    {
        byte[] bytes = Signed.Bytes(1000);
        await PutAsync("r", bytes);
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
        await PutAsync("h", Signed.Bytes(77));
        using HttpResponseMessage head = await _http.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/objects/h"));
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal(77, head.Content.Headers.ContentLength);
        Assert.NotNull(head.Headers.ETag);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_copy_that_is_still_right_is_not_sent_again()
    {
        await PutAsync("c", Signed.Bytes(10));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/objects/c");
        request.Headers.IfNoneMatch.Add(new EntityTagHeaderValue("\"1-1\""));
        using HttpResponseMessage same = await _http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        await PutAsync("c", Signed.Bytes(10));
        using var again = new HttpRequestMessage(HttpMethod.Get, "/v1/objects/c");
        again.Headers.IfNoneMatch.Add(new EntityTagHeaderValue("\"1-1\""));
        using HttpResponseMessage changed = await _http.SendAsync(again);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
    }

    [Fact]
    public async Task What_a_client_stores_never_runs_as_a_page_of_the_gateway()
    {
        await PutAsync("evil.html", "<script>alert(1)</script>"u8.ToArray());
        using HttpResponseMessage answer = await _http.GetAsync("/v1/objects/evil.html");
        Assert.Equal("application/octet-stream", answer.Content.Headers.ContentType?.ToString());
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("attachment", answer.Content.Headers.ContentDisposition?.DispositionType);
    }

    [Fact]
    public async Task Another_clients_objects_are_not_there()
    {
        await PutAsync("mine", Signed.Bytes(10));
        using HttpClient other = await _gateway.SignedInAsync();
        await (await other.GetAsync("/v1/objects/mine")).ErrorAsync(HttpStatusCode.NotFound, "notFound");
        Assert.Empty(MarketJson.Read<ListReport>(await other.GetStringAsync("/v1/objects")).Objects);
        Assert.Single(MarketJson.Read<ListReport>(await _http.GetStringAsync("/v1/objects")).Objects);
    }

    [Fact]
    public async Task A_folder_has_no_bytes()
    {
        await PutAsync("folder/a", Signed.Bytes(10));
        Assert.Equal("notAFile", (await (await _http.GetAsync("/v1/objects/folder")).ErrorAsync(HttpStatusCode.BadRequest, "usage")).Reason());
        await (await _http.GetAsync("/v1/objects/nothing")).ErrorAsync(HttpStatusCode.NotFound, "notFound");
    }

    [Fact]
    public async Task A_list_is_cut_by_prefix_level_and_page()
    {
        foreach (string name in new[] { "b", "a/2", "a/1", "a/x/y", "фото/кот" }) await PutAsync(name, Signed.Bytes(3));
        Assert.Equal(["a/1", "a/2", "a/x/y", "b", "фото/кот"], await NamesAsync(""));
        Assert.Equal(["a/1", "a/2", "a/x/y"], await NamesAsync("?prefix=a/"));
        Assert.Equal(["a", "b", "фото"], await NamesAsync("?recursive=false"));
        Assert.Equal(["a/1", "a/2", "a/x"], await NamesAsync("?prefix=a/&recursive=false"));
        Assert.Equal(["a/2", "a/x/y"], await NamesAsync("?after=a/1&limit=2"));
        Assert.Empty(await NamesAsync("?prefix=c"));
        ListedObject folder = MarketJson.Read<ListReport>(await _http.GetStringAsync("/v1/objects?recursive=false")).Objects[0];
        Assert.Equal((ObjectKind.Folder, 9), (folder.Kind, folder.Bytes));
        await (await _http.GetAsync("/v1/objects?limit=0")).ErrorAsync(HttpStatusCode.BadRequest, "usage");
    }

    [Theory]
    [InlineData("/v1/objects/a//b")]
    [InlineData("/v1/objects/a%2F..%2Fb")]
    [InlineData("/v1/objects/a?redundancy=1/2")]
    [InlineData("/v1/objects/a?redundancy=three")]
    [InlineData("/v1/objects/a?for=forever")]
    [InlineData("/v1/objects/a?for=0d")]
    public async Task A_wrong_name_or_wish_is_refused_before_a_byte_is_taken(string path)
    {
        using HttpResponseMessage answer = await _http.PutAsync(path, new ByteArrayContent(Signed.Bytes(10)));
        await answer.ErrorAsync(HttpStatusCode.BadRequest, "usage");
        Assert.Equal(0, _gateway.Market.BytesTaken);
    }

    [Fact]
    public async Task Names_in_every_script_and_with_odd_signs_come_back()
    {
        foreach (string name in new[] { "фото/кот.jpg", "日本 語", "a+b&c=d?e#f", "100%", "%2F", "😀", "line\nbreak" })
        {
            string path = "/v1/objects/" + Uri.EscapeDataString(name);
            using HttpResponseMessage put = await _http.PutAsync(path, new ByteArrayContent(Encoding.UTF8.GetBytes(name)));
            Assert.Equal(HttpStatusCode.Created, put.StatusCode);
            Assert.Equal(name, MarketJson.Read<PutReport>(await put.Content.ReadAsStringAsync()).Objects[0].Name);
            Assert.Equal(Encoding.UTF8.GetBytes(name), await _http.GetByteArrayAsync(put.Headers.Location));
        }
    }

    [Fact]
    public async Task Too_small_an_allowance_is_told_before_a_byte_is_sent()
    {
        _gateway.Market.Allowed = TokenAmount.Parse("0.25");
        // By hand, to see that the server asks for nothing: a client that expects 100 Continue waits with the body.
        using var socket = new TcpClient();
        await socket.ConnectAsync(_gateway.Url.Host, _gateway.Url.Port);
        NetworkStream stream = socket.GetStream();
        string head = $"PUT /v1/objects/a?for=1h HTTP/1.1\r\nHost: x\r\nAuthorization: {_http.DefaultRequestHeaders.Authorization}\r\n" +
            "Content-Length: 1000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head));
        using var reader = new StreamReader(stream);
        var lines = new StringBuilder();
        while (await reader.ReadLineAsync() is { Length: > 0 } line) lines.Append(line).Append('\n');
        char[] body = new char[4096];
        lines.Append(body, 0, await reader.ReadAsync(body));
        string answer = lines.ToString();
        Assert.StartsWith("HTTP/1.1 402", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"insufficientFunds\"", answer, StringComparison.Ordinal);
        Assert.Contains("\"missing\":\"0.75\"", answer, StringComparison.Ordinal);
        Assert.Contains("\"reason\":\"allowance\"", answer, StringComparison.Ordinal);
        Assert.Contains($"\"hint\":\"market allow {MemoryMarket.Operator} 1 --for 1h\"", answer, StringComparison.Ordinal);
        Assert.Equal(0, _gateway.Market.BytesTaken);
    }

    [Fact]
    public async Task Too_little_money_in_escrow_is_told()
    {
        _gateway.Market.Free = TokenAmount.Parse("0.9");
        using HttpResponseMessage answer = await _http.PutAsync("/v1/objects/a", new ByteArrayContent(Signed.Bytes(1000)));
        var error = await answer.ErrorAsync(HttpStatusCode.PaymentRequired, "insufficientFunds");
        Assert.Equal("escrow", error.Reason());
        Assert.Equal("0.1", error.GetProperty("missing").GetString());
        Assert.Equal("market deposit 0.1", error.GetProperty("hint").GetString());
    }

    [Fact]
    public async Task A_body_of_unknown_length_is_cut_off_when_it_can_no_longer_be_paid()
    {
        _gateway.Market.Allowed = TokenAmount.Parse("5000");
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/objects/endless") { Content = new StreamContent(new MemoryStream(Signed.Bytes(20_000_000))) };
        request.Headers.TransferEncodingChunked = true;
        try
        {
            using HttpResponseMessage answer = await _http.SendAsync(request);
            await answer.ErrorAsync(HttpStatusCode.PaymentRequired, "insufficientFunds");
        }
        catch (HttpRequestException)
        {
            // The server may have closed the connection while the rest was still being sent.
        }

        Assert.InRange(_gateway.Market.BytesTaken, 0, 5_000_000);
        await (await _http.GetAsync("/v1/objects/endless")).ErrorAsync(HttpStatusCode.NotFound, "notFound");
    }

    [Fact]
    public async Task A_token_without_a_key_to_seal_to_reads_but_does_not_store()
    {
        using HttpClient http = await _gateway.SignedInAsync(withSealKey: false);
        using HttpResponseMessage put = await http.PutAsync("/v1/objects/a", new ByteArrayContent([1]));
        Assert.Equal("noSealKey", (await put.ErrorAsync(HttpStatusCode.Forbidden, "usage")).Reason());
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/objects")).StatusCode);
    }

    [Fact]
    public async Task A_read_that_fails_midway_never_looks_whole()
    {
        await PutAsync("big", Signed.Bytes(3_000_000));
        _gateway.Market.FailAfterBytes = 1_000_000;
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => _http.GetByteArrayAsync("/v1/objects/big"));
        _gateway.Market.FailAfterBytes = 0;
        await (await _http.GetAsync("/v1/objects/big")).ErrorAsync(HttpStatusCode.ServiceUnavailable, "incomplete");
    }

    [Fact]
    public async Task Uploads_of_one_client_go_one_by_one_and_of_several_side_by_side()
    {
        var hold = new TaskCompletionSource();
        _gateway.Market.Hold = hold.Task;
        List<Task<HttpResponseMessage>> own = [.. Enumerable.Range(0, UploadGate.PerClientMaxDefault).Select(i => _http.PutAsync($"/v1/objects/{i}", new ByteArrayContent([1])))];
        using HttpClient other = await _gateway.SignedInAsync();
        Task<HttpResponseMessage> others = other.PutAsync("/v1/objects/x", new ByteArrayContent([1]));
        while (_gateway.Market.RunningMost < 2) await Task.Delay(10);
        // The ninth is turned away once the eight stand in line; until then it may be one of the eight itself.
        List<Task<HttpResponseMessage>> more = [.. Enumerable.Range(8, 4).Select(i => _http.PutAsync($"/v1/objects/{i}", new ByteArrayContent([1])))];
        List<Task<HttpResponseMessage>> all = [.. own, .. more];
        while (all.Count(task => task.IsCompleted) < 4) await Task.Delay(10);
        foreach (Task<HttpResponseMessage> early in all.Where(task => task.IsCompleted))
        {
            HttpResponseMessage answer = await early;
            Assert.Equal("tooManyUploads", (await answer.ErrorAsync(HttpStatusCode.ServiceUnavailable, "failed")).Reason());
            Assert.NotNull(answer.Headers.RetryAfter);
        }

        Assert.Equal(2, _gateway.Market.RunningMost);
        hold.SetResult();
        HttpResponseMessage[] done = await Task.WhenAll(all);
        Assert.Equal(UploadGate.PerClientMaxDefault, done.Count(answer => answer.StatusCode == HttpStatusCode.Created));
        Assert.Equal(HttpStatusCode.Created, (await others).StatusCode);
        Assert.Equal(2, _gateway.Market.RunningMost);
    }

    [Fact]
    public async Task A_quote_says_what_it_would_cost_and_opens_nothing()
    {
        using HttpResponseMessage answer = await _http.PostAsync("/v1/quotes", new StringContent("""{"bytes":2000,"for":"1h"}""", Encoding.UTF8, "application/json"));
        PutReport quote = MarketJson.Read<PutReport>(await answer.Content.ReadAsStringAsync());
        Assert.Equal(TokenAmount.Parse("2"), quote.Price);
        Assert.Null(quote.Locked);
        Assert.Empty(quote.Deals);
        foreach (string wrong in new[] { "{}", """{"bytes":-1}""", """{"bytes":1,"name":"a//b"}""", """{"bytes":1,"redundancy":"3/3"}""", """{"bytes":"1"}""" })
        {
            using HttpResponseMessage refused = await _http.PostAsync("/v1/quotes", new StringContent(wrong, Encoding.UTF8, "application/json"));
            await refused.ErrorAsync(HttpStatusCode.BadRequest, "usage");
        }
    }

    private async Task<PutReport> PutAsync(string name, byte[] bytes, string query = "")
    {
        string path = string.Join('/', name.Split('/').Select(Uri.EscapeDataString));
        using HttpResponseMessage answer = await _http.PutAsync($"/v1/objects/{path}{query}", new ByteArrayContent(bytes));
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return MarketJson.Read<PutReport>(await answer.Content.ReadAsStringAsync());
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
