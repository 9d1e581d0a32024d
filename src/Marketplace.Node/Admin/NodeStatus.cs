using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>Tells how a node is: from the running node if it runs, else from its folder and the chain.</summary>
public static class NodeStatus
{
    /// <summary>What the running node tells, whether or not the chain answers it; null if it does not run.</summary>
    public static async Task<NodeStatusView?> ReadRunningAsync(string dataDir, CancellationToken token)
    {
        using NodeAdmin? admin = await NodeAdmin.FindAsync(dataDir, token);
        return admin is null ? null : await admin.StatusAsync(token);
    }

    /// <summary>Reads the status.</summary>
    /// <exception cref="MarketException">There is no registered node in the folder.</exception>
    public static async Task<NodeStatusView> ReadAsync(string dataDir, MarketContracts contracts, CancellationToken token)
    {
        NodeConfig config = NodeConfig.Read(dataDir);
        NodeRegistration registration = NodeRegistration.Read(dataDir) ?? throw NodeSetup.NotRegistered(dataDir);
        if (await ReadRunningAsync(dataDir, token) is { } running) return running;
        NodeView node = await contracts.NodeRegistry.NodeAsync(registration.Node.Value, token: token);
        Standing standing = await contracts.Lens.StandingAsync(registration.Node.Value, token: token);
        (uint period, ulong block) = await contracts.StorageMarket.CurrentAsync(token: token);
        NodeExitView? exit = null;
        if (standing.Out != 0)
        {
            MarketFacts facts = await NodeChain.ReadFactsAsync(contracts, token);
            var tip = new BlockNumber(block);
            exit = NodeExitView.Of(standing, node.Stake, await NodeChain.ReadLedgerAsync(contracts, registration.Node, tip, token), facts, tip, DateTimeOffset.UtcNow);
        }

        return Make(node, standing, exit, config) with { Block = block, Period = period, Trouble = "The node does not run." };
    }

    internal static NodeStatusView Make(NodeView node, Standing standing, NodeExitView? exit, NodeConfig config) => new(
        new NodeId(node.Id), node.Hot, node.Owner, node.Endpoint, Running: false, Block: null, Period: null,
        standing.LastProved == 0 ? null : standing.LastProved, standing.ProvedPeriods,
        TokenAmount.FromUnits(node.Stake), TokenAmount.FromUnits(standing.StakeNeeded), TokenAmount.FromUnits(standing.Earned),
        TokenAmount.FromUnits(standing.Reward), TokenAmount.FromUnits(standing.Rate), config.Price.PerGibibyteMonth,
        config.CapacityBytes, UsedBytes: null, FreeBytes: null, Shards: null, LedgerRanges: null, standing.Out != 0, exit, Trouble: null);
}
