using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>How large a depot is and where it lies.</summary>
/// <param name="Folder">Its own folder.</param>
/// <param name="CapacityBytes">Bytes that shards and their trees may take.</param>
public sealed record DepotOptions(string Folder, long CapacityBytes)
{
    /// <summary>Bytes of the disk that are left to others, whatever the capacity says.</summary>
    public long DiskMarginBytes { get; init; } = 64L << 20;

    /// <summary>How long a shard that was found without any record is kept, so that the chain can say whose it is.</summary>
    public TimeSpan FoundLife { get; init; } = TimeSpan.FromDays(2);
}

/// <summary>
/// A store and its catalogue as one thing that survives a crash at any line: bytes are flushed, then recorded, then acknowledged;
/// a shard that goes is doomed first, then removed. Only one process has a depot open.
/// </summary>
public sealed class ShardDepot : IAsyncDisposable
{
    private const int DropBatchMax = 64;

    private readonly DepotOptions _options;
    private readonly IShardStore _store;
    private readonly FileStream _lockFile;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Lock _spaceLock = new();
    private long _used;
    private long _reserved;

    private ShardDepot(DepotOptions options, IShardStore store, ShardCatalogue catalogue, FileStream lockFile)
    {
        _options = options;
        _store = store;
        _lockFile = lockFile;
        Catalogue = catalogue;
    }

    /// <summary>What is known of the shards.</summary>
    public ShardCatalogue Catalogue { get; }

    /// <summary>Opens a depot of files, makes it if it is absent, and puts in order what a crash left.</summary>
    /// <exception cref="MarketException">Another process has it open.</exception>
    public static Task<ShardDepot> OpenAsync(DepotOptions options, TimeProvider time, CancellationToken token) =>
        OpenAsync(options, new FileShardStore(options.Folder), time, token);

    /// <summary>Opens a depot over a store of any kind; the catalogue is a file in the depot's folder.</summary>
    /// <exception cref="MarketException">Another process has it open.</exception>
    public static async Task<ShardDepot> OpenAsync(DepotOptions options, IShardStore store, TimeProvider time, CancellationToken token)
    {
        Directory.CreateDirectory(options.Folder);
        FileStream lockFile = Lock(Path.Combine(options.Folder, "lock"));
        ShardCatalogue? catalogue = null;
        try
        {
            catalogue = ShardCatalogue.Open(Path.Combine(options.Folder, "catalogue.db"));
            if (catalogue.IsNew)
            {
                await foreach (ShardCommitment shard in store.ScanAsync(token)) catalogue.AddFound(shard, time.GetUtcNow() + options.FoundLife);
            }

            await store.RecoverAsync(root => catalogue.Find(root) is not null, token);
            foreach (Root root in catalogue.Doomed())
            {
                await store.DeleteAsync(root, token);
                catalogue.Buried(root);
            }

            return new ShardDepot(options, store, catalogue, lockFile) { _used = catalogue.Usage().Bytes };
        }
        catch
        {
            catalogue?.Dispose();
            await lockFile.DisposeAsync();
            throw;
        }
    }

    /// <summary>The room as it is now.</summary>
    public DepotSpace Space
    {
        get
        {
            long disk = new DriveInfo(_options.Folder).AvailableFreeSpace - _options.DiskMarginBytes;
            lock (_spaceLock) return new DepotSpace(_options.CapacityBytes, _used, _reserved, disk - _reserved);
        }
    }

