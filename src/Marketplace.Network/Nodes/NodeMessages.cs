using System.Text.Json.Serialization;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>What a node says about itself (<c>GET /v1/info</c>). Nothing here is believed that the chain says otherwise.</summary>
public sealed record NodeInfo(
    NodeId Id,
    Address Address,
    ulong ChainId,
    Address Market,
    TokenAmount Price,
    ulong CapacityBytes,
    ulong UsedBytes,
    ulong FreeBytes,
    uint PeriodBlocks,
    BlockNumber Block,
    string Version);

/// <summary>A node's word that an upload lies flushed on its disk. The caller compares it with its own tree.</summary>
/// <param name="Root">The root that the node computed.</param>
/// <param name="Leaves">Leaves of the shard.</param>
/// <param name="Bytes">Bytes of the shard.</param>
public sealed record UploadReceipt(Root Root, long Leaves, long Bytes);

/// <summary>What a client asks a node to promise for an upload.</summary>
/// <param name="Root">The root that the upload must have.</param>
/// <param name="Leaves">Leaves of the shard.</param>
/// <param name="Rate">The rate offered, as the chain's 18 bits (<see cref="Domain.Rate.Encoded"/>).</param>
/// <param name="MaxEnd">The highest end that the deal may ever be extended to; an end is the first period after a deal.</param>
/// <param name="Deadline">The last block in which the promise may be used on chain.</param>
public sealed record AcceptanceRequest(Root Root, long Leaves, uint Rate, PeriodNumber MaxEnd, BlockNumber Deadline);

/// <summary>A node's signed promise for one slot of one deal: exactly what the contract's openDeal takes.</summary>
/// <param name="Node">The node that promises.</param>
/// <param name="Client">Whose deal.</param>
/// <param name="Number">The client's number of the deal.</param>
/// <param name="Slot">The slot's index.</param>
/// <param name="Root">The shard's root.</param>
/// <param name="Leaves">The shard's leaves.</param>
/// <param name="Rate">The rate, as the chain's 18 bits.</param>
/// <param name="MaxEnd">The highest end that the deal may ever be extended to; an end is the first period after a deal.</param>
/// <param name="Deadline">The last block in which the promise may be used.</param>
/// <param name="Hint">Start of a dead range of the node's ledger with exactly this rate, cheaper to refill; null to append. Not signed.</param>
/// <param name="Signature">EIP-712 signature of the hot key in the 64 bytes of EIP-2098 (r, then vs), in hexadecimal.</param>
public sealed record SignedAcceptance(
    NodeId Node,
    Address Client,
    ulong Number,
    int Slot,
    Root Root,
    long Leaves,
    uint Rate,
    PeriodNumber MaxEnd,
    BlockNumber Deadline,
    ulong? Hint,
    string Signature)
{
    /// <summary>Bytes in the signature.</summary>
    public const int SignatureBytes = 64;
}

/// <summary>The root that a node reports for a shard now.</summary>
/// <param name="Root">What it reports; with <paramref name="Deep"/>, what its bytes hash to at this moment. Null if they cannot be read.</param>
/// <param name="Leaves">Leaves of the shard.</param>
/// <param name="Deep">Whether every byte was read and hashed for this answer.</param>
public sealed record ReportedRoot(Root? Root, long Leaves, bool Deep);

/// <summary>The body of every failure.</summary>
public sealed record NodeErrorEnvelope(NodeErrorBody Error);

/// <summary>A failure: a code for programs, a line for people, and what to do about it.</summary>
public sealed record NodeErrorBody(string Code, string Message, string? Hint = null);

/// <summary>JSON of the node protocol: camelCase, nothing missing, nothing guessed.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(NodeInfo))]
[JsonSerializable(typeof(UploadReceipt))]
[JsonSerializable(typeof(AcceptanceRequest))]
[JsonSerializable(typeof(SignedAcceptance))]
[JsonSerializable(typeof(ReportedRoot))]
[JsonSerializable(typeof(NodeErrorEnvelope))]
[JsonSerializable(typeof(Beat))]
public sealed partial class NodeJson : JsonSerializerContext;
