using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using Marketplace.Domain;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Marketplace.Gateway.SignIn;

/// <summary>Who a token speaks for.</summary>
/// <param name="Address">The client's account.</param>
/// <param name="SealTo">The client's X25519 public key; null if it gave none, then the token cannot store.</param>
public sealed record GatewayClient(Address Address, byte[]? SealTo);

/// <summary>A token and when it ends.</summary>
public readonly record struct MintedToken(string Text, DateTimeOffset ExpiresAt);

/// <summary>
/// Makes and checks the tokens of signed-in clients: JWTs by HMAC-SHA-256 under a key that only this gateway has, for one gateway (<c>iss</c>),
/// one market on one chain (<c>aud</c>) and one client (<c>sub</c>), with the key to seal to (<c>seal</c>).
/// </summary>
public sealed class TokenMint(byte[] key, string issuer, string audience, TimeProvider time)
{
    /// <summary>How long a token lives.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(1);

    /// <summary>Bytes of the key.</summary>
    public const int KeyBytes = 32;

    /// <summary>Longer tokens are refused unread.</summary>
    public const int TokenCharsMax = 2048;

    private const string SealClaim = "seal";

    private readonly SymmetricSecurityKey _key = new(key);

    /// <summary>The audience of tokens: the market contract on its chain, as CAIP-10 writes it.</summary>
    public static string AudienceOf(ulong chainId, Address market) => string.Create(CultureInfo.InvariantCulture, $"eip155:{chainId}:{market}");

    /// <summary>A token for a client who proved its account.</summary>
    public MintedToken Mint(GatewayClient client)
    {
        DateTimeOffset now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            [JwtRegisteredClaimNames.Sub] = client.Address.ToString(),
            [JwtRegisteredClaimNames.Jti] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)),
        };
        if (client.SealTo is { } sealTo) claims[SealClaim] = SealKeys.ToText(sealTo);
        string text = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            IssuedAt = now.UtcDateTime,
            NotBefore = now.UtcDateTime,
            Expires = (now + Life).UtcDateTime,
            Claims = claims,
            SigningCredentials = new SigningCredentials(_key, SecurityAlgorithms.HmacSha256),
        });
        return new MintedToken(text, now + Life);
    }

    /// <summary>What the bearer middleware checks. No tolerance for clocks: the same clock mints and checks.</summary>
    public TokenValidationParameters ValidationParameters => new()
    {
        ValidIssuer = issuer,
        ValidAudience = audience,
        IssuerSigningKey = _key,
        ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
        ValidTypes = ["JWT"],
        RequireExpirationTime = true,
        RequireSignedTokens = true,
        ValidateIssuerSigningKey = true,
        NameClaimType = JwtRegisteredClaimNames.Sub,
        LifetimeValidator = (notBefore, expires, _, _) =>
        {
            DateTime now = time.GetUtcNow().UtcDateTime;
            return notBefore is { } from && expires is { } until && from <= now && now < until;
        },
    };

    /// <summary>The client that a checked token speaks for; null if its claims are not ours.</summary>
    public static GatewayClient? ClientOf(ClaimsPrincipal principal)
    {
        if (!Address.TryParse(principal.FindFirstValue(JwtRegisteredClaimNames.Sub), null, out Address address)) return null;
        if (principal.FindFirstValue(SealClaim) is not { } text) return new GatewayClient(address, null);
        return SealKeys.TryRead(text, out byte[]? sealTo) ? new GatewayClient(address, sealTo) : null;
    }
}
