using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>What the plan rests on: all of it is what the chain and the depot say now, none of it is memory of what was done.</summary>
/// <param name="Schedule">The market's clock.</param>
/// <param name="Node">This node.</param>
/// <param name="Tip">The newest block.</param>
/// <param name="Duty">What is to be proved in the tip's period.</param>
/// <param name="Ledger">Up to which block the node's copy of its ledger was read; null if it never was.</param>
/// <param name="IsLedgerTouched">Whether the chain changed the ledger since then.</param>
/// <param name="UploadsDue">Whether uploads wait to be forgotten.</param>
/// <param name="ShardsUnneeded">Whether shards wait to be dropped.</param>
/// <param name="Questions">What was asked and not answered yet.</param>
/// <param name="EvictedFrom">The period from which on the node is evicted; null if it is not, or may cure no more.</param>
internal sealed record NodeSnapshot(
    Schedule Schedule,
    NodeId Node,
    BlockNumber Tip,
    PeriodDuty Duty,
    BlockNumber? Ledger,
    bool IsLedgerTouched,
    bool UploadsDue,
    bool ShardsUnneeded,
    IReadOnlyList<Question> Questions,
    PeriodNumber? EvictedFrom);

/// <summary>What is to be proved in a period.</summary>
/// <param name="Period">The period.</param>
/// <param name="HasSeed">Whether the seed is known.</param>
/// <param name="IsPinned">Whether the chain will remember the seed.</param>
/// <param name="IsProved">Whether it is done.</param>
/// <param name="HasSomething">Whether there is anything to prove.</param>
internal readonly record struct PeriodDuty(PeriodNumber Period, bool HasSeed, bool IsPinned, bool IsProved, bool HasSomething);

/// <summary>Something for the worker to do. Doing it twice does no harm.</summary>
internal abstract record NodeAction
{
    private NodeAction() { }

    /// <summary>Read the ledger from the chain.</summary>
    public sealed record ReadLedger : NodeAction;

    /// <summary>Prove a period.</summary>
    public sealed record Prove(PeriodNumber Period) : NodeAction;

    /// <summary>Show the leaves that others asked for.</summary>
    public sealed record Answer(IReadOnlyList<Question> Questions) : NodeAction;

    /// <summary>Show that the node, which was evicted, still holds what it is to hold.</summary>
    public sealed record Cure(PeriodNumber Period) : NodeAction;

    /// <summary>Write a period's seed down on chain before it is forgotten.</summary>
    public sealed record PinSeed(PeriodNumber Period) : NodeAction;

    /// <summary>Forget uploads that expired.</summary>
    public sealed record ExpireUploads : NodeAction;

    /// <summary>Drop shards that nobody needs.</summary>
    public sealed record DropShards(PeriodNumber KeepFrom) : NodeAction;
}

/// <summary>Turns what is true now into what is to be done now. Pure: the same snapshot gives the same actions.</summary>
internal static class NodePlan
{
    /// <summary>The actions, in the order in which they are to be done.</summary>
    public static IEnumerable<NodeAction> Decide(NodeSnapshot now, NodeLimits limits, uint reorgBlocks)
    {
        PeriodNumber period = now.Schedule.PeriodOf(now.Tip);
        // What is to be proved in a period stands when it begins, so a ledger that was read since then suffices for the proof.
        bool mayProve = now.Ledger is { } read && read <= now.Tip && now.Schedule.PeriodOf(read) == period;
        bool isLedgerRead = mayProve && !now.IsLedgerTouched;
        if (!isLedgerRead) yield return new NodeAction.ReadLedger();

        bool isOpen = now.Duty.Period == period && now.Tip < now.Schedule.LastBlock(period);
        bool isDue = isOpen && now.Duty is { HasSomething: true, HasSeed: true, IsProved: false } && now.Tip >= ProofSpread.ProvesFrom(now.Schedule, period, now.Node);
        // First: an answer has until the end of the next period, and whoever wants this one missed may ask as much as he likes to pay for.
        if (mayProve && isDue) yield return new NodeAction.Prove(period);
        if (now.Questions.Count > 0) yield return new NodeAction.Answer(now.Questions);
        if (mayProve && isOpen && now.Duty.HasSeed && now.EvictedFrom is { } evicted && evicted <= period) yield return new NodeAction.Cure(period);
        if (isOpen && now.Duty is { HasSomething: true, HasSeed: true, IsPinned: false } && now.Tip >= ProofSpread.PinsFrom(now.Schedule, period, now.Node, limits))
        {
            yield return new NodeAction.PinSeed(period);
        }

        // What frees bytes rests on a ledger that was read after the event and is too deep to be taken back.
        if (isLedgerRead && now.UploadsDue) yield return new NodeAction.ExpireUploads();
        if (isLedgerRead && now.ShardsUnneeded) yield return new NodeAction.DropShards(KeepFrom(now.Schedule, now.Tip, reorgBlocks));
    }

    /// <summary>A shard is kept while a range names it that ends in this period or later: one whole period longer than the deal, and the depth of a reorganisation.</summary>
    public static PeriodNumber KeepFrom(Schedule schedule, BlockNumber tip, uint reorgBlocks) =>
        schedule.PeriodOf(new BlockNumber(tip.Value > reorgBlocks ? tip.Value - reorgBlocks : 0));

    /// <summary>A promise is void for good when its deadline lies before this block.</summary>
    public static BlockNumber PromiseCutoff(BlockNumber ledgerReadAt, uint reorgBlocks) =>
        new(ledgerReadAt.Value > reorgBlocks ? ledgerReadAt.Value - reorgBlocks : 0);
}
