using System.Text.Json.Serialization;
using Marketplace.Domain;

namespace Marketplace.Client.Json;

/// <summary>What a keeper thinks of a node's life.</summary>
[JsonConverter(typeof(WordJsonConverter<NodeLiveness>))]
public enum NodeLiveness
{
    /// <summary>This keeper has not asked it yet.</summary>
    Unknown,

    /// <summary>It answered the last ping.</summary>
    Online,

    /// <summary>It missed the last ping or two, and is asked again soon; still counted as online if it ever answered.</summary>
    Suspected,

    /// <summary>It missed several pings in a row.</summary>
    Offline,
}

/// <summary>A keeper's answer to <c>GET /v1/nodes</c>: the shape of <see cref="NodesReport"/>, with more about each node.</summary>
/// <param name="Block">The block that it speaks of.</param>
/// <param name="BlockHash">That block's hash.</param>
/// <param name="Source">Always <see cref="NodeSource.Keepers"/>.</param>
/// <param name="Nodes">The nodes, by id.</param>
/// <param name="Next">The cursor of the next page; null on the last.</param>
public sealed record KeeperNodesReport(
    BlockNumber Block, Hash32 BlockHash, NodeSource Source, IReadOnlyList<KeeperNode> Nodes, string? Next);

/// <summary>One node as a keeper tells of it. The first fields are those of <see cref="NodeReport"/>.</summary>
/// <param name="Id">Its number in the register.</param>
/// <param name="Address">Its hot key.</param>
/// <param name="Owner">The account that its stake and pay belong to.</param>
/// <param name="Url">Where it answers, HTTPS.</param>
/// <param name="Fingerprint"><c>sha256:</c> and the lower-case hexadecimal digest of its certificate.</param>
/// <param name="Price">Tokens per GiB and 30 days.</param>
/// <param name="Stake">What it has locked.</param>
/// <param name="CapacityBytes">What it offers.</param>
/// <param name="UsedBytes">What live deals fill of it.</param>
/// <param name="FreeBytes">What it still takes, by its own last signed word.</param>
/// <param name="Online">Null for a node that never answered and was not asked often enough to be called offline.</param>
/// <param name="LastSeenAt">When it last answered this keeper.</param>
/// <param name="LastProvedPeriod">Its last proved period.</param>
/// <param name="Earned">Pay for proved periods, of all time.</param>
/// <param name="Rewarded">Mining reward, of all time.</param>
/// <param name="State">More finely than <paramref name="Online"/>.</param>
/// <param name="Uptime">Answered pings among all of the last 30 days, 0 to 1.</param>
/// <param name="LatencyMs">Time of a ping and its answer, averaged over the last few.</param>
/// <param name="Version">The version that its software names.</param>
public sealed record KeeperNode(
    NodeId Id,
    Address Address,
    Address Owner,
    string Url,
    string Fingerprint,
    TokenAmount Price,
    TokenAmount Stake,
    long CapacityBytes,
    long? UsedBytes,
    long? FreeBytes,
    bool? Online,
    DateTimeOffset? LastSeenAt,
    PeriodNumber? LastProvedPeriod,
    TokenAmount? Earned,
    TokenAmount? Rewarded,
    NodeLiveness State,
    double? Uptime,
    double? LatencyMs,
    string? Version);

/// <summary>A keeper's answer to <c>GET /v1/deals?client=</c>: the shape of <see cref="DealsReport"/> with the block it speaks of.</summary>
/// <param name="Block">The block that it speaks of.</param>
/// <param name="BlockHash">That block's hash.</param>
/// <param name="Source">Always <see cref="NodeSource.Keepers"/>.</param>
/// <param name="Client">Whose deals.</param>
/// <param name="Period">The block's period.</param>
/// <param name="Deals">The deals, by number.</param>
/// <param name="Next">The cursor of the next page; null on the last.</param>
public sealed record KeeperDealsReport(
    BlockNumber Block, Hash32 BlockHash, NodeSource Source, Address Client, PeriodNumber Period, IReadOnlyList<DealReport> Deals, string? Next);

/// <summary>What every answer of a keeper says of its moment; answers about one node or one deal carry these beside the thing's own fields.</summary>
/// <param name="Block">The block that it speaks of.</param>
/// <param name="BlockHash">That block's hash.</param>
/// <param name="Source">Always <see cref="NodeSource.Keepers"/>.</param>
public sealed record KeeperStamp(BlockNumber Block, Hash32 BlockHash, NodeSource Source);
