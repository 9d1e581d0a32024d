using System.CommandLine;
using System.Globalization;
using System.Net;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Json;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Network;
using Marketplace.Node;

namespace Marketplace.Cli.Roles;

/// <summary>What <c>node init</c> answers.</summary>
/// <param name="Address">The node's hot key.</param>
/// <param name="Fingerprint">Of its certificate.</param>
/// <param name="Url">Where clients reach it.</param>
/// <param name="DataDir">Its folder.</param>
/// <param name="Checks">What the doctor finds before anything is staked.</param>
internal sealed record NodeMadeReport(Address Address, string Fingerprint, string Url, string DataDir, IReadOnlyList<NodeCheck> Checks);

/// <summary>What <c>node register</c> answers.</summary>
internal sealed record NodeRegisteredReport(NodeId Id, Address Owner, string DataDir);

/// <summary>What <c>node exit</c> answers.</summary>
/// <param name="Id">The node.</param>
/// <param name="Owner">Who gets the stake.</param>
/// <param name="DataDir">Its folder.</param>
/// <param name="Running">Whether it runs, as it must until nothing is held any more.</param>
/// <param name="Stake">What comes free; 0 when it went home.</param>
/// <param name="Exit">How far it has come.</param>
internal sealed record NodeExitReport(NodeId Id, Address Owner, string DataDir, bool Running, TokenAmount Stake, NodeExitView? Exit);

/// <summary>What <c>node doctor</c> answers.</summary>
/// <param name="Ok">Whether nothing failed.</param>
/// <param name="Checks">What was looked at.</param>
internal sealed record NodeDoctorReport(bool Ok, IReadOnlyList<NodeCheck> Checks);

/// <summary><c>market node init|register|run|status|doctor|rekey|hot|exit|volume</c>.</summary>
internal static class NodeVerbs
{
    private const string PriceDefault = "0.01";
    private static readonly TimeSpan s_exitLook = TimeSpan.FromSeconds(3);

    public static Command Group() => new VerbGroup("node", "Keep other people's shards and be paid for it.") { Init(), Register(), Run(), Status(), Doctor(), Rekey(), Hot(), Exit(), VolumeVerbs.Group() };

