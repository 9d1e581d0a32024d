using Marketplace.Coding;

namespace Marketplace.Storage;

/// <summary>A shard's two files, open for reading; its tree may be gone.</summary>
internal sealed class FileShardContent(ShardCommitment commitment, IDiskFile bytes, IDiskFile? tree) : IShardContent
{
    public ShardCommitment Commitment { get; } = commitment;

    public void ReadShard(long offset, Span<byte> destination) => Fill(bytes, offset, destination);

    public void ReadSidecar(long offset, Span<byte> destination) => Fill(tree ?? throw NoTree(), offset, destination);

    public ShardRead ReadRange(long firstLeaf, Span<byte> data, Span<byte> proof) => ShardContents.ReadRange(this, Commitment, firstLeaf, data, proof);

    public ValueTask<(ShardCommitment? Found, bool IsTreeRight)> CheckAsync(Func<int, CancellationToken, ValueTask>? pace, CancellationToken token) =>
        ShardContents.CheckAsync(this, Commitment, pace, token);

    public void Dispose()
    {
        bytes.Dispose();
        tree?.Dispose();
    }

    internal static IOException NoTree() => new FileNotFoundException("The tree of a shard is gone.");

    /// <summary>Fills the whole destination.</summary>
    /// <exception cref="IOException">The disk fails, or the file is too short.</exception>
    internal static void Fill(IDiskFile file, long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int read = file.Read(destination, offset);
            if (read == 0) throw new EndOfStreamException("A file of a shard is shorter than the shard.");
            offset += read;
            destination = destination[read..];
        }
    }
}
