using System.CommandLine;
using System.Globalization;
using System.Net;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Cli.Homes;
using Marketplace.Cli.Shell;
using Marketplace.Cli.Wallet;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Node;

namespace Marketplace.Cli.Roles;

/// <summary>What <c>node init</c> answers.</summary>
internal sealed record NodeMadeReport(Address Address, string Fingerprint, string Url, string DataDir);

/// <summary>What <c>node register</c> and <c>node exit</c> answer.</summary>
internal sealed record NodeRegisteredReport(NodeId Id, Address Owner, string DataDir);

/// <summary><c>market node init|register|run|status|exit</c>.</summary>
internal static class NodeVerbs
{
    public static Command Group() => new VerbGroup("node", "Keep other people's shards and be paid for it.") { Init(), Register(), Run(), Status(), Exit() };

    private static Verb Init()
    {
        Option<string> data = RoleRun.DataOption("node");
        Option<long> capacity = Words.Size("--capacity", "Bytes to offer, such as 500GiB.");
        Option<TokenAmount> price = Words.Option<TokenAmount>("--price", "TOKENS", "What a GiB costs for 30 days.");
        Option<IPEndPoint> listen = RoleRun.ListenOption(NodeInit.ListenDefault);
        Option<PeerEndpoint> url = Words.Option<PeerEndpoint>("--url", "URL", "The address that others reach, if it is not the one listened on.");
        capacity.Required = true;
        price.Required = true;
        return new Verb("init", "Make a node's folder: hot key, certificate, settings.") { data, capacity, price, listen, url }
            .Example("node init --data /srv/market --capacity 500GiB --price 0.1 --listen 203.0.113.7:4600")
            .Runs(run => InitAsync(run, new NodeInit
            {
                DataDir = Path.GetFullPath(run.GetRequired(data)),
                CapacityBytes = run.GetRequired(capacity),
                Price = run.GetRequired(price),
                Passphrase = Passphrases.Choose(run.Settings, "the node's keys"),
                Listen = run.GetRequired(listen),
                Url = run.Get(url),
            }));
    }

    private static Verb Register()
    {
        Option<string> data = RoleRun.DataOption("node");
        Option<TokenAmount> stake = Words.Option<TokenAmount>("--stake", "TOKENS", "What the owner locks for the node.");
        stake.Required = true;
        return new Verb("register", "Put the node on the chain's register, owned and staked by your wallet.") { data, stake }
            .Example("node register --data /srv/market --stake 100 --wallet owner.json")
            .Runs(run => RegisterAsync(run, Path.GetFullPath(run.GetRequired(data)), run.GetRequired(stake)));
    }

    private static Verb Run()
    {
        Option<string> data = RoleRun.DataOption("node");
        Option<string?> log = RoleRun.LogOption();
        return new Verb("run", "Run the node until Ctrl-C.") { data, log }
            .Example("node run --data /srv/market")
            .Runs(run => RunAsync(run, Path.GetFullPath(run.GetRequired(data)), run.Get(log)));
    }

    private static Verb Status()
    {
        Option<string> data = RoleRun.DataOption("node");
        return new Verb("status", "Show how the node is, what it holds and what it earned.") { data }
            .Example("node status --data /srv/market --json")
            .Runs(run => StatusAsync(run, Path.GetFullPath(run.GetRequired(data))));
    }

    private static Verb Exit()
    {
        Option<string> data = RoleRun.DataOption("node");
        return new Verb("exit", "Take no more shards; what is held is proved to its end, then the stake is free.") { data }
            .Example("node exit --data /srv/market --wallet owner.json")
            .Runs(run => ExitAsync(run, Path.GetFullPath(run.GetRequired(data))));
    }

    private static Task InitAsync(VerbRun run, NodeInit init)
    {
        NodeMade made = NodeSetup.Init(init);
        var report = new NodeMadeReport(made.HotAddress, made.Fingerprint.ToString(), made.Url.ToString(), init.DataDir);
        run.Output.Write(report, text =>
        {
            text.Pairs(("hot key", report.Address.ToString()), ("certificate", report.Fingerprint), ("url", report.Url), ("folder", report.DataDir));
            text.Line($"Next: market node register --data '{report.DataDir}' --stake TOKENS");
        });
        return Task.CompletedTask;
    }

    private static async Task RegisterAsync(VerbRun run, string dataDir, TokenAmount stake)
    {
        using Account owner = run.OpenAccount();
        using MarketContracts market = await run.ConnectAsync(owner);
        NodeRegistration registration = await NodeSetup.RegisterAsync(dataDir, market, stake, null, run.Cancellation);
        run.Output.Write(new NodeRegisteredReport(registration.Node, registration.Owner, dataDir), text =>
            text.Line($"Node {registration.Node} is registered, owned by {registration.Owner}. Next: market node run --data '{dataDir}'"));
    }

    private static async Task RunAsync(VerbRun run, string dataDir, string? log)
    {
        var options = new NodeOptions
        {
            DataDir = dataDir,
            Deployment = await run.FindDeploymentAsync(),
            Passphrase = Passphrases.Get(run.Settings, dataDir),
            RpcUrl = run.Home.RpcUrl.ToString(),
            LogFile = log,
            Listening = node => run.Output.Note($"node {node.Id} answers at {node.Url}, its operator at {node.AdminUrl}"),
        };
        await RoleRun.RunHostAsync(run, token => NodeHost.RunAsync(options, token));
    }

    private static async Task StatusAsync(VerbRun run, string dataDir)
    {
        using MarketContracts market = await run.ConnectAsync();
        NodeStatusView status = await NodeStatus.ReadAsync(dataDir, market, run.Cancellation);
        run.Output.Write(status, text => text.Pairs(
            ("node", status.Id.ToString()),
            ("state", status.Running ? "runs" : "does not run"),
            ("trouble", status.Trouble),
            ("url", status.Url),
            ("owner", status.Owner.ToString()),
            ("hot key", status.Address.ToString()),
            ("period", Number(status.Period)),
            ("last proved", Number(status.LastProvedPeriod)),
            ("periods proved", Number(status.ProvedPeriods)),
            ("stake", $"{status.Stake} tokens, {status.StakeNeeded} needed"),
            ("earned", $"{status.Earned} tokens, reward {status.Reward}"),
            ("rate", $"{status.RatePerPeriod} tokens a period"),
            ("price", $"{status.Price} tokens per GiB and 30 days"),
            ("space", $"{(status.UsedBytes is { } used ? ByteSize.Format(used) : "?")} of {ByteSize.Format(status.CapacityBytes)} used, {Number(status.Shards) ?? "?"} shards"),
            ("leaving", status.Leaving ? "yes" : "no")));
    }

    private static async Task ExitAsync(VerbRun run, string dataDir)
    {
        using Account owner = run.OpenAccount();
        using MarketContracts market = await run.ConnectAsync(owner);
        await NodeSetup.ExitAsync(dataDir, market, run.Cancellation);
        NodeRegistration registration = NodeRegistration.Read(dataDir)!;
        run.Output.Write(new NodeRegisteredReport(registration.Node, registration.Owner, dataDir), text =>
            text.Line($"Node {registration.Node} takes no more shards. Keep it running until the last one ends; then its stake is free."));
    }

    private static string? Number(long? value) => value?.ToString(CultureInfo.InvariantCulture);
}
