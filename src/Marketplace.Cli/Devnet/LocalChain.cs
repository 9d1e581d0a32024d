using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Chain;
using Marketplace.Chain.Rpc;
using Marketplace.Client.Json;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>The development chain of a devnet: Hardhat's node, and what only such a chain lets one do.</summary>
internal sealed class LocalChain(Web3 web3)
{
    /// <summary>The port that people expect a development chain at.</summary>
    public const int UsualPort = 8545;

    private static readonly TimeSpan s_startPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>Starts Hardhat's node. Its first account is that of <paramref name="words"/>, rich in coins.</summary>
    /// <param name="repository">The folder with <c>hardhat.config.js</c>.</param>
    /// <param name="port">Where to listen, on loopback.</param>
    /// <param name="words">Twelve words of the chain's own accounts.</param>
    /// <param name="logFile">Where it writes.</param>
    public static LocalProcess Start(string repository, int port, string words, string logFile) => LocalProcess.StartDetached(
        Path.Combine(repository, "node_modules", ".bin", "hardhat"),
        ["node", "--hostname", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture)],
        repository,
        logFile,
        Variables(repository, ("MARKET_DEVNET_MNEMONIC", words), ("MARKET_DEVNET_ACCOUNTS", "1"), ("NO_COLOR", "1")));

    /// <summary>Waits until the chain answers, and makes sure that it is the one that was started.</summary>
    /// <param name="process">The chain that was started.</param>
    /// <param name="account">Its first account.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>False if it ended: another program may have taken the port.</returns>
    /// <exception cref="MarketException">It did not answer in time.</exception>
    public async Task<bool> WaitAsync(LocalProcess process, Address account, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        while (process.IsAlive)
        {
            if (await HasAccountAsync(account, cancellation)) return true;
            if (Stopwatch.GetElapsedTime(started) > s_startPatience) throw new MarketException(MarketErrorCode.Failed, "The chain does not answer", "see its log");
            await Task.Delay(s_lookAgain, cancellation);
        }

        return false;
    }

    private async Task<bool> HasAccountAsync(Address account, CancellationToken cancellation)
    {
        try
        {
            JsonElement accounts = await web3.Eth.Rpc.CallAsync("eth_accounts", [], cancellation);
            return accounts.EnumerateArray().Any(known => Address.TryParse(known.GetString(), out Address own) && own == account);
        }
        catch (RpcException)
        {
            // Not yet.
            return false;
        }
    }

    /// <summary>Deploys the contracts by <c>scripts/deploy.js</c>; everything is paid by the chain's first account, which gets the tokens.</summary>
    /// <returns>Name to address.</returns>
    /// <exception cref="MarketException">The script failed.</exception>
    public static async Task<IReadOnlyDictionary<string, Address>> DeployAsync(
        string repository, Uri rpcUrl, DevnetPlan plan, string outputFolder, string logFile, CancellationToken cancellation)
    {
        // What `npx hardhat run` does after a look at its cache; the script itself needs no Hardhat.
        LocalProcess deployment = LocalProcess.StartDetached(
            Path.Combine(repository, "node_modules", ".bin", "node"),
            [Path.Combine(repository, "scripts", "deploy.js")],
            repository,
            logFile,
            Variables(
                repository,
                ("MARKET_RPC_URL", rpcUrl.ToString()),
                ("MARKET_DEPLOYMENTS", outputFolder),
                ("MARKET_PERIOD_BLOCKS", plan.PeriodBlocks.ToString(CultureInfo.InvariantCulture)),
                ("MARKET_BLOCK_SECONDS", plan.BlockSeconds.ToString(CultureInfo.InvariantCulture))));
        while (deployment.IsAlive) await Task.Delay(s_lookAgain, cancellation);
        string? written = Directory.Exists(outputFolder) ? Directory.EnumerateFiles(outputFolder, "*.json").FirstOrDefault() : null;
        return written is null
            ? throw new MarketException(MarketErrorCode.Failed, "The contracts were not deployed", $"see {logFile}")
            : MarketJson.Read<Dictionary<string, Address>>(await File.ReadAllTextAsync(written, cancellation), CommandJson.Line);
    }

    /// <summary>Gives accounts coins for gas, as only a development chain can.</summary>
    public async Task SetCoinsAsync(IEnumerable<Address> accounts, TokenAmount coins, CancellationToken cancellation)
    {
        string amount = "0x" + ((BigInteger)coins.BaseUnits).ToString("x", CultureInfo.InvariantCulture).TrimStart('0');
        RpcRequest[] requests = [.. accounts.Select(account => new RpcRequest("hardhat_setBalance", account.ToString(), amount))];
        foreach (RpcResult result in await web3.Eth.Rpc.BatchAsync(requests, cancellation)) _ = result.Require();
    }

    /// <summary>From now on a block comes every so many seconds, full or empty, and no longer with every transaction.</summary>
    public async Task BeginTickingAsync(uint blockSeconds, CancellationToken cancellation)
    {
        await web3.Eth.Rpc.CallAsync("evm_setAutomine", [JsonValue.Create(false)], cancellation);
        await web3.Eth.Rpc.CallAsync("evm_setIntervalMining", [JsonValue.Create(blockSeconds * 1000)], cancellation);
    }

    /// <summary>The caller's environment without its own market, and with Node.js of the right age first in the path.</summary>
    private static Dictionary<string, string?> Variables(string repository, params (string Name, string Value)[] more)
    {
        Dictionary<string, string?> variables = RoleProcess.WithoutMarketVariables();
        variables["PATH"] = Path.Combine(repository, "node_modules", ".bin") + ":" + Environment.GetEnvironmentVariable("PATH");
        foreach ((string name, string value) in more) variables[name] = value;
        return variables;
    }
}
