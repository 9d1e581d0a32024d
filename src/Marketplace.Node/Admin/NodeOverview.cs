using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>Everything on the operator's page: <c>GET /v1/admin/overview</c>.</summary>
/// <param name="Status">What <c>market node status</c> tells.</param>
/// <param name="AllocatedBytes">Bytes that deals pay for now.</param>
/// <param name="Proofs">The last periods in which something was to be proved, oldest first.</param>
/// <param name="ProvedShare">Share of them that was proved, 0 to 1; null if there was nothing to prove.</param>
/// <param name="OnlineShare">Share of the last thirty days, or of the time since the node was first run, in which it ran and saw the chain; null in its first minutes.</param>
/// <param name="EarnedThisMonth">Pay for what was proved since the first of the month, UTC.</param>
/// <param name="EarnedLastMonth">The same of the month before.</param>
/// <param name="ExpectedMonth">What thirty days bring at the present rate.</param>
/// <param name="Alerts">What the operator should look at; empty if all is well.</param>
/// <param name="Shards">What is held, the first <see cref="ShardsMax"/>.</param>
public sealed record NodeOverview(
    NodeStatusView Status,
    long AllocatedBytes,
    IReadOnlyList<ProofMark> Proofs,
    double? ProvedShare,
    double? OnlineShare,
    TokenAmount EarnedThisMonth,
    TokenAmount EarnedLastMonth,
    TokenAmount ExpectedMonth,
    IReadOnlyList<NodeAlert> Alerts,
    IReadOnlyList<HeldShard> Shards)
{
    /// <summary>Longest list of shards.</summary>
    public const int ShardsMax = 200;

    /// <summary>Most periods that are looked back on.</summary>
    public const int PeriodsMax = 60;
}

/// <summary>A period, and whether the node proved it.</summary>
public sealed record ProofMark(uint Period, bool Proved);

/// <summary>A shard that a deal pays for.</summary>
/// <param name="Root">Its root.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="From">First period.</param>
/// <param name="Until">First period after.</param>
/// <param name="RatePerPeriod">What a period of it earns.</param>
public sealed record HeldShard(Root Root, long Bytes, uint From, uint Until, TokenAmount RatePerPeriod);