    private static Verb Init()
    {
        Option<string> data = RoleRun.DataOption("node");
        Option<long> capacity = Words.Size("--capacity", "Bytes to offer, such as 500GiB.");
        Option<TokenAmount> price = Words.Option<TokenAmount>("--price", "TOKENS", "What a GiB costs for 30 days.");
        Option<IPEndPoint> listen = RoleRun.ListenOption(NodeInit.ListenDefault);
        Option<PeerEndpoint> url = Words.Option<PeerEndpoint>("--url", "URL", "The address that others reach, if it is not the one listened on.");
        Option<StoreAddress> store = Words.Option<StoreAddress>("--store", "STORE", "Where shards lie: files:FOLDER, ipfs:URL of a Kubo RPC, or s3:URL/BUCKET/PREFIX; files:depot in the node's folder without it.");
        Option<string?> credentials = VolumeVerbs.CredentialsOption();
        Option<string?> region = VolumeVerbs.RegionOption();
        return new Verb("init", "Make a node's folder: hot key, certificate, settings. Asks at the terminal for what is not said, and looks whether the machine will do.") { data, capacity, price, listen, url, store, credentials, region }
            .Example("node init --data /srv/market")
            .Example("node init --data /srv/market --capacity 500GiB --price 0.1 --listen 203.0.113.7:4600")
            .Example("node init --data /srv/market --capacity 8TiB --price 0.1 --listen 203.0.113.7:4600 --store s3:https://s3.example.org/bucket --credentials /srv/s3-credentials")
            .Runs(run =>
            {
                string folder = Path.GetFullPath(run.GetRequired(data));
                bool isTold = run.Has(capacity) && run.Has(price);
                StoreAddress place = isTold || run.Has(store)
                    ? run.Get(store) ?? StoreAddress.Default
                    : run.Output.Ask("--store", "Where shards lie: files:FOLDER, ipfs:URL or s3:URL/BUCKET", StoreAddress.Default.ToString(), text => StoreAddress.Parse(text));
                return InitAsync(run, new NodeInit
                {
                    DataDir = folder,
                    CapacityBytes = run.Has(capacity)
                        ? run.Get(capacity)
                        : run.Output.Ask("--capacity", "Bytes to offer", ByteSize.Format(FreeOn(place is StoreAddress.Files files ? files.In(folder) : folder) / 10 * 9), ByteSize.Parse),
                    Price = run.Has(price)
                        ? run.Get(price)
                        : run.Output.Ask("--price", "Tokens for a GiB and 30 days", PriceDefault, text => TokenAmount.Parse(text)),
                    Listen = isTold || run.Has(listen)
                        ? run.GetRequired(listen)
                        : run.Output.Ask("--listen", "Address and port for clients", NodeInit.ListenDefault.ToString(), IPEndPoint.Parse),
                    Url = isTold || run.Has(url)
                        ? run.Get(url)
                        : run.Output.Ask("--url", "Address that others reach, empty if it is that one", "", text => text.Length == 0 ? null : PeerEndpoint.Parse(text)),
                    Store = place,
                    Credentials = run.Get(credentials),
                    Region = run.Get(region),
                    BucketKey = place is StoreAddress.Bucket && !isTold && !run.Has(credentials) && !BucketKey.IsInEnvironment ? AskBucketKey(run) : null,
                    Passphrase = Passphrases.Choose(run.Settings, "the node's keys"),
                });
            });
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
        Option<bool> check = new("--check") { Description = "End with 1 unless the node runs and is in no trouble." };
        return new Verb("status", "Show how the node is, what it holds and what it earned.") { data, check }
            .Example("node status --data /srv/market --json")
            .Runs(run => StatusAsync(run, Path.GetFullPath(run.GetRequired(data)), run.Get(check)));
    }

    private static Verb Doctor()
    {
        Option<string> data = RoleRun.DataOption("node");
        Option<bool> alert = new("--alert") { Description = "Send a test to the webhook of node.yaml, too." };
        return new Verb("doctor", "Look whether this machine can be the node: disk, time to prove, chain, clock, reachability, stake, gas.") { data, alert }
            .Example("node doctor --data /srv/market")
            .Example("node doctor --data /srv/market --alert")
            .Runs(run => DoctorAsync(run, Path.GetFullPath(run.GetRequired(data)), run.Get(alert)));
    }

    private static Verb Rekey()
    {
        Option<string> data = RoleRun.DataOption("node");
        return new Verb("rekey", "Replace the node's hot key: make the next one, and take it into use once its owner has named it on chain.") { data }
            .Example("node rekey --data /srv/market")
            .Runs(run => RekeyAsync(run, Path.GetFullPath(run.GetRequired(data))));
    }

    private static Verb Hot()
    {
        Argument<NodeId> node = Words.Argument<NodeId>("NODE", "The node's number.");
        Argument<Address> hot = Words.Argument<Address>("ADDRESS", "The hot key that the node is to have.");
        return new Verb("hot", "Name a node's hot key on chain, as its owner, wherever the owner's wallet is.") { node, hot }
            .Example("node hot 7 0x3CD71B24900b21877cffa240B08Ac57B371B7D79 --wallet owner.json")
            .Runs(run => HotAsync(run, run.Get(node), run.Get(hot)));
    }

    private static Verb Exit()
    {
        Option<string> data = RoleRun.DataOption("node");
        Option<bool> watch = new("--watch") { Description = "Stay and tell of each step until the stake is home." };
        return new Verb("exit", "Take no more shards; what is held is proved to its end, then the stake goes home. Asked again, it shows how far that is, and needs no wallet.") { data, watch }
            .Example("node exit --data /srv/market --wallet owner.json")
            .Example("node exit --data /srv/market --watch")
            .Runs(run => ExitAsync(run, Path.GetFullPath(run.GetRequired(data)), run.Get(watch)));
    }

