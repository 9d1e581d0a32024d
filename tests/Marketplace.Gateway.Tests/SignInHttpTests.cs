using System.Buffers.Text;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;

namespace Marketplace.Gateway.Tests;

[Collection(RealMarketCollection.Name)]
public sealed class SignInHttpTests(RealMarket market) : IAsyncLifetime
{
    private readonly Account _account = Account.Create();
    private RunningGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await RunningGateway.StartAsync(market);

    public async Task DisposeAsync()
    {
        _account.Dispose();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task A_signed_message_gives_a_token_that_opens_the_clients_own_calls()
    {
        byte[] sealTo = Signed.SealKey();
        LoginReport login = await _gateway.SignInAsync(_account, sealTo);
        Assert.Equal(_account.Address, login.Address);
        Assert.Equal(SealKeys.ToText(sealTo), login.SealTo);
        using HttpResponseMessage balance = await CallAsync(login.Token);
        Assert.Equal(HttpStatusCode.OK, balance.StatusCode);
        Assert.Equal(_account.Address, MarketJson.Read<BalanceReport>(await balance.Content.ReadAsStringAsync()).Address);
    }

    [Theory]
    [InlineData("GET", "/v1/balance")]
    [InlineData("GET", "/v1/objects")]
    [InlineData("GET", "/v1/objects/a")]
    [InlineData("HEAD", "/v1/objects/a")]
    [InlineData("PUT", "/v1/objects/a")]
    [InlineData("POST", "/v1/quotes")]
    public async Task Without_a_token_nothing_of_a_client_is_answered(string method, string path)
    {
        using HttpClient http = _gateway.Stranger();
        using HttpResponseMessage answer = await http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
        if (method != "HEAD") Assert.Equal("signInNeeded", (await answer.ErrorAsync(HttpStatusCode.Unauthorized, "usage")).Reason());
    }

    [Fact]
    public async Task A_token_ends()
    {
        LoginReport login = await _gateway.SignInAsync(_account, null);
        _gateway.Time.Advance(TokenMint.Life - TimeSpan.FromSeconds(2));
        using (HttpResponseMessage young = await CallAsync(login.Token)) Assert.Equal(HttpStatusCode.OK, young.StatusCode);
        _gateway.Time.Advance(TimeSpan.FromSeconds(2));
        using HttpResponseMessage old = await CallAsync(login.Token);
        Assert.Equal(HttpStatusCode.Unauthorized, old.StatusCode);
    }

    [Fact]
    public async Task A_token_changed_in_any_part_is_refused()
    {
        LoginReport login = await _gateway.SignInAsync(_account, null);
        string[] parts = login.Token.Split('.');
        string claims = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[1]));
        using var other = Account.Create();
        string forged = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.Replace(_account.Address.ToString(), other.Address.ToString(), StringComparison.Ordinal)));
        string unsigned = Base64Url.EncodeToString("""{"alg":"none","typ":"JWT"}"""u8);
        char flipped = parts[2][5] == 'A' ? 'B' : 'A';
        string[] wrong =
        [
            $"{parts[0]}.{forged}.{parts[2]}",
            $"{parts[0]}.{parts[1]}.{parts[2][..5]}{flipped}{parts[2][6..]}",
            $"{parts[0]}.{parts[1]}.",
            $"{unsigned}.{parts[1]}.",
            $"{unsigned}.{forged}.{parts[2]}",
            parts[1],
            "",
            new string('a', TokenMint.TokenCharsMax + 1),
        ];
        foreach (string token in wrong)
        {
            using HttpResponseMessage answer = await CallAsync(token);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_token_for_another_gateway_or_another_market_is_refused(bool otherIssuer, bool otherAudience)
    {
        byte[] key = await File.ReadAllBytesAsync(Path.Combine(_gateway.DataDir, GatewaySetup.TokenKeyFileName));
        string audience = TokenMint.AudienceOf(31337, _gateway.Facts.Contracts["StorageMarket"]);
        string Minted(string issuer, string forWhom) => new TokenMint(key, issuer, forWhom, _gateway.Time).Mint(new GatewayClient(_account.Address, null)).Text;
        using HttpResponseMessage right = await CallAsync(Minted(_gateway.Rules.Origin, audience));
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        using HttpResponseMessage wrong = await CallAsync(Minted(
            otherIssuer ? "http://127.0.0.1:1" : _gateway.Rules.Origin, otherAudience ? TokenMint.AudienceOf(1, Address.Zero) : audience));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
    }

    [Fact]
    public async Task A_refusal_says_why()
    {
        using HttpClient http = _gateway.Stranger();
        var nonce = MarketJson.Read<NonceReport>(await (await http.PostAsync("/v1/auth/nonce", null)).Content.ReadAsStringAsync());
        var given = new GivenNonce(nonce.Nonce, nonce.IssuedAt, nonce.ExpiresAt);
        SignInMessage right = Signed.Message(_account, _gateway.Rules, given);
        Assert.Equal(_gateway.Rules.Domain, nonce.Domain);
        Assert.Equal(31337UL, nonce.ChainId);
        Assert.Equal("wrongChain", await ReasonAsync(http, right with { ChainId = 1 }));
        Assert.Equal("wrongDomain", await ReasonAsync(http, right with { Domain = "evil.example" }));
        Assert.Equal("wrongNonce", await ReasonAsync(http, right with { Nonce = "12345678" }));
        using HttpResponseMessage malformed = await http.PostAsJsonAsync("/v1/auth/login", new LoginRequest("hello", "0x00"));
        Assert.Equal("malformed", (await malformed.ErrorAsync(HttpStatusCode.Unauthorized, "usage")).Reason());
        using HttpResponseMessage empty = await http.PostAsync("/v1/auth/login", new StringContent("{}", Encoding.UTF8, "application/json"));
        await empty.ErrorAsync(HttpStatusCode.BadRequest, "usage");
        using HttpResponseMessage noJson = await http.PostAsync("/v1/auth/login", new StringContent("{", Encoding.UTF8, "application/json"));
        await noJson.ErrorAsync(HttpStatusCode.BadRequest, "usage");
    }

    [Fact]
    public async Task A_body_larger_than_any_message_is_refused()
    {
        using HttpClient http = _gateway.Stranger();
        string large = JsonSerializer.Serialize(new LoginRequest(new string('a', (int)SignInEndpoints.JsonBodyBytesMax), "0x00"));
        using HttpResponseMessage answer = await http.PostAsync("/v1/auth/login", new StringContent(large, Encoding.UTF8, "application/json"));
        await answer.ErrorAsync(HttpStatusCode.RequestEntityTooLarge, "usage");
    }

    [Fact]
    public async Task Only_so_many_sign_ins_a_minute_are_taken_from_one_address()
    {
        await using RunningGateway strict = await RunningGateway.StartAsync(market, options => options with { SignInsPerMinute = 3 });
        using HttpClient http = strict.Stranger();
        for (int i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.OK, (await http.PostAsync("/v1/auth/nonce", null)).StatusCode);
        await (await http.PostAsync("/v1/auth/nonce", null)).ErrorAsync(HttpStatusCode.TooManyRequests, "failed");
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/info")).StatusCode);
    }

    [Fact]
    public async Task Behind_a_trusted_proxy_one_stranger_uses_up_the_sign_ins_of_nobody_else()
    {
        await using RunningGateway strict = await RunningGateway.StartAsync(market, options => options with { SignInsPerMinute = 3, TrustedProxy = IPAddress.Loopback });
        using HttpClient greedy = strict.Stranger();
        greedy.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1");
        for (int i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.OK, (await greedy.PostAsync("/v1/auth/nonce", null)).StatusCode);
        await (await greedy.PostAsync("/v1/auth/nonce", null)).ErrorAsync(HttpStatusCode.TooManyRequests, "failed");
        using HttpClient other = strict.Stranger();
        other.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1, 192.0.2.2");
        Assert.Equal(HttpStatusCode.OK, (await other.PostAsync("/v1/auth/nonce", null)).StatusCode);
    }

    [Fact]
    public void The_key_of_the_tokens_is_for_its_owners_eyes_only()
    {
        if (OperatingSystem.IsWindows()) return;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_gateway.DataDir, GatewaySetup.TokenKeyFileName)));
    }

    private async Task<string?> ReasonAsync(HttpClient http, SignInMessage message)
    {
        string text = message.ToString();
        using HttpResponseMessage answer = await http.PostAsJsonAsync("/v1/auth/login", new LoginRequest(text, _account.SignMessage(text).ToString()));
        return (await answer.ErrorAsync(HttpStatusCode.Unauthorized, "usage")).Reason();
    }

    private async Task<HttpResponseMessage> CallAsync(string token)
    {
        using HttpClient http = _gateway.Stranger();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/balance");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        return await http.SendAsync(request);
    }
}
