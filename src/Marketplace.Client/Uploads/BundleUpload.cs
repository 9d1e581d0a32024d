using System.Buffers;
using System.IO.Pipelines;
using Marketplace.Client.Reading;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Uploads;

/// <summary>
/// Sends one bundle to its nodes: encodes stripe by stripe, hashes each column once, and feeds all uploads at the pace of the slowest.
/// A node that fails, or holds up the others for long, is left behind; afterwards its slot can be refilled on another node from what the
/// others hold.
/// </summary>
internal sealed class BundleUpload : IAsyncDisposable
{
    private const int RefillBytesMax = 1 << 20;

    /// <summary>So long the others wait for one node in any case; beyond it, as long as everything else took.</summary>
    private static readonly TimeSpan s_stragglerGrace = TimeSpan.FromMinutes(1);

    private const string TooSlow = "it takes the bytes much more slowly than the others";

    private readonly DealId _deal;
    private readonly Redundancy _redundancy;
    private readonly long _shardBytesMax;
    private readonly long? _shardBytesReserved;
    private readonly NodeClients _nodes;
    private readonly NodeHealth _health;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop;
    private readonly SlotUpload?[] _slots;
    private readonly List<UploadFault> _faults = [];
    private readonly ErasureCode _code;
    private readonly ShardEncoder _encoder;
    private readonly ValueTask[] _flushes;
    private readonly TimeSpan[] _waits;
    private long _began;
    private TimeSpan _sent;

    public BundleUpload(
        DealId deal, Redundancy redundancy, long bundleBytesMax, bool isOpen, NodeClients nodes, NodeHealth health, TimeProvider time, CancellationToken token)
    {
        _deal = deal;
        _redundancy = redundancy;
        _shardBytesMax = bundleBytesMax / redundancy.Needed;
        _shardBytesReserved = isOpen ? Math.Min(_shardBytesMax, OpenLength.ShardBytesReserved) : null;
        _nodes = nodes;
        _health = health;
        _time = time;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        _slots = new SlotUpload?[redundancy.Shards];
        _flushes = new ValueTask[redundancy.Shards];
        _waits = new TimeSpan[redundancy.Shards];
        _code = new ErasureCode(redundancy);
        _encoder = new ShardEncoder(_code);
    }

    /// <summary>Nodes that failed, and why.</summary>
    public IReadOnlyList<UploadFault> Faults => _faults;

    /// <summary>Slots whose shard lies on a node.</summary>
    public IEnumerable<SlotUpload> Filled => _slots.Where(slot => slot is { IsAlive: true }).Select(slot => slot!);

    /// <summary>Slots without a node.</summary>
    public IReadOnlyList<int> Vacant => [.. Enumerable.Range(0, _slots.Length).Where(index => _slots[index] is not { IsAlive: true })];

    /// <summary>The bundle's shape, once it is sent.</summary>
    public ShardGeometry Geometry => new(_redundancy, _encoder.BundleBytes);

    /// <summary>Root and leaves of a slot's shard, once the bundle is sent.</summary>
    public ShardCommitment Commitment(int slot) => _encoder.Commitment(_redundancy.Needed == 1 ? 0 : slot);

