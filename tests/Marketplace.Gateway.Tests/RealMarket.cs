using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Client.Keys;
using Marketplace.Client.Sessions;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;
using Marketplace.Node;
using Marketplace.Testing;

namespace Marketplace.Gateway.Tests;

/// <summary>A real chain with the contracts on it, four real nodes of four owners, and a real gateway before them.</summary>
public sealed class RealMarket : IAsyncLifetime
{
    private const string Passphrase = "correct horse battery staple";
    private const long NodeCapacityBytes = 4L << 30;
    private const uint OwnersFrom = 1;
    private const int NodesCount = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("market-gateway-real-").FullName;
    private readonly List<(CancellationTokenSource Stop, Task Run)> _hosts = [];
    private readonly List<IDisposable> _things = [];
    private LocalChain? _chain;
    private Deployment? _deployment;
    private uint _clients = OwnersFrom + NodesCount;

    private LocalChain Chain => _chain!;

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
        await Chain.SetBalanceAsync(Operator.Address, BigInteger.Pow(10, 21));
        Url = await StartGatewayAsync();
    }

    /// <summary>Starts a gateway of the same operator in an empty folder, as after the loss of the first one's.</summary>
    public async Task<Uri> StartGatewayAsync()
    {
        string dataDir = Path.Combine(_folder, $"gateway-{_hosts.Count}");
        await GatewaySetup.InitAsync(dataDir, Passphrase, Operator, KeyStoreStrength.Light);
        var listening = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(stop => GatewayHost.RunAsync(
            new GatewayOptions
            {
                DataDir = dataDir,
                Passphrase = Passphrase,
                RpcUrl = new Uri(Chain.Url),
                Contracts = Deployment.Addresses,
                Listen = new IPEndPoint(IPAddress.Loopback, 0),
                LogFile = dataDir + ".log",
                Listening = listening.SetResult,
            },
            stop));
        return await FirstAsync(listening.Task);
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

    public async Task DisposeAsync()
    {
        foreach (IDisposable thing in _things) thing.Dispose();
        foreach ((CancellationTokenSource stop, Task run) in Enumerable.Reverse(_hosts))
        {
            await stop.CancelAsync();
            await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stop.Dispose();
        }

        if (_chain is not null) await _chain.DisposeAsync();
        Operator.Dispose();
        //Directory.Delete(_folder, recursive: true);
    }

    private async Task StartNodeAsync(uint owner)
    {
        string dataDir = Path.Combine(_folder, $"node-{owner}");
        NodeSetup.Init(new NodeInit
        {
            DataDir = dataDir,
            CapacityBytes = NodeCapacityBytes,
            Price = TokenAmount.Parse("1"),
            Passphrase = Passphrase,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            Strength = KeyStoreStrength.Light,
        });
        await GiveTokensAsync(owner);
        var contracts = new MarketContracts(Chain.Connect(owner), Deployment);
        await NodeSetup.RegisterAsync(dataDir, contracts, TokenAmount.Parse("1000"), BigInteger.Pow(10, 20), CancellationToken.None);
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
        var rich = new MarketContracts(Chain.Connect(0), Deployment);
        await rich.Token.TransferAsync(Chain.GetAccount(index).Address, BigInteger.Pow(10, 18) * 100_000);
    }

    private void Start(Func<CancellationToken, Task> run)
    {
        var stop = new CancellationTokenSource();
        _hosts.Add((stop, Task.Run(() => run(stop.Token))));
    }

    private async Task<T> FirstAsync<T>(Task<T> listening)
    {
        Task run = _hosts[^1].Run;
        if (await Task.WhenAny(listening, run) == run) await run;
        return await listening;
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
    public async Task<HttpClient> SignInAsync(Uri? gateway = null)
    {
        Uri url = gateway ?? market.Url;
        var http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(5) };
        var nonce = MarketJson.Read<NonceReport>(await (await http.PostAsync("/v1/auth/nonce", null)).Content.ReadAsStringAsync());
        using var master = new MasterKey(_master);
        using RecipientKeyPair pair = master.CreateRecipientKeyPair();
        var rules = new SignInRules(url, market.Deployment.ChainId);
        string text = Signed.Message(account, rules, new GivenNonce(nonce.Nonce, nonce.IssuedAt, nonce.ExpiresAt), pair.PublicKey.ToArray()).ToString();
        using HttpResponseMessage answer = await http.PostAsJsonAsync("/v1/auth/login", new LoginRequest(text, account.SignMessage(text).ToString()));
        var login = MarketJson.Read<LoginReport>(await answer.Content.ReadAsStringAsync());
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", login.Token);
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
