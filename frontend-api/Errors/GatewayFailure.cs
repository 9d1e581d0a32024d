using System.Text.Json;
using Marketplace.Client.Deals;
using Marketplace.Domain;
using Marketplace.Gateway.Money;
using Marketplace.Hosting.Http;

namespace Marketplace.Gateway.Errors;

/// <summary>A failure that an endpoint raises from the depth of a stream; it becomes an answer at the edge.</summary>
public sealed class GatewayFailureException(int status, MarketErrorCode code, string message, string? hint = null, string? reason = null)
    : Exception(message)
{
    /// <summary>Tokens that are missing.</summary>
    public TokenAmount? Missing { get; init; }

    /// <summary>With 416: the header that tells the length.</summary>
    public string? ContentRange { get; init; }

    /// <summary>The HTTP status.</summary>
    public int Status => status;

    /// <summary>The answer's body.</summary>
    public ErrorEnvelope Report => new(new ErrorBody(MarketException.NameOf(code), Message, hint, Missing, reason));

    /// <summary>402: money is missing.</summary>
    public static GatewayFailureException Of(Shortfall shortfall, Address @operator, TimeSpan keepFor) => new(
        StatusCodes.Status402PaymentRequired,
        MarketErrorCode.InsufficientFunds,
        shortfall.Message,
        shortfall.Hint(@operator, keepFor),
        NameOf(shortfall.Reason))
    {
        Missing = shortfall.Missing,
    };

    /// <summary>402: the market refused for want of money.</summary>
    public static GatewayFailureException Of(MarketException refused, Funds funds, Address @operator, TimeSpan keepFor)
    {
        ShortfallReason reason = funds.Room is { } room && room < funds.Free ? ShortfallReason.Allowance : ShortfallReason.Escrow;
        string hint = reason is ShortfallReason.Allowance ? $"market allow {@operator} AMOUNT --for {Duration.Format(keepFor)}" : "market deposit AMOUNT";
        return new GatewayFailureException(StatusCodes.Status402PaymentRequired, MarketErrorCode.InsufficientFunds, refused.Message, hint, NameOf(reason))
        {
            Missing = refused.Missing,
        };
    }

    /// <summary>400: the request is wrong.</summary>
    public static GatewayFailureException Usage(string message, string? hint = null, string? reason = null) =>
        new(StatusCodes.Status400BadRequest, MarketErrorCode.Usage, message, hint, reason);

    /// <summary>404.</summary>
    public static GatewayFailureException NotFound(string message, string? hint = null) =>
        new(StatusCodes.Status404NotFound, MarketErrorCode.NotFound, message, hint);

    /// <summary>503: come back later.</summary>
    public static GatewayFailureException Busy(string message, string reason) =>
        new(StatusCodes.Status503ServiceUnavailable, MarketErrorCode.Failed, message, "try again in a few seconds", reason);

    private static string NameOf(ShortfallReason reason) => JsonNamingPolicy.CamelCase.ConvertName(reason.ToString());
}
