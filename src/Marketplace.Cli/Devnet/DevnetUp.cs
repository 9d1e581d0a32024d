using System.Globalization;
using System.Security.Cryptography;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Cli.Homes;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>Starts a devnet: a chain, the contracts, money for everybody, then one process for each role.</summary>
internal sealed class DevnetUp : IDisposable
{
    private const ulong DevelopmentChainId = 31337;

    private readonly DevnetFolder _folder;
    private readonly DevnetPlan _plan;
    private readonly string _repository;
    private readonly Action<string> _say;
    private readonly LocalPorts _ports = new();
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
        int chainPort = _ports.Take(LocalChain.UsualPort);
        var rpcUrl = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{chainPort}"));
        _say($"chain at {rpcUrl}");
        LocalProcess chainProcess = LocalChain.Start(_repository, chainPort, _treasuryWords.Words, _folder.LogOf("chain"));
        _folder.Note(chainProcess);


        using Web3 web3 = Connect(_treasury, rpcUrl);
        var chain = new LocalChain(web3);
        await chain.WaitAsync(chainProcess, _folder.LogOf("chain"), cancellation);
        _say("contracts");
        IReadOnlyDictionary<string, Address> contracts = await LocalChain.DeployAsync(
            _repository, rpcUrl, _plan, _folder.DeploymentsFolder, _folder.LogOf("deploy"), cancellation);

        _say("money for everybody");
        await chain.SetCoinsAsync(
            [client.Address], DevnetPlan.Coins, cancellation);
        await SendTokensAsync(web3, contracts, client.Address, DevnetPlan.ClientTokens, cancellation);

        await chain.BeginTickingAsync(_plan.BlockSeconds, cancellation);


        var file = new DevnetFile(
            DevnetFile.CurrentVersion, rpcUrl, DevelopmentChainId, _plan.BlockSeconds, _plan.PeriodBlocks,
            new DevnetProcess(chainProcess.Pid, chainProcess.StartTicks),
            contracts,
            [], [], null,
            [
                Known(DevnetFile.ClientName, client, _clientWords.Words),
                Known(DevnetFile.TreasuryName, _treasury, _treasuryWords.Words),
            ]);
        await DevnetRoles.WaitForAllAsync(_folder, file, cancellation);
        PrivateFiles.CreateFolder(_folder.In(DevnetFile.ClientName));
        _folder.Write(file);
        return file;
    }

    /// <summary>Looks for receipts often: with automine they are there at once.</summary>
    internal static Web3 Connect(Account account, Uri rpcUrl) =>
        new(account, RpcClient.Parse(rpcUrl.ToString()), new TransactionPolicy { PollInterval = TimeSpan.FromMilliseconds(30) });

    /// <summary>Sends tokens out of the web3's account.</summary>
    internal static Task SendTokensAsync(Web3 web3, IReadOnlyDictionary<string, Address> contracts, Address to, TokenAmount amount, CancellationToken cancellation) =>
        web3.TransactionManager.SendAsync(DevnetRoles.TransferCall(web3, contracts, to, amount), null, cancellation);

    private static DevnetAccount Known(string name, Account account, string? words) =>
        new(name, account.Address, account.UsePrivateKey(key => Hex.Encode(key)), words);
}
