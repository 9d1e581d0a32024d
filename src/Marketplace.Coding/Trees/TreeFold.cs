using System.Buffers;
using System.Numerics;

namespace Marketplace.Coding;

/// <summary>
/// Folds leaves and whole subtrees, in order from the left, into one hash with one waiting node a level.
/// Which levels wait is the binary form of the number of leaves so far.
/// <para>
/// So that vector lanes are full at every level, blocks are hashed only to the level where each has eight nodes; when eight blocks
/// (a tile) have come, these are hashed together to the tile's top. The sidecar gets its nodes in their order all the same, a tile at a time.
/// </para>
/// </summary>
internal sealed class TreeFold(IBufferWriter<byte>? sidecar = null)
{
    /// <summary>Where hashing of a block stops until its tile is full.</summary>
    private const int PauseLevel = 3;

    /// <summary>The level of a tile's top.</summary>
    private const int TileLevel = 9;

    private const int TileBlocks = 1 << (TileLevel - MerkleTree.BlockLevel);
    private const int TileLeaves = 1 << TileLevel;
    private const int NodesOfBlock = 1 << (MerkleTree.BlockLevel - PauseLevel);
    private const int HashBytes = MerkleTree.HashBytes;

    private readonly byte[] _waiting = new byte[(MerkleTree.DepthMax + 1) * HashBytes];
    private readonly byte[] _scratch = new byte[(MerkleTree.BlockLeaves + 1) * HashBytes];
    private byte[]? _tile;
    private int _tileBlocks;
    private long _folded;

    /// <summary>Leaves so far.</summary>
    public long Leaves => _folded + ((long)_tileBlocks * MerkleTree.BlockLeaves);

    /// <summary>Begins anew, for another tree.</summary>
    public void Reset()
    {
        _folded = 0;
        _tileBlocks = 0;
    }

    /// <summary>Adds a node whose subtree begins at leaf <see cref="Leaves"/>, which must be a multiple of its width.</summary>
    public void Push(int level, ReadOnlySpan<byte> hash)
    {
        FoldTile();
        Fold(level, hash, emit: true);
    }

    /// <summary>Adds whole leaves, block by block where they are aligned.</summary>
    public void PushLeaves(ReadOnlySpan<byte> leaves)
    {
        while (!leaves.IsEmpty)
        {
            int count = leaves.Length / MerkleTree.LeafBytes;
            int level = Math.Min(BitOperations.Log2((uint)count), BitOperations.TrailingZeroCount((ulong)Leaves | MerkleTree.BlockLeaves));
            int bytes = MerkleTree.LeafBytes << level;
            if (level == MerkleTree.BlockLevel && (_tileBlocks > 0 || _folded % TileLeaves == 0))
            {
                AddToTile(leaves[..bytes]);
            }
            else
            {
                TreeHasher.HashSubtree(leaves[..bytes], level, _scratch);
                Push(level, _scratch);
            }

            leaves = leaves[bytes..];
        }
    }

    /// <summary>
    /// Ends the tree. <paramref name="rest"/> is the last block when it is not full, else empty.
    /// Writes the top hash; the leaves must not be more than <see cref="MerkleTree.LeavesMax"/>.
    /// </summary>
    public void Finish(ReadOnlySpan<byte> rest, Span<byte> top, out long leaves)
    {
        FoldTile();
        leaves = _folded + (rest.Length / MerkleTree.LeafBytes);
        int depth = MerkleTree.Depth(leaves);
        int level;
        if (rest.IsEmpty)
        {
            level = BitOperations.TrailingZeroCount(_folded);
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
            if (!own && (_folded >> level & 1) != 0) MerkleTree.HashNode(Waiting(level), top, top);
            else MerkleTree.HashNode(top, MerkleTree.AbsentNode(level), top);
            own = false;
            Emit(level + 1, top);
        }
    }

    /// <summary>The one node that waits when a whole tree of this depth was pushed.</summary>
    public ReadOnlySpan<byte> Top(int depth)
    {
        FoldTile();
        return Waiting(depth);
    }

    private Span<byte> Waiting(int level) => _waiting.AsSpan(level * HashBytes, HashBytes);

    private void AddToTile(ReadOnlySpan<byte> block)
    {
        _tile ??= new byte[TileBlocks * NodesOfBlock * HashBytes];
        TreeHasher.HashLeaves(block, _scratch);
        TreeHasher.HashUp(_scratch, MerkleTree.BlockLeaves, 0, PauseLevel);
        _scratch.AsSpan(0, NodesOfBlock * HashBytes).CopyTo(_tile.AsSpan(_tileBlocks * NodesOfBlock * HashBytes));
        if (++_tileBlocks == TileBlocks) FoldTile();
    }

    private void FoldTile()
    {
        if (_tileBlocks == 0) return;
        int blocks = _tileBlocks;
        _tileBlocks = 0;
        TreeHasher.HashUp(_tile, blocks * NodesOfBlock, PauseLevel, MerkleTree.BlockLevel);
        if (blocks < TileBlocks)
        {
            for (int i = 0; i < blocks; i++) Fold(MerkleTree.BlockLevel, _tile.AsSpan(i * HashBytes), emit: true);
            return;
        }

        // The nodes above the blocks, level after level, and then into the sidecar as if they had come one by one.
        Span<byte> levels = stackalloc byte[2 * TileBlocks * HashBytes];
        Span<byte> below = levels[..(TileBlocks * HashBytes)];
        _tile.AsSpan(0, below.Length).CopyTo(below);
        for (Span<byte> rest = levels[below.Length..]; below.Length > HashBytes; rest = rest[below.Length..])
        {
            TreeHasher.HashNodes(below, rest);
            below = rest[..(below.Length / 2)];
        }

        for (int i = 0; i < TileBlocks && sidecar is not null; i++)
        {
            int start = 0;
            for (int above = 0; above <= BitOperations.TrailingZeroCount(i + 1); above++)
            {
                Emit(MerkleTree.BlockLevel + above, levels.Slice((start + (i >> above)) * HashBytes, HashBytes));
                start += TileBlocks >> above;
            }
        }

        Fold(TileLevel, below, emit: false);
    }

    private void Fold(int level, ReadOnlySpan<byte> hash, bool emit)
    {
        Span<byte> current = stackalloc byte[HashBytes];
        hash[..HashBytes].CopyTo(current);
        long width = 1L << level;
        if (emit) Emit(level, current);
        for (; (_folded >> level & 1) != 0; level++)
        {
            MerkleTree.HashNode(Waiting(level), current, current);
            Emit(level + 1, current);
        }

        current.CopyTo(Waiting(level));
        _folded += width;
    }

    private void Emit(int level, ReadOnlySpan<byte> hash)
    {
        if (level >= MerkleTree.BlockLevel && sidecar is not null) sidecar.Write(hash);
    }
}
