using Marketplace.Coding;

namespace Marketplace.Storage;

/// <summary>
/// A shard whose pieces lie somewhere else. Readers are given bytes by span and so wait for the network; how many read at once is limited
/// by those who ask. The newest piece is remembered, because reads come in order or twice.
/// </summary>
internal sealed class RemoteShardContent(RemoteShardStore store, ShardParts record, IDiskFile parts, IDiskFile tree) : IShardContent
{
    private readonly Lock _lock = new();
    private (long Index, byte[] Piece) _newest = (-1, []);
    private bool _disposed;

    public ShardCommitment Commitment => record.Shard;

    public void ReadShard(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            byte[] piece = PieceAt(offset / record.PartBytes);
            int within = RemoteShardStore.PieceHeadBytes + (int)(offset % record.PartBytes);
            int count = Math.Min(destination.Length, piece.Length - within);
            if (count <= 0) throw new EndOfStreamException("A piece of a shard is shorter than it was.");
            piece.AsSpan(within, count).CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }

    public void ReadSidecar(long offset, Span<byte> destination) => FileShardContent.Fill(tree, offset, destination);

    public ShardRead ReadRange(long firstLeaf, Span<byte> data, Span<byte> proof) => ShardContents.ReadRange(this, Commitment, firstLeaf, data, proof);

    public ValueTask<ShardCommitment?> RehashAsync(Func<int, CancellationToken, ValueTask>? pace, CancellationToken token) =>
        ShardContents.RehashAsync(this, Commitment, pace, token);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        parts.Dispose();
        tree.Dispose();
        store.Close(record.Id);
    }

    private byte[] PieceAt(long index)
    {
        lock (_lock)
        {
            if (_newest.Index == index) return _newest.Piece;
        }

        string address = store.ReadAddress(parts, index);
        byte[] piece = Task.Run(() => store.Parts.GetAsync(address, CancellationToken.None)).GetAwaiter().GetResult()
            ?? throw new EndOfStreamException("A piece of a shard is gone.");
        lock (_lock) _newest = (index, piece);
        return piece;
    }
}
