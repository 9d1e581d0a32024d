using System.Buffers;

namespace Marketplace.Coding;

/// <summary>
/// Computes a shard's root while its bytes pass. Memory is a few KiB whatever the length.
/// With a sidecar writer, the upper levels of the tree go there as they come to be (<see cref="SidecarLayout"/>):
/// about 40 bytes for each 16 KiB, appended in order, so a file or a pipe will do.
/// </summary>
public sealed class MerkleTreeBuilder : IDisposable
{
    private readonly TreeFold _fold;
    private readonly int _partialBytesMax = MerkleTree.BlockBytes;
    private byte[]? _partial;
    private int _partialBytes;
    private bool _finished;

    /// <param name="sidecar">Gets the sidecar's bytes, header first; drained by the caller whenever it likes. Null for none.</param>
    public MerkleTreeBuilder(IBufferWriter<byte>? sidecar = null)
    {
        _fold = new TreeFold(sidecar);
        _partial = ArrayPool<byte>.Shared.Rent(_partialBytesMax);
        sidecar?.Write(SidecarLayout.Header);
    }

    /// <summary>Bytes appended so far.</summary>
    public long Bytes => (_fold.Leaves * MerkleTree.LeafBytes) + _partialBytes;

    /// <summary>Appends the next bytes of the shard, any number of them.</summary>
    /// <exception cref="InvalidOperationException">The tree is finished, or the shard grows past <see cref="MerkleTree.ShardBytesMax"/>.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_partial is null, this);
        if (_finished) throw new InvalidOperationException("The tree is finished.");
        if (bytes.Length > MerkleTree.ShardBytesMax - Bytes) throw new InvalidOperationException("The shard is longer than a shard may be.");

        if (_partialBytes > 0)
        {
            int take = Math.Min(bytes.Length, _partialBytesMax - _partialBytes);
            bytes[..take].CopyTo(_partial.AsSpan(_partialBytes));
            _partialBytes += take;
            bytes = bytes[take..];
            if (_partialBytes < _partialBytesMax) return;
            _fold.PushLeaves(_partial.AsSpan(0, _partialBytesMax));
            _partialBytes = 0;
        }

        int whole = bytes.Length - (bytes.Length % _partialBytesMax);
        _fold.PushLeaves(bytes[..whole]);
        bytes[whole..].CopyTo(_partial);
        _partialBytes = bytes.Length - whole;
    }

    /// <summary>
    /// Ends the shard and writes the rest of the sidecar.
    /// False, and nothing is finished, when the bytes so far are not a whole number of leaves, or none.
    /// </summary>
    public bool TryFinish(out ShardCommitment commitment)
    {
        ObjectDisposedException.ThrowIf(_partial is null, this);
        if (_finished) throw new InvalidOperationException("The tree is finished.");
        commitment = default;
        if (!MerkleTree.IsShardSize(Bytes)) return false;

        _finished = true;
        Span<byte> top = stackalloc byte[MerkleTree.HashBytes];
        _fold.Finish(_partial.AsSpan(0, _partialBytes), top, out long leaves);
        commitment = new ShardCommitment(MerkleTree.RootOf(top, leaves), leaves);
        return true;
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        if (_partial is null) return;
        ArrayPool<byte>.Shared.Return(_partial);
        _partial = null;
    }
}
