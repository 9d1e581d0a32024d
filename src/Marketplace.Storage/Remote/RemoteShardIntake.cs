using System.Buffers;
using System.Text;
using Marketplace.Coding;

namespace Marketplace.Storage;

/// <summary>A shard on its way to pieces somewhere else. The address of each piece is written down before the piece is put.</summary>
internal sealed class RemoteShardIntake : IShardIntake
{
    private readonly RemoteShardStore _store;
    private readonly string _id = Guid.NewGuid().ToString("N");
    private readonly string _place;
    private readonly IDiskFile _parts;
    private readonly IDiskFile _tree;
    private readonly ArrayBufferWriter<byte> _sidecar = new();
    private readonly MerkleTreeBuilder _builder;
    private readonly byte[] _piece;
    private int _filled = RemoteShardStore.PieceHeadBytes;
    private long _count;
    private long _treeBytes;
    private ShardParts? _sealed;
    private bool _kept;

    public RemoteShardIntake(RemoteShardStore store)
    {
        _store = store;
        _place = Path.Combine(store.Arriving, _id);
        _parts = store.Disk.Create(_place + RemoteShardStore.PartsSuffix);
        _tree = store.Disk.Create(_place + RemoteShardStore.TreeSuffix);
        _builder = new MerkleTreeBuilder(_sidecar);
        _piece = new byte[RemoteShardStore.PieceHeadBytes + store.PartBytes];
        Convert.FromHexString(_id).CopyTo(_piece, 0);
    }

    public long Bytes { get; private set; }

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken token)
    {
        _builder.Append(bytes.Span);
        Bytes += bytes.Length;
        while (!bytes.IsEmpty)
        {
            int taken = Math.Min(bytes.Length, _piece.Length - _filled);
            bytes[..taken].CopyTo(_piece.AsMemory(_filled));
            _filled += taken;
            bytes = bytes[taken..];
            if (_filled == _piece.Length) await PutAsync(token);
        }
    }

    public async ValueTask<ShardCommitment?> SealAsync(CancellationToken token)
    {
        if (!_builder.TryFinish(out ShardCommitment commitment)) return null;
        if (_filled > RemoteShardStore.PieceHeadBytes) await PutAsync(token);
        await DrainAsync(token);
        _parts.Flush();
        _tree.Flush();
        _parts.Dispose();
        _tree.Dispose();
        var record = new ShardParts(_id, _store.Owner, commitment, _store.PartBytes, await ListAsync(put: false, token));
        using (IDiskFile file = _store.Disk.Create(_place + RemoteShardStore.RecordSuffix))
        {
            await file.WriteAsync(record.Write(), 0, token);
            file.Flush();
        }

        await ListAsync(put: true, token);
        _store.Disk.FlushFolder(_store.Arriving);
        _sealed = record;
        return commitment;
    }

    public async ValueTask KeepAsync(CancellationToken token)
    {
        ShardParts record = _sealed ?? throw new InvalidOperationException("Only a sealed shard is kept.");
        await _store.KeepAsync(_place, record, token);
        _kept = true;
    }

    public async ValueTask DisposeAsync()
    {
        _builder.Dispose();
        _parts.Dispose();
        _tree.Dispose();
        if (!_kept) await _store.PurgeAsync(_place, CancellationToken.None);
    }

    private async ValueTask PutAsync(CancellationToken token)
    {
        ReadOnlyMemory<byte> piece = _piece.AsMemory(0, _filled);
        string address = _store.Parts.AddressOf(_id, _count, piece.Span);
        await _parts.WriteAsync(Encoding.ASCII.GetBytes(address + "\n"), _count * _store.LineBytes, token);
        _count++;
        await _store.Parts.PutAsync(address, piece, token);
        _filled = RemoteShardStore.PieceHeadBytes;
        await DrainAsync(token);
    }

    /// <summary>The addresses of the pieces that list the addresses of all others; puts them if asked.</summary>
    private async ValueTask<List<string>> ListAsync(bool put, CancellationToken token)
    {
        using IDiskFile parts = _store.Disk.TryOpen(_place + RemoteShardStore.PartsSuffix) ?? throw new IOException("The list of a shard's pieces is gone.");
        var lists = new List<string>();
        for (long at = 0; at < parts.Length; at += _store.PartBytes)
        {
            int bytes = (int)Math.Min(_store.PartBytes, parts.Length - at);
            FileShardContent.Fill(parts, at, _piece.AsSpan(RemoteShardStore.PieceHeadBytes, bytes));
            ReadOnlyMemory<byte> piece = _piece.AsMemory(0, RemoteShardStore.PieceHeadBytes + bytes);
            string address = _store.Parts.AddressOf(_id, _count + lists.Count, piece.Span);
            if (put) await _store.Parts.PutAsync(address, piece, token);
            lists.Add(address);
        }

        return lists;
    }

    private async ValueTask DrainAsync(CancellationToken token)
    {
        await _tree.WriteAsync(_sidecar.WrittenMemory, _treeBytes, token);
        _treeBytes += _sidecar.WrittenCount;
        _sidecar.ResetWrittenCount();
    }
}
