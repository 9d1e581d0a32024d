using System.Globalization;
using System.Net;
using System.Numerics;
using System.Security.Cryptography;
using System.Text.Json;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Deals;
using Marketplace.Client.Keys;
using Marketplace.Client.Sessions;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Node;

namespace Marketplace.Chaos.Tests;

/// <summary>The network that is troubled: a fast chain, the contracts, nodes as processes, a client with money.</summary>
internal sealed class ChaosNetwork : IAsyncDisposable
{
    private const string Passphrase = "correct horse battery staple";
    private const uint OwnerIndex = 1;
    private const long CapacityBytes = 700L << 20;

    private static readonly TokenAmount s_price = TokenAmount.Parse("50");
    private static readonly TokenAmount s_stake = TokenAmount.Parse("100");
    private static readonly BigInteger s_bondMoney = BigInteger.Pow(10, 18) * 20;
    private static readonly BigInteger s_clientMoney = BigInteger.Pow(10, 18) * 100_000;
    private static readonly BigInteger s_coins = BigInteger.Pow(10, 18) * 100;

    private readonly string _folder;
    private readonly bool _mayMount;
    private readonly bool _stays;
    private readonly Mnemonic _words = Mnemonic.Create();
    private readonly List<ChaosNode> _nodes = [];
    private readonly List<ChaosNode> _all = [];
    private readonly List<MarketSession> _sessions = [];
    private readonly List<Task> _watches = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private MarketContracts _owner = null!;

    private ChaosNetwork(FastChain chain, string folder, bool mayMount, bool stays) => (Chain, _folder, _mayMount, _stays) = (chain, folder, mayMount, stays);

    public FastChain Chain { get; }

    /// <summary>The client's own account, by which everything is looked at, too.</summary>
    public MarketChain Market { get; private set; } = null!;

    public Account ClientAccount { get; private set; } = null!;

    /// <summary>Who owns the nodes.</summary>
    public Address Owner => Chain.Chain.GetAccount(OwnerIndex).Address;

    /// <summary>The nodes that are in the market now, one at each place.</summary>
    public IReadOnlyList<ChaosNode> Nodes
    {
        get
        {
            lock (_lock) return [.. _nodes];
        }
    }

    /// <summary>Those that left it, too.</summary>
    public IReadOnlyList<ChaosNode> AllNodes
    {
        get
        {
            lock (_lock) return [.. _all];
        }
    }

    private string ContractsFile => Path.Combine(_folder, "31337.json");

    private string PassphraseFile => Path.Combine(_folder, "passphrase");

