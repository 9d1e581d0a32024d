using System.Globalization;
using System.Net;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Commands.Homes;
using Marketplace.Domain;
using Marketplace.Gateway;
using Marketplace.Keeper;
using Marketplace.Node;

namespace Marketplace.Cli.Devnet;

/// <summary>A process of a devnet by its name: <c>chain</c>, <c>node:3</c>, <c>keeper:1</c>, <c>gateway</c>.</summary>
internal sealed record DevnetRole(string Who, LocalProcess Process);

/// <summary>What the roles of a devnet need to be made, started, and asked whether they answer.</summary>
internal static class DevnetRoles
{
    /// <summary>The chain's name.</summary>
    public const string ChainName = "chain";

    // Short, so that a killed node is soon seen to be gone.
    private const string PingFrame = "10s";
    private const string GatewayName = "gateway";

    /// <summary>All processes, the chain first.</summary>
    public static IReadOnlyList<DevnetRole> ProcessesOf(DevnetFile file) =>
    [
        new DevnetRole(ChainName, new LocalProcess(file.Chain.Pid, file.Chain.StartTicks)),
        .. file.Nodes.Select(node => new DevnetRole(NameOf(node), new LocalProcess(node.Pid, node.StartTicks))),
        .. file.Keepers.Select(keeper => new DevnetRole(NameOf(keeper), new LocalProcess(keeper.Pid, keeper.StartTicks))),
        .. file.Gateway is { } gateway ? [new DevnetRole(GatewayName, new LocalProcess(gateway.Pid, gateway.StartTicks))] : (DevnetRole[])[],
    ];

    /// <summary>The command line of a role that is in the description.</summary>
    public static IEnumerable<string> ArgumentsOf(DevnetFile file, string who) =>
        file.Nodes.FirstOrDefault(node => NameOf(node) == who) is { } node ? NodeArguments(node.DataDir)
        : file.Keepers.FirstOrDefault(keeper => NameOf(keeper) == who) is { } keeper ? KeeperArguments(keeper.DataDir, keeper.Url)
        : GatewayArguments(file.Gateway!.DataDir, file.Gateway.Url);

    /// <summary>The description with another process for one role.</summary>
    public static DevnetFile WithProcess(DevnetFile file, string who, LocalProcess process) => file with
    {
        Nodes = [.. file.Nodes.Select(node => NameOf(node) == who ? node with { Pid = process.Pid, StartTicks = process.StartTicks } : node)],
        Keepers = [.. file.Keepers.Select(keeper => NameOf(keeper) == who ? keeper with { Pid = process.Pid, StartTicks = process.StartTicks } : keeper)],
        Gateway = who == GatewayName && file.Gateway is { } gateway ? gateway with { Pid = process.Pid, StartTicks = process.StartTicks } : file.Gateway,
    };

    /// <summary>Makes a node's folder.</summary>
    /// <returns>Its hot key.</returns>
    public static Address InitNode(string dataDir, string passphrase, long capacityBytes, int port) => NodeSetup.Init(new NodeInit
    {
        DataDir = dataDir,
        CapacityBytes = capacityBytes,
        Price = DevnetPlan.NodePrice,
        Passphrase = passphrase,
        Listen = new IPEndPoint(IPAddress.Loopback, port),
        Strength = KeyStoreStrength.Light,
    }).HotAddress;

    /// <summary>Registers a node as its owner.</summary>
    public static async Task<NodeId> RegisterNodeAsync(Web3 owner, Deployment deployment, string dataDir, CancellationToken cancellation) =>
        (await NodeSetup.RegisterAsync(dataDir, new MarketContracts(owner, deployment), DevnetPlan.NodeStake, null, cancellation)).Node;

    /// <summary>Makes a keeper's folder.</summary>
    /// <returns>Its key.</returns>
    public static Address InitKeeper(string dataDir, string passphrase)
    {
        PrivateFiles.CreateFolder(dataDir);
        var options = new KeeperOptions { DataDir = dataDir, Passphrase = passphrase, Deployment = new Deployment(0, new Dictionary<string, Address>()) };
        using Account account = KeeperKey.OpenOrCreate(options.KeyPath, passphrase, KeyStoreStrength.Light);
        return account.Address;
    }

    /// <summary>Makes the gateway's folder.</summary>
    /// <returns>Its operator.</returns>
    public static Task<Address> InitGatewayAsync(string dataDir, string passphrase, CancellationToken cancellation) =>
        GatewaySetup.InitAsync(dataDir, passphrase, null, KeyStoreStrength.Light, cancellation);

    /// <summary>How a node is run: all else is in its folder.</summary>
    public static IEnumerable<string> NodeArguments(string dataDir) => ["node", "run", "--data", dataDir];

    /// <summary>How a keeper is run.</summary>
    public static IEnumerable<string> KeeperArguments(string dataDir, string url) => ["keeper", "run", "--data", dataDir, "--listen", new Uri(url).Authority, "--announce", url, "--ping-frame", PingFrame];

    /// <summary>How the gateway is run.</summary>
    public static IEnumerable<string> GatewayArguments(string dataDir, string url) =>
        ["gateway", "run", "--data", dataDir, "--listen", new Uri(url).Authority];

    /// <summary>A transfer of tokens.</summary>
    public static FunctionCall TransferCall(Web3 web3, IReadOnlyDictionary<string, Address> contracts, Address to, TokenAmount amount) =>
        new TokenService(web3, contracts["Token"]).TransferRequest(to, amount.BaseUnits);

    /// <summary>Waits until every role answers.</summary>
    public static Task WaitForAllAsync(DevnetFolder folder, DevnetFile file, CancellationToken cancellation) =>
        Task.WhenAll(ProcessesOf(file).Where(role => role.Who != ChainName).Select(role => WaitAsync(folder, file, role.Who, cancellation)));

    /// <summary>Waits until a role answers.</summary>
    public static async Task WaitAsync(DevnetFolder folder, DevnetFile file, string who, CancellationToken cancellation)
    {
        (string url, LocalProcess process) = ProcessesOf(file).Where(role => role.Who == who).Select(role => (UrlOf(file, who), role.Process)).Single();
        using HttpClient http = new(new SocketsHttpHandler
        {
            // The answer is not used, only that there is one; the certificate is the node's own, made for its fingerprint on chain.
            SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null },
        })
        { Timeout = s_oneAnswer };
        await RoleProcess.WaitAsync(who, process, http, new Uri(new Uri(url), "/v1/health"), folder.LogOf(who), cancellation);
    }

    private static readonly TimeSpan s_oneAnswer = TimeSpan.FromSeconds(5);

    private static string UrlOf(DevnetFile file, string who) =>
        file.Nodes.FirstOrDefault(node => NameOf(node) == who)?.Url ?? file.Keepers.FirstOrDefault(keeper => NameOf(keeper) == who)?.Url ?? file.Gateway!.Url;

    private static string NameOf(DevnetNode node) => "node:" + node.Id;

    private static string NameOf(DevnetKeeper keeper) => string.Create(CultureInfo.InvariantCulture, $"keeper:{keeper.Id}");
}
