using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Domain;

namespace Marketplace.Keeper.Indexing;

/// <summary>Reads logs of the market's contracts as <see cref="MarketEvent"/>s. The one place that knows what contracts call things.</summary>
internal static class MarketEvents
{
    /// <summary>A longer endpoint is no endpoint; the contract allows no longer ones.</summary>
    private const int EndpointCharsMax = 1024;

    /// <summary>What a log means for the tables; <c>null</c> if nothing.</summary>
    /// <param name="log">The log.</param>
    /// <param name="schedule">The market's clock: some events count from the period after their block's.</param>
    public static MarketEvent? Read(Log log, Schedule schedule) => KnownContracts.TryDecodeEvent(log, out IContractEvent? happened)
        ? Read(happened, schedule.PeriodOf(new BlockNumber(log.Block.Number)) + 1)
        : null;

    private static MarketEvent? Read(IContractEvent happened, PeriodNumber next) => happened switch
    {
        RegisteredEvent e => new NodeRegistered(
            new NodeId(e.Node), e.Owner, e.Hot, Units(e.Stake), Units(e.Price), e.CapacityMiB, e.Fingerprint, Endpoint(e.Endpoint)),
        HotChangedEvent e => new NodeHotChanged(new NodeId(e.Node), e.Hot),
        EndpointChangedEvent e => new NodeEndpointChanged(new NodeId(e.Node), e.Fingerprint, Endpoint(e.Endpoint)),
        OfferChangedEvent e => new NodeOfferChanged(new NodeId(e.Node), Units(e.Price), e.CapacityMiB),
        OwnerChangedEvent e => new NodeOwnerChanged(new NodeId(e.Node), e.Owner),
        StakeAddedEvent e => new NodeStakeChanged(new NodeId(e.Node), Units(e.Stake)),
        StakeSlashedEvent e => new NodeStakeChanged(new NodeId(e.Node), Units(e.Stake)),
        StakeTakenEvent e => new NodeStakeTaken(new NodeId(e.Node), Units(e.Units)),
        EvictedEvent e => new NodeEvicted(new NodeId(e.Node), new PeriodNumber(e.From)),
        CuredEvent e => new NodeCured(new NodeId(e.Node)),
        ExitStartedEvent e => new NodeExiting(new NodeId(e.Node), new PeriodNumber(e.From)),
        NodeOutEvent e => new NodeExiting(new NodeId(e.Node), new PeriodNumber(e.From)),
        KeeperAnnouncedEvent e => new KeeperAnnounced(e.Keeper, e.Owner, e.Key, Endpoint(e.Endpoint)),
        DealOpenedEvent e => Read(DealId.FromWord(e.Id), DealWord.Read(e.Deal), Units(e.Units)),
        SlotFilledEvent e => Read(DealId.FromWord(e.Id), new NodeId(e.Node), PlaceWord.Read(e.Place), EntryWord.Read(e.Entry)),
        DealExtendedEvent e => new DealExtended(DealId.FromWord(e.Id), new PeriodNumber(e.End), Units(e.Units)),
        DealEndedEarlyEvent e => new DealEndedEarly(DealId.FromWord(e.Id), new PeriodNumber(e.End), Units(e.Refund)),
        SlotVacatedEvent e => new SlotVacated(DealId.FromWord(e.Id), e.Slot, next),
        SlotReservedEvent e => new SlotReserved(DealId.FromWord(e.Id), e.Slot, new NodeId(e.Node), new PeriodNumber(e.Until)),
        ReservationEndedEvent e => new ReservationEnded(DealId.FromWord(e.Id), e.Slot),
        DealSettledEvent e => new DealSettled(DealId.FromWord(e.Id), Units(e.Paid), Units(e.Refund)),
        ProvedEvent e => new PeriodProved(new NodeId(e.Node), new PeriodNumber(e.Period), Units(e.Pay)),
        RewardMintedEvent e => new RewardMinted(new NodeId(e.Node), Units(e.Units)),
        _ => null,
    };

    private static DealOpened? Read(DealId id, DealWord deal, ulong locked) => Rate.TryDecode(deal.Rate, out Rate rate)
        ? new DealOpened(id, deal.K, deal.N, rate, deal.Leaves, new PeriodNumber(deal.From), new PeriodNumber(deal.End), new PeriodNumber(deal.MaxEnd), locked)
        : null;

    private static SlotFilled Read(DealId id, NodeId node, PlaceWord place, EntryWord entry) =>
        new(id, place.Slot, node, entry.Root, new PeriodNumber(entry.From));

    /// <summary>
    /// The token's cap is far below what SQLite's integers hold; more is a mistake, or a price that a stranger made up, and is cut:
    /// no number on chain may stop the keeper.
    /// </summary>
    private static ulong Units(BigInteger units) => (ulong)BigInteger.Min(units, long.MaxValue);

    /// <summary>A text of a stranger: printable ASCII, or nothing.</summary>
    private static string Endpoint(string text) =>
        text.Length <= EndpointCharsMax && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') ? text : "";
}
