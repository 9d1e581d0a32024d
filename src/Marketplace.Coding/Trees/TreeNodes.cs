namespace Marketplace.Coding;

/// <summary>
/// Any node of a stored shard's tree: those of the sidecar are read, those inside a block are computed from its 16 KiB,
/// the last block used being remembered.
/// </summary>
internal sealed class TreeNodes(IShardReader shard, long leaves)
{
    private const int HashBytes = MerkleTree.HashBytes;
    private const int BlockLeaves = MerkleTree.BlockLeaves;

    private readonly SidecarLayout _layout = new(leaves);
    private readonly byte[] _block = new byte[MerkleTree.BlockBytes];
    private readonly byte[] _nodes = new byte[2 * BlockLeaves * HashBytes];    // level 0, then level 1 and so on up to the block's own node
    private long _loaded = -1;

    /// <summary>Writes the hash of the node (level, index), which may be one that covers no leaf.</summary>
    public void Read(int level, long index, Span<byte> destination)
    {
        if (index << level >= leaves)
        {
            MerkleTree.AbsentNode(level).CopyTo(destination);
        }
        else if (level >= MerkleTree.BlockLevel)
        {
            shard.ReadSidecar(_layout.OffsetOf(level, index), destination[..HashBytes]);
        }
        else
        {
            long block = index >> (MerkleTree.BlockLevel - level);
            Load(block);
            long inBlock = index - (block << (MerkleTree.BlockLevel - level));
            _nodes.AsSpan((int)(LevelStart(level) + inBlock) * HashBytes, HashBytes).CopyTo(destination);
        }
    }

    /// <summary>The bytes of one leaf; the span is good until the next call.</summary>
    public ReadOnlySpan<byte> Leaf(long index)
    {
        Load(index / BlockLeaves);
        return _block.AsSpan((int)(index % BlockLeaves) * MerkleTree.LeafBytes, MerkleTree.LeafBytes);
    }

    private static int LevelStart(int level) => (2 * BlockLeaves) - (2 * BlockLeaves >> level);

    private void Load(long block)
    {
        if (_loaded == block) return;
        _loaded = -1;
        long offset = block * MerkleTree.BlockBytes;
        int bytes = (int)Math.Min(MerkleTree.BlockBytes, (leaves * MerkleTree.LeafBytes) - offset);
        shard.ReadShard(offset, _block.AsSpan(0, bytes));
        _nodes.AsSpan(0, BlockLeaves * HashBytes).Clear();
        TreeHasher.HashLeaves(_block.AsSpan(0, bytes), _nodes);
        for (int level = 0; level < MerkleTree.BlockLevel; level++)
        {
            Span<byte> children = _nodes.AsSpan(LevelStart(level) * HashBytes, (BlockLeaves >> level) * HashBytes);
            TreeHasher.HashNodes(children, _nodes.AsSpan(LevelStart(level + 1) * HashBytes));
        }

        _loaded = block;
    }
}
