using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Commands.Homes;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Cli.Devnet;

/// <summary>Starts a devnet: a chain, the contracts, money for everybody, then one process for each role.</summary>
internal sealed class DevnetUp : IDisposable
{
    private const ulong DevelopmentChainId = 31337;
    private const int ChainTriesMax = 3;

    private readonly DevnetFolder _folder;
    private readonly DevnetPlan _plan;
    private readonly string _repository;
    private readonly Action<string> _say;
    private readonly Account _treasury;
    private readonly Mnemonic _treasuryWords = Mnemonic.Create();
    private readonly Mnemonic _clientWords = Mnemonic.Create();
    private readonly string _passphrase = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private DevnetUp(DevnetFolder folder, DevnetPlan plan, string repository, Action<string> say)
    {
        _folder = folder;
        _plan = plan;
        _repository = repository;
        _say = say;
        _treasury = Account.FromMnemonic(_treasuryWords);
    }

    /// <summary>Starts everything and returns once all answer. The caller holds the folder's lock. What was started is stopped if it fails.</summary>
    public static async Task<DevnetFile> RunAsync(DevnetFolder folder, DevnetPlan plan, Action<string> say, CancellationToken cancellation)
    {
        string repository = RepositoryFolder.Path
            ?? throw new MarketException(MarketErrorCode.Failed, "A devnet needs the repository: its contracts and Hardhat", "run ./scripts/devnet.sh from a clone");
        folder.BeginAfresh();
        using var up = new DevnetUp(folder, plan, repository, say);
        try
        {
            return await up.StartAsync(cancellation);
        }
        catch
        {
            await DevnetDown.StopAllAsync(folder);
            throw;
        }
    }

    public void Dispose() => _treasury.Dispose();

    private async Task<DevnetFile> StartAsync(CancellationToken cancellation)
    {
        PrivateFiles.Create(_folder.PassphrasePath, _passphrase + "\n");
        using Account client = Account.FromMnemonic(_clientWords);
        // Keys and certificates are made while the chain starts.
        Task<NodeSeat[]> nodeSeats = Task.WhenAll(Enumerable.Range(1, _plan.Nodes).Select(number => Task.Run(() => MakeNode(number), cancellation)));
        Task<KeeperSeat[]> keeperSeats = Task.WhenAll(Enumerable.Range(1, _plan.Keepers).Select(number => Task.Run(() => MakeKeeper(number), cancellation)));
        Task<GatewaySeat> gatewaySeat = MakeGatewayAsync(cancellation);

        (LocalProcess chainProcess, Uri rpcUrl) = await StartChainAsync(cancellation);
        using Web3 web3 = Connect(_treasury, rpcUrl);
        var chain = new LocalChain(web3);
        _say("contracts");
        IReadOnlyDictionary<string, Address> contracts = await LocalChain.DeployAsync(
            _repository, rpcUrl, _plan, _folder.DeploymentsFolder, _folder.LogOf("deploy"), cancellation);

        NodeSeat[] nodes = await nodeSeats;
        KeeperSeat[] keepers = await keeperSeats;
        GatewaySeat gateway = await gatewaySeat;
        _say("money for everybody");
        Address[] owners = [.. nodes.Select(node => node.Owner.Address)];
        await chain.SetCoinsAsync(
            [client.Address, gateway.Address, .. owners, .. nodes.Select(node => node.Hot), .. keepers.Select(keeper => keeper.Address)],
            DevnetPlan.Coins, cancellation);
        await Task.WhenAll([
            SendTokensAsync(web3, contracts, client.Address, DevnetPlan.ClientTokens, cancellation),
            .. owners.Select(owner => SendTokensAsync(web3, contracts, owner, DevnetPlan.NodeStake, cancellation)),
        ]);

        _say($"{nodes.Length} nodes register");
        // One after another, so that node N is the one in folder N.
        var deployment = new Deployment(DevelopmentChainId, contracts);
        foreach (NodeSeat node in nodes) node.Id = await RegisterAsync(node, rpcUrl, deployment, cancellation);
        await DepositBondsAsync(web3, deployment, [.. nodes.Select(node => node.Hot)], cancellation);
        await chain.BeginTickingAsync(_plan.BlockSeconds, cancellation);

        _say($"{nodes.Length} nodes, {keepers.Length} keepers and a gateway start");
        foreach (KeeperSeat keeper in keepers) keeper.Process = Launch(rpcUrl, "keeper:" + keeper.Number, DevnetRoles.KeeperArguments(keeper.DataDir, keeper.Url));
        foreach (NodeSeat node in nodes) node.Process = Launch(rpcUrl, "node:" + node.Id, DevnetRoles.NodeArguments(node.DataDir));
        gateway.Process = Launch(rpcUrl, "gateway", DevnetRoles.GatewayArguments(gateway.DataDir, gateway.Url));

        var file = new DevnetFile(
            DevnetFile.CurrentVersion, rpcUrl, DevelopmentChainId, _plan.BlockSeconds, _plan.PeriodBlocks,
            new DevnetProcess(chainProcess.Pid, chainProcess.StartTicks),
            contracts,
            [.. nodes.Select(node => new DevnetNode(node.Id, node.Hot, node.Owner.Address, node.Url, node.Process.Pid, node.Process.StartTicks, node.DataDir))],
            [.. keepers.Select(keeper => new DevnetKeeper(keeper.Number, keeper.Address, keeper.Url, keeper.Process.Pid, keeper.Process.StartTicks, keeper.DataDir))],
            new DevnetGateway(gateway.Address, gateway.Url, gateway.Process.Pid, gateway.Process.StartTicks, gateway.DataDir),
            [
                Known(DevnetFile.ClientName, client, _clientWords.Words),
                Known(DevnetFile.TreasuryName, _treasury, _treasuryWords.Words),
                .. nodes.Select(node => Known("owner:" + node.Id, node.Owner, null)),
            ]);
        await DevnetRoles.WaitForAllAsync(_folder, file, cancellation);
        PrivateFiles.CreateFolder(_folder.In(DevnetFile.ClientName));
        _folder.Write(file);
        foreach (NodeSeat node in nodes) node.Owner.Dispose();
        return file;
    }

