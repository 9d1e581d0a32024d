using System.Text.Json.Serialization;
using Marketplace.Domain;

namespace Marketplace.Client.Json;

/// <summary>Answer of <c>balance</c>.</summary>
/// <param name="Address">The account.</param>
/// <param name="Wallet">Tokens outside the market.</param>
/// <param name="Free">Tokens in Escrow that may be locked or withdrawn.</param>
/// <param name="Locked">Tokens in Escrow that stand behind deals.</param>
/// <param name="Gas">The chain's own coin.</param>
/// <param name="Allowances">What operators may lock on the account's behalf.</param>
public sealed record BalanceReport(
    Address Address, TokenAmount Wallet, TokenAmount Free, TokenAmount Locked, TokenAmount Gas, IReadOnlyList<AllowanceReport> Allowances);

/// <summary>What one operator may still lock, and until when.</summary>
public sealed record AllowanceReport(Address Operator, TokenAmount Left, DateTimeOffset? Until);

/// <summary>A failure, as programs read it.</summary>
public sealed record ErrorReport(ErrorDetail Error)
{
    /// <summary>The report of an exception; anything but a <see cref="MarketException"/> is <c>failed</c>.</summary>
    public static ErrorReport Of(Exception exception) => exception is MarketException known
        ? new(new ErrorDetail(MarketException.NameOf(known.Code), known.Message, known.Hint, known.Missing))
        : new(new ErrorDetail(MarketException.NameOf(MarketErrorCode.Failed), exception.Message, null, null));
}

/// <summary>What went wrong.</summary>
/// <param name="Code">failed, usage, insufficientFunds, notFound, incomplete or wrongBytes.</param>
/// <param name="Message">One line for people.</param>
/// <param name="Hint">What to do about it.</param>
/// <param name="Missing">With insufficientFunds: tokens that are missing.</param>
public sealed record ErrorDetail(
    [property: JsonRequired] string Code, [property: JsonRequired] string Message, string? Hint, TokenAmount? Missing);
