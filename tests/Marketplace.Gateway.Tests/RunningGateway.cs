using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Json;
using Marketplace.Gateway.Market;
using Marketplace.Gateway.SignIn;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Gateway.Tests;

/// <summary>A second gateway of the same operator before the same market, in an empty folder, with settings and a clock of its own.</summary>
internal sealed class RunningGateway : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly MarketDoor _door;

    private RunningGateway(WebApplication app, MarketDoor door, string dataDir, FakeTimeProvider time)
    {
        _app = app;
        _door = door;
        DataDir = dataDir;
        Time = time;
        Url = app.Services.GetRequiredService<GatewayAddress>().Url;
    }

    public MarketFacts Facts => _door.Facts;

    public FakeTimeProvider Time { get; }

    public Uri Url { get; }

    public string DataDir { get; }

    public IServiceProvider Services => _app.Services;

    public SignInRules Rules => new(Url, Facts.ChainId);

    public static async Task<RunningGateway> StartAsync(RealMarket market, Func<GatewayOptions, GatewayOptions>? change = null)
    {
        GatewayOptions options = await market.NewGatewayAsync();
        options = change?.Invoke(options) ?? options;
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        MarketDoor door = await MarketDoor.OpenAsync(options, default);
        WebApplication app = GatewayHost.Build(options, door, services => services.AddSingleton<TimeProvider>(time));
        await app.StartAsync();
        return new RunningGateway(app, door, options.DataDir, time);
    }

    /// <summary>A client without a token.</summary>
    public HttpClient Stranger() => new() { BaseAddress = Url };

    /// <summary>Signs an account in.</summary>
    public async Task<LoginReport> SignInAsync(Account account, byte[]? sealTo)
    {
        using HttpClient http = Stranger();
        return await http.SignInAsync(account, Rules, sealTo);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _door.Dispose();
    }
}

/// <summary>Signing in over HTTP, as <c>market login</c> does.</summary>
internal static class HttpSignIn
{
    /// <summary>Signs an account in and keeps the token for the calls that follow.</summary>
    public static async Task<LoginReport> SignInAsync(this HttpClient http, Account account, SignInRules rules, byte[]? sealTo)
    {
        using HttpResponseMessage given = await http.PostAsync("/v1/auth/nonce", null);
        var nonce = MarketJson.Read<NonceReport>(await given.Content.ReadAsStringAsync());
        string text = Signed.Message(account, rules, new GivenNonce(nonce.Nonce, nonce.IssuedAt, nonce.ExpiresAt), sealTo).ToString();
        using HttpResponseMessage answer = await http.PostAsJsonAsync("/v1/auth/login", new LoginRequest(text, account.SignMessage(text).ToString()));
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, body);
        var login = MarketJson.Read<LoginReport>(body);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", login.Token);
        return login;
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
        Assert.Equal(["code", "message", "hint", "missing", "reason"], error.EnumerateObject().Select(member => member.Name));
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
        return error;
    }

    /// <summary>The word in <c>reason</c>.</summary>
    public static string? Reason(this JsonElement error) => error.GetProperty("reason").GetString();
}
