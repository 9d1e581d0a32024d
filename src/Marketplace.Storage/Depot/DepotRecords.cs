using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>Where an upload belongs: a slot of a numbered deal of a client.</summary>
public readonly record struct UploadPlace(DealId Deal, int Slot)
{
    /// <summary>The place of what the node keeps for itself. No client is at it, so none replaces or forgets what lies there; each upload to it stands alone until it expires.</summary>
    public static UploadPlace Nobodys => default;
}

/// <summary>Something a client uploaded, before or after the node promised to keep it.</summary>
/// <param name="Id">The record's own number, ascending.</param>
/// <param name="Place">Where it belongs.</param>
/// <param name="Shard">Root and leaves.</param>
/// <param name="ExpiresAt">Without a promise it may be dropped then.</param>
/// <param name="Promise">What the node signed, if it did.</param>
public sealed record UploadRecord(long Id, UploadPlace Place, ShardCommitment Shard, DateTimeOffset ExpiresAt, PromiseRecord? Promise);

/// <summary>A promise that the node gave away: it cannot take it back before the deadline.</summary>
/// <param name="Deadline">The last block in which the chain takes it.</param>
/// <param name="Document">What was signed and the signature, as the node answered it.</param>
public sealed record PromiseRecord(BlockNumber Deadline, string Document);

/// <summary>Bytes on disk, shards and their trees.</summary>
/// <param name="Capacity">What the operator gave; volumes that are being emptied do not count.</param>
/// <param name="Used">What kept shards take.</param>
/// <param name="Reserved">What uploads on their way may still take.</param>
/// <param name="Free">What can be taken now: what is left of the capacity and of the disks, less a margin.</param>
public readonly record struct DepotSpace(long Capacity, long Used, long Reserved, long Free);

/// <summary>Sizes on disk.</summary>
public static class DiskBytes
{
    /// <summary>What a shard takes with its tree.</summary>
    public static long Of(long leaves) => (leaves * MerkleTree.LeafBytes) + new SidecarLayout(leaves).SizeBytes;

    /// <summary>What a shard of at most so many bytes takes with its tree.</summary>
    public static long ForUpload(long bytesMax) => Of(Math.Max(1, (bytesMax + MerkleTree.LeafBytes - 1) / MerkleTree.LeafBytes));
}
