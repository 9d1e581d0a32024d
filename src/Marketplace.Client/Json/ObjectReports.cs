using System.Text.Json.Serialization;
using Marketplace.Domain;

namespace Marketplace.Client.Json;

/// <summary>What an entry of the catalogue is.</summary>
[JsonConverter(typeof(WordJsonConverter<ObjectKind>))]
public enum ObjectKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder: in lists also what only holds other entries.</summary>
    Folder,

    /// <summary>A symbolic link; its target is kept, never followed.</summary>
    Symlink,
}

/// <summary>Answer of <c>put</c>; with <c>--quote</c>, <see cref="Deals"/> is empty and <see cref="Locked"/> null.</summary>
/// <param name="Objects">What was stored, one for each PATH.</param>
/// <param name="NewBytes">Bytes read from files that were not stored before, before compression.</param>
/// <param name="BundleBytes">Length of the bundle that carries them, padded.</param>
/// <param name="Redundancy">k/n.</param>
/// <param name="Until">When the last paid period ends, by the chain's nominal block time.</param>
/// <param name="Price">What it costs, or would cost.</param>
/// <param name="Locked">What was locked in escrow for it.</param>
/// <param name="Deals">The deals opened.</param>
/// <param name="Seconds">Duration of the whole call.</param>
public sealed record PutReport(
    IReadOnlyList<PutObject> Objects,
    long NewBytes,
    long BundleBytes,
    Redundancy Redundancy,
    DateTimeOffset? Until,
    TokenAmount Price,
    TokenAmount? Locked,
    IReadOnlyList<PutDeal> Deals,
    double Seconds)
{
    /// <summary>Why it is not complete; absent when it is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ErrorDetail? Error { get; init; }
}

/// <summary>One stored object.</summary>
/// <param name="Name">Its slash path.</param>
/// <param name="Kind">File, folder or symlink.</param>
/// <param name="Files">Regular files in it.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Version">1 for a new name, one more for each later put of it.</param>
public sealed record PutObject(string Name, ObjectKind Kind, long Files, long Bytes, long Version);

/// <summary>One deal that a put opened.</summary>
/// <param name="Id">The client's own number of the deal.</param>
/// <param name="Slots">How its slots fared.</param>
public sealed record PutDeal(ulong Id, SlotCounts Slots);

/// <summary>Slots of a deal: asked for, filled by a node, left vacant.</summary>
public sealed record SlotCounts(int Wanted, int Filled, int Failed);

/// <summary>Answer of <c>get</c>.</summary>
/// <param name="Name">The object.</param>
/// <param name="Path">Absolute path written, null for standard output.</param>
/// <param name="Files">Regular files written.</param>
/// <param name="Bytes">Bytes written.</param>
/// <param name="Seconds">Duration.</param>
/// <param name="Faults">Nodes that misbehaved and were routed around.</param>
public sealed record GetReport(string Name, string? Path, long Files, long Bytes, double Seconds, IReadOnlyList<NodeFault> Faults);

/// <summary>Why a node was routed around.</summary>
[JsonConverter(typeof(WordJsonConverter<FaultReason>))]
public enum FaultReason
{
    /// <summary>It answered with bytes that its root on chain does not commit to.</summary>
    WrongBytes,

    /// <summary>It did not answer, or not as the protocol says.</summary>
    Unreachable,

    /// <summary>It answered too late to be waited for.</summary>
    Slow,
}

/// <summary>A node and what was wrong with it.</summary>
public sealed record NodeFault(NodeId Node, FaultReason Reason);

/// <summary>Answer of <c>ls</c>.</summary>
/// <param name="Objects">The names.</param>
public sealed record ListReport(IReadOnlyList<ListedObject> Objects)
{
    /// <summary>Live deals that could not be read now: their names are missing.</summary>
    public IReadOnlyList<ulong> UnreadDeals { get; init; } = [];

    /// <summary>Why it is not complete; absent when it is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ErrorDetail? Error { get; init; }
}

