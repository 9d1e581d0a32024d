using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Json;
using Marketplace.Gateway.SignIn;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Gateway.Tests;

/// <summary>A gateway on a real port of the loopback address, with its own clock.</summary>
internal sealed class RunningGateway : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _dataDir;

    private RunningGateway(WebApplication app, string dataDir, MemoryMarket market, FakeTimeProvider time, Uri url)
    {
        _app = app;
        _dataDir = dataDir;
        Market = market;
        Time = time;
        Url = url;
    }

    public MemoryMarket Market { get; }

    public FakeTimeProvider Time { get; }

    public Uri Url { get; }

    public string DataDir => _dataDir;

    public SignInRules Rules => new(Url, Market.Facts.ChainId);

    public static async Task<RunningGateway> StartAsync(Func<GatewayOptions, GatewayOptions>? change = null)
    {
        string dataDir = Directory.CreateTempSubdirectory("market-gateway-").FullName;
        var market = new MemoryMarket();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var options = new GatewayOptions
        {
            DataDir = dataDir,
            Passphrase = "not used: the market is in memory",
            RpcUrl = new Uri("http://127.0.0.1:1"),
            Contracts = market.Facts.Contracts,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            LogFile = Path.Combine(dataDir, "log"),
        };
        WebApplication app = GatewayHost.Build(change?.Invoke(options) ?? options, market, services => services.AddSingleton<TimeProvider>(time));
        await app.StartAsync();
        return new RunningGateway(app, dataDir, market, time, app.Services.GetRequiredService<GatewayAddress>().Url);
    }

    /// <summary>A client without a token.</summary>
    public HttpClient Stranger() => new() { BaseAddress = Url };

    /// <summary>A client with the token of a new account.</summary>
    public async Task<HttpClient> SignedInAsync(bool withSealKey = true)
    {
        using var account = Account.Create();
        LoginReport login = await SignInAsync(account, withSealKey ? Signed.SealKey() : null);
        HttpClient http = Stranger();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", login.Token);
        return http;
    }

    /// <summary>Signs an account in.</summary>
    public async Task<LoginReport> SignInAsync(Account account, byte[]? sealTo)
    {
        using HttpClient http = Stranger();
        using HttpResponseMessage given = await http.PostAsync("/v1/auth/nonce", null);
        var nonce = MarketJson.Read<NonceReport>(await given.Content.ReadAsStringAsync());
        string text = Signed.Message(account, Rules, new GivenNonce(nonce.Nonce, nonce.IssuedAt, nonce.ExpiresAt), sealTo).ToString();
        using HttpResponseMessage answer = await http.PostAsJsonAsync("/v1/auth/login", new LoginRequest(text, account.SignMessage(text).ToString()));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return MarketJson.Read<LoginReport>(await answer.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Directory.Delete(_dataDir, recursive: true);
    }
}

/// <summary>Reads answers.</summary>
internal static class Answers
{
    /// <summary>The member <c>error</c> of a failure, whose form is checked.</summary>
    public static async Task<JsonElement> ErrorAsync(this HttpResponseMessage answer, HttpStatusCode status, string code)
    {
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == answer.StatusCode, $"{answer.StatusCode}: {text}");
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        JsonElement error = JsonDocument.Parse(text).RootElement.GetProperty("error");
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        return error;
    }

    /// <summary>The word in <c>reason</c>.</summary>
    public static string? Reason(this JsonElement error) => error.GetProperty("reason").GetString();
}
