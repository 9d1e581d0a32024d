using Marketplace.Domain;

namespace Marketplace.Coding;

/// <summary>
/// How a bundle lies in its shards. A stripe is k cells of 16 KiB; cell j of each stripe is what column j holds of it.
/// The last stripe may have shorter cells, still whole leaves. With k = 1 each shard is the bundle itself.
/// Specified in docs/formats/shard.md.
/// </summary>
public readonly record struct ShardGeometry
{
    /// <summary>Bytes of a cell in every stripe but the last.</summary>
    public const int CellBytes = MerkleTree.BlockBytes;

    /// <summary>No bundle of any redundancy is longer.</summary>
    public const long BundleBytesMax = MerkleTree.LeavesMax * MerkleTree.LeafBytes * Redundancy.ShardsMax;

    /// <exception cref="ArgumentOutOfRangeException">The bundle cannot be cut into k shards of whole leaves (<see cref="IsBundleSize"/>).</exception>
    public ShardGeometry(Redundancy redundancy, long bundleBytes)
    {
        if (!IsBundleSize(redundancy, bundleBytes))
            throw new ArgumentOutOfRangeException(nameof(bundleBytes), bundleBytes, $"A bundle of {redundancy} is a multiple of {BundleUnit(redundancy)} bytes.");
        Redundancy = redundancy;
        BundleBytes = bundleBytes;
    }

    /// <summary>k of n.</summary>
    public Redundancy Redundancy { get; }

    /// <summary>Bytes in the bundle, padding included.</summary>
    public long BundleBytes { get; }

    /// <summary>Bytes in each shard.</summary>
    public long ShardBytes => BundleBytes / Redundancy.Needed;

    /// <summary>Leaves in each shard.</summary>
    public long Leaves => ShardBytes / MerkleTree.LeafBytes;

    /// <summary>A bundle is a multiple of this: one leaf for each data column.</summary>
    public static int BundleUnit(Redundancy redundancy) => MerkleTree.LeafBytes * redundancy.Needed;

    /// <summary>Whether a bundle of this length can be cut into shards.</summary>
    public static bool IsBundleSize(Redundancy redundancy, long bundleBytes) =>
        bundleBytes > 0 && bundleBytes % BundleUnit(redundancy) == 0 && MerkleTree.IsShardSize(bundleBytes / redundancy.Needed);

    /// <summary>The bundle that shards of this many leaves make up.</summary>
    public static ShardGeometry FromLeaves(Redundancy redundancy, long leaves) => new(redundancy, checked(leaves * BundleUnit(redundancy)));

    /// <summary>
    /// What to fetch of any k columns to have a range of the bundle: whole cells (whole leaves with k = 1).
    /// The same range for every column.
    /// </summary>
    public ShardRange RangeFor(long bundleOffset, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bundleOffset);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, BundleBytes - bundleOffset);
        int k = Redundancy.Needed;
        int unit = k == 1 ? MerkleTree.LeafBytes : CellBytes;
        long from = bundleOffset / ((long)unit * k) * unit;
        long to = Math.Min((bundleOffset + bytes - 1) / ((long)unit * k) * unit + unit, ShardBytes);
        return new ShardRange(from, to - from, from * k, (to - from) * k);
    }
}

/// <summary>A range of every column, and the range of the bundle that any k of them give.</summary>
public readonly record struct ShardRange(long Offset, long Bytes, long BundleOffset, long BundleBytes);
