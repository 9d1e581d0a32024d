using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Deals;

/// <summary>Where the chain is.</summary>
/// <param name="Block">The newest block.</param>
/// <param name="BlockHash">Its hash.</param>
/// <param name="Period">Its period.</param>
/// <param name="Time">Its time.</param>
/// <param name="Schedule">The market's clock.</param>
public sealed record Moment(BlockNumber Block, Hash32 BlockHash, PeriodNumber Period, DateTimeOffset Time, Schedule Schedule)
{
    /// <summary>When a period begins, by the chain's nominal block time.</summary>
    public DateTimeOffset TimeOf(PeriodNumber period)
    {
        double blocks = (double)Schedule.FirstBlock(period).Value - Block.Value;
        return Time + TimeSpan.FromSeconds(blocks * Schedule.BlockSeconds);
    }

    /// <summary>The first period after a deal that is opened now and runs for whole periods that cover the duration.</summary>
    public PeriodNumber EndAfter(TimeSpan duration) => Period + 1 + Schedule.PeriodsIn(duration);
}

/// <summary>What the market's contracts were made with.</summary>
/// <param name="ChainId">The chain.</param>
/// <param name="Market">Address of the StorageMarket.</param>
/// <param name="Schedule">The clock.</param>
/// <param name="DealPeriodsMin">Periods of a deal at least.</param>
/// <param name="StakePeriods">Periods of all its pay that a node's stake must cover.</param>
/// <param name="NumberGapMax">How far ahead of the last used number the next may be.</param>
public sealed record MarketParameters(ulong ChainId, Address Market, Schedule Schedule, uint DealPeriodsMin, uint StakePeriods, ulong NumberGapMax);

/// <summary>What may be locked for a client.</summary>
/// <param name="Free">The client's free money in Escrow.</param>
/// <param name="Room">What the operator's allowance still lets through; null when the client acts itself.</param>
/// <param name="PriceMax">The dearest price that the allowance lets through; null for any.</param>
public sealed record Funds(TokenAmount Free, TokenAmount? Room, Price? PriceMax)
{
    /// <summary>What may be locked now.</summary>
    public TokenAmount Spendable => Room is { } room && room < Free ? room : Free;

    /// <summary>Refuses what is too dear.</summary>
    /// <exception cref="MarketException">Not enough money, with what is missing.</exception>
    public void Require(TokenAmount price)
    {
        if (price <= Spendable) return;
        TokenAmount missing = price - Spendable;
        throw new MarketException(
            MarketErrorCode.InsufficientFunds,
            Room is { } room && room <= Free ? $"This needs {price} tokens, and the operator may lock {room}." : $"This needs {price} tokens, and {Free} are free in Escrow.",
            Room is { } less && less <= Free ? "let the operator lock more: market allow OPERATOR AMOUNT" : $"add them: market deposit {missing}")
        {
            Missing = missing,
        };
    }
}

/// <summary>A node as the chain's register and ledgers tell it.</summary>
/// <param name="Peer">How to reach it; null if none of what it registered is an endpoint for us.</param>
/// <param name="Id">Its number.</param>
/// <param name="Hot">Its hot key.</param>
/// <param name="Owner">Who is paid.</param>
/// <param name="Endpoint">The endpoints' text as registered.</param>
/// <param name="Fingerprint">The certificate.</param>
/// <param name="Price">What it asks.</param>
/// <param name="Stake">What it has locked.</param>
/// <param name="CapacityBytes">What it offers.</param>
/// <param name="RatePerPeriod">Units it earns in a proved period from the next on.</param>
/// <param name="StakeNeeded">Stake that this rate needs.</param>
/// <param name="LastProved">Its last proved period; null for none.</param>
/// <param name="IsOut">It takes no more shards.</param>
public sealed record NodeFacts(
    NodePeer? Peer,
    NodeId Id,
    Address Hot,
    Address Owner,
    string Endpoint,
    CertificateFingerprint Fingerprint,
    Price Price,
    TokenAmount Stake,
    ulong CapacityBytes,
    ulong RatePerPeriod,
    TokenAmount StakeNeeded,
    PeriodNumber? LastProved,
    bool IsOut);
