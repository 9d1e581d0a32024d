namespace Marketplace.Storage;

/// <summary>
/// Flushes the whole disk for many small shards at once: one flush instead of three for each. The disk reports a write that failed to
/// whoever had it open before, so it stays open while anything arrives, and a failure refuses all that were on their way.
/// </summary>
internal sealed class SmallArrivals
{
    private readonly IDisk _disk;
    private readonly string _folder;
    private readonly Lock _lock = new();
    private readonly GroupFlush _flushes;
    private IDiskFlush? _open;
    private int _active;
    private long _failures;

    public SmallArrivals(IDisk disk, string folder)
    {
        (_disk, _folder) = (disk, folder);
        _flushes = new GroupFlush(Flush);
    }

    /// <summary>A shard begins to arrive. <see cref="End"/> must follow.</summary>
    /// <returns>To be handed to <see cref="FlushAsync"/>.</returns>
    public long Begin()
    {
        lock (_lock)
        {
            if (_active == 0) _open = _disk.TryOpenFlush(_folder);
            _active++;
            return _failures;
        }
    }

    /// <summary>It arrived, or will not.</summary>
    public void End()
    {
        lock (_lock)
        {
            if (--_active > 0) return;
            _open?.Dispose();
            _open = null;
        }
    }

    /// <summary>Whether this disk can be flushed as a whole.</summary>
    public bool IsPossible
    {
        get
        {
            lock (_lock) return _open is not null;
        }
    }

    /// <summary>Ends when all that was written to the disk before is on it, names and bytes.</summary>
    /// <exception cref="IOException">The disk refused something since the shard began to arrive, be it of this shard or of another.</exception>
    public async Task FlushAsync(long begun)
    {
        await _flushes.FlushAsync();
        if (Interlocked.Read(ref _failures) != begun) throw new IOException("The disk failed while a shard arrived.");
    }

    private void Flush()
    {
        IDiskFlush? open;
        lock (_lock) open = _open;
        try
        {
            // Who waits for this has not ended.
            (open ?? throw new InvalidOperationException("Nothing arrives.")).Flush();
        }
        catch (IOException)
        {
            Interlocked.Increment(ref _failures);
            throw;
        }
    }
}