    private static async Task InitAsync(VerbRun run, NodeInit init)
    {
        NodeMade made = NodeSetup.Init(init);
        // Registered it cannot be yet.
        IReadOnlyList<NodeCheck> checks = [.. (await ExamineAsync(run, init.DataDir, sendAlert: false)).Where(check => check.Name != "register")];
        var report = new NodeMadeReport(made.HotAddress, made.Fingerprint.ToString(), made.Url.ToString(), init.DataDir, checks);
        run.Output.Write(report, text =>
        {
            text.Pairs(("hot key", report.Address.ToString()), ("certificate", report.Fingerprint), ("url", report.Url), ("folder", report.DataDir));
            Show(text, checks);
            text.Line($"Next: market node register --data '{report.DataDir}' --stake TOKENS");
        });
    }

    private static async Task<IReadOnlyList<NodeCheck>> ExamineAsync(VerbRun run, string dataDir, bool sendAlert)
    {
        MarketContracts? market = null;
        try
        {
            return await NodeDoctor.ExamineAsync(dataDir, async _ => market = await run.ConnectAsync(), TimeProvider.System, sendAlert, run.Cancellation);
        }
        finally
        {
            market?.Dispose();
        }
    }

    private static BucketKey AskBucketKey(VerbRun run)
    {
        string name = run.Output.Ask("--credentials", "Name of the bucket's key", "", text => text.Trim().Length > 0 ? text.Trim() : throw new FormatException("It has a name."));
        return new BucketKey(name, Passphrases.ReadSecret("The key itself: ").Trim());
    }

    private static long FreeOn(string folder)
    {
        string existing = folder;
        while (!Directory.Exists(existing)) existing = Path.GetDirectoryName(existing)!;
        return new DriveInfo(existing).AvailableFreeSpace;
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
        BatchScheduling.Ask();
        var options = new NodeOptions
        {
            DataDir = dataDir,
            Deployment = await run.FindDeploymentAsync(),
            Passphrase = Passphrases.Get(run.Settings, dataDir),
            RpcUrl = run.Home.RpcUrl,
            LogFile = log,
            Listening = node => run.Output.Note($"node {node.Id} answers at {node.Url}, its operator at {node.AdminUrl}"),
        };
        await RoleRun.RunHostAsync(run, token => NodeHost.RunAsync(options, token));
    }

