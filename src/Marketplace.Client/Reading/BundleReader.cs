using System.Buffers;
using System.Collections.Concurrent;
using Marketplace.Client.Json;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Reading;

/// <summary>Who holds a column of a bundle.</summary>
/// <param name="Column">The slot's index.</param>
/// <param name="Shard">What the chain, or our own tree, commits to.</param>
/// <param name="Peer">The node.</param>
public sealed record ShardHolder(int Column, ShardCommitment Shard, NodePeer Peer);

/// <summary>
/// Reads ranges of one bundle from any k of its holders. Every byte is checked against the shard's root before it is used;
/// holders that fail are named and replaced by others. Safe for many threads.
/// </summary>
public sealed class BundleReader
{
    /// <summary>When a holder has not answered for so long, another is asked as well.</summary>
    public static readonly TimeSpan HedgeAfter = TimeSpan.FromSeconds(5);

    /// <summary>How often a holder that is only busy is asked again.</summary>
    public const int BusyRetriesMax = 5;

    private static readonly TimeSpan s_busyPause = TimeSpan.FromMilliseconds(200);

    private readonly ShardGeometry _geometry;
    private readonly IReadOnlyList<ShardHolder> _holders;
    private readonly NodeClients _nodes;
    private readonly NodeHealth _health;
    private readonly TimeProvider _time;
    private readonly ShardDecoders _decoders;
    private readonly Address? _owner;
    private readonly string _what;
    private readonly ConcurrentDictionary<int, byte> _liars = new();

    /// <param name="geometry">How the bundle lies in its shards.</param>
    /// <param name="holders">Those that hold a shard.</param>
    /// <param name="nodes">Connections.</param>
    /// <param name="health">What is known of nodes.</param>
    /// <param name="time">The clock.</param>
    /// <param name="what">What this is, for messages: <c>deal 7</c>.</param>
    /// <param name="owner">The client whose unopened upload this is; null for a deal on chain.</param>
    public BundleReader(
        ShardGeometry geometry, IReadOnlyList<ShardHolder> holders, NodeClients nodes, NodeHealth health, TimeProvider time, string what, Address? owner = null)
    {
        _geometry = geometry;
        _holders = holders;
        _nodes = nodes;
        _health = health;
        _time = time;
        _what = what;
        _owner = owner;
        _decoders = new ShardDecoders(new ErasureCode(geometry.Redundancy), geometry);
    }

    /// <summary>The bundle's length and shape.</summary>
    public ShardGeometry Geometry => _geometry;

    /// <summary>Fills <paramref name="destination"/> with the bundle's bytes from <paramref name="offset"/> on.</summary>
    /// <exception cref="MarketException">Fewer than k holders gave right bytes: incomplete, or wrong bytes.</exception>
    public async Task ReadAsync(long offset, Memory<byte> destination, CancellationToken token)
    {
        int k = _geometry.Redundancy.Needed;
        while (!destination.IsEmpty)
        {
            // One cell less than the limit, because the range grows to whole cells on both sides.
            long most = (long)(NodeClientOptions.RangeBytesMax - (2 * ShardGeometry.CellBytes)) * k;
            int take = (int)Math.Min(destination.Length, most);
            ShardRange range = _geometry.RangeFor(offset, take);
            List<Fetched> columns = await FetchAsync(range, token);
            try
            {
                Decode(range, columns, offset, destination.Span[..take]);
            }
            finally
            {
                foreach (Fetched column in columns) ArrayPool<byte>.Shared.Return(column.Buffer);
            }

            offset += take;
            destination = destination[take..];
        }
    }

    /// <summary>Fetches the same range of any k columns and gives them in the order of columns. The caller returns the buffers to the pool.</summary>
    internal async Task<List<Fetched>> FetchAsync(ShardRange range, CancellationToken token)
    {
        int k = _geometry.Redundancy.Needed;
        var waiting = new Queue<ShardHolder>(_health.BestFirst(_holders.Where(holder => !_liars.ContainsKey(holder.Column)), holder => holder.Peer.Id));
        var running = new List<Task<Fetched?>>();
        var good = new List<Fetched>(k);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(token);
        try
        {
            while (good.Count < k)
            {
                while (running.Count < k - good.Count && waiting.TryDequeue(out ShardHolder? next)) running.Add(FetchFromAsync(next, range, enough.Token));
                if (running.Count < k - good.Count) throw NotEnough(good.Count);

                Task<Fetched?> first = Task.WhenAny(running).Unwrap();
                if (waiting.Count > 0 && running.Count == k - good.Count && await IsLateAsync(running, enough.Token))
                {
                    running.Add(FetchFromAsync(waiting.Dequeue(), range, enough.Token));
                    continue;
                }

                await first;
                foreach (Task<Fetched?> done in running.Where(task => task.IsCompleted).ToList())
                {
                    running.Remove(done);
                    if (await done is not { } fetched) continue;
                    if (good.Count < k) good.Add(fetched);
                    else ArrayPool<byte>.Shared.Return(fetched.Buffer);
                }
            }
        }
        catch
        {
            foreach (Fetched fetched in good) ArrayPool<byte>.Shared.Return(fetched.Buffer);
            throw;
        }
        finally
        {
            // A call that is given up may still write into its buffer until it has ended.
            await enough.CancelAsync();
            foreach (Task<Fetched?> late in running)
            {
                if (await late.ContinueWith(static task => task.IsCompletedSuccessfully ? task.Result : null, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default) is { } unused)
                    ArrayPool<byte>.Shared.Return(unused.Buffer);
            }
        }

        good.Sort((a, b) => a.Column.CompareTo(b.Column));
        return good;
    }

