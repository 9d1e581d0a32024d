using Marketplace.Domain;

namespace Marketplace.Keeper.Indexing;

/// <summary>Something that a contract of the market said, in the market's own words. Amounts are units u (10⁻⁹ tokens).</summary>
public abstract record MarketEvent;

/// <summary>A node joined.</summary>
public sealed record NodeRegistered(
    NodeId Node, Address Owner, Address Hot, ulong Stake, ulong Price, uint CapacityMiB, Hash32 Fingerprint, string Endpoint) : MarketEvent;

/// <summary>A node has another hot key.</summary>
public sealed record NodeHotChanged(NodeId Node, Address Hot) : MarketEvent;

/// <summary>A node listens elsewhere, or shows another certificate.</summary>
public sealed record NodeEndpointChanged(NodeId Node, Hash32 Fingerprint, string Endpoint) : MarketEvent;

/// <summary>A node asks another price or offers another space.</summary>
public sealed record NodeOfferChanged(NodeId Node, ulong Price, uint CapacityMiB) : MarketEvent;

/// <summary>A node belongs to somebody else.</summary>
public sealed record NodeOwnerChanged(NodeId Node, Address Owner) : MarketEvent;

/// <summary>A node's stake is now this much.</summary>
public sealed record NodeStakeChanged(NodeId Node, ulong Stake) : MarketEvent;

/// <summary>A node's owner took this much of its stake.</summary>
public sealed record NodeStakeTaken(NodeId Node, ulong Units) : MarketEvent;

/// <summary>A node missed too many periods: from a period on its slots want another holder.</summary>
public sealed record NodeEvicted(NodeId Node, PeriodNumber From) : MarketEvent;

/// <summary>An evicted node showed that it still holds what nobody took over.</summary>
public sealed record NodeCured(NodeId Node) : MarketEvent;

/// <summary>A node takes no new shards from a period on.</summary>
public sealed record NodeExiting(NodeId Node, PeriodNumber From) : MarketEvent;

/// <summary>A keeper announced itself, or withdrew (no endpoint).</summary>
public sealed record KeeperAnnounced(uint Keeper, Address Owner, Address Key, string Endpoint) : MarketEvent;

/// <summary>A deal was opened: all its slots have the same rate and leaves. Those that found a node come as <see cref="SlotFilled"/>.</summary>
public sealed record DealOpened(
    DealId Deal, int Needed, int Slots, Rate Rate, ulong Leaves, PeriodNumber From, PeriodNumber End, PeriodNumber MaxEnd, ulong Locked) : MarketEvent;

/// <summary>A node took a slot, from a period on.</summary>
public sealed record SlotFilled(DealId Deal, int Slot, NodeId Node, Root Root, PeriodNumber From) : MarketEvent;

/// <summary>A deal ends at a later period, for which more was locked.</summary>
public sealed record DealExtended(DealId Deal, PeriodNumber End, ulong AddedLock) : MarketEvent;

/// <summary>Its client ends a deal at an earlier period, and got back what was locked for the rest.</summary>
public sealed record DealEndedEarly(DealId Deal, PeriodNumber End, ulong Refunded) : MarketEvent;

/// <summary>A slot has no holder any more from a period on.</summary>
public sealed record SlotVacated(DealId Deal, int Slot, PeriodNumber Until) : MarketEvent;

/// <summary>A node may take a slot over up to a period.</summary>
public sealed record SlotReserved(DealId Deal, int Slot, NodeId Node, PeriodNumber Until) : MarketEvent;

/// <summary>A reservation is over: used, lapsed or no longer wanted.</summary>
public sealed record ReservationEnded(DealId Deal, int Slot) : MarketEvent;

/// <summary>A deal is over: its nodes had <paramref name="Paid"/>, the client got <paramref name="Refunded"/> back.</summary>
public sealed record DealSettled(DealId Deal, ulong Paid, ulong Refunded) : MarketEvent;

/// <summary>A node proved a period and was credited.</summary>
public sealed record PeriodProved(NodeId Node, PeriodNumber Period, ulong Paid) : MarketEvent;

/// <summary>The bank minted a reward.</summary>
public sealed record RewardMinted(NodeId Node, ulong Units) : MarketEvent;
