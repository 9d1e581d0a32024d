namespace Marketplace.Storage;

/// <summary>
/// Makes one flush do for all who wait: a caller returns when a flush that began after its call has ended, and while one flush runs
/// those who come meanwhile gather for the next.
/// </summary>
internal sealed class GroupFlush(Action flush)
{
    private readonly Lock _flushing = new();
    private long _begun;
    private long _ended;

    /// <summary>Returns when everything written before this call is flushed.</summary>
    /// <exception cref="IOException">The flush that was waited for failed.</exception>
    public void Flush()
    {
        long needed = Interlocked.Read(ref _begun) + 1;
        lock (_flushing)
        {
            if (_ended >= needed) return;
            long mine = Interlocked.Increment(ref _begun);
            flush();
            _ended = mine;
        }
    }
}
