using Marketplace.Commands.Homes;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>What <c>devnet status --json</c> answers: the description, and for each process whether it runs.</summary>
internal sealed record DevnetStatus(
    int Version,
    Uri RpcUrl,
    ulong ChainId,
    uint BlockSeconds,
    uint PeriodBlocks,
    ProcessStatus Chain,
    IReadOnlyDictionary<string, Address> Contracts,
    IReadOnlyList<NodeStatus> Nodes,
    IReadOnlyList<KeeperStatus> Keepers,
    GatewayStatus? Gateway,
    IReadOnlyList<DevnetAccount> Accounts)
{
    /// <summary>Looks at every process.</summary>
    public static DevnetStatus Of(DevnetFile file) => new(
        file.Version, file.RpcUrl, file.ChainId, file.BlockSeconds, file.PeriodBlocks,
        new ProcessStatus(file.Chain.Pid, file.Chain.StartTicks, IsAlive(file.Chain.Pid, file.Chain.StartTicks)),
        file.Contracts,
        [.. file.Nodes.Select(node => new NodeStatus(node.Id, node.Address, node.Owner, node.Url, node.Pid, node.StartTicks, node.DataDir, IsAlive(node.Pid, node.StartTicks)))],
        [.. file.Keepers.Select(keeper => new KeeperStatus(keeper.Id, keeper.Address, keeper.Url, keeper.Pid, keeper.StartTicks, keeper.DataDir, IsAlive(keeper.Pid, keeper.StartTicks)))],
        file.Gateway is { } gateway ? new GatewayStatus(gateway.Address, gateway.Url, gateway.Pid, gateway.StartTicks, gateway.DataDir, IsAlive(gateway.Pid, gateway.StartTicks)) : null,
        file.Accounts);

    private static bool IsAlive(int pid, long? startTicks) => new LocalProcess(pid, startTicks).IsAlive;
}

/// <summary>A process, and whether it runs.</summary>
internal sealed record ProcessStatus(int Pid, long? StartTicks, bool Alive);

/// <summary>A node, and whether it runs.</summary>
internal sealed record NodeStatus(NodeId Id, Address Address, Address Owner, string Url, int Pid, long? StartTicks, string DataDir, bool Alive);

/// <summary>A keeper, and whether it runs.</summary>
internal sealed record KeeperStatus(int Id, Address Address, string Url, int Pid, long? StartTicks, string DataDir, bool Alive);

/// <summary>The gateway, and whether it runs.</summary>
internal sealed record GatewayStatus(Address Address, string Url, int Pid, long? StartTicks, string DataDir, bool Alive);