    /// <summary>Begins to take an upload of at most so many bytes, or null if there is no room for it. The caller disposes it.</summary>
    public async Task<ShardUpload?> BeginAsync(UploadPlace place, long bytesMax, CancellationToken token)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMax, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytesMax, MerkleTree.ShardBytesMax);
        long reserve = DiskBytes.ForUpload(bytesMax);
        if (!TryReserve(reserve)) return null;
        try
        {
            return new ShardUpload(this, await _store.BeginAsync(token), place, bytesMax, reserve);
        }
        catch
        {
            Unreserve(reserve);
            throw;
        }
    }

    /// <summary>Opens a shard for reading, or null if there is none of that root. The caller disposes it.</summary>
    /// <exception cref="IOException">It is recorded, but the storage cannot give it.</exception>
    public async Task<IShardContent?> OpenAsync(Root root, CancellationToken token)
    {
        if (Catalogue.Find(root) is not { } shard) return null;
        IShardContent? content = await _store.OpenAsync(shard, token);
        return content ?? (Catalogue.Find(root) is null ? null : throw new IOException($"The shard {root} is recorded, but its bytes are gone."));
    }

    /// <summary>
    /// Removes shards that no upload and no range of the ledger needs any more, a bounded number of them. A range counts until
    /// <paramref name="keepFrom"/>, which the caller sets so far back that no reorganisation brings the deal to life again.
    /// </summary>
    public async Task<IReadOnlyList<Root>> DropUnneededAsync(PeriodNumber keepFrom, CancellationToken token)
    {
        var dropped = new List<Root>();
        await _gate.WaitAsync(token);
        try
        {
            foreach (ShardCommitment shard in Catalogue.Unneeded(keepFrom, DropBatchMax))
            {
                if (!Catalogue.Doom(shard.Root, keepFrom)) continue;
                await _store.DeleteAsync(shard.Root, CancellationToken.None);
                Catalogue.Buried(shard.Root);
                lock (_spaceLock) _used -= DiskBytes.Of(shard.Leaves);
                dropped.Add(shard.Root);
            }
        }
        finally
        {
            _gate.Release();
        }

        return dropped;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Catalogue.Dispose();
        _gate.Dispose();
        await _lockFile.DisposeAsync();
    }

    internal async Task KeepAsync(IShardIntake intake, UploadPlace place, ShardCommitment shard, DateTimeOffset expiresAt, CancellationToken token)
    {
        await _gate.WaitAsync(token);
        try
        {
            bool isNew = Catalogue.Find(shard.Root) is null;
            Catalogue.AddUpload(place, shard, expiresAt);
            if (isNew)
            {
                lock (_spaceLock) _used += DiskBytes.Of(shard.Leaves);
            }

            await intake.KeepAsync(CancellationToken.None);
        }
        finally
        {
            _gate.Release();
        }
    }

    internal bool TryReserve(long bytes)
    {
        lock (_spaceLock)
        {
            if (Space.Free < bytes) return false;
            _reserved += bytes;
            return true;
        }
    }

    internal void Unreserve(long bytes)
    {
        lock (_spaceLock) _reserved -= bytes;
    }

    private static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new MarketException(MarketErrorCode.Failed, "Another process has this node's data open.", "Stop it, or give this node another folder.", e);
        }
    }
}

/// <summary>How an upload ended.</summary>
public enum UploadEnd
{
    /// <summary>It lies flushed and recorded.</summary>
    Kept,

    /// <summary>It is not a whole number of leaves, or empty.</summary>
    NotWholeLeaves,
}

/// <summary>An upload on its way into a depot. Disposing gives back what it reserved; unless it was kept, nothing of it stays.</summary>
public sealed class ShardUpload : IAsyncDisposable
{
    private readonly ShardDepot _depot;
    private readonly IShardIntake _intake;
    private readonly UploadPlace _place;
    private long _reserved;
    private bool _disposed;

    internal ShardUpload(ShardDepot depot, IShardIntake intake, UploadPlace place, long bytesMax, long reserved)
    {
        _depot = depot;
        _intake = intake;
        _place = place;
        BytesMax = bytesMax;
        _reserved = reserved;
    }

    /// <summary>What was taken so far.</summary>
    public long Bytes => _intake.Bytes;

    /// <summary>What it may come to with the room that is reserved for it.</summary>
    public long BytesMax { get; private set; }

    /// <summary>Reserves room for so many bytes in all. False, and nothing changes, if there is none.</summary>
    public bool TryGrow(long bytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMax, BytesMax);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytesMax, MerkleTree.ShardBytesMax);
        long more = DiskBytes.ForUpload(bytesMax) - _reserved;
        if (!_depot.TryReserve(more)) return false;
        _reserved += more;
        BytesMax = bytesMax;
        return true;
    }

    /// <summary>Takes the next bytes. False, and nothing is taken, if the upload would grow past what was reserved for it.</summary>
    public async ValueTask<bool> TryAppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken token)
    {
        if (bytes.Length > BytesMax - _intake.Bytes) return false;
        await _intake.AppendAsync(bytes, token);
        return true;
    }

    /// <summary>Flushes, then records, then makes readable. When this returns <see cref="UploadEnd.Kept"/> the shard survives a crash.</summary>
    public async Task<(UploadEnd End, ShardCommitment Shard)> CompleteAsync(DateTimeOffset expiresAt, CancellationToken token)
    {
        if (await _intake.SealAsync(token) is not { } shard) return (UploadEnd.NotWholeLeaves, default);
        await _depot.KeepAsync(_intake, _place, shard, expiresAt, token);
        return (UploadEnd.Kept, shard);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        await _intake.DisposeAsync();
        _depot.Unreserve(_reserved);
    }
}
