using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>Knows slots that lost their holder (told, convicted, or held by a node that was evicted) and those that this node reserved.</summary>
internal sealed class RepairWatch(NodeChain chain, NodeLimits limits)
{
    private readonly Dictionary<(DealId Deal, int Slot), VacantSlot> _slots = [];
    private readonly Lock _lock = new();
    private BlockNumber? _readTo;

    /// <summary>All that are worth a look, those that wait longest first.</summary>
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
        lock (_lock) return [.. _slots.Values.OrderBy(slot => slot.Since)];
    }

    /// <summary>Nothing is to be done about a slot any more, until it loses its holder again.</summary>
    public void Forget(VacantSlot slot)
    {
        lock (_lock) _slots.Remove((slot.Deal, slot.Slot));
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
}
