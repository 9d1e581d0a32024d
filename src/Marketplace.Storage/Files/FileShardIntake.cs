using System.Buffers;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>
/// A shard on its way to two files: its bytes and its tree. A small one waits in memory until it is whole, and then shares its flush
/// with others (<see cref="SmallArrivals"/>).
/// </summary>
internal sealed class FileShardIntake : IShardIntake
{
    /// <summary>The largest shard that is small.</summary>
    public const int SmallBytesMax = 32 * 1024;

    private const int SidecarBufferBytes = 16 * 1024;
    private const char Flushed = '-';
    private const char NotYetFlushed = '+';

    private readonly FileShardStore _store;
    private readonly string _id = Guid.NewGuid().ToString("N");
    private readonly long _begun;
    private readonly ArrayBufferWriter<byte> _sidecar = new();
    private readonly MerkleTreeBuilder _builder;
    private byte[]? _small;
    private IDiskFile? _shard;
    private IDiskFile? _tree;
    private long _treeBytes;
    private string _place;
    private Root? _sealed;
    private bool _kept;
    private bool _disposed;

    public FileShardIntake(FileShardStore store)
    {
        _store = store;
        _place = Path.Combine(store.Arriving, _id);
        _begun = store.Small.Begin();
        _builder = new MerkleTreeBuilder(_sidecar);
    }

    public long Bytes { get; private set; }

    /// <summary>Reads the name of a sealed file: ROOT, whether it was flushed before it got the name, ID and a suffix.</summary>
    public static bool TryReadSealedName(string name, out Root root, out string suffix, out bool isFlushed)
    {
        suffix = Path.GetExtension(name);
        root = default;
        int mark = name.AsSpan().IndexOfAny(Flushed, NotYetFlushed);
        isFlushed = mark > 0 && name[mark] == Flushed;
        return mark > 0 && Root.TryParse("0x" + name[..mark], null, out root) && suffix is FileShardStore.ShardSuffix or FileShardStore.TreeSuffix;
    }

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken token)
    {
        if (_shard is null && bytes.Length <= SmallBytesMax - Bytes)
        {
            _small ??= ArrayPool<byte>.Shared.Rent(SmallBytesMax);
            bytes.Span.CopyTo(_small.AsSpan((int)Bytes));
        }
        else
        {
            if (_shard is null) await CreateAsync(token);
            await _shard!.WriteAsync(bytes, Bytes, token);
        }

        _builder.Append(bytes.Span);
        Bytes += bytes.Length;
        if (_shard is not null && _sidecar.WrittenCount >= SidecarBufferBytes / 2) await DrainAsync(token);
    }

    public async ValueTask<ShardCommitment?> SealAsync(CancellationToken token)
    {
        if (!_builder.TryFinish(out ShardCommitment commitment)) return null;
        string root = commitment.Root.ToString()[2..];
        if (_shard is null && _store.Small.IsPossible)
        {
            _place = Path.Combine(_store.Arriving, root + NotYetFlushed + _id);
            await CreateAsync(token);
            await DrainAsync(token);
            CloseFiles();
            await _store.Small.FlushAsync(_begun);
        }
        else
        {
            if (_shard is null) await CreateAsync(token);
            await DrainAsync(token);
            // The disk takes its time; the threads that receive are not to wait for it.
            await Task.Factory.StartNew(Flush, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            CloseFiles();
            string sealedPlace = Path.Combine(_store.Arriving, root + Flushed + _id);
            _store.Disk.Move(_place + FileShardStore.TreeSuffix, sealedPlace + FileShardStore.TreeSuffix);
            _store.Disk.Move(_place + FileShardStore.ShardSuffix, sealedPlace + FileShardStore.ShardSuffix);
            _place = sealedPlace;
            await _store.FlushArrivingAsync();
        }

        _sealed = commitment.Root;
        return commitment;
    }

    public ValueTask KeepAsync(CancellationToken token)
    {
        Root root = _sealed ?? throw new InvalidOperationException("Only a sealed shard is kept.");
        _store.Place(_place + FileShardStore.TreeSuffix, root, FileShardStore.TreeSuffix);
        _store.Place(_place + FileShardStore.ShardSuffix, root, FileShardStore.ShardSuffix);
        _kept = true;
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        if (_disposed) return ValueTask.CompletedTask;
        _disposed = true;
        _builder.Dispose();
        CloseFiles();
        if (_small is not null) ArrayPool<byte>.Shared.Return(_small);
        _small = null;
        try
        {
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
        catch (DirectoryNotFoundException)
        {
            // The disk was unmounted. What lies there is cleared when it is added again.
            return ValueTask.CompletedTask;
        }
        finally
        {
            _store.Small.End();
        }
    }

    /// <summary>Makes the two files, and writes what waited in memory.</summary>
    private async ValueTask CreateAsync(CancellationToken token)
    {
        _tree = _store.Disk.Create(_place + FileShardStore.TreeSuffix);
        _shard = _store.Disk.Create(_place + FileShardStore.ShardSuffix);
        if (_small is not null) await _shard.WriteAsync(_small.AsMemory(0, (int)Bytes), 0, token);
    }

    private async ValueTask DrainAsync(CancellationToken token)
    {
        await _tree!.WriteAsync(_sidecar.WrittenMemory, _treeBytes, token);
        _treeBytes += _sidecar.WrittenCount;
        _sidecar.ResetWrittenCount();
    }

    private void Flush()
    {
        _shard!.Flush();
        _tree!.Flush();
    }

    private void CloseFiles()
    {
        _shard?.Dispose();
        _tree?.Dispose();
    }
}
