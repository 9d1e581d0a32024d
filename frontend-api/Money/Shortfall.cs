using Marketplace.Client.Deals;
using Marketplace.Domain;

namespace Marketplace.Gateway.Money;

/// <summary>Where the money is missing. The names, in camelCase, are the <c>reason</c> in the answer.</summary>
public enum ShortfallReason
{
    /// <summary>The client allowed the operator too little, or for too short a time.</summary>
    Allowance,

    /// <summary>The client has too little free money in escrow.</summary>
    Escrow,
}

/// <summary>Money that is missing before something can be stored. Decided from what the chain said, before a byte is accepted.</summary>
/// <param name="Reason">Where it is missing.</param>
/// <param name="Missing">How much.</param>
/// <param name="Price">What the whole would cost.</param>
public sealed record Shortfall(ShortfallReason Reason, TokenAmount Missing, TokenAmount Price)
{
    /// <summary>Null if the price is allowed and there.</summary>
    public static Shortfall? Of(TokenAmount price, Funds funds)
    {
        TokenAmount room = funds.Room ?? TokenAmount.Zero;
        if (room < price) return new Shortfall(ShortfallReason.Allowance, price - room, price);
        return funds.Free < price ? new Shortfall(ShortfallReason.Escrow, price - funds.Free, price) : null;
    }

    /// <summary>The command that puts it right. <c>market allow</c> sets the amount, it does not add, so it names the whole price.</summary>
    public string Hint(Address @operator, TimeSpan keepFor) => Reason switch
    {
        ShortfallReason.Allowance => $"market allow {@operator} {Price} --for {Duration.Format(keepFor)}",
        _ => $"market deposit {Missing}",
    };

    /// <summary>One line for people.</summary>
    public string Message => Reason switch
    {
        ShortfallReason.Allowance => $"This gateway may not spend enough for you: it would cost {Price}, and {Missing} of that is not allowed.",
        _ => $"Your free balance in escrow is too small: it would cost {Price}, and {Missing} is missing.",
    };
}
