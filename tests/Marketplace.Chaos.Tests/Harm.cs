using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Chaos.Tests;

/// <summary>
/// Keeps what is broken at one time within what the redundancy permits: of each deal at least k slots have a holder that is up and whose
/// file is whole. Only then is a byte that does not come back a broken promise.
/// </summary>
internal sealed class Harm(MarketChain chain, Address client, Func<IReadOnlyList<ChaosNode>> nodes, Func<ulong> oldestPutBlock, FastChain time)
{
    private BlockNumber _last;

    /// <summary>The deals that still have a paid period.</summary>
    public async Task<IReadOnlyList<DealFacts>> LiveDealsAsync() =>
        [.. (await FastChain.AskAsync(() => chain.DealsAsync(client))).Where(deal => !deal.IsSettled && deal.End > time.Period)];

    /// <summary>Whether a node may be away now.</summary>
    public async Task<bool> MayLeaveAsync(ChaosNode node) => MayHarm() && (await LiveDealsAsync()).All(deal => IsWithin(deal, slot => slot.Node == node.Id));

    /// <summary>The shards of a node that may be damaged now.</summary>
    public async Task<IReadOnlyList<Root>> MayDamageAsync(ChaosNode node)
    {
        if (!MayHarm()) return [];
        return
        [
            .. (await LiveDealsAsync())
                .Where(deal => IsWithin(deal, slot => slot.Node == node.Id))
                .SelectMany(deal => deal.Slots)
                .Where(slot => slot is { State: SlotState.Filled, Shard: not null } && slot.Node == node.Id && !node.IsDamaged(slot.Shard.Value.Root))
                .Select(slot => slot.Shard!.Value.Root),
        ];
    }

    /// <summary>Something was broken just now.</summary>
    public void Note() => _last = time.Tip;

    /// <summary>Damage that the market has noticed, and filled by another, is damage no more.</summary>
    public async Task ForgetAsync()
    {
        IReadOnlyList<DealFacts> deals = await LiveDealsAsync();
        foreach (ChaosNode node in nodes())
        {
            HashSet<Root> held = [.. deals.SelectMany(deal => deal.Slots).Where(slot => slot.State is SlotState.Filled && slot.Node == node.Id && slot.Shard is not null).Select(slot => slot.Shard!.Value.Root)];
            foreach (Root root in node.Damaged)
            {
                if (!held.Contains(root)) node.ForgetDamage(root);
            }
        }
    }

    /// <summary>A deal that is being opened is not yet among those looked at: not twice while one is.</summary>
    private bool MayHarm() => oldestPutBlock() > _last.Value;

    private bool IsWithin(DealFacts deal, Func<SlotFacts, bool> more)
    {
        Dictionary<NodeId, ChaosNode> known = nodes().ToDictionary(node => node.Id);
        int whole = deal.Slots.Count(slot =>
            slot is { State: SlotState.Filled, Node: { } holder, Shard: { } shard } &&
            known.TryGetValue(holder, out ChaosNode? node) && node.IsUp && !node.IsDamaged(shard.Root) && !more(slot));
        return whole >= deal.Redundancy.Needed;
    }
}
