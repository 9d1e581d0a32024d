using Marketplace.Client.Json;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Deals;

/// <summary>A deal as the chain's state tells it.</summary>
/// <param name="Id">Client and number.</param>
/// <param name="IsSettled">Its money was shared out; nothing can be read from it any more.</param>
/// <param name="Redundancy">k of n.</param>
/// <param name="Rate">What a slot earns in a proved period.</param>
/// <param name="From">Its first paid period.</param>
/// <param name="End">The first period that is no longer paid.</param>
/// <param name="EndMax">Up to where it may be extended.</param>
/// <param name="Locked">What was locked for it, the fee included.</param>
/// <param name="Paid">What its nodes earned so far, without the fee.</param>
/// <param name="Refunded">What went back to the client.</param>
/// <param name="Slots">Its slots, by index.</param>
public sealed record DealFacts(
    DealId Id,
    bool IsSettled,
    Redundancy Redundancy,
    Rate Rate,
    PeriodNumber From,
    PeriodNumber End,
    PeriodNumber EndMax,
    TokenAmount Locked,
    TokenAmount Paid,
    TokenAmount Refunded,
    IReadOnlyList<SlotFacts> Slots)
{
    /// <summary>The shards' leaves; null if no slot is filled, so that the chain does not know.</summary>
    public long? Leaves => Slots.FirstOrDefault(slot => slot.Shard is not null)?.Shard?.Leaves;

    /// <summary>How the bundle lies in its shards; null if no slot is filled.</summary>
    public ShardGeometry? Geometry => Leaves is { } leaves ? ShardGeometry.FromLeaves(Redundancy, leaves) : null;

    /// <summary>Whether a shard with this root is one of its. A root tells a bundle from every other: each is sealed under a salt of its own.</summary>
    public bool Holds(Root root) => Slots.Any(slot => slot.Shard?.Root == root);

    /// <summary>The root by which its bundle is known again; null if no slot is filled.</summary>
    public Root? FirstRoot => Slots.FirstOrDefault(slot => slot.Shard is not null)?.Shard?.Root;

    /// <summary>Whether its nodes are still bound to keep it.</summary>
    public bool IsLiveIn(PeriodNumber period) => !IsSettled && period < End;

    /// <summary>The deal as it is reported, in the period given.</summary>
    /// <param name="period">The present period.</param>
    /// <param name="online">What is known of nodes; null for nothing.</param>
    public DealReport Report(PeriodNumber period, Func<NodeId, bool?>? online = null) => new(
        Id.Number,
        IsLiveIn(period) ? DealState.Open : DealState.Ended,
        Geometry?.BundleBytes ?? 0,
        From,
        End,
        Locked,
        Paid,
        Refunded,
        [.. Slots.Select(slot => slot.Report(slot.Node is { } node ? online?.Invoke(node) : null))]);
}

/// <summary>A slot as the chain's state tells it.</summary>
/// <param name="Index">Its place, from 0: the column of the erasure code.</param>
/// <param name="Node">Who holds it; null while vacant. An evicted node may still have the bytes, and come back.</param>
/// <param name="Shard">Root and leaves; null if nobody ever held it, or if its range was given away after its end.</param>
/// <param name="LastProved">The holder's last proved period.</param>
/// <param name="Paid">What its holder earned with it.</param>
public sealed record SlotFacts(int Index, NodeId? Node, ShardCommitment? Shard, PeriodNumber? LastProved, TokenAmount Paid)
{
    /// <summary>Whether it has a holder that is paid for it, or one that is about to be.</summary>
    public SlotState State { get; init; } = Node is null ? SlotState.Vacant : SlotState.Filled;

    /// <summary>The slot as it is reported.</summary>
    public SlotReport Report(bool? online) => new(
        Index, State, State == SlotState.Filled ? Node : null, Shard?.Root, Shard?.Bytes, online, LastProved, Paid);
}
