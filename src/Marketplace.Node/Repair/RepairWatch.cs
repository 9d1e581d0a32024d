using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>Knows slots that lost their holder (told, convicted, or held by a node that was evicted) and those that this node reserved.</summary>
internal sealed class RepairWatch(NodeChain chain, NodeLimits limits, TimeProvider time)
{
    /// <summary>No slot waits longer than this part of a period, so that one with a bond is tried several times in the periods that it has.</summary>
    private const int PauseDivisor = 4;

    private readonly Dictionary<(DealId Deal, int Slot), VacantSlot> _slots = [];
    private readonly Dictionary<(DealId Deal, int Slot), Trouble> _troubles = [];
    private readonly Lock _lock = new();
    private BlockNumber? _readTo;

    /// <summary>All that are worth a look and not put off: those that failed least often first, then those that wait longest.</summary>
    public async Task<IReadOnlyList<VacantSlot>> ReadAsync(BlockNumber tip, CancellationToken token)
    {
        ulong? unread = _readTo is { } read && read <= tip ? tip.Value - read.Value + limits.ReorgBlocksOn(chain.Facts.Scope.ChainId) : null;
        // After a start: as long ago as a reservation may have been made that is still to be claimed.
        BlockNumber first = Back(tip, unread ?? Math.Max(limits.RepairLookBackBlocks, PeriodsAndReorg(chain.Facts.ReservePeriods)));
        if (unread is null) await ReadOwnAsync(Back(tip, PeriodsAndReorg(chain.Facts.CurePeriods + chain.Facts.ReservePeriods)), tip, token);
        foreach (EventLog<SlotVacatedEvent> vacated in await chain.EventsAsync(chain.Contracts.StorageMarket.SlotVacatedEvents, null, first, tip, token))
        {
            Add(new VacantSlot(DealId.FromWord(vacated.Event.Id), vacated.Event.Slot, new BlockNumber(vacated.Log.Block.Number)));
        }

        foreach (EventLog<EvictedEvent> evicted in await chain.EventsAsync(chain.Contracts.StorageMarket.EvictedEvents, null, first, tip, token))
        {
            foreach ((DealId deal, int slot) in await HeldByAsync(new NodeId(evicted.Event.Node), tip, token)) Add(new VacantSlot(deal, slot, new BlockNumber(evicted.Log.Block.Number)));
        }

        _readTo = tip;
        DateTimeOffset now = time.GetUtcNow();
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
        TimeSpan most = chain.Facts.Schedule.PeriodLength / PauseDivisor;
        lock (_lock)
        {
            int times = _troubles.GetValueOrDefault((slot.Deal, slot.Slot)).Times + 1;
            TimeSpan pause = TimeSpan.FromTicks((long)Math.Min(limits.RepairPauseMin.Ticks * Math.Pow(2, times - 1), most.Ticks));
            _troubles[(slot.Deal, slot.Slot)] = new Trouble(times, time.GetUtcNow() + pause);
        }
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

    /// <summary>The slots behind the live ranges of a node's ledger, by the periods in which they were filled.</summary>
    private async Task<IReadOnlyList<(DealId Deal, int Slot)>> HeldByAsync(NodeId node, BlockNumber tip, CancellationToken token)
    {
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        var found = new List<(DealId, int)>();
        IReadOnlyList<LedgerRange> ranges = await chain.LedgerAsync(tip, token, node);
        foreach (IGrouping<PeriodNumber, LedgerRange> together in ranges.Where(range => range.IsLive(period + 1) && range.From.Value > 0).GroupBy(range => range.From))
        {
            HashSet<ulong> starts = [.. together.Select(range => range.Start)];
            var filledIn = new PeriodNumber(together.Key.Value - 1);
            foreach (EventLog<SlotFilledEvent> filled in await chain.EventsAsync(
                chain.Contracts.StorageMarket.SlotFilledEvents, node, chain.Facts.Schedule.FirstBlock(filledIn), chain.Facts.Schedule.LastBlock(filledIn), token))
            {
                PlaceWord place = PlaceWord.Read(filled.Event.Place);
                if (starts.Contains(place.Start)) found.Add((DealId.FromWord(filled.Event.Id), place.Slot));
            }
        }

        return found;
    }

    private readonly record struct Trouble(int Times, DateTimeOffset Until);
}