    /// <summary>Starts a chain on the usual port or, if somebody has that or takes it meanwhile, on another.</summary>
    private async Task<(LocalProcess Process, Uri RpcUrl)> StartChainAsync(CancellationToken cancellation)
    {
        string log = _folder.LogOf(DevnetRoles.ChainName);
        for (int i = 0; i < ChainTriesMax; i++)
        {
            int port = i == 0 ? LocalPorts.Take(LocalChain.UsualPort) : LocalPorts.Take();
            var rpcUrl = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
            _say($"chain at {rpcUrl}");
            LocalProcess process = LocalChain.Start(_repository, port, _treasuryWords.Words, log);
            _folder.Note(process);
            using Web3 web3 = Connect(_treasury, rpcUrl);
            if (await new LocalChain(web3).WaitAsync(process, _treasury.Address, cancellation)) return (process, rpcUrl);
        }

        throw new MarketException(MarketErrorCode.Failed, "The chain does not start", $"see {log}");
    }

    private NodeSeat MakeNode(int number)
    {
        int port = LocalPorts.Take();
        string dataDir = _folder.In("nodes", number.ToString(CultureInfo.InvariantCulture));
        long capacity = _plan.CapacityOfNode(new DriveInfo(_folder.Path).AvailableFreeSpace);
        Address hot = DevnetRoles.InitNode(dataDir, _passphrase, capacity, port);
        return new NodeSeat(dataDir, hot, Account.Create(), string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{port}"));
    }

    private KeeperSeat MakeKeeper(int number)
    {
        string dataDir = _folder.In("keepers", number.ToString(CultureInfo.InvariantCulture));
        Address address = DevnetRoles.InitKeeper(dataDir, _passphrase);
        return new KeeperSeat(number, dataDir, address, string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{LocalPorts.Take()}"));
    }

    private async Task<GatewaySeat> MakeGatewayAsync(CancellationToken cancellation)
    {
        string dataDir = _folder.In("gateway");
        Address address = await DevnetRoles.InitGatewayAsync(dataDir, _passphrase, cancellation);
        return new GatewaySeat(dataDir, address, string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{LocalPorts.Take()}"));
    }

    private static async Task<NodeId> RegisterAsync(NodeSeat node, Uri rpcUrl, Deployment deployment, CancellationToken cancellation)
    {
        using Web3 web3 = Connect(node.Owner, rpcUrl);
        return await DevnetRoles.RegisterNodeAsync(web3, deployment, node.DataDir, cancellation);
    }

    /// <summary>Free money in Escrow with which hot keys put down bonds: without it no node would take over what another lost.</summary>
    private static async Task DepositBondsAsync(Web3 web3, Deployment deployment, IReadOnlyCollection<Address> hotKeys, CancellationToken cancellation)
    {
        var contracts = new MarketContracts(web3, deployment);
        BigInteger each = DevnetPlan.NodeBonds.BaseUnits;
        await contracts.Token.ApproveAsync(contracts.Escrow.Address, each * hotKeys.Count, token: cancellation);
        await Task.WhenAll(hotKeys.Select(hot => contracts.Escrow.DepositForAsync(hot, each, token: cancellation)));
    }

    private LocalProcess Launch(Uri rpcUrl, string who, IEnumerable<string> arguments)
    {
        LocalProcess process = RoleProcess.Start(_folder, who, rpcUrl, arguments);
        _folder.Note(process);
        return process;
    }

    /// <summary>Looks for receipts often: with automine they are there at once.</summary>
    internal static Web3 Connect(Account account, Uri rpcUrl) =>
        new(account, RpcClient.Parse(rpcUrl.ToString()), new TransactionPolicy { PollInterval = TimeSpan.FromMilliseconds(30) });

    /// <summary>Sends tokens out of the web3's account.</summary>
    internal static Task SendTokensAsync(Web3 web3, IReadOnlyDictionary<string, Address> contracts, Address to, TokenAmount amount, CancellationToken cancellation) =>
        web3.TransactionManager.SendAsync(DevnetRoles.TransferCall(web3, contracts, to, amount), null, cancellation);

    private static DevnetAccount Known(string name, Account account, string? words) =>
        new(name, account.Address, account.UsePrivateKey(key => Hex.Encode(key)), words);

    private sealed class NodeSeat(string dataDir, Address hot, Account owner, string url)
    {
        public string DataDir { get; } = dataDir;

        public Address Hot { get; } = hot;

        public Account Owner { get; } = owner;

        public string Url { get; } = url;

        public NodeId Id { get; set; }

        public LocalProcess Process { get; set; }
    }

    private sealed class KeeperSeat(int number, string dataDir, Address address, string url)
    {
        public int Number { get; } = number;

        public string DataDir { get; } = dataDir;

        public Address Address { get; } = address;

        public string Url { get; } = url;

        public LocalProcess Process { get; set; }
    }

    private sealed class GatewaySeat(string dataDir, Address address, string url)
    {
        public string DataDir { get; } = dataDir;

        public Address Address { get; } = address;

        public string Url { get; } = url;

        public LocalProcess Process { get; set; }
    }
}
