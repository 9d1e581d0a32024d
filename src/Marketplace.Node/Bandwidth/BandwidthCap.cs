namespace Marketplace.Node;

/// <summary>
/// Lets bytes of one direction through at the pace that the schedule allows now: a token bucket whose waiters are served in the order in
/// which they came, and which hears of another hour's cap within a second. Without a schedule a call costs one comparison.
/// </summary>
internal sealed class BandwidthCap(BandwidthSchedule schedule, Func<(long? In, long? Out), long?> direction, TimeProvider time, Action<int>? moved = null)
{
    /// <summary>Written at once under a cap; more would come in gusts.</summary>
    private const int CappedPieceBytes = 64 << 10;

    /// <summary>Written at once without one: whoever takes not even that in time is cut off, however much it asked for.</summary>
    private const int PieceBytes = 256 << 10;

    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(1);

    private readonly bool _isCapped = schedule.Rules.Any(rule => direction((rule.In, rule.Out)) is not null);
    private readonly Lock _lock = new();
    private long _last = time.GetTimestamp();
    private double _asked;
    private double _allowed;

    /// <summary>Returns when so many bytes may pass. A caller that gives up has used its part all the same.</summary>
    public ValueTask TakeAsync(int bytes, CancellationToken token)
    {
        moved?.Invoke(bytes);
        return _isCapped ? WaitAsync(bytes, token) : ValueTask.CompletedTask;
    }

    /// <summary>Writes at the pace of the cap.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="bytes">What.</param>
    /// <param name="grace">How long the reader may take for each piece: what the kernel's buffers swallow at once buys it no time for the rest.</param>
    /// <param name="token">Cancels.</param>
    /// <exception cref="TimeoutException">The reader took longer.</exception>
    public ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> bytes, TimeSpan grace, CancellationToken token)
    {
        moved?.Invoke(bytes.Length);
        return WriteInPiecesAsync(stream, bytes, grace, token);
    }

    private async ValueTask WriteInPiecesAsync(Stream stream, ReadOnlyMemory<byte> bytes, TimeSpan grace, CancellationToken token)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(token);
        int pieceBytes = _isCapped ? CappedPieceBytes : PieceBytes;
        while (bytes.Length > 0)
        {
            ReadOnlyMemory<byte> piece = bytes[..Math.Min(pieceBytes, bytes.Length)];
            if (_isCapped) await WaitAsync(piece.Length, token);
            patience.CancelAfter(grace);
            try
            {
                await stream.WriteAsync(piece, patience.Token);
            }
            catch (OperationCanceledException e) when (!token.IsCancellationRequested)
            {
                throw new TimeoutException($"The reader took longer than {grace.TotalSeconds} s for {piece.Length} bytes.", e);
            }

            patience.CancelAfter(Timeout.InfiniteTimeSpan);
            bytes = bytes[piece.Length..];
        }
    }

    private async ValueTask WaitAsync(int bytes, CancellationToken token)
    {
        double mine;
        lock (_lock)
        {
            // What was saved up is counted before this call adds to what was asked for.
            _ = Remaining(0);
            mine = _asked += bytes;
        }

        while (true)
        {
            TimeSpan wait;
            lock (_lock) wait = Remaining(mine);
            if (wait <= TimeSpan.Zero) return;
            await Task.Delay(wait < s_lookAgain ? wait : s_lookAgain, time, token);
        }
    }

    /// <summary>How long until <see cref="_allowed"/> reaches a place in the order, if the cap stays as it is.</summary>
    private TimeSpan Remaining(double place)
    {
        long now = time.GetTimestamp();
        double seconds = time.GetElapsedTime(_last, now).TotalSeconds;
        _last = now;
        if (direction(schedule.At(time.GetLocalNow().DateTime)) is not { } rate)
        {
            _allowed = _asked;
            return TimeSpan.Zero;
        }

        // What nobody used is saved for a second at most.
        _allowed = Math.Min(_allowed + (seconds * rate), _asked + rate);
        // A timer that is a hair early must not make a second round of nothing.
        return place <= _allowed ? TimeSpan.Zero : TimeSpan.FromSeconds((place - _allowed) / rate) + TimeSpan.FromMilliseconds(1);
    }
}

/// <summary>The caps of both directions. Only the bytes of shards count: uploads, reads, and what repair fetches.</summary>
internal sealed class NodeBandwidth
{
    private static readonly KeyValuePair<string, object?> s_in = new("direction", "in");
    private static readonly KeyValuePair<string, object?> s_out = new("direction", "out");

    public NodeBandwidth(NodeConfig config, NodeMetrics metrics, TimeProvider time)
    {
        In = new BandwidthCap(config.Bandwidth, caps => caps.In, time, bytes => metrics.Moved(bytes, s_in));
        Out = new BandwidthCap(config.Bandwidth, caps => caps.Out, time, bytes => metrics.Moved(bytes, s_out));
    }

    /// <summary>What comes in.</summary>
    public BandwidthCap In { get; }

    /// <summary>What goes out.</summary>
    public BandwidthCap Out { get; }
}