    private static async Task<int> StatusAsync(VerbRun run, string dataDir, bool check)
    {
        NodeStatusView status = await NodeStatus.ReadRunningAsync(dataDir, run.Cancellation) ?? await ReadStoppedAsync(run, dataDir);
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
            ("leaving", status.Exit is { } exit ? ExitLine(exit) : status.Leaving ? "evicted" : "no")));
        return run.Output.Finish(check && status.Trouble is { } trouble ? new ErrorDetail(MarketException.NameOf(MarketErrorCode.Failed), trouble, null, null) : null);
    }

    private static async Task<NodeStatusView> ReadStoppedAsync(VerbRun run, string dataDir)
    {
        using MarketContracts market = await run.ConnectAsync();
        return await NodeStatus.ReadAsync(dataDir, market, run.Cancellation);
    }

    private static async Task<int> DoctorAsync(VerbRun run, string dataDir, bool sendAlert)
    {
        IReadOnlyList<NodeCheck> checks = await ExamineAsync(run, dataDir, sendAlert);
        int failed = checks.Count(check => check.State == CheckState.Failed);
        run.Output.Write(new NodeDoctorReport(failed == 0, checks), text => Show(text, checks));
        return run.Output.Finish(failed == 0 ? null : new ErrorDetail(
            MarketException.NameOf(MarketErrorCode.Failed), string.Create(CultureInfo.InvariantCulture, $"{failed} of {checks.Count} checks failed."), null, null));
    }

    private static async Task RekeyAsync(VerbRun run, string dataDir)
    {
        using MarketContracts market = await run.ConnectAsync();
        NodeRekeyed made = await NodeSetup.RekeyAsync(dataDir, Passphrases.Get(run.Settings, dataDir), market, KeyStoreStrength.Standard, run.Cancellation);
        run.Output.Write(made, text => text.Line(made.InUse
            ? $"Node {made.Node} has the hot key {made.Hot} now: start it again."
            : $"The next hot key is {made.Hot}. Its owner names it: market node hot {made.Node} {made.Hot} — then call this again."));
    }

    private static async Task HotAsync(VerbRun run, NodeId node, Address hot)
    {
        using Account owner = run.OpenAccount();
        using MarketContracts market = await run.ConnectAsync(owner);
        await NodeSetup.SetHotAsync(node, hot, market, run.Cancellation);
        run.Output.Write(new NodeRekeyed(node, hot, InUse: false), text => text.Line($"Node {node} has the hot key {hot} on chain. On the node: market node rekey --data DIR"));
    }

    private static void Show(TextOutput text, IReadOnlyList<NodeCheck> checks)
    {
        text.Table(["", "check", "found"], checks.Select(check => (IEnumerable<string?>)[Mark(check.State), check.Name, check.Finding]));
        foreach (NodeCheck check in checks.Where(check => check.Advice is not null)) text.Line($"{check.Name}: {check.Advice}");
    }

    private static string Mark(CheckState state) => state switch
    {
        CheckState.Ok => "ok",
        CheckState.Warning => "warning",
        _ => "FAILED",
    };

    private static async Task ExitAsync(VerbRun run, string dataDir, bool watch)
    {
        using MarketContracts market = await run.ConnectAsync();
        NodeStatusView status = await NodeStatus.ReadAsync(dataDir, market, run.Cancellation);
        if (!status.Leaving)
        {
            // Only here the owner is needed: who looks how far it is needs no key.
            using Account owner = run.OpenAccount();
            using MarketContracts owned = await run.ConnectAsync(owner);
            await NodeSetup.ExitAsync(dataDir, owned, run.Cancellation);
        }

        string told = "";
        while (true)
        {
            status = await NodeStatus.ReadAsync(dataDir, market, run.Cancellation);
            string line = status.Exit is { } exit ? ExitLine(exit) : "The node is about to leave.";
            bool isOver = status.Exit is { IsDone: true } || (status is { Leaving: true, Exit: null });
            if (!watch || isOver) break;
            if (line != told) run.Output.Note(told = line);
            await Task.Delay(s_exitLook, run.Cancellation);
        }

        run.Output.Write(new NodeExitReport(status.Id, status.Owner, dataDir, status.Running, status.Stake, status.Exit), text =>
        {
            text.Line(status.Exit is { } exit ? $"Node {status.Id}: {ExitLine(exit)}" : status.Leaving ? $"Node {status.Id} was evicted: see node status." : $"Node {status.Id} takes no more shards from the next period on.");
            if (status is { Running: false, Exit.IsDone: false }) text.Line("It does not run. Keep it running until the stake is home: market node run");
        });
    }

    private static string ExitLine(NodeExitView exit)
    {
        string free = string.Create(CultureInfo.InvariantCulture, $"{exit.StakeFreeAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC (period {exit.StakeFreePeriod})");
        return exit switch
        {
            { IsDone: true } => "it has left, and its stake is in its owner's free money.",
            { LastPeriod: { } last } => string.Create(
                CultureInfo.InvariantCulture, $"{exit.Shards} shards of {ByteSize.Format(exit.Bytes)} are still held, the last until period {last}; the stake comes free about {free}."),
            _ => $"nothing is held any more; the stake comes free about {free}.",
        };
    }

    private static string? Number(long? value) => value?.ToString(CultureInfo.InvariantCulture);
}
