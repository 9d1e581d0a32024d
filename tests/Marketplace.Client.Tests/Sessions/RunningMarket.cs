using System.Net;
using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Deals;
using Marketplace.Client.Keys;
using Marketplace.Client.Sessions;
using Marketplace.Client.Tests.Catalogues;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Node;
using Marketplace.Testing;

namespace Marketplace.Client.Tests.Sessions;

/// <summary>A real chain, six real nodes of six owners in this process, and clients with money. Shared by the tests that need one.</summary>
public sealed class RunningMarket : IAsyncLifetime
{
    private const string Passphrase = "correct horse battery staple";
    private const uint ClientIndex = 1;
    private const uint OperatorIndex = 2;
    private const uint PoorIndex = 3;
    private const uint FirstOwnerIndex = 4;
    private const int NodeCount = 6;

    private static readonly BigInteger s_token = BigInteger.Pow(10, 18);

    private readonly List<RunningNode> _nodes = [];
    private readonly TemporaryFolder _folder = new();
    private readonly List<IDisposable> _sessions = [];
    private LocalChain? _chain;

    public LocalChain Chain => _chain!;

    public Deployment Deployment { get; private set; } = null!;

    public IReadOnlyList<RunningNode> Nodes => _nodes;

    public Account ClientAccount => Chain.GetAccount(ClientIndex);

    public Account OperatorAccount => Chain.GetAccount(OperatorIndex);

    public Account PoorAccount => Chain.GetAccount(PoorIndex);

    public MarketContracts ContractsOf(Account account) => new(Chain.Connect(account), Deployment);

    /// <summary>A client of the market. Without a home nothing is remembered.</summary>
    public async Task<StorageClient> OpenAsync(Account account, BundleKeys? keys = null, string? home = null, Address? client = null, MarketSessionOptions? options = null)
    {
        MarketSession session = await MarketSession.OpenAsync(new MarketChain(ContractsOf(account)), account, options);
        StorageClient storage = session.ClientOf(client ?? account.Address, keys ?? Bundles.Keys(), home);
        lock (_sessions)
        {
            _sessions.Add(storage);
            _sessions.Add(session);
        }

        return storage;
    }

    public RunningNode NodeOf(NodeId id) => _nodes.Single(node => node.Id == id);

    public async Task InitializeAsync()
    {
        _chain = await LocalChain.StartAsync();
        Deployment = await Chain.DeployAsync();
        MarketContracts rich = ContractsOf(Chain.GetAccount(0));
        await FundAsync(rich, ClientAccount);
        for (uint i = 0; i < NodeCount; i++)
        {
            Account owner = Chain.GetAccount(FirstOwnerIndex + i);
            await rich.Token.TransferAsync(owner.Address, 10_000 * s_token);
            string dataDir = _folder[$"node-{i}"];
            var wire = new Wire(LocalPorts.Take());
            NodeSetup.Init(new NodeInit
            {
                DataDir = dataDir,
                CapacityBytes = 1 << 30,
                Price = TokenAmount.Parse($"{10 + i}"),
                Passphrase = Passphrase,
                Listen = new IPEndPoint(IPAddress.Loopback, wire.TargetPort),
                Url = PeerEndpoint.Https(new IPEndPoint(IPAddress.Loopback, wire.Port)),
                Strength = KeyStoreStrength.Light,
            });
            await NodeSetup.RegisterAsync(dataDir, ContractsOf(owner), TokenAmount.Parse("1000"), gasWei: s_token, CancellationToken.None);
            var node = new RunningNode(new NodeId(i + 1), dataDir, Deployment, Chain.Url, Passphrase, wire);
            _nodes.Add(node);
            await node.StartAsync();
        }
    }

    public async Task DisposeAsync()
    {
        foreach (IDisposable session in _sessions) session.Dispose();
        foreach (RunningNode node in _nodes) await node.StopAsync();
        if (_chain is not null) await _chain.DisposeAsync();
        _folder.Dispose();
    }

    private static async Task DepositAsync(MarketContracts contracts, BigInteger amount)
    {
        await contracts.Token.ApproveAsync(contracts.Escrow.Address, amount);
        await contracts.Escrow.DepositAsync(amount);
    }

    private async Task FundAsync(MarketContracts rich, Account account)
    {
        await rich.Token.TransferAsync(account.Address, 10_000 * s_token);
        await DepositAsync(ContractsOf(account), 5_000 * s_token);
    }
}

/// <summary>A node in this process, with its own folder, port and keys, reached over a wire that can be cut.</summary>
public sealed class RunningNode(NodeId id, string dataDir, Deployment deployment, string rpcUrl, string passphrase, Wire wire)
{
    private readonly CancellationTokenSource _stop = new();
    private Task _run = Task.CompletedTask;

    public NodeId Id { get; } = id;

    public string DataDir { get; } = dataDir;

    public async Task StartAsync()
    {
        var listening = new TaskCompletionSource<NodeListening>(TaskCreationOptions.RunContinuationsAsynchronously);
        _run = NodeHost.RunAsync(
            new NodeOptions
            {
                DataDir = DataDir,
                Deployment = deployment,
                RpcUrl = rpcUrl,
                Passphrase = passphrase,
                LogFile = DataDir + ".log",
                Listening = listening.SetResult,
            },
            _stop.Token);
        await Patience.FirstAsync(listening.Task, _run, $"node {Id}");
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _run.Within(Patience.Stop, $"The end of node {Id}");
        wire.Dispose();
        _stop.Dispose();
    }

    /// <summary>For everybody else the node is dead from now on.</summary>
    public void Die() => wire.Cut();

    public void Rise() => wire.Mend();

    /// <summary>How fast bytes reach it, in bytes a second; null for as fast as they come.</summary>
    public void Pace(int? bytesPerSecond) => wire.Pace = bytesPerSecond;

    /// <summary>Flips one bit in the middle of every file of this length.</summary>
    public void FlipABit(long shardBytes)
    {
        string[] files = [.. Directory.EnumerateFiles(DataDir, "*", SearchOption.AllDirectories).Where(path => new FileInfo(path).Length == shardBytes)];
        Assert.NotEmpty(files);
        foreach (string path in files)
        {
            using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            file.Position = shardBytes / 2;
            int value = file.ReadByte();
            file.Position = shardBytes / 2;
            file.WriteByte((byte)(value ^ 1));
        }
    }
}

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RunningMarketCollection : ICollectionFixture<RunningMarket>
{
    public const string Name = "a running market";
}
