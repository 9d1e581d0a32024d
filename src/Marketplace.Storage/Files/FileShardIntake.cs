using System.Buffers;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>A shard on its way to two files: its bytes and its tree.</summary>
internal sealed class FileShardIntake : IShardIntake
{
    private const int SidecarBufferBytes = 16 * 1024;

    private readonly FileShardStore _store;
    private readonly string _id = Guid.NewGuid().ToString("N");
    private readonly IDiskFile _shard;
    private readonly IDiskFile _tree;
    private readonly ArrayBufferWriter<byte> _sidecar = new(SidecarBufferBytes);
    private readonly MerkleTreeBuilder _builder;
    private long _treeBytes;
    private string _place;
    private Root? _sealed;
    private bool _kept;

    public FileShardIntake(FileShardStore store)
    {
        _store = store;
        _place = Path.Combine(store.Arriving, _id);
        _shard = store.Disk.Create(_place + FileShardStore.ShardSuffix);
        try
        {
            _tree = store.Disk.Create(_place + FileShardStore.TreeSuffix);
        }
        catch
        {
            _shard.Dispose();
            store.Disk.Delete(_place + FileShardStore.ShardSuffix);
            throw;
        }

        _builder = new MerkleTreeBuilder(_sidecar);
    }

    public long Bytes { get; private set; }

    /// <summary>Reads the name of a sealed file: ROOT-ID and a suffix.</summary>
    public static bool TryReadSealedName(string name, out Root root, out string suffix)
    {
        suffix = Path.GetExtension(name);
        root = default;
        int dash = name.IndexOf('-', StringComparison.Ordinal);
        return dash > 0 && Root.TryParse("0x" + name[..dash], null, out root) && suffix is FileShardStore.ShardSuffix or FileShardStore.TreeSuffix;
    }

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken token)
    {
        await _shard.WriteAsync(bytes, Bytes, token);
        _builder.Append(bytes.Span);
        Bytes += bytes.Length;
        if (_sidecar.WrittenCount >= SidecarBufferBytes / 2) await DrainAsync(token);
    }

    public async ValueTask<ShardCommitment?> SealAsync(CancellationToken token)
    {
        if (!_builder.TryFinish(out ShardCommitment commitment)) return null;
        await DrainAsync(token);
        _shard.Flush();
        _tree.Flush();
        _shard.Dispose();
        _tree.Dispose();

        string sealedPlace = Path.Combine(_store.Arriving, commitment.Root.ToString()[2..] + "-" + _id);
        _store.Disk.Move(_place + FileShardStore.TreeSuffix, sealedPlace + FileShardStore.TreeSuffix);
        _store.Disk.Move(_place + FileShardStore.ShardSuffix, sealedPlace + FileShardStore.ShardSuffix);
        _place = sealedPlace;
        _store.FlushArriving();
        _sealed = commitment.Root;
        return commitment;
    }

    public ValueTask KeepAsync(CancellationToken token)
    {
        Root root = _sealed ?? throw new InvalidOperationException("Only a sealed shard is kept.");
        _kept = true;
        _store.Place(_place + FileShardStore.TreeSuffix, root, FileShardStore.TreeSuffix);
        _store.Place(_place + FileShardStore.ShardSuffix, root, FileShardStore.ShardSuffix);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _builder.Dispose();
        _shard.Dispose();
        _tree.Dispose();
        if (_kept) return ValueTask.CompletedTask;
        // A crash or a failed rename may have left either name; both are this intake's own.
        string early = Path.Combine(_store.Arriving, _id);
        foreach (string place in _place == early ? [early] : new[] { early, _place })
        {
            _store.Disk.Delete(place + FileShardStore.ShardSuffix);
            _store.Disk.Delete(place + FileShardStore.TreeSuffix);
        }

        return ValueTask.CompletedTask;
    }

    private async ValueTask DrainAsync(CancellationToken token)
    {
        await _tree.WriteAsync(_sidecar.WrittenMemory, _treeBytes, token);
        _treeBytes += _sidecar.WrittenCount;
        _sidecar.ResetWrittenCount();
    }
}
