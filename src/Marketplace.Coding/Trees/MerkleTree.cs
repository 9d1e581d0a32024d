using System.Buffers.Binary;
using System.Numerics;
using Marketplace.Domain;

namespace Marketplace.Coding;

/// <summary>
/// The tree that commits to a shard: Keccak-256 cut to 20 bytes over leaves of 256 bytes, absent leaves zero,
/// leaf, node and root tagged apart. Specified in docs/formats/tree.md; the contract computes the same.
/// </summary>
public static class MerkleTree
{
    /// <summary>Bytes in a leaf. A shard is a whole number of leaves.</summary>
    public const int LeafBytes = 256;

    /// <summary>Bytes kept of each hash.</summary>
    public const int HashBytes = Root.SizeBytes;

    /// <summary>The level at which a sidecar begins: a node there covers one block.</summary>
    public const int BlockLevel = 6;

    /// <summary>Leaves in a block.</summary>
    public const int BlockLeaves = 1 << BlockLevel;

    /// <summary>Bytes in a block: what a proof reads of the shard itself.</summary>
    public const int BlockBytes = BlockLeaves * LeafBytes;

    /// <summary>Levels above the leaves in the tallest tree.</summary>
    public const int DepthMax = 34;

    /// <summary>The chain keeps leaf counts in 34 bits.</summary>
    public const long LeavesMax = (1L << DepthMax) - 1;

    /// <summary>Bytes in the largest shard.</summary>
    public const long ShardBytesMax = LeavesMax * LeafBytes;

    private static readonly byte[] s_absent = BuildAbsentNodes();

    /// <summary>Whether a shard may have this many bytes: a whole number of leaves, at least one.</summary>
    public static bool IsShardSize(long bytes) => bytes is >= LeafBytes and <= ShardBytesMax && bytes % LeafBytes == 0;

    /// <summary>Levels above the leaves of a tree with this many leaves: 0 for one leaf.</summary>
    public static int Depth(long leaves)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leaves, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(leaves, LeavesMax);
        return 64 - BitOperations.LeadingZeroCount((ulong)(leaves - 1));
    }

    /// <summary>Nodes of a level that cover at least one leaf.</summary>
    public static long NodesAt(int level, long leaves) => (leaves + (1L << level) - 1) >> level;

    /// <summary>The hash of a node under which there is no leaf at all.</summary>
    public static ReadOnlySpan<byte> AbsentNode(int level) => s_absent.AsSpan(level * HashBytes, HashBytes);

    /// <summary>The root and leaf count of a shard that lies in memory.</summary>
    /// <exception cref="ArgumentException">The length is not a whole number of leaves, or zero.</exception>
    public static ShardCommitment Commit(ReadOnlySpan<byte> shard)
    {
        using var builder = new MerkleTreeBuilder();
        builder.Append(shard);
        return builder.TryFinish(out ShardCommitment commitment)
            ? commitment
            : throw new ArgumentException($"A shard is a whole number of {LeafBytes}-byte leaves, not {shard.Length} bytes.", nameof(shard));
    }

    /// <summary>Binds the top hash of a tree to its number of leaves.</summary>
    public static Root RootOf(ReadOnlySpan<byte> top, long leaves)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(top.Length, HashBytes);
        Span<byte> message = stackalloc byte[HashBytes + 8 + 1];
        top.CopyTo(message);
        BinaryPrimitives.WriteUInt64BigEndian(message[HashBytes..], (ulong)leaves);
        message[^1] = TreeHasher.RootTag;
        Span<byte> digest = stackalloc byte[Keccak256.HashBytes];
        Keccak256.HashData(message, digest);
        return new Root(digest[..HashBytes]);
    }

    /// <summary>Hashes a whole number of leaves; <paramref name="hashes"/> gets 20 bytes for each.</summary>
    public static void HashLeaves(ReadOnlySpan<byte> leaves, Span<byte> hashes)
    {
        if (leaves.Length % LeafBytes != 0) throw new ArgumentException("Only whole leaves are hashed.", nameof(leaves));
        ArgumentOutOfRangeException.ThrowIfLessThan(hashes.Length, leaves.Length / LeafBytes * HashBytes);
        TreeHasher.HashLeaves(leaves, hashes);
    }

    /// <summary>The hash of the node over two neighbours. <paramref name="destination"/> may be either of them.</summary>
    public static void HashNode(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> destination)
    {
        Span<byte> pair = stackalloc byte[2 * HashBytes];
        left[..HashBytes].CopyTo(pair);
        right[..HashBytes].CopyTo(pair[HashBytes..]);
        TreeHasher.HashNodes(pair, destination[..HashBytes]);
    }

    private static byte[] BuildAbsentNodes()
    {
        byte[] nodes = new byte[(DepthMax + 1) * HashBytes];
        for (int level = 1; level <= DepthMax; level++)
        {
            ReadOnlySpan<byte> below = nodes.AsSpan((level - 1) * HashBytes, HashBytes);
            HashNode(below, below, nodes.AsSpan(level * HashBytes, HashBytes));
        }

        return nodes;
    }
}

/// <summary>What a shard is known by: its root, and its number of leaves, which the root binds.</summary>
public readonly record struct ShardCommitment(Root Root, long Leaves)
{
    /// <summary>Bytes in the shard.</summary>
    public long Bytes => Leaves * MerkleTree.LeafBytes;
}