    /// <summary>Sends the bundle to the nodes given, slot by slot; a missing node leaves its slot vacant.</summary>
    /// <exception cref="MarketException">Fewer nodes are left than could give the bundle back.</exception>
    public async Task SendAsync(PipeReader bundle, IReadOnlyList<UploadTarget> targets)
    {
        _began = _time.GetTimestamp();
        for (int i = 0; i < Math.Min(targets.Count, _slots.Length); i++) _slots[i] = Start(i, targets[i], _shardBytesMax, _shardBytesReserved, _stop.Token);
        try
        {
            while (true)
            {
                ReadResult read = await bundle.ReadAsync(_stop.Token);
                foreach (ReadOnlyMemory<byte> segment in read.Buffer) await AppendAsync(segment);
                bundle.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) break;
            }

            _encoder.Finish();
            if (_encoder.HasCells) await SendCellsAsync();
            await Task.WhenAll(Filled.ToList().Select(slot => slot.FinishAsync(Commitment(slot.Slot))));
            NoteFaults();
            _sent = _time.GetElapsedTime(_began);
            await bundle.CompleteAsync();
        }
        catch (Exception exception)
        {
            await bundle.CompleteAsync(exception);
            throw;
        }
    }

    /// <summary>
    /// Puts a slot's shard on another node, made from what the filled slots hold. False if that node fails too, takes the one shard more
    /// slowly than all were sent, or has not got it when the time is over.
    /// </summary>
    /// <exception cref="MarketException">The filled slots no longer give the bundle back.</exception>
    public async Task<bool> RefillAsync(int slot, UploadTarget target, TimeSpan most)
    {
        using var patience = new CancellationTokenSource(most, _time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, patience.Token);
        ShardGeometry geometry = Geometry;
        ShardHolder[] holders = [.. Filled.Select(filled => new ShardHolder(filled.Slot, Commitment(filled.Slot), filled.Target.Peer))];
        var reader = new BundleReader(geometry, holders, _nodes, _health, _time, $"the upload of deal {_deal.Number}", _deal.Client);
        SlotUpload upload = Start(slot, target, geometry.ShardBytes, null, stop.Token);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(RefillBytesMax);
        try
        {
            for (long offset = 0; offset < geometry.ShardBytes && upload.IsAlive; offset += RefillBytesMax)
            {
                Memory<byte> piece = buffer.AsMemory(0, (int)Math.Min(RefillBytesMax, geometry.ShardBytes - offset));
                await RebuildAsync(reader, slot, offset, piece, stop.Token);
                upload.Write(piece.Span);
                await upload.FlushAsync(stop.Token);
                upload.HeldUpOthers += upload.Waited;
                if (upload.IsAlive && upload.HeldUpOthers > s_stragglerGrace + _sent) upload.Drop(TooSlow);
            }

            await upload.FinishAsync(Commitment(slot));
        }
        catch (OperationCanceledException late) when (patience.IsCancellationRequested && !_stop.IsCancellationRequested)
        {
            await upload.AbandonAsync(late);
            upload.Fail($"its slot was not filled again within {most.TotalMinutes:0} minutes");
        }
        catch (Exception exception)
        {
            await upload.AbandonAsync(exception);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (upload.IsAlive)
        {
            _slots[slot] = upload;
            return true;
        }

        lock (_faults) _faults.Add(new UploadFault(target.Peer.Id, upload.Failure!));
        return false;
    }

    /// <summary>Says that a slot's node is of no use, for example because it makes no promise.</summary>
    public void GiveUp(SlotUpload slot, string reason)
    {
        slot.Fail(reason);
        NoteFaults();
    }

    /// <summary>Ends what still runs and asks the nodes to forget what was uploaded: nothing was paid. Nodes that do not answer forget by themselves.</summary>
    public async Task WithdrawAsync()
    {
        await StopAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5), _time);
        try
        {
            await Task.WhenAll(_slots.OfType<SlotUpload>().Select(slot => _nodes.For(slot.Target.Peer).DeleteUploadAsync(_deal, slot.Slot, patience.Token)));
        }
        catch (OperationCanceledException)
        {
            // An upload without a deal is dropped by its node after an hour.
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _encoder.Dispose();
        _stop.Dispose();
    }

    private async Task StopAsync()
    {
        await _stop.CancelAsync();
        var stopped = new OperationCanceledException("The upload was given up.");
        foreach (SlotUpload slot in _slots.OfType<SlotUpload>()) await slot.AbandonAsync(stopped);
    }

    private SlotUpload Start(int slot, UploadTarget target, long bytesMax, long? bytesReserved, CancellationToken token) =>
        new(_deal, slot, target, bytesMax, bytesReserved, _nodes.For(target.Peer), _time, token);

    private async Task AppendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_encoder.Append(bytes.Span)..];
            if (_encoder.HasCells) await SendCellsAsync();
        }
    }

    private async Task SendCellsAsync()
    {
        bool isWaiting = false;
        for (int i = 0; i < _slots.Length; i++)
        {
            if (_slots[i] is not { IsAlive: true } slot) continue;
            slot.Write(_encoder.Cell(_redundancy.Needed == 1 ? 0 : i).Span);
            _flushes[i] = slot.FlushAsync(_stop.Token);
            isWaiting |= !_flushes[i].IsCompletedSuccessfully;
        }

        // All wait beside each other, so that it is seen whom the others wait for.
        if (isWaiting)
        {
            foreach (ValueTask flush in _flushes) await flush;
            Array.Clear(_flushes);
            DropStragglers();
        }

        _encoder.Release();
        int alive = _slots.Count(static slot => slot is { IsAlive: true });
        if (alive >= _redundancy.Needed) return;
        NoteFaults();
        throw new MarketException(
            MarketErrorCode.Incomplete,
            $"Only {alive} nodes still take the upload and {_redundancy.Needed} are needed: {FaultText(_faults)}.",
            "Nothing was paid; try again when more nodes answer.");
    }

    /// <summary>
    /// Leaves nodes behind that take the bytes much more slowly than most: so the slowest part of a put never takes much longer than the
    /// rest, and a client whose own line is slow loses nobody.
    /// </summary>
    private void DropStragglers()
    {
        int alive = 0;
        foreach (SlotUpload? slot in _slots)
        {
            if (slot is { IsAlive: true }) _waits[alive++] = slot.Waited;
        }

        if (alive == 0) return;
        _waits.AsSpan(0, alive).Sort();
        TimeSpan usual = _waits[(alive - 1) / 2];
        TimeSpan elapsed = _time.GetElapsedTime(_began);
        foreach (SlotUpload? slot in _slots)
        {
            if (slot is not { IsAlive: true } || slot.Waited <= usual) continue;
            slot.HeldUpOthers += slot.Waited - usual;
            if (slot.HeldUpOthers > s_stragglerGrace + (elapsed - slot.HeldUpOthers)) slot.Drop(TooSlow);
        }
    }

    private async Task RebuildAsync(BundleReader reader, int slot, long offset, Memory<byte> piece, CancellationToken token)
    {
        if (_redundancy.Needed == 1)
        {
            await reader.ReadAsync(offset, piece, token);
            return;
        }

        int k = _redundancy.Needed;
        var range = new ShardRange(offset, piece.Length, offset * k, (long)piece.Length * k);
        List<BundleReader.Fetched> columns = await reader.FetchAsync(range, token);
        try
        {
            ErasurePlan plan = _code.PlanRebuild(columns.Select(column => column.Column).ToArray(), slot);
            plan.ApplyRow(0, columns.Select(column => column.Bytes).ToArray(), 0, piece.Span);
        }
        finally
        {
            foreach (BundleReader.Fetched column in columns) ArrayPool<byte>.Shared.Return(column.Buffer);
        }
    }

    private void NoteFaults()
    {
        foreach (SlotUpload slot in _slots.OfType<SlotUpload>())
        {
            if (slot.Failure is { } reason && _faults.All(fault => fault.Node != slot.Target.Peer.Id)) _faults.Add(new UploadFault(slot.Target.Peer.Id, reason));
        }
    }

    internal static string FaultText(IReadOnlyList<UploadFault> faults) => faults.Count == 0
        ? "no node failed"
        : string.Join("; ", faults.Take(3).Select(fault => $"node {fault.Node}: {fault.Reason.TrimEnd('.')}")) + (faults.Count > 3 ? $"; and {faults.Count - 3} more" : "");
}
