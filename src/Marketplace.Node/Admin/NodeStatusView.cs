using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>What an operator asks first: <c>GET /v1/admin/status</c> and <c>market node status --json</c>.</summary>
public sealed record NodeStatusView(
    NodeId Id,
    Address Address,
    Address Owner,
    string Url,
    bool Running,
    ulong? Block,
    uint? Period,
    uint? LastProvedPeriod,
    uint ProvedPeriods,
    TokenAmount Stake,
    TokenAmount StakeNeeded,
    TokenAmount Earned,
    TokenAmount Reward,
    TokenAmount RatePerPeriod,
    TokenAmount Price,
    long CapacityBytes,
    long? UsedBytes,
    long? FreeBytes,
    long? Shards,
    long? LedgerRanges,
    bool Leaving,
    NodeExitView? Exit,
    string? Trouble);
