using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Hosting;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>Knows slots that lost their holder (told, convicted, or held by a node that was evicted) and those that this node reserved.</summary>
internal sealed partial class RepairWatch(NodeChain chain, NodeLimits limits, TimeProvider time, ILogger log)
{
    /// <summary>No slot waits longer than this part of a period, so that one with a bond is tried several times in the periods that it has.</summary>
    private const int PauseDivisor = 4;

    /// <summary>Lookups of one turn: each asks for the logs of a period at most.</summary>
    private const int LookupsPerTurnMax = 32;

    private readonly SteadyClock _clock = new(time);
    private readonly Dictionary<(DealId Deal, int Slot), VacantSlot> _slots = [];
    private readonly Dictionary<(DealId Deal, int Slot), Trouble> _troubles = [];
    private readonly Lock _lock = new();
    // Evictions of the blocks that are read again and again, with those of their slots that were found; and what is still to be looked up.
    private readonly Dictionary<(NodeId Node, BlockNumber Since), List<VacantSlot>> _evictions = [];
    private readonly Dictionary<LookupKey, Lookup> _lookups = [];
    private BlockNumber? _readTo;

    /// <summary>All that are worth a look and not put off: those that failed least often first, then those that wait longest.</summary>
    public async Task<IReadOnlyList<VacantSlot>> ReadAsync(BlockNumber tip, CancellationToken token)
    {
        ulong? unread = _readTo is { } read && read <= tip ? tip.Value - read.Value + limits.ReorgBlocksOn(chain.Facts.Scope.ChainId) : null;
        // After a start: as long ago as a reservation may have been made that is still to be claimed.
        BlockNumber first = Back(tip, unread ?? Math.Max(limits.RepairLookBackBlocks, PeriodsAndReorg(chain.Facts.ReservePeriods)));
        foreach (EventLog<SlotVacatedEvent> vacated in await chain.EventsAsync(chain.Contracts.StorageMarket.SlotVacatedEvents, null, first, tip, token))
        {
            Add(new VacantSlot(DealId.FromWord(vacated.Event.Id), vacated.Event.Slot, new BlockNumber(vacated.Log.Block.Number)));
        }

        foreach (EventLog<EvictedEvent> evicted in await chain.EventsAsync(chain.Contracts.StorageMarket.EvictedEvents, null, first, tip, token))
        {
            Note(new NodeId(evicted.Event.Node), new BlockNumber(evicted.Log.Block.Number));
        }

        foreach ((NodeId, BlockNumber Since) old in _evictions.Keys.Where(eviction => eviction.Since < first).ToArray()) _evictions.Remove(old);
        if (unread is null)
        {
            BlockNumber firstOwn = Back(tip, PeriodsAndReorg(chain.Facts.CurePeriods + chain.Facts.ReservePeriods));
            LookUp(new LookupKey(chain.Node, default, null), new PeriodNumber(PeriodNumber.ValueMax), (now, stop) => ReadOwnAsync(firstOwn, now, stop));
        }

        _readTo = tip;
        await LookUpAsync(tip, token);
        DateTimeOffset now = _clock.Now;
        lock (_lock)
        {
            return
            [
                .. _slots.Values.Select(slot => (Slot: slot, Trouble: _troubles.GetValueOrDefault((slot.Deal, slot.Slot))))
                    .Where(one => one.Trouble.Until <= now).OrderBy(one => one.Trouble.Times).ThenBy(one => one.Slot.Since).Select(one => one.Slot),
            ];
        }
    }

    /// <summary>Nothing is to be done about a slot any more, until it loses its holder again.</summary>
    public void Forget(VacantSlot slot)
    {
        lock (_lock)
        {
            _slots.Remove((slot.Deal, slot.Slot));
            _troubles.Remove((slot.Deal, slot.Slot));
        }
    }

