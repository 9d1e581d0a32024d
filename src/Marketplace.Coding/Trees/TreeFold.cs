using System.Buffers;

namespace Marketplace.Coding;

/// <summary>
/// Folds leaves and whole subtrees, in order from the left, into one hash with one waiting node a level.
/// Which levels wait is the binary form of the number of leaves so far.
/// </summary>
internal sealed class TreeFold(IBufferWriter<byte>? sidecar = null)
{
    private const int HashBytes = MerkleTree.HashBytes;

    private readonly byte[] _waiting = new byte[(MerkleTree.DepthMax + 1) * HashBytes];
    private readonly byte[] _scratch = new byte[(MerkleTree.BlockLeaves + 1) * HashBytes];

    /// <summary>Leaves folded so far.</summary>
    public long Leaves { get; private set; }

    /// <summary>Adds a node whose subtree begins at leaf <see cref="Leaves"/>, which must be a multiple of its width.</summary>
    public void Push(int level, ReadOnlySpan<byte> hash)
    {
        Span<byte> current = stackalloc byte[HashBytes];
        hash[..HashBytes].CopyTo(current);
        long width = 1L << level;
        Emit(level, current);
        for (; (Leaves >> level & 1) != 0; level++)
        {
            MerkleTree.HashNode(Waiting(level), current, current);
            Emit(level + 1, current);
        }

        current.CopyTo(Waiting(level));
        Leaves += width;
    }

    /// <summary>Adds whole leaves, block by block where they are aligned.</summary>
    public void PushLeaves(ReadOnlySpan<byte> leaves)
    {
        while (!leaves.IsEmpty)
        {
            bool block = Leaves % MerkleTree.BlockLeaves == 0 && leaves.Length >= MerkleTree.BlockBytes;
            int level = block ? MerkleTree.BlockLevel : 0;
            int bytes = block ? MerkleTree.BlockBytes : MerkleTree.LeafBytes;
            TreeHasher.HashSubtree(leaves[..bytes], level, _scratch);
            Push(level, _scratch);
            leaves = leaves[bytes..];
        }
    }

    /// <summary>
    /// Ends the tree. <paramref name="rest"/> is the last block when it is not full, else empty.
    /// Writes the top hash; the leaves must not be more than <see cref="MerkleTree.LeavesMax"/>.
    /// </summary>
    public void Finish(ReadOnlySpan<byte> rest, Span<byte> top, out long leaves)
    {
        leaves = Leaves + (rest.Length / MerkleTree.LeafBytes);
        int depth = MerkleTree.Depth(leaves);
        int level;
        if (rest.IsEmpty)
        {
            level = System.Numerics.BitOperations.TrailingZeroCount(Leaves);
            Waiting(level).CopyTo(top);
        }
        else
        {
            level = Math.Min(depth, MerkleTree.BlockLevel);
            TreeHasher.HashSubtree(rest, level, _scratch);
            _scratch.AsSpan(0, HashBytes).CopyTo(top);
            Emit(level, top);
        }

        bool own = rest.IsEmpty;    // the lowest waiting node is the one that is carried up, not its left neighbour
        for (; level < depth; level++)
        {
            if (!own && (Leaves >> level & 1) != 0) MerkleTree.HashNode(Waiting(level), top, top);
            else MerkleTree.HashNode(top, MerkleTree.AbsentNode(level), top);
            own = false;
            Emit(level + 1, top);
        }
    }

    /// <summary>The one node that waits when a whole tree of this depth was pushed.</summary>
    public ReadOnlySpan<byte> Top(int depth) => Waiting(depth);

    private Span<byte> Waiting(int level) => _waiting.AsSpan(level * HashBytes, HashBytes);

    private void Emit(int level, ReadOnlySpan<byte> hash)
    {
        if (level >= MerkleTree.BlockLevel && sidecar is not null) sidecar.Write(hash);
    }
}
