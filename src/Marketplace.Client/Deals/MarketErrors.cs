using Marketplace.Chain.Contracts;
using Marketplace.Domain;

namespace Marketplace.Client.Deals;

/// <summary>Says what a contract's refusal means to the person who pays.</summary>
public static class MarketErrors
{
    /// <summary>Whether a deal was not opened only because promises lapsed or changed on the way: asking again helps.</summary>
    public static bool IsLapsed(ContractRevertException revert) => revert.Error is StorageMarketTooFewFilledError;

    /// <summary>Whether a deal was not lengthened only because it lasts as long already.</summary>
    public static bool LastsAlready(ContractRevertException revert) => revert.Error is StorageMarketBadEndError e && e.End <= e.MaxEnd;

    /// <summary>The failure for people and programs.</summary>
    public static MarketException Explain(ContractRevertException revert) => revert.Error switch
    {
        EscrowNotEnoughError e => Short(e.Needed, e.Free, $"This needs {Tokens(e.Needed)} tokens, and {Tokens(e.Free)} are free in Escrow.", "add more: market deposit AMOUNT", revert),
        EscrowAllowanceTooSmallError e => Short(e.Needed, e.Room, $"This needs {Tokens(e.Needed)} tokens, and the operator may lock {Tokens(e.Room)} now.", "let it lock more: market allow OPERATOR AMOUNT", revert),
        EscrowNotAllowedError => new MarketException(MarketErrorCode.InsufficientFunds, "The client does not let this operator lock money now.", "market allow OPERATOR AMOUNT --for DURATION", revert),
        StorageMarketTooDearError => new MarketException(MarketErrorCode.InsufficientFunds, "The nodes ask more than the client lets its operator pay.", "allow a higher price, or wait for cheaper nodes", revert),
        StorageMarketNumberUsedError => new MarketException(MarketErrorCode.Failed, "Another upload of this account took the deal's number meanwhile.", "nothing was paid for this one: put it again", revert),
        StorageMarketBadEndError e => new MarketException(MarketErrorCode.Usage, $"The deal's nodes promised to keep it until period {e.MaxEnd}, not {e.End}.", "extend it by less, or put it again", revert),
        StorageMarketNotOpenError => new MarketException(MarketErrorCode.Failed, "The deal is over.", "put its files again", revert),
        _ => new MarketException(MarketErrorCode.Failed, $"The market refused: {revert.Error}.", null, revert),
    };

    private static MarketException Short(System.Numerics.BigInteger needed, System.Numerics.BigInteger there, string message, string hint, Exception inner) =>
        new(MarketErrorCode.InsufficientFunds, message, hint, inner) { Missing = TokenAmount.FromUnits((UInt128)(needed - there)) };

    private static TokenAmount Tokens(System.Numerics.BigInteger units) => TokenAmount.FromUnits((UInt128)units);
}