    private async Task<bool> IsLateAsync(List<Task<Fetched?>> running, CancellationToken token)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        Task late = Task.Delay(HedgeAfter, _time, stop.Token);
        Task first = await Task.WhenAny([late, .. running]);
        await stop.CancelAsync();
        token.ThrowIfCancellationRequested();
        return first == late;
    }

    private async Task<Fetched?> FetchFromAsync(ShardHolder holder, ShardRange range, CancellationToken token)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)range.Bytes);
        bool keep = false;
        NodeId node = holder.Peer.Id;
        try
        {
            for (int attempt = 0; ; attempt++)
            {
                long began = _health.Began(node);
                NodeAnswer<int> answer;
                try
                {
                    answer = await _nodes.For(holder.Peer).ReadAsync(holder.Shard, range.Offset, buffer.AsMemory(0, (int)range.Bytes), _owner, token);
                }
                catch (OperationCanceledException)
                {
                    _health.Abandoned(node);
                    if (_time.GetElapsedTime(began) >= HedgeAfter) _health.Blame(node, FaultReason.Slow);
                    throw;
                }

                bool busy = answer.Outcome is NodeOutcome.Refused && answer.Refusal?.Status is 429 or 503 && attempt < BusyRetriesMax;
                if (busy)
                {
                    _health.Abandoned(node);
                    await Task.Delay(s_busyPause * (1 << attempt), _time, token);
                    continue;
                }

                _health.Ended(node, began, answer);
                if (answer.Outcome is NodeOutcome.WrongBytes or NodeOutcome.Malformed or NodeOutcome.NotFound) _liars.TryAdd(holder.Column, 0);
                keep = answer.IsOk;
                return keep ? new Fetched(holder.Column, buffer, (int)range.Bytes) : null;
            }
        }
        finally
        {
            if (!keep) ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Decode(ShardRange range, List<Fetched> columns, long offset, Span<byte> destination)
    {
        int skip = (int)(offset - range.BundleOffset);
        if (_geometry.Redundancy.Needed == 1)
        {
            columns[0].Buffer.AsSpan(skip, destination.Length).CopyTo(destination);
            return;
        }

        Span<int> chosen = stackalloc int[columns.Count];
        for (int i = 0; i < chosen.Length; i++) chosen[i] = columns[i].Column;
        ShardDecoder decoder = _decoders.For(chosen);
        byte[] bundle = ArrayPool<byte>.Shared.Rent((int)range.BundleBytes);
        try
        {
            decoder.Decode(range.Offset, columns.Select(column => column.Bytes).ToArray(), bundle.AsSpan(0, (int)range.BundleBytes));
            bundle.AsSpan(skip, destination.Length).CopyTo(destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bundle);
        }
    }

    private MarketException NotEnough(int good)
    {
        int k = _geometry.Redundancy.Needed;
        int n = _geometry.Redundancy.Shards;
        int liars = _liars.Count;
        string nodes = string.Join(", ", _holders.Select(holder => holder.Peer.Id.Value).Order());
        return liars > 0 && _holders.Count - liars < k && _holders.Count >= k && good + liars >= k
            ? new MarketException(MarketErrorCode.WrongBytes, $"Only {good} of the {k} shards of {_what} that are needed came with right bytes.", $"its nodes are {nodes}: ask their operators, or wait for a repair")
            : new MarketException(MarketErrorCode.Incomplete, $"Only {good} of the {k} shards of {_what} that are needed could be read (it has {n}).", $"its nodes are {nodes}: try again when more of them answer");
    }

    /// <summary>A verified range of a column, in a buffer of the shared pool.</summary>
    internal sealed record Fetched(int Column, byte[] Buffer, int Length)
    {
        public ReadOnlyMemory<byte> Bytes => Buffer.AsMemory(0, Length);
    }
}
