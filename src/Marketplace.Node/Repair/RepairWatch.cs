using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>Knows slots that lost their holder: told, convicted, or held by a node that was evicted.</summary>
internal sealed class RepairWatch(NodeChain chain, NodeLimits limits)
{
    private readonly Dictionary<(DealId Deal, int Slot), VacantSlot> _slots = [];
    private readonly Lock _lock = new();
    private BlockNumber? _readTo;

    /// <summary>All that are worth a look, those that wait longest first.</summary>
    public async Task<IReadOnlyList<VacantSlot>> ReadAsync(BlockNumber tip, CancellationToken token)
    {
        ulong lookBack = _readTo is { } read && read <= tip ? tip.Value - read.Value + limits.ReorgBlocksOn(chain.Facts.Scope.ChainId) : limits.RepairLookBackBlocks;
        var first = new BlockNumber(tip.Value > lookBack ? tip.Value - lookBack : 0);
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
