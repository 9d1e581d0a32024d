using System.Globalization;
using System.Text.Json;
using Marketplace.Domain;
using Marketplace.Gateway.Errors;
using Marketplace.Gateway.Market;
using Marketplace.Hosting.Http;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Marketplace.Gateway.SignIn;

/// <summary>A nonce to sign, and what the message must name.</summary>
public sealed record NonceReport(string Nonce, string Domain, string Uri, ulong ChainId, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt);

/// <summary>A signed EIP-4361 message.</summary>
/// <param name="Message">The text, as it was signed.</param>
/// <param name="Signature">0x and 65 bytes r ‖ s ‖ v.</param>
public sealed record LoginRequest(string? Message, string? Signature);

/// <summary>A token, for the header <c>Authorization: Bearer TOKEN</c>.</summary>
public sealed record LoginReport(string Token, string TokenType, Address Address, string? SealTo, DateTimeOffset ExpiresAt);

/// <summary>Sign-in: nonce, signed message, token.</summary>
public static class SignInEndpoints
{
    /// <summary>Bytes of a JSON body.</summary>
    public const long JsonBodyBytesMax = 16 * 1024;

    private const double SecondsPerMinute = 60;

    /// <summary>Registers sign-in and the check of tokens.</summary>
    public static IServiceCollection AddSignIn(this IServiceCollection services, byte[] tokenKey)
    {
        services.AddSingleton<NonceDesk>();
        services.AddSingleton(provider => new SignInRules(
            provider.GetRequiredService<GatewayAddress>().Url, provider.GetRequiredService<MarketDoor>().Facts.ChainId));
        services.AddSingleton(provider => new TokenMint(
            tokenKey,
            provider.GetRequiredService<GatewayAddress>().Origin,
            AudienceOf(provider.GetRequiredService<MarketDoor>().Facts),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<SignInDesk>();

        services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer();
        // Read at the first request: the address in the tokens is known only when the server listens.
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme).Configure<TokenMint>((bearer, mint) =>
        {
            bearer.MapInboundClaims = false;
            bearer.IncludeErrorDetails = false;
            bearer.SaveToken = false;
            bearer.TokenValidationParameters = mint.ValidationParameters;
            bearer.Events = new JwtBearerEvents
            {
                OnMessageReceived = context =>
                {
                    if (context.Request.Headers.Authorization.ToString().Length > TokenMint.TokenCharsMax) context.NoResult();
                    return Task.CompletedTask;
                },
                OnTokenValidated = context =>
                {
                    if (context.Principal is not { } principal || TokenMint.ClientOf(principal) is not { } client) context.Fail("Claims are missing.");
                    else context.HttpContext.Items[typeof(GatewayClient)] = client;
                    return Task.CompletedTask;
                },
                OnChallenge = context =>
                {
                    context.HandleResponse();
                    throw new GatewayFailureException(
                        StatusCodes.Status401Unauthorized,
                        MarketErrorCode.Usage,
                        context.AuthenticateFailure is null ? "This needs a token." : "The token is not valid here, or is over.",
                        "sign in: market login URL",
                        "signInNeeded");
                },
            };
        });
        services.AddAuthorizationBuilder()
            .SetDefaultPolicy(new AuthorizationPolicyBuilder(JwtBearerDefaults.AuthenticationScheme).RequireAuthenticatedUser().Build());
        return services;
    }

    /// <summary>Maps the calls.</summary>
    public static void MapSignIn(this IEndpointRouteBuilder routes, GatewayOptions options)
    {
        RouteGroupBuilder auth = routes.MapGroup("/v1/auth").WithTags("Sign-in")
            .WithRequestLimits(new RequestLimits(options.SignInsPerMinute / SecondsPerMinute, Burst: options.SignInsPerMinute))
            .WithMetadata(new RequestSizeLimitAttribute(JsonBodyBytesMax))
            .ProducesFailures(StatusCodes.Status429TooManyRequests);
        auth.MapPost("/nonce", GiveNonce).WithName("giveNonce")
            .WithSummary("A nonce to sign, once, within five minutes.");
        auth.MapPost("/login", SignIn).WithName("signIn")
            .WithSummary("A signed EIP-4361 message for a token.")
            .WithDescription("The exact message is described in docs/protocol/gateway-http.md.")
            .ProducesFailures(StatusCodes.Status400BadRequest, StatusCodes.Status401Unauthorized, StatusCodes.Status503ServiceUnavailable);
    }

    /// <summary>The client whose token came with the request; the endpoint requires one.</summary>
    public static GatewayClient Client(this HttpContext context) =>
        context.Items[typeof(GatewayClient)] as GatewayClient ?? throw new InvalidOperationException("The endpoint was reached without a token.");

    internal static Ok<NonceReport> GiveNonce(SignInDesk desk)
    {
        GivenNonce nonce = desk.GiveNonce();
        return TypedResults.Ok(new NonceReport(
            nonce.Text, desk.Rules.Domain, desk.Rules.Origin, desk.Rules.ChainId, nonce.IssuedAt, nonce.ExpiresAt));
    }

    internal static Ok<LoginReport> SignIn(LoginRequest request, SignInDesk desk)
    {
        if (request.Message is null || request.Signature is null)
            throw GatewayFailureException.Usage("A sign-in has a message and a signature.", "see docs/protocol/gateway-http.md");
        return desk.SignIn(request.Message, request.Signature) switch
        {
            SignInOutcome.SignedIn done => TypedResults.Ok(new LoginReport(
                done.Token.Text,
                "Bearer",
                done.Client.Address,
                done.Client.SealTo is { } key ? SealKeys.ToText(key) : null,
                done.Token.ExpiresAt)),
            SignInOutcome.Refused refused => throw new GatewayFailureException(
                StatusCodes.Status401Unauthorized,
                MarketErrorCode.Usage,
                MessageOf(refused.Reason, desk.Rules),
                "ask for a new nonce and sign again",
                JsonNamingPolicy.CamelCase.ConvertName(refused.Reason.ToString())),
            _ => throw GatewayFailureException.Busy("Too many are signing in.", "busy"),
        };
    }

    private static string AudienceOf(MarketFacts facts) => TokenMint.AudienceOf(facts.ChainId, facts.Contracts.GetValueOrDefault("StorageMarket"));

    private static string MessageOf(SignInRefusal reason, SignInRules rules) => reason switch
    {
        SignInRefusal.WrongDomain => $"The message was signed for another site; this one is {rules.Domain}.",
        SignInRefusal.WrongUri => $"The message names another address; this one is {rules.Origin}.",
        SignInRefusal.WrongChain => $"The message was signed for another chain; this gateway is on {rules.ChainId.ToString(CultureInfo.InvariantCulture)}.",
        SignInRefusal.WrongNonce => "The nonce was not given here, or was used before.",
        SignInRefusal.Expired => "The message is too old.",
        SignInRefusal.NotYetValid => "The message is from the future.",
        SignInRefusal.WrongSignature => "The signature is not by the account that the message names.",
        _ => "This is no EIP-4361 message as this gateway understands it.",
    };
}
