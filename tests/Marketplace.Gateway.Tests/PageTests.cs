using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Marketplace.Testing;

namespace Marketplace.Gateway.Tests;

[Collection(RealMarketCollection.Name)]
public sealed class PageTests(RealMarket market) : IAsyncLifetime
{
    private RunningGateway _gateway = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _gateway = await RunningGateway.StartAsync(market, options => options with { AllowedOrigins = ["https://app.example"] });
        _http = _gateway.Stranger();
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task Info_names_what_a_client_needs()
    {
        JsonElement info = JsonDocument.Parse(await _http.GetStringAsync("/v1/info")).RootElement;
        Assert.Equal(31337, info.GetProperty("chainId").GetInt32());
        Assert.Equal(market.Operator.Address.ToString(), info.GetProperty("operator").GetString());
        Assert.Equal(43, info.GetProperty("readKey").GetString()!.Length);
        Assert.True(info.GetProperty("block").GetInt32() > 0);
        Assert.Equal(JsonValueKind.Null, info.GetProperty("rpcUrl").ValueKind);
        Assert.Equal(_gateway.Rules.Origin, info.GetProperty("url").GetString());
        Assert.True(info.GetProperty("contracts").TryGetProperty("StorageMarket", out _));
    }

    [Fact]
    public async Task Health_is_bad_when_the_chain_does_not_answer_and_info_still_answers()
    {
        using var wire = new Wire(new Uri(market.Chain.Url).Port);
        await using RunningGateway gateway = await RunningGateway.StartAsync(
            market, options => options with { RpcUrl = new UriBuilder(market.Chain.Url) { Port = wire.Port }.Uri.ToString(), PublicRpcUrl = new Uri("https://rpc.example.org/v2") });
        using HttpClient http = gateway.Stranger();
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/health")).StatusCode);
        wire.Cut();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync("/v1/health")).StatusCode);
        JsonElement info = JsonDocument.Parse(await http.GetStringAsync("/v1/info")).RootElement;
        Assert.Equal(JsonValueKind.Null, info.GetProperty("block").ValueKind);
        Assert.Equal("https://rpc.example.org/v2", info.GetProperty("rpcUrl").GetString());
        wire.Mend();
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/health")).StatusCode);
    }

    [Fact]
    public async Task The_start_page_names_the_operator_and_fetches_nothing_from_elsewhere()
    {
        using HttpResponseMessage answer = await _http.GetAsync("/");
        string page = await answer.Content.ReadAsStringAsync();
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        Assert.Contains($"market allow {market.Operator.Address}", page, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        foreach (Match link in Regex.Matches(page, "(src|href)=\"(?<url>[^\"]*)\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)))
            Assert.Matches("^(/|data:)", link.Groups["url"].Value);
        Assert.Contains("default-src 'none'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_description_names_every_call_and_which_need_a_token()
    {
        JsonElement document = JsonDocument.Parse(await _http.GetStringAsync("/openapi/v1.json")).RootElement;
        JsonElement paths = document.GetProperty("paths");
        (string Path, string Method, bool NeedsToken)[] calls =
        [
            ("/v1/info", "get", false),
            ("/v1/health", "get", false),
            ("/v1/auth/nonce", "post", false),
            ("/v1/auth/login", "post", false),
            ("/v1/objects", "get", true),
            ("/v1/objects/{name}", "put", true),
            ("/v1/objects/{name}", "get", true),
            ("/v1/quotes", "post", true),
            ("/v1/balance", "get", true),
        ];
        foreach ((string path, string method, bool needsToken) in calls)
        {
            Assert.True(paths.TryGetProperty(path, out JsonElement item), $"{path} is not described: {string.Join(' ', paths.EnumerateObject().Select(one => one.Name))}");
            Assert.Equal(needsToken, item.GetProperty(method).TryGetProperty("security", out _));
        }

        Assert.Equal("bearer", document.GetProperty("components").GetProperty("securitySchemes").GetProperty("bearer").GetProperty("scheme").GetString());
        Assert.Equal(9, paths.EnumerateObject().Sum(path => path.Value.EnumerateObject().Count(one => one.Name is "get" or "put" or "post")));
    }

    [Fact]
    public async Task The_viewer_and_all_it_loads_come_from_the_gateway_itself()
    {
        using HttpResponseMessage answer = await _http.GetAsync("/docs");
        string page = await answer.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("default-src 'self'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("cdn", page, StringComparison.OrdinalIgnoreCase);
        MatchCollection scripts = Regex.Matches(page, "<script[^>]*src=\"(?<url>[^\"]*)\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
        Assert.NotEmpty(scripts);
        foreach (Match script in scripts)
        {
            using HttpResponseMessage file = await _http.GetAsync(new Uri(answer.RequestMessage!.RequestUri!, script.Groups["url"].Value));
            Assert.Equal(HttpStatusCode.OK, file.StatusCode);
            Assert.Equal(_gateway.Url.Authority, file.RequestMessage!.RequestUri!.Authority);
        }
    }

    [Theory]
    [InlineData("https://app.example", true)]
    [InlineData("https://evil.example", false)]
    public async Task Only_named_pages_may_call_from_a_browser(string origin, bool allowed)
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/objects/a");
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "PUT");
        request.Headers.Add("Access-Control-Request-Headers", "authorization");
        using HttpResponseMessage answer = await _http.SendAsync(request);
        Assert.Equal(allowed, answer.Headers.TryGetValues("Access-Control-Allow-Origin", out IEnumerable<string>? origins) && origins.Single() == origin);
    }

    [Fact]
    public async Task An_unknown_address_is_answered_in_the_same_shape() =>
        await (await _http.GetAsync("/v1/nothing")).ErrorAsync(HttpStatusCode.NotFound, "notFound");
}
