using System.Buffers.Text;
using System.CommandLine;
using System.Net.Http.Json;
using System.Text.Json;
using Marketplace.Chain;
using Marketplace.Commands.Homes;
using Marketplace.Cli.Roles;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;
using Marketplace.Client.Json;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;

namespace Marketplace.Cli.SignIn;

/// <summary>What <c>login</c> answers.</summary>
internal sealed record LoginAnswer(string Url, Address Address, string Token, DateTimeOffset ExpiresAt);

/// <summary><c>market login URL</c>: signs in at a gateway with the wallet, by the words of docs/protocol/gateway-http.md.</summary>
internal static class LoginVerb
{
    private const string Statement = "Store and read files through this gateway, paid from what I allow it on chain.";
    private const int AnswerBytesMax = 64 * 1024;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    public static Verb Create()
    {
        var url = new Argument<string>("URL") { Description = "The gateway's address." };
        return new Verb("login", "Sign in at a gateway; prints a token for curl.") { url }
            .Example("login http://127.0.0.1:8080")
            .Example("login http://127.0.0.1:8080 --json")
            .Runs(run => LoginAsync(run, run.Get(url)));
    }

    private static async Task LoginAsync(VerbRun run, string address)
    {
        if (RoleRun.ReadUrl(address) is not { UserInfo: "" } given)
            throw new MarketException(MarketErrorCode.Usage, $"'{address}' is not the address of a gateway", "write https://market.example.org");
        var gateway = new Uri(given.GetLeftPart(UriPartial.Authority));
        using WalletSecrets wallet = run.OpenWallet();
        ulong chainId;
        using (MarketContracts market = await run.ConnectAsync()) chainId = market.ChainId;

        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = gateway, Timeout = s_timeout, MaxResponseContentBufferSize = AnswerBytesMax };
        NonceReport nonce = await PostAsync<NonceReport>(http, "v1/auth/nonce", null, run.Cancellation);

        // The name is the one that was typed, not the one that the answer tells: a message for one site is worthless at another.
        string domain = gateway.Authority;
        if (nonce.Domain != domain)
            throw new MarketException(MarketErrorCode.Failed, $"The gateway at {domain} asks for a sign-in at {nonce.Domain}", "use the address that its operator gives out");
        if (nonce.ChainId != chainId)
            throw new MarketException(MarketErrorCode.Failed, $"The gateway works on chain {nonce.ChainId}, the wallet pays on chain {chainId}", "choose the chain by --rpc");
        using RecipientKeyPair recipient = wallet.Master.CreateRecipientKeyPair();
        var message = new SignInMessage(domain, wallet.Account.Address, gateway.GetLeftPart(UriPartial.Authority), chainId, nonce.Nonce, new SignInTime(nonce.IssuedAt))
        {
            Statement = Statement,
            ExpirationTime = new SignInTime(nonce.ExpiresAt),
            Resources = [SignInMessage.SealToPrefix + Base64Url.EncodeToString(recipient.PublicKey.Span)],
        };
        string text = message.ToString();
        var request = new LoginRequest(text, wallet.Account.SignMessage(text).ToString());
        LoginReport login = await PostAsync<LoginReport>(http, "v1/auth/login", request, run.Cancellation);
        run.Output.Write(new LoginAnswer(gateway.ToString().TrimEnd('/'), login.Address, login.Token, login.ExpiresAt), output => output.Line(login.Token));
        run.Output.Note($"signed in as {login.Address} until {login.ExpiresAt:yyyy-MM-dd HH:mm} UTC; curl -H 'Authorization: Bearer TOKEN' {gateway}v1/objects");
    }

    private static async Task<T> PostAsync<T>(HttpClient http, string path, object? body, CancellationToken cancellation)
    {
        using HttpResponseMessage answer = await http.PostAsync(new Uri(path, UriKind.Relative), body is null ? null : JsonContent.Create(body, options: MarketJson.Options), cancellation);
        string text = await answer.Content.ReadAsStringAsync(cancellation);
        try
        {
            if (answer.IsSuccessStatusCode) return MarketJson.Read<T>(text);
            ErrorDetail error = MarketJson.Read<ErrorReport>(text).Error;
            throw new MarketException(MarketErrorCode.Failed, $"The gateway refused the sign-in: {error.Message}", error.Hint);
        }
        catch (JsonException exception)
        {
            throw new MarketException(
                MarketErrorCode.Failed, $"What answers at {http.BaseAddress} is not a gateway (status {(int)answer.StatusCode})", "check the address", exception);
        }
    }
}
