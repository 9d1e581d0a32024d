using System.Net;
using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Testing;

namespace Marketplace.Node.Tests;

/// <summary>A real chain with the market on it, an owner of nodes and a client with money. Shared by the tests that need one.</summary>
public sealed class MarketFixture : IAsyncLifetime
{
    private const uint OwnerIndex = 1;
    private const uint ClientIndex = 2;
    private const uint StrangerIndex = 3;
    private const uint SecondClientIndex = 4;

    private LocalChain? _chain;
    private Deployment? _deployment;
    private ulong _number;

    public LocalChain Chain => _chain!;

    public Deployment Deployment => _deployment!;

    public MarketContracts Owner { get; private set; } = null!;

    public MarketContracts Client { get; private set; } = null!;

    public Account ClientAccount => Chain.GetAccount(ClientIndex);

    public Account Stranger => Chain.GetAccount(StrangerIndex);

    public Account SecondClient => Chain.GetAccount(SecondClientIndex);

    internal MarketFacts Facts { get; private set; } = null!;

    /// <summary>Nodes that tests have, running or not.</summary>
    internal int NodesHere { get; set; }

    /// <summary>A deal of the client that no test used.</summary>
    public DealId NextDeal() => new(ClientAccount.Address, ++_number);

    public async Task InitializeAsync()
    {
        _chain = await LocalChain.StartAsync();
        _deployment = await Chain.DeployAsync();
        Owner = new MarketContracts(Chain.Connect(OwnerIndex), Deployment);
        Client = new MarketContracts(Chain.Connect(ClientIndex), Deployment);
        Facts = await NodeChain.ReadFactsAsync(Owner, CancellationToken.None);
        var rich = new MarketContracts(Chain.Connect(0), Deployment);
        BigInteger plenty = BigInteger.Pow(10, 18) * 100_000;
        await rich.Token.TransferAsync(Chain.GetAccount(OwnerIndex).Address, plenty);
        await rich.Token.TransferAsync(ClientAccount.Address, plenty);
        await Client.Token.ApproveAsync(Client.Escrow.Address, plenty);
        await Client.Escrow.DepositAsync(plenty / 2);
    }

    public async Task DisposeAsync()
    {
        if (_chain is not null) await _chain.DisposeAsync();
    }

    /// <summary>Puts the client's money into the escrow of another.</summary>
    public async Task DepositForAsync(Address whom, TokenAmount amount)
    {
        await Client.Token.ApproveAsync(Client.Escrow.Address, amount.BaseUnits);
        await Client.Escrow.DepositForAsync(whom, amount.BaseUnits);
    }

    /// <summary>Makes, registers and starts a node; <paramref name="config"/> and <paramref name="options"/> change what it is started with.</summary>
    public async Task<RunningTestNode> StartNodeAsync(
        NodeLimits? limits = null, long capacity = 1 << 30, Func<NodeConfig, NodeConfig>? config = null, Func<NodeOptions, NodeOptions>? options = null)
    {
        // Where in a period a test begins is not left to the tests before it: what it opens one after the other begins in the same period.
        if (NodesHere == 0) await MineToAsync(Facts.Schedule.FirstBlock(Facts.Schedule.PeriodOf(await TipAsync()) + 1));
        string dataDir = Path.Combine(Directory.CreateTempSubdirectory("market-node-").FullName, "data");
        NodeSetup.Init(new NodeInit
        {
            DataDir = dataDir,
            CapacityBytes = capacity,
            Price = TokenAmount.Parse("100"),
            Passphrase = RunningTestNode.Passphrase,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            Strength = KeyStoreStrength.Light,
        });
        await NodeSetup.RegisterAsync(dataDir, Owner, TokenAmount.Parse("1000"), gasWei: BigInteger.Pow(10, 18), CancellationToken.None);
        if (config is not null) await File.WriteAllTextAsync(Path.Combine(dataDir, NodeConfig.FileName), config(NodeConfig.Read(dataDir)).ToString());
        return await RunningTestNode.StartAsync(this, dataDir, limits, options);
    }

