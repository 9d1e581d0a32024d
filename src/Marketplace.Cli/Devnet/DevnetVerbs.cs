using System.CommandLine;
using System.Globalization;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>What <c>devnet down</c> answers.</summary>
internal sealed record DevnetDownReport(string Dir, int Stopped);

/// <summary>What <c>devnet fund</c> answers.</summary>
internal sealed record DevnetFundReport(Address Address, TokenAmount Tokens, TokenAmount Coins);

/// <summary><c>market devnet up|down|status|start|fund</c>.</summary>
internal static class DevnetVerbs
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(1);

    private static readonly Option<string?> s_dir = new("--dir") { Description = "The devnet's folder; the repository's .devnet without it.", HelpName = "DIR", Recursive = true };

    public static Command Group()
    {
        var group = new VerbGroup("devnet", "A whole network on this machine: chain, nodes, keepers, gateway.") { Up(), Down(), Status(), Start(), Fund() };
        group.Options.Add(s_dir);
        return group;
    }

    private static Verb Up()
    {
        var nodes = new Option<int>("--nodes") { Description = "Storage nodes, each of an owner of its own.", HelpName = "N", DefaultValueFactory = _ => 5 };
        var keepers = new Option<int>("--keepers") { Description = "Record keepers.", HelpName = "N", DefaultValueFactory = _ => 2 };
        var blockTime = new Option<int>("--block-time") { Description = "Seconds between two blocks.", HelpName = "SECONDS", DefaultValueFactory = _ => 1 };
        var period = new Option<int>("--period") { Description = "Blocks in a period, in which each node proves once.", HelpName = "BLOCKS", DefaultValueFactory = _ => 20 };
        var detach = new Option<bool>("--detach") { Description = "Return when all answer; 'devnet down' ends it. Without it, Ctrl-C does." };
        Verb verb = new Verb("up", "Start a network afresh.") { nodes, keepers, blockTime, period, detach }
            .Example("devnet up --detach")
            .Example("devnet up --nodes 11 --dir /tmp/eleven --detach");
        return verb.Runs(run => UpAsync(
            run, new DevnetPlan(run.Get(nodes), run.Get(keepers), ToUnsigned(run.Get(blockTime)), ToUnsigned(run.Get(period))), run.Get(detach)));
    }

    private static Verb Down() => new Verb("down", "Stop every process of the network; data and logs stay until the next 'up'.")
        .Example("devnet down")
        .Runs(DownAsync);

    private static Verb Status() => new Verb("status", "Show the network's processes and whether they run.")
        .Example("devnet status --json")
        .Runs(StatusAsync);

    private static Verb Start()
    {
        var who = new Argument<string>("WHO") { Description = "node:3, keeper:1 or gateway." };
        return new Verb("start", "Start again what was killed, with the same data and address.") { who }
            .Example("devnet start node:3")
            .Runs(run => StartAsync(run, run.Get(who)));
    }

    private static Verb Fund()
    {
        Argument<Address> address = Words.Argument<Address>("ADDRESS", "Who gets it.");
        Option<TokenAmount> tokens = Words.Option("--tokens", "AMOUNT", "Tokens to send.", TokenAmount.Parse("1000"));
        Option<TokenAmount> coins = Words.Option("--coins", "AMOUNT", "The chain's own coin, for gas, that the account has afterwards at least.", TokenAmount.Parse("100"));
        return new Verb("fund", "Give an account tokens, and coins for gas.") { address, tokens, coins }
            .Example("devnet fund 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --tokens 500")
            .Runs(run => FundAsync(run, run.Get(address), run.GetRequired(tokens), run.GetRequired(coins)));
    }

    private static async Task UpAsync(VerbRun run, DevnetPlan plan, bool detach)
    {
        plan.Check();
        DevnetFolder folder = FolderOf(run);
        DevnetFile file;
        using (folder.Lock())
        {
            if (DevnetDown.IsAnythingAlive(folder))
                throw new MarketException(MarketErrorCode.Failed, $"A devnet runs in {folder.Path} already", $"stop it: ./scripts/devnet.sh down --dir '{folder.Path}'");
            file = await DevnetUp.RunAsync(folder, plan, line => run.Output.Note("devnet: " + line), run.Cancellation);
        }

        Write(run, folder, DevnetStatus.Of(file));
        if (detach) return;
        run.Output.Note("Ctrl-C stops the devnet.");
        while (!run.Cancellation.IsCancellationRequested && folder.HasDescription)
        {
            // Ended early by Ctrl-C, which is the way out here and no failure.
            await Task.Delay(s_lookAgain, run.Cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        run.Output.Note("stopping");
        using (folder.Lock()) await DevnetDown.StopAllAsync(folder);
    }

    private static async Task DownAsync(VerbRun run)
    {
        DevnetFolder folder = FolderOf(run);
        if (!folder.HasDescription && !DevnetDown.IsAnythingAlive(folder)) _ = folder.Read();
        int stopped;
        using (folder.Lock()) stopped = await DevnetDown.StopAllAsync(folder);
        run.Output.Write(new DevnetDownReport(folder.Path, stopped), text =>
            text.Line(string.Create(CultureInfo.InvariantCulture, $"{stopped} processes stopped; data and logs are in {folder.Path}")));
    }

    private static Task StatusAsync(VerbRun run)
    {
        DevnetFolder folder = FolderOf(run);
        Write(run, folder, DevnetStatus.Of(folder.Read()));
        return Task.CompletedTask;
    }

    private static async Task StartAsync(VerbRun run, string who)
    {
        DevnetFolder folder = FolderOf(run);
        _ = folder.Read();
        using (folder.Lock()) Write(run, folder, DevnetStatus.Of(await DevnetStart.RunAsync(folder, who, run.Cancellation)));
    }

    private static async Task FundAsync(VerbRun run, Address address, TokenAmount tokens, TokenAmount coins)
    {
        DevnetFile file = run.Has(s_dir) || run.Home.Devnet is not { } devnet ? FolderOf(run).Read() : devnet;
        DevnetAccount treasury = file.Accounts.FirstOrDefault(account => account.Name == DevnetFile.TreasuryName)
            ?? throw new MarketException(MarketErrorCode.Failed, "This devnet knows no treasury", "begin it afresh: ./scripts/devnet.sh up");
        using var account = new Account(treasury.PrivateKey);
        using Web3 web3 = DevnetUp.Connect(account, file.RpcUrl);
        var has = new TokenAmount((UInt128)await web3.Eth.GetBalanceAsync(address, token: run.Cancellation));
        if (has < coins) await new LocalChain(web3).SetCoinsAsync([address], coins, run.Cancellation);
        if (tokens > TokenAmount.Zero) await DevnetUp.SendTokensAsync(web3, file.Contracts, address, tokens, run.Cancellation);
        run.Output.Write(new DevnetFundReport(address, tokens, coins), text => text.Line($"{address} got {tokens} tokens and has at least {coins} coins for gas"));
    }

    private static void Write(VerbRun run, DevnetFolder folder, DevnetStatus status) => run.Output.Write(status, text =>
    {
        IEnumerable<string?>[] rows =
        [
            Row("chain", null, status.RpcUrl.ToString().TrimEnd('/'), status.Chain.Pid, status.Chain.Alive),
            .. status.Nodes.Select(node => Row("node:" + node.Id, node.Address, node.Url, node.Pid, node.Alive)),
            .. status.Keepers.Select(keeper => Row(string.Create(CultureInfo.InvariantCulture, $"keeper:{keeper.Id}"), keeper.Address, keeper.Url, keeper.Pid, keeper.Alive)),
            .. status.Gateway is { } gateway ? [Row("gateway", gateway.Address, gateway.Url, gateway.Pid, gateway.Alive)] : (IEnumerable<IEnumerable<string?>>)[],
        ];
        text.Table(["who", "address", "url", ">pid", "state"], rows);
        text.Line(string.Create(CultureInfo.InvariantCulture, $"chain {status.ChainId}, a block every {status.BlockSeconds} s, a period every {status.PeriodBlocks} blocks; {folder.Path}"));
    });

    private static string?[] Row(string who, Address? address, string url, int pid, bool alive) =>
        [who, address?.ToString(), url, pid.ToString(CultureInfo.InvariantCulture), alive ? "alive" : "dead"];

    private static DevnetFolder FolderOf(VerbRun run)
    {
        if (run.Get(s_dir) is { } named) return new DevnetFolder(named);
        return RepositoryFolder.Path is { } repository
            ? new DevnetFolder(Path.Combine(repository, ".devnet"))
            : new DevnetFolder(".devnet");
    }

    private static uint ToUnsigned(int value) => (uint)Math.Max(0, value);
}
