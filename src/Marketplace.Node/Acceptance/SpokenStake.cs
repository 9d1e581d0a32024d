using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>
/// What this node's stake is spoken for beyond what it earns already: promises that no deal took up yet, and slots that it reserved. Who
/// promises and who reserves both ask here, so that together they never take on more than the stake covers.
/// </summary>
internal sealed class SpokenStake(NodeChain chain, ShardDepot depot, NodeLimits limits) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<UploadPlace, (ulong Units, BlockNumber At)> _reserved = [];
    // The dearest promise of each place and the last deadline; null until they were read from the records.
    private Dictionary<UploadPlace, (ulong Units, BlockNumber Deadline)>? _promised;
    // The last block in which the node filled each place, as far back as an open promise may have been given.
    private readonly Dictionary<UploadPlace, BlockNumber> _filled = [];
    private BlockNumber? _filledReadTo;

    /// <summary>The node promised to keep what lies at a place. Told after the promise is recorded and before it is given away.</summary>
    public void Promised(UploadPlace place, ulong units, BlockNumber deadline)
    {
        lock (_lock)
        {
            if (_promised is not null) Add(_promised, place, units, deadline);
        }
    }

    /// <summary>The node reserves a slot, or has it reserved at a block.</summary>
    public void Reserved(UploadPlace place, ulong units, BlockNumber at)
    {
        lock (_lock) _reserved[place] = (units, at);
    }

    /// <summary>The node has no reservation of a slot any more.</summary>
    public void NotReserved(UploadPlace place)
    {
        lock (_lock) _reserved.Remove(place);
    }

    /// <summary>Whether the node reserved another slot of the same deal.</summary>
    public bool ReservesAnother(UploadPlace place)
    {
        lock (_lock) return _reserved.Keys.Any(other => other.Deal == place.Deal && other.Slot != place.Slot);
    }

    /// <summary>
    /// Units a period of open promises and reservations: those of other places, and the dearest promise of one. Promises count whose
    /// deadline is to come and whose very place the node did not fill yet.
    /// </summary>
    /// <param name="place">The one place.</param>
    /// <param name="tip">The block up to which it is known what the node earns.</param>
    /// <param name="token">Cancels.</param>
    public async Task<(ulong OfOthers, ulong OfThis)> UnitsAsync(UploadPlace place, BlockNumber tip, CancellationToken token)
    {
        await _turn.WaitAsync(token);
        try
        {
            await ReadFilledAsync(tip, token);
            (ulong ofOthers, ulong ofThis) = PromisedUnits(place, tip);
            return (ofOthers + ReservedUnits(place), ofThis);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>Units of open promises: of other places, and of this one. The records are read once: a stranger may ask for many promises and pay for none.</summary>
    private (ulong OfOthers, ulong OfThis) PromisedUnits(UploadPlace place, BlockNumber tip)
    {
        lock (_lock)
        {
            _promised ??= ReadPromised();
            ulong ofOthers = 0, ofThis = 0;
            foreach ((UploadPlace at, (ulong units, BlockNumber deadline)) in _promised)
            {
                if (deadline.Value + Reorg < tip.Value) _promised.Remove(at);
                else if (deadline <= tip || IsFilled(at, tip)) continue;
                else if (at == place) ofThis = units;
                else ofOthers += units;
            }

            return (ofOthers, ofThis);
        }
    }

    private Dictionary<UploadPlace, (ulong Units, BlockNumber Deadline)> ReadPromised()
    {
        var promised = new Dictionary<UploadPlace, (ulong Units, BlockNumber Deadline)>();
        foreach (UploadRecord upload in depot.Catalogue.PromisedUploads())
        {
            if (upload.Promise is { } given) Add(promised, upload.Place, AcceptanceEndpoint.RateOf(given).Units, given.Deadline);
        }

        return promised;
    }

    private static void Add(Dictionary<UploadPlace, (ulong Units, BlockNumber Deadline)> promised, UploadPlace place, ulong units, BlockNumber deadline)
    {
        (ulong Units, BlockNumber Deadline) before = promised.GetValueOrDefault(place);
        promised[place] = (Math.Max(before.Units, units), before.Deadline > deadline ? before.Deadline : deadline);
    }

    private uint Reorg => limits.ReorgBlocksOn(chain.Facts.Scope.ChainId);

    private ulong ReservedUnits(UploadPlace but)
    {
        lock (_lock) return _reserved.Where(one => one.Key != but).Aggregate(0UL, (sum, one) => sum + one.Value.Units);
    }

    private bool IsFilled(UploadPlace place, BlockNumber tip) => _filled.TryGetValue(place, out BlockNumber at) && at <= tip;

    /// <summary>
    /// Reads which places the node filled up to a block. Those are in what it earns already; a root alone does not tell, as several deals
    /// may have the same one.
    /// </summary>
    private async Task ReadFilledAsync(BlockNumber tip, CancellationToken token)
    {
        if (_filledReadTo == tip) return;
        ulong back = chain.Facts.Schedule.PeriodBlocks + Reorg;
        // What a reorganisation may have changed is read again.
        ulong since = _filledReadTo is { } read && read <= tip ? tip.Value - read.Value + Reorg : back;
        var first = new BlockNumber(tip.Value - Math.Min(tip.Value, Math.Min(since, back)));
        foreach (EventLog<SlotFilledEvent> filled in await chain.EventsAsync(chain.Contracts.StorageMarket.SlotFilledEvents, chain.Node, first, tip, token))
        {
            var place = new UploadPlace(DealId.FromWord(filled.Event.Id), PlaceWord.Read(filled.Event.Place).Slot);
            var at = new BlockNumber(filled.Log.Block.Number);
            _filled[place] = at;
            lock (_lock)
            {
                // Claimed since: it is in what the node earns.
                if (_reserved.TryGetValue(place, out (ulong Units, BlockNumber At) reserved) && at > reserved.At) _reserved.Remove(place);
            }
        }

        foreach ((UploadPlace place, BlockNumber at) in _filled)
        {
            if (at.Value + back < tip.Value) _filled.Remove(place);
        }

        _filledReadTo = tip;
    }
}
