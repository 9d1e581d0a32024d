using Marketplace.Coding;

namespace Marketplace.Storage;

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
    private readonly VolumeRoom _room;
    private readonly IShardIntake _intake;
    private readonly UploadPlace _place;
    private long _reserved;
    private bool _disposed;

    internal ShardUpload(ShardDepot depot, VolumeRoom room, IShardIntake intake, UploadPlace place, long bytesMax, long reserved)
    {
        _depot = depot;
        _room = room;
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
        if (!_depot.TryReserve(_room, more)) return false;
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
        await _depot.KeepAsync(_room, _intake, _place, shard, expiresAt, token);
        return (UploadEnd.Kept, shard);
    }

    /// <summary>The same for bytes whose root is known before. False if they are others: then nothing is recorded.</summary>
    public async Task<bool> CompleteAsAsync(ShardCommitment wanted, DateTimeOffset expiresAt, CancellationToken token)
    {
        if (await _intake.SealAsync(token) != wanted) return false;
        await _depot.KeepAsync(_room, _intake, _place, wanted, expiresAt, token);
        return true;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            await _intake.DisposeAsync();
        }
        finally
        {
            _depot.Unreserve(_room, _reserved);
        }
    }
}
