using System.Text.Json.Serialization;
using Marketplace.Domain;

namespace Marketplace.Client.Json;

/// <summary>Where a deal stands.</summary>
[JsonConverter(typeof(WordJsonConverter<DealState>))]
public enum DealState
{
    /// <summary>Paid for and kept.</summary>
    Open,

    /// <summary>Its last period is over, or its client ended it.</summary>
    Ended,
}

/// <summary>Where a slot stands.</summary>
[JsonConverter(typeof(WordJsonConverter<SlotState>))]
public enum SlotState
{
    /// <summary>A node holds it.</summary>
    Filled,

    /// <summary>Nobody holds it.</summary>
    Vacant,

    /// <summary>A repairer is about to fill it.</summary>
    Reserved,
}

/// <summary>One deal, in <c>stat</c>, <c>deals</c> and at the keeper.</summary>
/// <param name="Id">The client's own number of the deal.</param>
/// <param name="State">Open or ended.</param>
/// <param name="BundleBytes">Length of the bundle.</param>
/// <param name="OpensAtPeriod">Its first paid period.</param>
/// <param name="EndsAtPeriod">The first period that is no longer paid.</param>
/// <param name="Locked">What was locked for it, fee included.</param>
/// <param name="Paid">What its nodes earned so far, without the fee.</param>
/// <param name="Refunded">What came back to the client.</param>
/// <param name="Slots">Its slots, by index.</param>
public sealed record DealReport(
    ulong Id,
    DealState State,
    long BundleBytes,
    PeriodNumber OpensAtPeriod,
    PeriodNumber EndsAtPeriod,
    TokenAmount Locked,
    TokenAmount Paid,
    TokenAmount Refunded,
    IReadOnlyList<SlotReport> Slots);

/// <summary>One slot of a deal.</summary>
/// <param name="Index">Its place, from 0.</param>
/// <param name="State">Filled, vacant or reserved.</param>
/// <param name="Node">Who holds it.</param>
/// <param name="Root">The Merkle root of the shard.</param>
/// <param name="ShardBytes">Its length.</param>
/// <param name="Online">Whether the node answers; null if nobody asked it.</param>
/// <param name="LastProvedPeriod">The last period in which the node proved all it holds, this slot included.</param>
/// <param name="Paid">What the slot earned so far.</param>
public sealed record SlotReport(
    int Index,
    SlotState State,
    NodeId? Node,
    Root? Root,
    long? ShardBytes,
    bool? Online,
    PeriodNumber? LastProvedPeriod,
    TokenAmount? Paid);

/// <summary>Answer of <c>deals</c>: all deals of the client that the chain still keeps.</summary>
public sealed record DealsReport(Address Client, PeriodNumber Period, IReadOnlyList<DealReport> Deals);