    /// <summary>Whether any slot is known, put off or not.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _slots.Count == 0;
        }
    }

    /// <summary>
    /// What was tried for a slot failed: it waits, each time twice as long, and comes after those that failed less often. Holders that hand
    /// nothing out, or as slowly as they may, keep no others from being repaired.
    /// </summary>
    public void PutOff(VacantSlot slot)
    {
        lock (_lock) _troubles[(slot.Deal, slot.Slot)] = Again(_troubles.GetValueOrDefault((slot.Deal, slot.Slot)));
    }

    /// <summary>
    /// Slots that this node reserved, which count whatever became of them: a bond lies there. It comes back as long as the former holder
    /// may cure itself, even if the reservation lapsed.
    /// </summary>
    private async Task ReadOwnAsync(BlockNumber first, BlockNumber tip, CancellationToken token)
    {
        foreach (EventLog<SlotReservedEvent> reserved in await chain.EventsAsync(chain.Contracts.StorageMarket.SlotReservedEvents, chain.Node, first, tip, token))
        {
            Add(new VacantSlot(DealId.FromWord(reserved.Event.Id), reserved.Event.Slot, new BlockNumber(reserved.Log.Block.Number)));
        }
    }

    /// <summary>The blocks of some periods, of the two that they begin and end in, and of a reorganisation.</summary>
    private ulong PeriodsAndReorg(uint periods) => ((ulong)chain.Facts.Schedule.PeriodBlocks * (periods + 2)) + limits.ReorgBlocksOn(chain.Facts.Scope.ChainId);

    private static BlockNumber Back(BlockNumber tip, ulong blocks) => new(tip.Value - Math.Min(tip.Value, blocks));

    private void Add(VacantSlot slot)
    {
        lock (_lock)
        {
            bool isKnown = _slots.TryGetValue((slot.Deal, slot.Slot), out VacantSlot? before) && before.Since >= slot.Since;
            if (!isKnown && _slots.Count < limits.RepairSlotsMax) _slots[(slot.Deal, slot.Slot)] = slot;
        }
    }

    /// <summary>An eviction: its slots are looked up, once.</summary>
    private void Note(NodeId node, BlockNumber since)
    {
        if (_evictions.TryGetValue((node, since), out List<VacantSlot>? found))
        {
            foreach (VacantSlot slot in found) Add(slot);
            return;
        }

        found = _evictions[(node, since)] = [];
        LookUp(new LookupKey(node, since, null), new PeriodNumber(PeriodNumber.ValueMax), (now, stop) => ReadLedgerAsync(node, since, now, found, stop));
    }

    private void LookUp(LookupKey key, PeriodNumber until, Func<BlockNumber, CancellationToken, Task> read)
    {
        // What failed most often is what is missed least.
        if (_lookups.Count >= limits.RepairSlotsMax) _lookups.Remove(_lookups.MaxBy(one => one.Value.Trouble.Times).Key);
        _lookups.TryAdd(key, new Lookup(until, read));
    }

    /// <summary>
    /// Does what is to be looked up, some of it in each turn: what was filled last first, which every endpoint tells. What the endpoint does
    /// not tell, because it keeps no logs that are so old, keeps nothing else waiting.
    /// </summary>
    private async Task LookUpAsync(BlockNumber tip, CancellationToken token)
    {
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        for (int i = 0; i < LookupsPerTurnMax; i++)
        {
            foreach (LookupKey over in _lookups.Where(one => one.Value.Until <= period).Select(one => one.Key).ToArray()) _lookups.Remove(over);
            DateTimeOffset now = _clock.Now;
            (LookupKey key, Lookup? next) = _lookups.Where(one => one.Value.Trouble.Until <= now)
                .OrderBy(one => one.Value.Trouble.Times).ThenByDescending(one => one.Key.FilledIn ?? period).FirstOrDefault();
            if (next is null) return;
            try
            {
                await next.Read(tip, token);
                _lookups.Remove(key);
            }
            catch (Exception e) when (NodeWorker.IsTrouble(e))
            {
                if (next.Trouble.Times == 0) LogUnread(key.FilledIn is { } filled ? $"What node {key.Node} was given in period {filled}" : $"What node {key.Node} holds or reserved", e.Message);
                next.Trouble = Again(next.Trouble);
            }
        }
    }

    /// <summary>The live ranges of an evicted node's ledger, by the periods in which they were filled.</summary>
    private async Task ReadLedgerAsync(NodeId node, BlockNumber since, BlockNumber tip, List<VacantSlot> found, CancellationToken token)
    {
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        IReadOnlyList<LedgerRange> ranges = await chain.LedgerAsync(tip, token, node);
        foreach (IGrouping<PeriodNumber, LedgerRange> together in ranges.Where(range => range.IsLive(period + 1) && range.From.Value > 0).GroupBy(range => range.From))
        {
            HashSet<ulong> starts = [.. together.Select(range => range.Start)];
            var filledIn = new PeriodNumber(together.Key.Value - 1);
            LookUp(new LookupKey(node, since, filledIn), together.Max(range => range.Until), (_, stop) => FindSlotsAsync(node, since, filledIn, starts, found, stop));
        }
    }

    /// <summary>The slots behind ranges of a node, by the logs of the period in which they were filled.</summary>
    private async Task FindSlotsAsync(NodeId node, BlockNumber since, PeriodNumber filledIn, HashSet<ulong> starts, List<VacantSlot> found, CancellationToken token)
    {
        foreach (EventLog<SlotFilledEvent> filled in await chain.EventsAsync(
            chain.Contracts.StorageMarket.SlotFilledEvents, node, chain.Facts.Schedule.FirstBlock(filledIn), chain.Facts.Schedule.LastBlock(filledIn), token))
        {
            PlaceWord place = PlaceWord.Read(filled.Event.Place);
            if (!starts.Contains(place.Start)) continue;
            var slot = new VacantSlot(DealId.FromWord(filled.Event.Id), place.Slot, since);
            found.Add(slot);
            Add(slot);
        }
    }

    /// <summary>One more failure: the pause doubles, up to a part of a period.</summary>
    private Trouble Again(Trouble before)
    {
        TimeSpan most = chain.Facts.Schedule.PeriodLength / PauseDivisor;
        TimeSpan pause = TimeSpan.FromTicks((long)Math.Min(limits.RepairPauseMin.Ticks * Math.Pow(2, before.Times), most.Ticks));
        return new Trouble(before.Times + 1, _clock.Now + pause);
    }

    /// <summary>What is to be looked up: a node's own reservations or ledger, or with a period what it was given then.</summary>
    private readonly record struct LookupKey(NodeId Node, BlockNumber Since, PeriodNumber? FilledIn);

    private sealed class Lookup(PeriodNumber until, Func<BlockNumber, CancellationToken, Task> read)
    {
        /// <summary>From this period on it is of no use.</summary>
        public PeriodNumber Until { get; } = until;

        public Func<BlockNumber, CancellationToken, Task> Read { get; } = read;

        public Trouble Trouble { get; set; }
    }

    private readonly record struct Trouble(int Times, DateTimeOffset Until);

    [LoggerMessage(2268, LogLevel.Warning, "{What} cannot be looked up and is tried again later: {Why}")]
    private partial void LogUnread(string what, string why);
}
