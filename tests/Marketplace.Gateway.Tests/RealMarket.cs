using System.Net;
using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Deals;
using Marketplace.Client.Keys;
using Marketplace.Client.Sessions;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;
using Marketplace.Network;
using Marketplace.Node;
using Marketplace.Testing;

namespace Marketplace.Gateway.Tests;

/// <summary>
/// A real chain with the contracts on it, four real nodes of four owners behind wires that can be cut, and a real gateway before them.
/// One for the whole suite: each test has clients of its own.
/// </summary>
public sealed class RealMarket : IAsyncLifetime
{
    private const string Passphrase = "correct horse battery staple";
    private const long NodeCapacityBytes = 4L << 30;
    private const uint OwnersFrom = 1;
    private const int NodesCount = 4;

    private static readonly BigInteger s_gas = BigInteger.Pow(10, 20);

    private readonly string _folder = Directory.CreateTempSubdirectory("market-gateway-real-").FullName;
    private readonly List<(CancellationTokenSource Stop, Task Run)> _hosts = [];
    private readonly List<Wire> _wires = [];
    private readonly List<string> _nodeFolders = [];
    private readonly List<IDisposable> _things = [];
    private LocalChain? _chain;
    private Deployment? _deployment;
    private uint _clients = OwnersFrom + NodesCount;
    private int _gateways;

    public LocalChain Chain => _chain!;

    public Deployment Deployment => _deployment!;

    /// <summary>The gateway's address.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>The gateway's operator.</summary>
    public Account Operator { get; } = Account.Create();

    public async Task InitializeAsync()
    {
        _chain = await LocalChain.StartAsync();
        _deployment = await Chain.DeployAsync();
        for (uint i = 0; i < NodesCount; i++) await StartNodeAsync(OwnersFrom + i);
        await Chain.SetBalanceAsync(Operator.Address, s_gas);
        var listening = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        GatewayOptions options = await NewGatewayAsync();
        Start(stop => GatewayHost.RunAsync(options with { Listening = listening.SetResult }, stop));
        Url = await FirstAsync(listening.Task);
    }

    /// <summary>An empty folder with the operator's account in it, as after the loss of the first gateway's.</summary>
    internal async Task<GatewayOptions> NewGatewayAsync()
    {
        string dataDir = Path.Combine(_folder, $"gateway-{_gateways++}");
        await GatewaySetup.InitAsync(dataDir, Passphrase, Operator, KeyStoreStrength.Light);
        return new GatewayOptions
        {
            DataDir = dataDir,
            Passphrase = Passphrase,
            RpcUrl = Chain.Url,
            Contracts = Deployment.Addresses,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            SignInsPerMinute = 10_000,
            LogFile = dataDir + ".log",
        };
    }

    /// <summary>A new client with money in escrow, of which the operator may lock some.</summary>
    public async Task<RealClient> NewClientAsync(string deposit = "1000", string allowed = "1000")
    {
        uint index = _clients++;
        await GiveTokensAsync(index);
        var contracts = new MarketContracts(Chain.Connect(index), Deployment);
        BigInteger amount = (BigInteger)TokenAmount.Parse(deposit).BaseUnits;
        await contracts.Token.ApproveAsync(contracts.Escrow.Address, amount);
        await contracts.Escrow.DepositAsync(amount);
        var client = new RealClient(this, contracts, Chain.GetAccount(index));
        await client.AllowAsync(allowed);
        _things.Add(client);
        return client;
    }

    /// <summary>For everybody else the nodes are dead from now on.</summary>
    public void CutNodes() => _wires.ForEach(wire => wire.Cut());

    /// <summary>They answer again.</summary>
    public void MendNodes() => _wires.ForEach(wire => wire.Mend());

    /// <summary>Waits until no node has anything half arrived on its disk; the nodes have clocks of their own.</summary>
    public async Task NothingIsArrivingAsync()
    {
        for (int i = 0; _nodeFolders.Any(folder => Directory.EnumerateFiles(Path.Combine(folder, "depot", "arriving")).Any()); i++)
        {
            Assert.True(i < 300, "Something half arrived lies on a node.");
            await Task.Delay(100);
        }
    }

