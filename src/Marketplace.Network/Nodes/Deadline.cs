namespace Marketplace.Network;

/// <summary>
/// The two deadlines of a call: no progress for too long, and too long in all. Whichever comes first cancels <see cref="Token"/>.
/// </summary>
internal sealed class Deadline : IDisposable
{
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _linked;
    private readonly CancellationToken _caller;
    private long _end;
    private TimeSpan _idle;

    public Deadline(TimeProvider time, TimeSpan idle, TimeSpan overall, CancellationToken caller)
    {
        _time = time;
        _caller = caller;
        _timer = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, caller);
        Restart(idle, overall);
    }

    public CancellationToken Token => _linked.Token;

    /// <summary>Whether a deadline passed (and not the caller's patience).</summary>
    public bool Passed => _timer.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Whether the caller cancelled.</summary>
    public bool CallerGaveUp => _caller.IsCancellationRequested;

    /// <summary>Bytes moved: the idle deadline begins anew, the overall one does not.</summary>
    public void Progress()
    {
        TimeSpan left = _time.GetElapsedTime(_time.GetTimestamp(), _end);
        TimeSpan next = left < _idle ? left : _idle;
        _timer.CancelAfter(next > TimeSpan.Zero ? next : TimeSpan.Zero);
    }

    /// <summary>A new stage with deadlines of its own.</summary>
    public void Restart(TimeSpan idle, TimeSpan overall)
    {
        _idle = idle;
        _end = overall == Timeout.InfiniteTimeSpan
            ? long.MaxValue
            : _time.GetTimestamp() + (long)(overall.TotalSeconds * _time.TimestampFrequency);
        Progress();
    }

    /// <summary>The other side owes nothing for now: only the caller's token counts.</summary>
    public void Pause() => _timer.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>Ends the call for a reason of our own: neither a deadline nor the caller.</summary>
    public void Abort() => _linked.Cancel();

    public void Dispose()
    {
        _linked.Dispose();
        _timer.Dispose();
    }
}
