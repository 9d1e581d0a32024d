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

/// <summary>A real chain with a block a second, the market on it, a client with money, and the folder of a registered node.</summary>
internal sealed class NodeMarket : IAsyncDisposable
{
    public const string NodeVerb = "node-child";

    private const string Passphrase = "benchmark";
    private const uint OwnerIndex = 1;
    private const uint ClientIndex = 2;
    private const uint BlockMilliseconds = 1_000;
    private const long CapacityBytes = 2L << 40;

    private readonly LocalChain _chain;
    private readonly string _deployment;
    private readonly MarketScope _scope;

    private NodeMarket(LocalChain chain, string dataDir, string deployment, MarketScope scope)
    {
        (_chain, DataDir, _deployment, _scope) = (chain, dataDir, deployment, scope);
        Client = new HotKeySigner(chain.GetAccount(ClientIndex));
    }

    /// <summary>The node's folder.</summary>
    public string DataDir { get; }

    /// <summary>Who uploads.</summary>
    public IMessageSigner Client { get; }

    /// <summary>The client's address.</summary>
    public Address ClientAddress => _chain.GetAccount(ClientIndex).Address;

    public static async Task<NodeMarket> StartAsync(string folder)
    {
        LocalChain chain = await LocalChain.StartAsync();
        try
        {
            Deployment deployment = await chain.DeployAsync();
            BigInteger plenty = BigInteger.Pow(10, 18) * 100_000;
            var rich = new MarketContracts(chain.Connect(0), deployment);
            var owner = new MarketContracts(chain.Connect(OwnerIndex), deployment);
            var client = new MarketContracts(chain.Connect(ClientIndex), deployment);
            await rich.Token.TransferAsync(chain.GetAccount(OwnerIndex).Address, plenty);
            await rich.Token.TransferAsync(chain.GetAccount(ClientIndex).Address, plenty);
            await client.Token.ApproveAsync(client.Escrow.Address, plenty);
            await client.Escrow.DepositAsync(plenty / 2);

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

    /// <summary>A client of the node, with its own connections.</summary>
    public NodeClient ConnectToNode() => Connect(NodeConfig.Read(DataDir).Url, NodeKeys.ReadPublic(DataDir).Fingerprint);

    /// <summary>The same client, of another server.</summary>
    public NodeClient Connect(PeerEndpoint endpoint, CertificateFingerprint fingerprint)
    {
        var peer = new NodePeer(NodeRegistration.Read(DataDir)!.Node, NodeKeys.ReadPublic(DataDir).Hot, endpoint, fingerprint);
        return new NodeClient(peer, EndpointGate.ForChain(EndpointGate.DevelopmentChainId), _scope, Client);
    }

    public ValueTask DisposeAsync() => _chain.DisposeAsync();
}
