using System.Numerics;

namespace Marketplace.Coding;

/// <summary>
/// Proves that some leaves stand at some place of a shard: a version byte, then the nodes to the left of the range from the
/// top down, then those to its right from the bottom up. Nodes that cover no leaf are left out, so root, leaf count and range
/// alone decide the proof's length. Specified in docs/formats/shard.md.
/// </summary>
public static class RangeProof
{
    /// <summary>The first byte of a proof.</summary>
    public const byte Version = 1;

    /// <summary>No proof is longer than this.</summary>
    public const int SizeBytesMax = 1 + (2 * MerkleTree.DepthMax * MerkleTree.HashBytes);

    /// <summary>Each thread verifies with the same one, so that a range leaves no garbage.</summary>
    [ThreadStatic]
    private static TreeFold? t_fold;

    /// <summary>Bytes in the proof of a range of a shard with <paramref name="shardLeaves"/> leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or not inside the shard.</exception>
    public static int SizeBytes(long shardLeaves, long firstLeaf, long leaves)
    {
        CheckRange(shardLeaves, firstLeaf, leaves);
        int nodes = BitOperations.PopCount((ulong)firstLeaf);
        for (long at = firstLeaf + leaves; at < shardLeaves; at += at & -at) nodes++;
        return 1 + (nodes * MerkleTree.HashBytes);
    }

    /// <summary>
    /// Makes the proof of a range and returns its length. Reads one node of the sidecar for each hash of the proof,
    /// and the blocks at the range's two ends where it begins or ends inside one.
    /// </summary>
    public static int Write(IShardReader shard, long shardLeaves, long firstLeaf, long leaves, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(shard);
        int size = SizeBytes(shardLeaves, firstLeaf, leaves);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, size);
        var nodes = new TreeNodes(shard, shardLeaves);
        destination[0] = Version;
        int written = 1;
        for (int level = MerkleTree.DepthMax - 1; level >= 0; level--)
        {
            if ((firstLeaf >> level & 1) == 0) continue;
            nodes.Read(level, (firstLeaf >> level) - 1, destination[written..]);
            written += MerkleTree.HashBytes;
        }

        for (long at = firstLeaf + leaves; at < shardLeaves; at += at & -at)
        {
            int level = BitOperations.TrailingZeroCount(at);
            nodes.Read(level, at >> level, destination[written..]);
            written += MerkleTree.HashBytes;
        }

        return written;
    }

    /// <summary>
    /// Whether <paramref name="data"/> is what the committed shard holds from leaf <paramref name="firstLeaf"/> on.
    /// Any bytes may be given: false for a proof of another version or length, a range outside the shard, or wrong content.
    /// </summary>
    public static bool Verify(ShardCommitment shard, long firstLeaf, ReadOnlySpan<byte> data, ReadOnlySpan<byte> proof)
    {
        long leaves = data.Length / MerkleTree.LeafBytes;
        bool inside = shard.Leaves is >= 1 and <= MerkleTree.LeavesMax && firstLeaf >= 0 && leaves >= 1 &&
                      firstLeaf <= shard.Leaves - leaves && data.Length % MerkleTree.LeafBytes == 0;
        if (!inside || proof.Length != SizeBytes(shard.Leaves, firstLeaf, leaves) || proof[0] != Version) return false;

        proof = proof[1..];
        TreeFold fold = t_fold ??= new TreeFold();
        fold.Reset();
        for (int level = MerkleTree.DepthMax - 1; level >= 0; level--)
        {
            if ((firstLeaf >> level & 1) == 0) continue;
            fold.Push(level, proof);
            proof = proof[MerkleTree.HashBytes..];
        }

        fold.PushLeaves(data);
        int depth = MerkleTree.Depth(shard.Leaves);
        while (fold.Leaves < 1L << depth)
        {
            int level = BitOperations.TrailingZeroCount(fold.Leaves);
            if (fold.Leaves < shard.Leaves)
            {
                fold.Push(level, proof);
                proof = proof[MerkleTree.HashBytes..];
            }
            else
            {
                fold.Push(level, MerkleTree.AbsentNode(level));
            }
        }

        return MerkleTree.RootOf(fold.Top(depth), shard.Leaves) == shard.Root;
    }

    private static void CheckRange(long shardLeaves, long firstLeaf, long leaves)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardLeaves, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shardLeaves, MerkleTree.LeavesMax);
        ArgumentOutOfRangeException.ThrowIfNegative(firstLeaf);
        ArgumentOutOfRangeException.ThrowIfLessThan(leaves, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(leaves, shardLeaves - firstLeaf);
    }
}
