using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Network;

namespace Marketplace.Testing;

/// <summary>
/// A real development chain, Hardhat's, in a process of its own on a free port. Each transaction gets a block at once unless
/// <see cref="SetAutomineAsync"/> says otherwise. Disposing kills the process and all that it started.
/// </summary>
public sealed class LocalChain : IAsyncDisposable
{
    /// <summary>The words of every local test chain; worth nothing anywhere.</summary>
    public const string MnemonicWords = "test test test test test test test test test test test junk";

    /// <summary>Hardhat's number for its chains.</summary>
    public const ulong ChainId = 31337;

    private static readonly TimeSpan s_deployTimeout = TimeSpan.FromMinutes(3);

    /// <summary>Quick looks for receipts: blocks come at once here.</summary>
    private static readonly TransactionPolicy s_policy = new() { PollInterval = TimeSpan.FromMilliseconds(20), Deadline = TimeSpan.FromSeconds(60) };

    private readonly Process _process;
    private readonly RpcClient _rpc;
    private readonly List<Account> _accounts = [];
    private readonly List<Web3> _connections = [];

    private LocalChain(Process process, string url)
    {
        _process = process;
        Url = url;
        _rpc = RpcClient.Parse(url);
    }

    /// <summary>The endpoint.</summary>
    public string Url { get; }