    public async Task<BlockNumber> TipAsync() => new(await Client.Web3.Eth.GetBlockNumberAsync());

    /// <summary>Makes blocks until the chain is at least at this one.</summary>
    public async Task MineToAsync(BlockNumber block)
    {
        BlockNumber tip = await TipAsync();
        if (tip < block) await Chain.MineAsync(block.Value - tip.Value);
    }

    /// <summary>Makes blocks until every node has reason to prove a period.</summary>
    public Task MineToProofsAsync(uint period) => MineToAsync(ProofSpread.AllProveFrom(Facts.Schedule, new PeriodNumber(period)));
}

[CollectionDefinition(Name)]
public sealed class MarketCollection : ICollectionFixture<MarketFixture>
{
    public const string Name = "a real chain";
}

/// <summary>A node in this process, with its own folder, port and keys.</summary>
public sealed class RunningTestNode : IAsyncDisposable
{
    public const string Passphrase = "correct horse battery staple";

    private readonly MarketFixture _market;
    private readonly NodeLimits? _limits;
    private readonly Func<NodeOptions, NodeOptions> _options;
    private CancellationTokenSource _stop = new();
    private Task _run = Task.CompletedTask;

    private RunningTestNode(MarketFixture market, string dataDir, NodeLimits? limits, Func<NodeOptions, NodeOptions>? options)
    {
        _market = market;
        _limits = limits;
        _options = options ?? (same => same);
        DataDir = dataDir;
        Id = NodeRegistration.Read(dataDir)!.Node;
        market.NodesHere++;
    }

    public string DataDir { get; }

    public NodeId Id { get; }

    public NodeListening Listening { get; private set; } = null!;

    public string LogFile => DataDir + ".log";

    public static async Task<RunningTestNode> StartAsync(MarketFixture market, string dataDir, NodeLimits? limits, Func<NodeOptions, NodeOptions>? options = null)
    {
        var node = new RunningTestNode(market, dataDir, limits, options);
        await node.StartAsync();
        return node;
    }

    public async Task StartAsync()
    {
        _stop = new CancellationTokenSource();
        var listening = new TaskCompletionSource<NodeListening>(TaskCreationOptions.RunContinuationsAsynchronously);
        _run = NodeHost.RunAsync(
            _options(new NodeOptions
            {
                DataDir = DataDir,
                Deployment = _market.Deployment,
                RpcUrl = _market.Chain.Url,
                Passphrase = Passphrase,
                LogFile = LogFile,
                Limits = _limits,
                Listening = listening.SetResult,
            }),
            _stop.Token);
        Listening = await Patience.FirstAsync(listening.Task, _run, $"node {Id}");
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _run.Within(Patience.Stop, $"The end of node {Id}");
        _stop.Dispose();
    }

    public NodeClient Connect(Account? account)
    {
        (Address hot, CertificateFingerprint fingerprint) = NodeKeys.ReadPublic(DataDir);
        var peer = new NodePeer(Id, hot, NodeConfig.Read(DataDir).Url, fingerprint);
        return new NodeClient(peer, EndpointGate.ForChain(EndpointGate.DevelopmentChainId), _market.Facts.Scope, account is null ? null : new HotKeySigner(account));
    }

    /// <summary>A client of the operator's port that knows the password.</summary>
    public HttpClient Operator()
    {
        string password = File.ReadAllText(Path.Combine(DataDir, NodeFiles.AdminPassword)).Trim();
        var http = new HttpClient { BaseAddress = Listening.AdminUrl };
        http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes("operator:" + password)));
        return http;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_run.IsCompleted) await StopAsync();
        _market.NodesHere--;
        Directory.Delete(Path.GetDirectoryName(DataDir)!, recursive: true);
    }
}
