using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>Tells the running node's status from what it last saw of the chain, so that the operator hears of a chain that does not answer.</summary>
internal sealed class StatusReader(NodeChain chain, ShardDepot depot, NodePulse pulse, NodeConfig config, AboutEndpoints about, TimeProvider time)
{
    /// <summary>The status; asks the chain only if the node has not seen it yet.</summary>
    public async Task<NodeStatusView> ReadAsync(CancellationToken token)
    {
        Pulse now = pulse.Now ?? new Pulse(
            await chain.TipAsync(token), time.GetUtcNow(), await chain.StandingAsync(token), await chain.RegisteredAsync(token), null, null);
        DepotSpace space = depot.Space;
        NodeExitView? exit = now.Standing.Out == 0
            ? null
            : NodeExitView.Of(now.Standing, now.Registered.Stake, depot.Catalogue.Ledger(), chain.Facts, now.Tip, time.GetUtcNow());
        return NodeStatus.Make(now.Registered, now.Standing, exit, config) with
        {
            Running = true,
            Block = now.Tip.Value,
            Period = chain.Facts.Schedule.PeriodOf(now.Tip).Value,
            CapacityBytes = space.Capacity,
            UsedBytes = space.Used,
            FreeBytes = space.Free,
            Shards = depot.Volumes.Sum(volume => volume.Shards),
            LedgerRanges = depot.Catalogue.Ledger().Count,
            Trouble = about.Trouble,
        };
    }
}