    /// <summary>Starts a chain and waits until it answers.</summary>
    public static async Task<LocalChain> StartAsync(CancellationToken token = default)
    {
        int port = LocalPorts.Take();
        ProcessStartInfo start = new(Repository.Tool("node"))
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in (string[])["node_modules/hardhat/dist/src/cli.js", "node", "--hostname", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);
        start.Environment["HARDHAT_DISABLE_TELEMETRY_PROMPT"] = "true";
        Process process = Process.Start(start) ?? throw new InvalidOperationException("The chain's process did not start.");
        // Nobody is there to answer a question.
        process.StandardInput.Close();
        Queue<string> lastLines = new();
        DataReceivedEventHandler keep = (_, line) =>
        {
            lock (lastLines)
            {
                lastLines.Enqueue(line.Data ?? "");
                if (lastLines.Count > 40) lastLines.Dequeue();
            }
        };
        process.OutputDataReceived += keep;
        process.ErrorDataReceived += keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        LocalChain chain = new(process, "http://127.0.0.1:" + port.ToString(CultureInfo.InvariantCulture));
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await chain._rpc.CallAsync("eth_chainId", [], token);
                return chain;
            }
            catch (RpcException) when (!process.HasExited && waited.Elapsed < Patience.Start)
            {
                await Task.Delay(100, token);
            }
            catch (Exception e)
            {
                await chain.DisposeAsync();
                lock (lastLines) throw new InvalidOperationException("The chain does not start:\n" + string.Join('\n', lastLines), e);
            }
        }
    }

    /// <summary>One of the chain's rich accounts, from 0.</summary>
    public Account GetAccount(uint index)
    {
        lock (_accounts)
        {
            while (_accounts.Count <= index) _accounts.Add(Account.FromMnemonic(Mnemonic.Parse(MnemonicWords), (uint)_accounts.Count));
            return _accounts[(int)index];
        }
    }

    /// <summary>A connection that sends as one of the chain's rich accounts. The chain disposes it.</summary>
    public Web3 Connect(uint accountIndex) => Connect(GetAccount(accountIndex));

    /// <summary>A connection that sends as an account. The chain disposes it.</summary>
    public Web3 Connect(Account? account, TransactionPolicy? policy = null)
    {
        Web3 web3 = new(account, RpcClient.Parse(Url), policy ?? s_policy);
        lock (_connections) _connections.Add(web3);
        return web3;
    }

    /// <summary>Puts the market's contracts on the chain by <c>scripts/deploy.js</c>.</summary>
    /// <param name="environment">Settings of the script, such as the length of a period.</param>
    /// <param name="token">Ends the attempt.</param>
    public async Task<Deployment> DeployAsync(IReadOnlyDictionary<string, string>? environment = null, CancellationToken token = default)
    {
        string folder = Directory.CreateTempSubdirectory("market-deploy-").FullName;
        try
        {
            string file = Path.Combine(folder, ChainId.ToString(CultureInfo.InvariantCulture) + ".json");
            ProcessStartInfo start = new(Repository.Tool("node"))
            {
                WorkingDirectory = Repository.Root,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false,
            };
            foreach (string argument in (string[])["node_modules/hardhat/dist/src/cli.js", "run", "--no-compile", "scripts/deploy.js", "--network", "localhost"])
                start.ArgumentList.Add(argument);
            start.Environment["MARKET_RPC_URL"] = Url;
            start.Environment["MARKET_DEPLOYMENTS"] = folder;
            foreach ((string name, string value) in environment ?? new Dictionary<string, string>(StringComparer.Ordinal)) start.Environment[name] = value;
            using Process process = Process.Start(start) ?? throw new InvalidOperationException("The deployment did not start.");
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync(token), errors = process.StandardError.ReadToEndAsync(token);
            try
            {
                await process.WaitForExitAsync(token).Within(s_deployTimeout, "The deployment of the contracts");
            }
            catch
            {
                process.Kill(entireProcessTree: true);
                throw;
            }

            if (process.ExitCode == 0) return Deployment.ReadFile(file);
            string said = await output.Within(Patience.Tool, "The output of the deployment") + await errors.Within(Patience.Tool, "The errors of the deployment");
            throw new InvalidOperationException("The deployment failed:\n" + said);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Makes empty blocks, one by one, as a chain would.</summary>
    public async Task MineAsync(ulong blocks = 1)
    {
        RpcRequest[] requests = [.. Enumerable.Range(0, checked((int)blocks)).Select(static _ => new RpcRequest("evm_mine"))];
        foreach (RpcResult result in await _rpc.BatchAsync(requests)) result.Require();
    }

    /// <summary>Makes very many empty blocks at once, as <c>hardhat_mine</c> does: of most of them it never says the parent.</summary>
    public Task MineInBulkAsync(ulong blocks) => CallAsync("hardhat_mine", "0x" + blocks.ToString("x", CultureInfo.InvariantCulture));

    /// <summary>Whether each transaction gets a block at once. Without it blocks come only by <see cref="MineAsync"/>.</summary>
    public Task SetAutomineAsync(bool isOn) => CallAsync("evm_setAutomine", isOn);

    /// <summary>Makes a block every so many milliseconds; 0 turns it off.</summary>
    public Task SetIntervalMiningAsync(uint milliseconds) => CallAsync("evm_setIntervalMining", milliseconds);

    /// <summary>Remembers the chain as it is, to come back by <see cref="RevertAsync"/>.</summary>
    public async Task<string> SnapshotAsync() => (await CallAsync("evm_snapshot")).GetString()!;

    /// <summary>Throws away every block since the snapshot: with other blocks after it, a reorganisation.</summary>
    public Task RevertAsync(string snapshot) => CallAsync("evm_revert", snapshot);

    /// <summary>Gives an address coins.</summary>
    public Task SetBalanceAsync(Domain.Address address, BigInteger wei) =>
        CallAsync("hardhat_setBalance", address.ToString(), "0x" + wei.ToString("x", CultureInfo.InvariantCulture).TrimStart('0').PadLeft(1, '0'));

    /// <summary>Calls any method of the chain.</summary>
    public Task<JsonElement> CallAsync(string method, params JsonNode?[] parameters) => _rpc.CallAsync(method, parameters);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (_connections) _connections.ForEach(static connection => connection.Dispose());
        lock (_accounts) _accounts.ForEach(static account => account.Dispose());
        _rpc.Dispose();
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().Within(Patience.Stop, "The end of the chain's process");
        _process.Dispose();
    }
}