/// <summary>One line of <c>ls</c>.</summary>
/// <param name="Name">Its whole slash path.</param>
/// <param name="Kind">File, folder or symlink.</param>
/// <param name="Bytes">Bytes of the file, or of all files in the folder.</param>
/// <param name="Version">The latest version; of a folder the highest in it.</param>
/// <param name="ModifiedAt">When the file was last changed; of a folder the latest in it.</param>
/// <param name="Redundancy">k/n of the deal that holds it; null if it rests on several that differ, or on none.</param>
/// <param name="PaidUntil">When the first of its deals ends.</param>
public sealed record ListedObject(
    string Name, ObjectKind Kind, long Bytes, long Version, DateTimeOffset? ModifiedAt, Redundancy? Redundancy, DateTimeOffset? PaidUntil);

/// <summary>Answer of <c>stat</c>.</summary>
public sealed record StatReport(
    string Name,
    ObjectKind Kind,
    long Files,
    long Bytes,
    long Version,
    DateTimeOffset? ModifiedAt,
    Redundancy? Redundancy,
    DateTimeOffset? PaidUntil,
    PeriodNumber Period,
    IReadOnlyList<DealReport> Deals);

/// <summary>Answer of <c>rm</c>.</summary>
/// <param name="Name">What was removed.</param>
/// <param name="Files">Regular files that no longer show.</param>
/// <param name="Price">What the note of the removal cost.</param>
/// <param name="Locked">What was locked for it.</param>
/// <param name="Deals">The deal that carries the note.</param>
/// <param name="Seconds">Duration.</param>
public sealed record RemoveReport(
    string Name, long Files, TokenAmount Price, TokenAmount? Locked, IReadOnlyList<PutDeal> Deals, double Seconds)
{
    /// <summary>Why it is not complete; absent when it is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ErrorDetail? Error { get; init; }
}

/// <summary>Answer of <c>extend</c>.</summary>
/// <param name="Name">The object.</param>
/// <param name="PaidUntil">When the first of its deals ends now.</param>
/// <param name="Price">What the added periods cost.</param>
/// <param name="Deals">The deals extended.</param>
public sealed record ExtendReport(string Name, DateTimeOffset? PaidUntil, TokenAmount Price, IReadOnlyList<ExtendedDeal> Deals);

/// <summary>A deal and the period in which it ends now.</summary>
public sealed record ExtendedDeal(ulong Id, PeriodNumber EndsAtPeriod);

/// <summary>Answer of <c>verify</c>: <see cref="Ok"/> only if every slot is.</summary>
/// <param name="Name">The object.</param>
/// <param name="Ok">Every slot answered with the root that stands on chain.</param>
/// <param name="Readable">Enough slots did to read all of it.</param>
/// <param name="Deep">The nodes read every byte again.</param>
/// <param name="Deals">The deals that hold it.</param>
public sealed record VerifyReport(string Name, bool Ok, bool Readable, bool Deep, IReadOnlyList<VerifiedDeal> Deals)
{
    /// <summary>The first thing that is wrong; absent if nothing is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ErrorDetail? Error { get; init; }
}

/// <summary>One verified deal.</summary>
public sealed record VerifiedDeal(ulong Id, IReadOnlyList<VerifiedSlot> Slots);

/// <summary>What a slot's node said.</summary>
[JsonConverter(typeof(WordJsonConverter<SlotVerdict>))]
public enum SlotVerdict
{
    /// <summary>The root agrees.</summary>
    Ok,

    /// <summary>The node reports another root.</summary>
    WrongRoot,

    /// <summary>The node's bytes do not agree with the root.</summary>
    WrongBytes,

    /// <summary>The node did not answer.</summary>
    Unreachable,

    /// <summary>No node holds the slot.</summary>
    Vacant,
}

/// <summary>One verified slot.</summary>
public sealed record VerifiedSlot(int Index, NodeId? Node, Root? RootOnChain, Root? RootReported, SlotVerdict State);
