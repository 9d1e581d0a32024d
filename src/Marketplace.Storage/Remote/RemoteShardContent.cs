using Marketplace.Coding;

namespace Marketplace.Storage;

/// <summary>
/// A shard whose pieces lie somewhere else. Readers are given bytes by span and so wait for the network; how many read at once is limited
/// by those who ask. What came last is remembered, because reads come in order or twice.
/// </summary>
internal sealed class RemoteShardContent(RemoteShardStore store, ShardParts record, IDiskFile parts, IDiskFile? tree) : IShardContent
{
    /// <summary>A read of at most this share of a piece does not fetch all of it.</summary>
    private const int SmallReadShare = 4;

    private readonly Lock _lock = new();
    private (long Index, PartSlice Slice) _newest = (-1, default);
    private bool _disposed;

    public ShardCommitment Commitment => record.Shard;

    public void ReadShard(long offset, Span<byte> destination)
    {
        // A proof wants a block here and there; whoever reads more soon wants the rest of the piece.
        bool isSmall = destination.Length <= record.PartBytes / SmallReadShare;
        while (!destination.IsEmpty)
        {
            int within = RemoteShardStore.PieceHeadBytes + (int)(offset % record.PartBytes);
            int count = Math.Min(destination.Length, RemoteShardStore.PieceHeadBytes + record.PartBytes - within);
            PartSlice slice = SliceAt(offset, within, count, isSmall);
            if (!Holds(slice, within, count)) throw new EndOfStreamException("A piece of a shard is shorter than it was.");
            slice.Bytes.AsSpan(within - slice.From, count).CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }

    public void ReadSidecar(long offset, Span<byte> destination) => FileShardContent.Fill(tree ?? throw FileShardContent.NoTree(), offset, destination);

    public ShardRead ReadRange(long firstLeaf, Span<byte> data, Span<byte> proof) => ShardContents.ReadRange(this, Commitment, firstLeaf, data, proof);

    public ValueTask<(ShardCommitment? Found, bool IsTreeRight)> CheckAsync(Func<int, CancellationToken, ValueTask>? pace, CancellationToken token) =>
        ShardContents.CheckAsync(this, Commitment, pace, token);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        parts.Dispose();
        tree?.Dispose();
        store.Close(record.Id);
    }

    private static bool Holds(PartSlice slice, int within, int count) => slice.From <= within && slice.From + slice.Bytes.Length >= within + count;

    /// <summary>What is at hand, or else a whole piece or, of it, the blocks of the tree in which the bytes lie.</summary>
    private PartSlice SliceAt(long offset, int within, int count, bool isSmall)
    {
        long index = offset / record.PartBytes;
        lock (_lock)
        {
            if (_newest.Index == index && Holds(_newest.Slice, within, count)) return _newest.Slice;
        }

        string address = store.ReadAddress(parts, index);
        long begin = index * record.PartBytes;
        long first = Math.Max(begin, offset / MerkleTree.BlockBytes * MerkleTree.BlockBytes);
        long end = Math.Min(Math.Min(begin + record.PartBytes, record.Shard.Bytes), (offset + count + MerkleTree.BlockBytes - 1) / MerkleTree.BlockBytes * MerkleTree.BlockBytes);
        PartSlice? got = Task.Run(async () => isSmall
            ? await store.Parts.GetSomeAsync(address, RemoteShardStore.PieceHeadBytes + (int)(first - begin), (int)(end - first), CancellationToken.None)
            : await store.Parts.GetAsync(address, CancellationToken.None) is { } whole ? new PartSlice(0, whole) : default(PartSlice?)).GetAwaiter().GetResult();
        PartSlice slice = got ?? throw new EndOfStreamException("A piece of a shard is gone.");
        lock (_lock) _newest = (index, slice);
        return slice;
    }
}