    public async Task DisposeAsync()
    {
        foreach (IDisposable thing in _things) thing.Dispose();
        foreach ((CancellationTokenSource stop, Task run) in Enumerable.Reverse(_hosts))
        {
            await stop.CancelAsync();
            await Task.WhenAny(run).Within(Patience.Stop, "The end of a host of the market");
            stop.Dispose();
        }

        foreach (Wire wire in _wires) wire.Dispose();
        if (_chain is not null) await _chain.DisposeAsync();
        Operator.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartNodeAsync(uint owner)
    {
        string dataDir = Path.Combine(_folder, $"node-{owner}");
        var wire = new Wire(LocalPorts.Take());
        _wires.Add(wire);
        _nodeFolders.Add(dataDir);
        NodeSetup.Init(new NodeInit
        {
            DataDir = dataDir,
            CapacityBytes = NodeCapacityBytes,
            Price = TokenAmount.Parse("1"),
            Passphrase = Passphrase,
            Listen = new IPEndPoint(IPAddress.Loopback, wire.TargetPort),
            Url = PeerEndpoint.Https(new IPEndPoint(IPAddress.Loopback, wire.Port)),
            Strength = KeyStoreStrength.Light,
        });
        await GiveTokensAsync(owner);
        var contracts = new MarketContracts(Chain.Connect(owner), Deployment);
        await NodeSetup.RegisterAsync(dataDir, contracts, TokenAmount.Parse("1000"), s_gas / 10, CancellationToken.None);
        var listening = new TaskCompletionSource<NodeListening>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(stop => NodeHost.RunAsync(
            new NodeOptions
            {
                DataDir = dataDir,
                Deployment = Deployment,
                RpcUrl = Chain.Url,
                Passphrase = Passphrase,
                LogFile = dataDir + ".log",
                Listening = listening.SetResult,
            },
            stop));
        await FirstAsync(listening.Task);
    }

    private async Task GiveTokensAsync(uint index)
    {
        Address address = Chain.GetAccount(index).Address;
        await Chain.SetBalanceAsync(address, s_gas);
        var rich = new MarketContracts(Chain.Connect(0), Deployment);
        await rich.Token.TransferAsync(address, BigInteger.Pow(10, 18) * 10_000);
    }

    private void Start(Func<CancellationToken, Task> run)
    {
        var stop = new CancellationTokenSource();
        _hosts.Add((stop, Task.Run(() => run(stop.Token))));
    }

    private async Task<T> FirstAsync<T>(Task<T> listening)
    {
        return await Patience.FirstAsync(listening, _hosts[^1].Run, "a host of the market");
    }
}

/// <summary>A client with its own wallet: at the gateway by its token, and at home by its own keys.</summary>
public sealed class RealClient(RealMarket market, MarketContracts contracts, Account account) : IDisposable
{
    private readonly byte[] _master = Signed.Bytes(MasterKey.SizeBytes, seed: account.Address.GetHashCode());
    private MarketSession? _home;

    public Address Address => account.Address;

    /// <summary>Lets the operator lock so much from now on.</summary>
    public async Task AllowAsync(string amount)
    {
        Moment now = await new MarketChain(contracts).NowAsync();
        await contracts.Escrow.AllowAsync(market.Operator.Address, (ulong)TokenAmount.Parse(amount).Units, now.Period.Value + 1000, 0, 0, 0);
    }

    /// <summary>What stands behind deals.</summary>
    public async Task<TokenAmount> LockedAsync() => TokenAmount.FromUnits((await contracts.Escrow.AccountOfAsync(Address)).Locked);

    /// <summary>Signs in as <c>market login</c> does.</summary>
    public async Task<HttpClient> SignInAsync(Uri? gateway = null, bool withSealKey = true)
    {
        Uri url = gateway ?? market.Url;
        var handler = new SocketsHttpHandler { Expect100ContinueTimeout = TimeSpan.FromMinutes(1) };
        var http = new HttpClient(handler) { BaseAddress = url, Timeout = TimeSpan.FromMinutes(5) };
        using var master = new MasterKey(_master);
        using RecipientKeyPair pair = master.CreateRecipientKeyPair();
        await http.SignInAsync(account, new SignInRules(url, market.Deployment.ChainId), withSealKey ? pair.PublicKey.ToArray() : null);
        return http;
    }

    /// <summary>What the client does at home, with its own keys and without the gateway.</summary>
    public async Task<StorageClient> HomeAsync()
    {
        _home ??= await MarketSession.OpenAsync(new MarketChain(contracts), account);
        return _home.ClientOf(Address, new OwnKeys(new MasterKey(_master)), null);
    }

    public void Dispose() => _home?.Dispose();
}

[CollectionDefinition(Name)]
public sealed class RealMarketCollection : ICollectionFixture<RealMarket>
{
    public const string Name = "a real market";
}
