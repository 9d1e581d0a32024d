using System.Numerics;

namespace Marketplace.Coding;

/// <summary>
/// Where each node of a tree lies in the shard's sidecar: a header of 16 bytes, then 20 bytes for every node of the
/// levels from <see cref="MerkleTree.BlockLevel"/> to the top that covers a leaf, in the order in which a streaming builder
/// completes them (a node right after the last of its children). Specified in docs/formats/shard.md.
/// </summary>
public readonly record struct SidecarLayout
{
    /// <summary>Bytes before the first node.</summary>
    public const int HeaderBytes = 16;

    private const int BlockLevel = MerkleTree.BlockLevel;

    /// <param name="leaves">Leaves in the shard.</param>
    public SidecarLayout(long leaves)
    {
        Depth = MerkleTree.Depth(leaves);
        Leaves = leaves;
    }

    /// <summary>Magic "MKTT", version 1, the first level kept, bytes a node, zeros.</summary>
    public static ReadOnlySpan<byte> Header => [(byte)'M', (byte)'K', (byte)'T', (byte)'T', 1, BlockLevel, MerkleTree.HashBytes, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Leaves in the shard.</summary>
    public long Leaves { get; }

    /// <summary>The level of the tree's top.</summary>
    public int Depth { get; }

    /// <summary>Bytes in the whole sidecar.</summary>
    public long SizeBytes
    {
        get
        {
            long nodes = 0;
            for (int level = BlockLevel; level <= Depth; level++) nodes += MerkleTree.NodesAt(level, Leaves);
            return HeaderBytes + (nodes * MerkleTree.HashBytes);
        }
    }

    /// <summary>The offset of a node in the sidecar.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The sidecar has no such node.</exception>
    public long OffsetOf(int level, long index)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(level, BlockLevel);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, Depth);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, MerkleTree.NodesAt(level, Leaves));

        long end = (index + 1) << level;    // the leaf at which the node became complete
        long before = 0;
        if (end <= Leaves)
        {
            for (int i = BlockLevel; i <= level; i++) before += end >> i;
            for (int i = level + 1; i <= Depth; i++) before += (end - 1) >> i;
            before--;
        }
        else
        {
            // The right edge, completed with absent leaves, comes last and from the bottom up.
            for (int i = BlockLevel; i <= Depth; i++) before += Leaves >> i;
            int lowest = Math.Max(BlockLevel, BitOperations.TrailingZeroCount(Leaves) + 1);
            before += level - lowest;
        }

        return HeaderBytes + (before * MerkleTree.HashBytes);
    }
}

/// <summary>
/// Reads a stored shard and its sidecar. Both calls fill the whole destination or throw;
/// they are asked only for bytes that the shard and its sidecar have.
/// </summary>
public interface IShardReader
{
    /// <summary>Fills <paramref name="destination"/> with the shard's bytes from <paramref name="offset"/>.</summary>
    void ReadShard(long offset, Span<byte> destination);

    /// <summary>Fills <paramref name="destination"/> with the sidecar's bytes from <paramref name="offset"/>.</summary>
    void ReadSidecar(long offset, Span<byte> destination);
}
