namespace Marketplace.Node;

/// <summary>What a node knows about a shard that it could not show.</summary>
/// <param name="IsWrong">Bytes are there, and they are not the shard's.</param>
/// <param name="IsAway">The storage did not answer when it was asked for the shard.</param>
/// <param name="AreOthersReadable">Another shard on the same volume was read just now.</param>
/// <param name="PeriodsMissed">Periods without a proof that count as strikes already; 0 for what no draw met, because it keeps no proof back.</param>
internal readonly record struct LossEvidence(bool IsWrong, bool IsAway, bool AreOthersReadable, uint PeriodsMissed);

/// <summary>
/// Decides whether a loss is told on chain. Telling costs the slot and up to ten periods of its pay, hiding costs more; but a disk that is
/// only away for a moment should cost neither.
/// </summary>
internal static class LossPolicy
{
    /// <summary>One more miss and anyone may evict the node, which costs thirty periods of all that it holds.</summary>
    public const uint PeriodsMissedMax = 2;

    /// <summary>Whether to tell.</summary>
    public static bool ShouldTell(LossEvidence evidence) =>
        evidence.IsWrong || (evidence.AreOthersReadable && !evidence.IsAway) || evidence.PeriodsMissed >= PeriodsMissedMax;
}
