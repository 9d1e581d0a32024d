using System.Text.Json.Serialization;
using Marketplace.Domain;

namespace Marketplace.Client.Json;

/// <summary>Who was asked for the list of nodes.</summary>
[JsonConverter(typeof(WordJsonConverter<NodeSource>))]
public enum NodeSource
{
    /// <summary>Record keepers, checked against the chain.</summary>
    Keepers,

    /// <summary>The nodes' own gossip.</summary>
    Gossip,

    /// <summary>The register on chain alone.</summary>
    Chain,
}

/// <summary>Answer of <c>nodes</c> and of a keeper's <c>GET /v1/nodes</c>.</summary>
/// <param name="Block">The block that it speaks of.</param>
/// <param name="BlockHash">That block's hash.</param>
/// <param name="Source">Who was asked.</param>
/// <param name="Nodes">The nodes, by id.</param>
public sealed record NodesReport(BlockNumber Block, Hash32 BlockHash, NodeSource Source, IReadOnlyList<NodeReport> Nodes);

/// <summary>One node.</summary>
/// <param name="Id">Its number in the register.</param>
/// <param name="Address">Its hot key.</param>
/// <param name="Owner">The account that its stake and pay belong to.</param>
/// <param name="Url">Where it answers, HTTPS.</param>
/// <param name="Fingerprint"><c>sha256:</c> and the lower-case hexadecimal digest of its certificate.</param>
/// <param name="Price">Tokens per GiB and 30 days.</param>
/// <param name="Stake">What it has locked.</param>
/// <param name="CapacityBytes">What it offers.</param>
/// <param name="UsedBytes">What live deals fill of it; null if not counted.</param>
/// <param name="FreeBytes">What it still takes; null if nobody asked it.</param>
/// <param name="Online">Null when no keeper or gossip answered.</param>
/// <param name="LastSeenAt">When it last answered somebody.</param>
/// <param name="LastProvedPeriod">Its last proved period.</param>
/// <param name="Earned">Pay for proved periods, of all time.</param>
/// <param name="Rewarded">Mining reward, of all time.</param>
public sealed record NodeReport(
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
    TokenAmount? Rewarded);
