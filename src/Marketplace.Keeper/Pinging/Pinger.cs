using System.Threading.Channels;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Keeper.Indexing;
using Microsoft.Extensions.Hosting;

namespace Marketplace.Keeper.Pinging;

/// <summary>A node as the register names it: whom to ask, and whose answer counts.</summary>
public sealed record PingTarget(NodeId Node, Address Owner, Address Hot, Hash32 Fingerprint, string Endpoint);

/// <summary>Asks one node for a sign of life.</summary>
public interface INodePing
{
    /// <summary>The checked answer, or <c>null</c>: unreachable, too late, or not signed by the node's hot key. Throws only when cancelled.</summary>
    Task<PingAnswer?> AskAsync(PingTarget target, CancellationToken token);
}

/// <summary>
/// Pings every node of the register over and over, as <see cref="PingFrame"/> says: regular pings spread evenly over the interval,
/// suspected nodes asked again soon, new ones at once. One loop decides; up to <see cref="PingsAtOnceMax"/> pings run beside it.
/// </summary>
public sealed partial class Pinger(
    KeeperStore store, INodePing ping, PingFrame frame, RegistryChanges changes, KeeperMetrics metrics, TimeProvider time, ILogger<Pinger> log) : BackgroundService
{
    /// <summary>Pings that run at the same time.</summary>
    public const int PingsAtOnceMax = 128;

    private static readonly TimeSpan s_trimEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);

    private readonly SteadyClock _clock = new(time);
    private readonly Channel<PingResult> _ended = Channel.CreateUnbounded<PingResult>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<PingResult> _unwritten = [];
    private readonly Dictionary<NodeId, Watch> _watched = [];
    private readonly PriorityQueue<Watch, DateTimeOffset> _due = new();
    private IReadOnlyDictionary<(NodeId Node, Address Owner), int>? _before;
    private DateTimeOffset _nextRefresh;
    private DateTimeOffset _nextTrim;
    private int _running;

    /// <summary>Pings that run, or whose results are not yet written.</summary>
    internal int Running => Volatile.Read(ref _running);

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        TimeSpan pause = s_firstPause;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Turn(stoppingToken);
                pause = s_firstPause;
                await WaitAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // A full disk, say: what ended is still to be written down, and who joined still to be taken in.
                _nextRefresh = _clock.Now;
                LogTrouble(e, pause);
                await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
            }
        }
    }

    private void Turn(CancellationToken token)
    {
        TakeResults();
        if (changes.Take() || _clock.Now >= _nextRefresh)
        {
            Refresh();
            _nextRefresh = _clock.Now + frame.Interval;
        }

        if (_clock.Now >= _nextTrim)
        {
            SightingStore.Trim(store, time.GetUtcNow());
            _nextTrim = _clock.Now + s_trimEvery;
        }

        StartDue(token);
    }

    /// <summary>Writes down what ended and says when each of these nodes is asked again.</summary>
    private void TakeResults()
    {
        while (_ended.Reader.TryRead(out PingResult? result)) _unwritten.Add(result);
        if (_unwritten.Count == 0) return;
        SightingStore.Record(store, _unwritten);
        foreach (PingResult result in _unwritten)
        {
            _running--;
            if (!_watched.TryGetValue(result.Node, out Watch? watch)) continue;
            watch.Running = false;
            if (watch.Target.Owner != result.Owner) watch.Misses = 0;
            int misses = result.Answer is null ? watch.Misses + 1 : 0;
            if (misses == PingFrame.OfflineMisses) LogOffline(result.Node, misses);
            if (misses == 0 && watch.Misses >= PingFrame.OfflineMisses) LogBack(result.Node);
            watch.Misses = misses;
            watch.Due = misses is > 0 and < PingFrame.OfflineMisses ? _clock.Now + frame.RetryDelay : NextRegular(watch.Target.Node);
            _due.Enqueue(watch, watch.Due);
        }

        _unwritten.Clear();
    }

    /// <summary>Takes in who joined, changed or left.</summary>
    private void Refresh()
    {
        _before ??= SightingStore.Misses(store);
        var known = new HashSet<NodeId>();
        foreach (PingTarget target in PingTargets.Read(store))
        {
            known.Add(target.Node);
            if (_watched.TryGetValue(target.Node, out Watch? watch))
            {
                watch.Target = target;
                continue;
            }

            bool seenBefore = _before.TryGetValue((target.Node, target.Owner), out int misses);
            // Whoever was watched before keeps its place in the interval; who is new is asked at once.
            DateTimeOffset due = seenBefore ? NextRegular(target.Node) : _clock.Now;
            watch = new Watch { Target = target, Misses = misses, Due = due };
            _watched.Add(target.Node, watch);
            _due.Enqueue(watch, due);
        }

        foreach (NodeId gone in _watched.Keys.Where(id => !known.Contains(id)).ToArray())
        {
            _watched[gone].Gone = true;
            _watched.Remove(gone);
        }
    }

    private void StartDue(CancellationToken token)
    {
        DateTimeOffset now = _clock.Now;
        while (_running < PingsAtOnceMax && _due.TryPeek(out Watch? watch, out DateTimeOffset due) && due <= now)
        {
            _due.Dequeue();
            // A place in the queue that was overtaken means nothing any more.
            if (watch.Gone || watch.Running || watch.Due != due) continue;
            watch.Running = true;
            _running++;
            _ = AskAsync(watch.Target, token);
        }
    }

    private async Task AskAsync(PingTarget target, CancellationToken token)
    {
        PingAnswer? answer = null;
        try
        {
            answer = await ping.AskAsync(target, token);
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            // The host stops: not the node's fault, and nobody reads the result.
            return;
        }
        catch (Exception e)
        {
            LogFailed(e, target.Node);
        }

        metrics.Pinged(answer);
        _ended.Writer.TryWrite(new PingResult(target.Node, target.Owner, time.GetUtcNow(), answer));
    }

    private async Task WaitAsync(CancellationToken token)
    {
        DateTimeOffset wake = _nextRefresh;
        if (_running < PingsAtOnceMax && _due.TryPeek(out _, out DateTimeOffset due) && due < wake) wake = due;
        TimeSpan pause = wake - _clock.Now;
        if (pause <= TimeSpan.Zero) return;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(token);
        try
        {
            await Task.WhenAny(Task.Delay(pause, time, over.Token), _ended.Reader.WaitToReadAsync(over.Token).AsTask(), changes.WaitAsync(over.Token));
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    /// <summary>The node's next place in the interval.</summary>
    private DateTimeOffset NextRegular(NodeId node)
    {
        long interval = frame.Interval.Ticks;
        long phase = frame.PhaseOf(node.Value).Ticks;
        long rounds = ((_clock.Now.UtcTicks - phase) / interval) + 1;
        return new DateTimeOffset((rounds * interval) + phase, TimeSpan.Zero);
    }

    private sealed class Watch
    {
        public required PingTarget Target { get; set; }

        public DateTimeOffset Due { get; set; }

        public int Misses { get; set; }

        public bool Running { get; set; }

        public bool Gone { get; set; }
    }

    [LoggerMessage(4201, LogLevel.Information, "Node {Node} is offline: {Misses} pings in a row without an answer")]
    private partial void LogOffline(NodeId node, int misses);

    [LoggerMessage(4202, LogLevel.Information, "Node {Node} answers again")]
    private partial void LogBack(NodeId node);

    [LoggerMessage(4204, LogLevel.Error, "Pinging stands still; trying again in {Pause}")]
    private partial void LogTrouble(Exception failure, TimeSpan pause);

    [LoggerMessage(4203, LogLevel.Error, "Pinging node {Node} failed in a way that is ours")]
    private partial void LogFailed(Exception failure, NodeId node);
}

/// <summary>Whom to ping: every node with a stake, or that has not left.</summary>
internal static class PingTargets
{
    public static IReadOnlyList<PingTarget> Read(KeeperStore store) => store.Read(db => db.List(
        "SELECT id, owner, hot, fingerprint, endpoint FROM nodes WHERE stake > 0",
        row => new PingTarget(new NodeId((uint)row.GetInt64(0)), row.Address(1), row.Address(2), row.Hash(3), row.GetString(4))));
}

/// <summary>A bell that the indexer rings when the register may have changed. Ringing it twice is ringing it once.</summary>
public sealed class RegistryChanges
{
    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Rings.</summary>
    public void Ring() => _bell.Writer.TryWrite(true);

    /// <summary>Whether it rang since the last time.</summary>
    public bool Take() => _bell.Reader.TryRead(out _);

    /// <summary>Ends when it has rung.</summary>
    public Task WaitAsync(CancellationToken token) => _bell.Reader.WaitToReadAsync(token).AsTask();
}
