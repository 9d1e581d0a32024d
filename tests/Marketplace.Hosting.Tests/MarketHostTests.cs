using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Marketplace.Hosting.Tests;

/// <summary>A real host on a real port.</summary>
public sealed class MarketHostTests : IAsyncLifetime
{
    private const string Password = "correct horse battery";

    private readonly string _logFile = Path.Combine(Directory.CreateTempSubdirectory("market-hosting-").FullName, "host.log");
    private readonly CancellationTokenSource _stop = new();
    private HttpClient _http = null!;
    private Task _run = null!;

    public async Task InitializeAsync()
    {
        var options = new MarketHostOptions { LogFile = _logFile, RequestLimits = new RequestLimits(PerSecond: 1, Burst: 20) };
        WebApplicationBuilder builder = MarketHost.CreateBuilder(options);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        app.UseMarketDefaults(options);
        app.UseAdminPassword("/admin", new AdminPassword(Password));
        Counter<long> calls = app.Services.GetRequiredService<IMeterFactory>().Create("Marketplace.Test").CreateCounter<long>("test.calls", description: "Calls");
        app.MapGet("/calls", (string who) => calls.Add(1, new KeyValuePair<string, object?>("who", who)));
        app.MapGet("/poor", string () => throw new MarketException(MarketErrorCode.InsufficientFunds, "Not enough.", "Deposit more.") { Missing = TokenAmount.Parse("0.75") });
        app.MapGet("/broken", string () => throw new InvalidOperationException("the secret is 42"));
        app.MapGet("/admin/page", () => "inside");
        RouteGroupBuilder rare = app.MapGroup("/rare").WithRequestLimits(new RequestLimits(PerSecond: 0.05, Burst: 3));
        rare.MapGet("/a", () => "a");
        rare.MapGet("/b", () => "b");
        app.MapMetrics();
        app.MapHealth(_ => ValueTask.FromResult((false, new { Status = "behind", Block = (ulong?)null })));
        var listening = new TaskCompletionSource<Uri>();
        _run = MarketHost.RunAsync(app, urls => listening.SetResult(urls[0]), _stop.Token);
        // A host that does not start fails here with its reason, instead of never listening.
        if (await Task.WhenAny(_run, listening.Task) == _run) await _run;
        _http = new HttpClient { BaseAddress = await listening.Task };
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _http.Dispose();
        _stop.Dispose();
        Directory.Delete(Path.GetDirectoryName(_logFile)!, recursive: true);
    }

    [Fact]
    public async Task An_expected_failure_has_its_code_hint_and_status()
    {
        HttpResponseMessage answer = await _http.GetAsync("/poor");
        JsonElement error = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        Assert.Equal(HttpStatusCode.PaymentRequired, answer.StatusCode);
        Assert.Equal("insufficientFunds", error.GetProperty("code").GetString());
        Assert.Equal("Deposit more.", error.GetProperty("hint").GetString());
        Assert.Equal("0.75", error.GetProperty("missing").GetString());
    }

    [Fact]
    public async Task An_unexpected_failure_is_logged_and_its_details_stay_inside()
    {
        HttpResponseMessage answer = await _http.GetAsync("/broken");
        string body = await answer.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.DoesNotContain("42", body, StringComparison.Ordinal);
        Assert.Equal("failed", JsonDocument.Parse(body).RootElement.GetProperty("error").GetProperty("code").GetString());
        string log = await ReadLogAsync();
        Assert.Contains("error 1101", log, StringComparison.Ordinal);
        Assert.Contains("the secret is 42", log, StringComparison.Ordinal);
        Assert.Single(log.TrimEnd().Split('\n'), line => line.Contains("1101", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_not_there_answers_in_the_same_shape()
    {
        HttpResponseMessage answer = await _http.GetAsync("/nowhere");
        string body = await answer.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("notFound", JsonDocument.Parse(body).RootElement.GetProperty("error").GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("/admin/page", null, HttpStatusCode.Unauthorized)]
    [InlineData("/ADMIN/page", null, HttpStatusCode.Unauthorized)]
    [InlineData("/admin/page", "operator:wrong horse battery", HttpStatusCode.Unauthorized)]
    [InlineData("/admin/page", "operator:" + Password, HttpStatusCode.OK)]
    public async Task The_operators_pages_need_the_password(string path, string? pair, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (pair is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
        HttpResponseMessage answer = await _http.SendAsync(request);
        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task What_was_counted_stands_in_the_metrics()
    {
        await _http.GetAsync("/calls?who=a");
        await _http.GetAsync("/calls?who=a");
        await _http.GetAsync("/calls?who=%22b%0A");
        string text = await _http.GetStringAsync("/metrics");
        Assert.Contains("# TYPE test_calls_total counter\n", text, StringComparison.Ordinal);
        Assert.Contains("test_calls_total{who=\"a\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("test_calls_total{who=\"\\\"b\\n\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("dotnet_", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_that_is_not_good_is_503_and_says_what_is_unknown_with_null()
    {
        HttpResponseMessage answer = await _http.GetAsync("/v1/health");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("""{"status":"behind","block":null}""", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Who_asks_too_much_waits()
    {
        HttpResponseMessage answer = await _http.GetAsync("/v1/health");
        for (int i = 0; i < 40 && answer.StatusCode != HttpStatusCode.TooManyRequests; i++) answer = await _http.GetAsync("/v1/health");
        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.True(answer.Headers.RetryAfter!.Delta >= TimeSpan.FromSeconds(1));
        Assert.Contains("\"error\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_group_may_have_limits_of_its_own_for_all_of_it_together()
    {
        foreach (string path in (string[])["/rare/a", "/rare/b", "/rare/a"]) Assert.Equal(HttpStatusCode.OK, (await _http.GetAsync(path)).StatusCode);
        HttpResponseMessage answer = await _http.GetAsync("/rare/b");
        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(20));
        Assert.Contains("\"error\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _http.GetAsync("/v1/health")).StatusCode);
    }

    [Fact]
    public async Task A_host_that_a_failed_worker_ended_did_not_end_in_order()
    {
        WebApplicationBuilder builder = MarketHost.CreateBuilder(new MarketHostOptions { LogFile = _logFile + ".failed" });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddHostedService<FailingWorker>();

        MarketException failure = await Assert.ThrowsAsync<MarketException>(() => MarketHost.RunAsync(builder.Build(), null, CancellationToken.None));

        Assert.Equal(MarketErrorCode.Failed, failure.Code);
        Assert.Contains("FailingWorker failed and ended the program: the disk is gone", failure.Message, StringComparison.Ordinal);
    }

    private sealed class FailingWorker : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            throw new IOException("the disk is gone");
        }
    }

    private async Task<string> ReadLogAsync()
    {
        await using var file = new FileStream(_logFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return await reader.ReadToEndAsync();
    }
}
