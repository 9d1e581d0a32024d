using System.Net;
using System.Numerics;
using System.Text.Json;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Node;
using Marketplace.Testing;

namespace Marketplace.Benchmarks.Node;

/// <summary>A real chain with a block a second, the market on it, clients with money, and the folder of a registered node.</summary>
internal sealed class NodeMarket : IAsyncDisposable
{
    public const string NodeVerb = "node-child";

    /// <summary>Clients that have money for uploads, each of its own.</summary>
    public const int ClientsMax = 64;

    private const string Passphrase = "benchmark";
    private const uint OwnerIndex = 1;
    private const uint FirstClientIndex = 2;
    private const uint BlockMilliseconds = 1_000;
    private const long CapacityBytes = 2L << 40;

    private readonly LocalChain _chain;
    private readonly string _deployment;
    private readonly MarketScope _scope;

    private NodeMarket(LocalChain chain, string dataDir, string deployment, MarketScope scope) =>
        (_chain, DataDir, _deployment, _scope) = (chain, dataDir, deployment, scope);

    /// <summary>The node's folder.</summary>
    public string DataDir { get; }

    /// <summary>Who uploads as the client of that number.</summary>
    public Address ClientAddress(int client) => ClientAccount(_chain, client).Address;

    public static async Task<NodeMarket> StartAsync(string folder)
    {
        LocalChain chain = await LocalChain.StartAsync();
        try
        {
            Deployment deployment = await chain.DeployAsync();
            BigInteger plenty = BigInteger.Pow(10, 18) * 100_000;
            var rich = new MarketContracts(chain.Connect(0), deployment);
            var owner = new MarketContracts(chain.Connect(OwnerIndex), deployment);
            await rich.Token.TransferAsync(chain.GetAccount(OwnerIndex).Address, plenty);
            await rich.Token.ApproveAsync(rich.Escrow.Address, plenty);
            for (int client = 0; client < ClientsMax; client++) await rich.Escrow.DepositForAsync(ClientAccount(chain, client).Address, plenty / ClientsMax);

            string dataDir = Path.Combine(folder, "node");
            NodeSetup.Init(new NodeInit
            {
                DataDir = dataDir,
                CapacityBytes = CapacityBytes,
                Price = TokenAmount.Parse("0.01"),
                Passphrase = Passphrase,
                Listen = new IPEndPoint(IPAddress.Loopback, 0),
                Strength = KeyStoreStrength.Light,
            });
            await NodeSetup.RegisterAsync(dataDir, owner, TokenAmount.Parse("1000"), gasWei: BigInteger.Pow(10, 18), CancellationToken.None);
            await chain.SetIntervalMiningAsync(BlockMilliseconds);
            string file = Path.Combine(folder, "deployment.json");
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new
            {
                chainId = deployment.ChainId,
                rpcUrl = chain.Url,
                contracts = deployment.Addresses.ToDictionary(pair => pair.Key, pair => pair.Value.ToString()),
            }));
            return new NodeMarket(chain, dataDir, file, new MarketScope(deployment.ChainId, owner.StorageMarket.Address));
        }
        catch
        {
            await chain.DisposeAsync();
            throw;
        }
    }

    /// <summary>The child's side: the whole node, with room for a client that asks more often than strangers may.</summary>
    public static Task RunNodeAsync(string dataDir, string deployment) => NodeHost.RunAsync(
        new NodeOptions
        {
            DataDir = dataDir,
            Deployment = Deployment.ReadFile(deployment),
            Passphrase = Passphrase,
            LogFile = dataDir + ".log",
            Limits = new NodeLimits { RequestsPerSecondMax = int.MaxValue, RequestBurstMax = int.MaxValue },
            Listening = _ => Console.Out.WriteLine("ready"),
        },
        CancellationToken.None);

    /// <summary>Starts the node with what lies in its folder.</summary>
    public Task<ChildProcess> StartNodeAsync() => ChildProcess.StartAsync(NodeVerb, DataDir, _deployment);

    /// <summary>A client of the node, with its own account and connections.</summary>
    public NodeClient ConnectToNode(int client) => Connect(client, NodeConfig.Read(DataDir).Url, NodeKeys.ReadPublic(DataDir).Fingerprint);

    /// <summary>The same client, of another server.</summary>
    public NodeClient Connect(int client, PeerEndpoint endpoint, CertificateFingerprint fingerprint)
    {
        var peer = new NodePeer(NodeRegistration.Read(DataDir)!.Node, NodeKeys.ReadPublic(DataDir).Hot, endpoint, fingerprint);
        return new NodeClient(peer, EndpointGate.ForChain(EndpointGate.DevelopmentChainId), _scope, new HotKeySigner(ClientAccount(_chain, client)));
    }

    public ValueTask DisposeAsync() => _chain.DisposeAsync();

    private static Account ClientAccount(LocalChain chain, int client) => chain.GetAccount(FirstClientIndex + (uint)client);
}