    public static async Task<ChaosNetwork> StartAsync(ChaosOptions options, bool mayMount)
    {
        string folder = options.Keep is { } keep ? Directory.CreateDirectory(keep).FullName : Directory.CreateTempSubdirectory("market-chaos-").FullName;
        var network = new ChaosNetwork(await FastChain.StartAsync(options), folder, mayMount, options.Keep is not null);
        try
        {
            await network.StartAsync(options.Nodes);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>What one more client with the same words does; its own connections, nothing remembered on disk.</summary>
    public async Task<StorageClient> OpenClientAsync()
    {
        MarketSession session = await MarketSession.OpenAsync(Market, ClientAccount, new MarketSessionOptions { Keepers = [] });
        lock (_lock) _sessions.Add(session);
        byte[] seed = _words.ToSeed();
        return session.ClientOf(ClientAccount.Address, new OwnKeys(MasterKey.FromSeed(seed)), home: null);
    }

    /// <summary>Puts a new node at the place of one that is out of the market for good.</summary>
    public async Task<ChaosNode> ReplaceAsync(ChaosNode old)
    {
        await old.KillAsync();
        old.IsRetired = true;
        old.Disk.Remove();
        ChaosNode made = await MakeNodeAsync(AllNodes.Count + 1);
        lock (_lock)
        {
            _nodes[_nodes.IndexOf(old)] = made;
            _all.Add(made);
            _watches.Add(made.WatchAsync(_stop.Token));
        }

        await made.StartAsync();
        return made;
    }

    /// <summary>A price as an operator writes it down; it counts from the next start.</summary>
    public static async Task SetPriceAsync(ChaosNode node, decimal factor)
    {
        string[] lines = await File.ReadAllLinesAsync(node.ConfigFile);
        decimal price = decimal.Parse(s_price.ToString(), CultureInfo.InvariantCulture) * factor;
        int at = Array.FindIndex(lines, line => line.StartsWith("price:", StringComparison.Ordinal));
        lines[at] = string.Create(CultureInfo.InvariantCulture, $"price: {price:0.####}");
        await File.WriteAllLinesAsync(node.ConfigFile, lines);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_watches);
        _stop.Dispose();
        foreach (MarketSession session in _sessions) session.Dispose();
        foreach (ChaosNode node in AllNodes)
        {
            if (node.IsRetired) await node.KillAsync();
            else await node.DisposeAsync();
        }

        await Chain.DisposeAsync();
        if (!_stays) Directory.Delete(_folder, recursive: true);
    }

    private async Task StartAsync(int nodes)
    {
        await File.WriteAllTextAsync(PassphraseFile, Passphrase + "\n");
        await File.WriteAllTextAsync(ContractsFile, JsonSerializer.Serialize(Chain.Deployment.Addresses.ToDictionary(pair => pair.Key, pair => pair.Value.ToString())));
        ClientAccount = Account.FromMnemonic(_words);
        await Chain.Chain.SetBalanceAsync(ClientAccount.Address, s_coins);
        var rich = new MarketContracts(Chain.Chain.Connect(0), Chain.Deployment);
        _owner = new MarketContracts(Chain.Chain.Connect(OwnerIndex), Chain.Deployment);
        var client = new MarketContracts(Chain.Chain.Connect(ClientAccount), Chain.Deployment);
        Market = new MarketChain(client);
        await rich.Token.TransferAsync(Owner, s_clientMoney);
        await rich.Token.TransferAsync(ClientAccount.Address, s_clientMoney);
        await client.Token.ApproveAsync(client.Escrow.Address, s_clientMoney);
        await client.Escrow.DepositAsync(s_clientMoney);
        await _owner.Token.ApproveAsync(_owner.Escrow.Address, s_clientMoney);
        for (int i = 1; i <= nodes; i++)
        {
            ChaosNode node = await MakeNodeAsync(i);
            _nodes.Add(node);
            _all.Add(node);
        }

        Chain.SeenByAll = () => Nodes.Select(node => node.Seen).Min();
        await Chain.BeginTickingAsync();
        foreach (ChaosNode node in _nodes) _watches.Add(node.WatchAsync(_stop.Token));
        await Task.WhenAll(_nodes.Select(node => node.StartAsync()));
    }

    private async Task<ChaosNode> MakeNodeAsync(int number)
    {
        string dataDir = Path.Combine(_folder, "nodes", number.ToString(CultureInfo.InvariantCulture));
        NodeMade made = NodeSetup.Init(new NodeInit
        {
            DataDir = dataDir,
            CapacityBytes = CapacityBytes,
            Price = s_price,
            Passphrase = Passphrase,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            Strength = KeyStoreStrength.Light,
        });
        NodeRegistration registration = await NodeSetup.RegisterAsync(dataDir, _owner, s_stake, gasWei: BigInteger.Pow(10, 18), CancellationToken.None);
        await _owner.Escrow.DepositForAsync(made.HotAddress, s_bondMoney);
        NodeDisk disk = NodeDisk.Make(Path.Combine(dataDir, "depot"), _mayMount);
        return new ChaosNode(registration.Node, made.HotAddress, made.Url.Uri, dataDir, disk, Chain, ContractsFile, PassphraseFile);
    }
}
