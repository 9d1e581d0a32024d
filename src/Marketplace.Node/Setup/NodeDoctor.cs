using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>How a check ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CheckState>))]
public enum CheckState
{
    /// <summary>As it should be.</summary>
    [JsonStringEnumMemberName("ok")]
    Ok,

    /// <summary>It works, but something is lost by it.</summary>
    [JsonStringEnumMemberName("warning")]
    Warning,

    /// <summary>The node cannot do its work.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Name">What.</param>
/// <param name="State">How it is.</param>
/// <param name="Finding">What was found, in one line.</param>
/// <param name="Advice">What to do; null if nothing.</param>
public sealed record NodeCheck(string Name, CheckState State, string Finding, string? Advice = null);

/// <summary>Looks whether a machine can be the node that its folder says, before money is staked and whenever something is odd.</summary>
public static class NodeDoctor
{
    private const string RpcCheck = "rpc";
    private const double WriteBytesPerSecondMin = 10 << 20;
    private const double ProofShareMax = 0.1;
    private const double ProofShareFail = 0.5;
    private const int BlocksLateMax = 10;
    private const long ShardBytesUsual = 16L << 20;
    private static readonly TimeSpan s_rpcSlow = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_clockSlack = TimeSpan.FromSeconds(30);

    /// <summary>All checks, in the order in which they are made; a later one is left out if it rests on one that failed.</summary>
    /// <param name="dataDir">The node's folder.</param>
    /// <param name="connect">Connects to the market, after all that can be looked at without; the caller goes on to own what it gives. That it cannot is a finding, too.</param>
    /// <param name="time">The clock to look at.</param>
    /// <param name="sendAlert">Whether the operator's webhook is told of a test.</param>
    /// <param name="token">Ends the looking.</param>
    /// <exception cref="MarketException">There is no node in the folder.</exception>
    public static async Task<IReadOnlyList<NodeCheck>> ExamineAsync(
        string dataDir, Func<CancellationToken, Task<MarketContracts>> connect, TimeProvider time, bool sendAlert, CancellationToken token)
    {
        NodeConfig config = NodeConfig.Read(dataDir);
        var checks = new List<NodeCheck>();
        if (sendAlert) checks.Add(await AlertAsync(dataDir, config, time, token));
        DiskSpeed? speed = await AddDisksAsync(checks, dataDir, config, token);
        try
        {
            await foreach (NodeCheck check in ChainAsync(dataDir, config, await connect(token), speed, time, token)) checks.Add(check);
        }
        catch (RpcException e)
        {
            // It may have answered some of the questions.
            checks.RemoveAll(check => check.Name == RpcCheck);
            checks.Add(new NodeCheck(RpcCheck, CheckState.Failed, e.Message, "Name an endpoint that answers: --rpc URL"));
        }
        catch (MarketException e)
        {
            checks.Add(new NodeCheck(RpcCheck, CheckState.Failed, e.Message, e.Hint));
        }

        return checks;
    }

    /// <summary>Looks at the node's own disk and at its volumes. Gives the disk's speed with the slowest reads of all of them; null if the disk cannot be used.</summary>
    private static async Task<DiskSpeed?> AddDisksAsync(List<NodeCheck> checks, string dataDir, NodeConfig config, CancellationToken token)
    {
        (DiskSpeed? speed, NodeCheck disk) = Disk(dataDir);
        checks.Add(disk);
        using NodeAdmin? admin = await NodeAdmin.FindAsync(dataDir, token);
        IReadOnlyList<VolumeReport> running = admin is not null && await admin.StatusAsync(token) is not null ? await admin.VolumesAsync(token) : [];
        foreach (VolumeSettings volume in config.Volumes)
        {
            string? away = running.FirstOrDefault(one => one.Id == volume.Id) is { State: VolumeState.Away } report ? report.Trouble ?? "it does not answer" : null;
            (DiskSpeed? found, NodeCheck check) = await VolumeProbe.ExamineAsync(volume, dataDir, speed, away, token);
            if (found is { } slow && speed is { } fast && slow.ReadTime > fast.ReadTime) speed = fast with { ReadTime = slow.ReadTime };
            checks.Add(check);
        }

        return speed;
    }

    /// <summary>What needs a chain that answers.</summary>
    private static async IAsyncEnumerable<NodeCheck> ChainAsync(
        string dataDir, NodeConfig config, MarketContracts contracts, DiskSpeed? speed, TimeProvider time, [EnumeratorCancellation] CancellationToken token)
    {
        long started = Stopwatch.GetTimestamp();
        Block newest = await contracts.Web3.Eth.GetLatestBlockAsync(token);
        TimeSpan answering = Stopwatch.GetElapsedTime(started);
        yield return answering < s_rpcSlow
            ? new NodeCheck(RpcCheck, CheckState.Ok, Line($"block {newest.Number} of chain {contracts.ChainId}, answered in {answering.TotalMilliseconds:0} ms"))
            : new NodeCheck(RpcCheck, CheckState.Warning, Line($"the chain answers in {answering.TotalSeconds:0.0} s"), "Use an endpoint nearer to this machine, or several: --rpc A,B");
        MarketFacts facts = await NodeChain.ReadFactsAsync(contracts, token);
        yield return Clock(newest, facts.Schedule, time.GetUtcNow());
        if (speed is { } measured) yield return InTime(measured, answering, facts.Schedule, config.CapacityBytes);
        yield return await ReachableAsync(dataDir, config, contracts, facts, token);

        if (NodeRegistration.Read(dataDir) is not { } registration)
        {
            yield return new NodeCheck("register", CheckState.Warning, "the node is not registered yet", $"market node register --data '{dataDir}' --stake TOKENS");
            yield return new NodeCheck("stake", CheckState.Warning, $"{StakeFor(config, facts)} tokens of stake cover all that is offered at this price", "Less covers less; stake can be added later.");
            yield break;
        }

        NodeView node = await contracts.NodeRegistry.NodeAsync(registration.Node.Value, token: token);
        (Address hot, CertificateFingerprint fingerprint) = NodeKeys.ReadPublic(dataDir);
        yield return Register(node, config, hot, fingerprint);
        Standing standing = await contracts.Lens.StandingAsync(node.Id, token: token);
        yield return Stake(node, standing, config, facts);
        yield return Gas(await contracts.Web3.Eth.GetBalanceAsync(hot, token: token), hot);
        yield return await BondsAsync(contracts, hot, token);
    }

    private static async Task<NodeCheck> AlertAsync(string dataDir, NodeConfig config, TimeProvider time, CancellationToken token)
    {
        using Webhook? webhook = Webhook.Of(config, dataDir, time);
        if (webhook is null) return new NodeCheck("alert", CheckState.Failed, "no webhook is set", $"Set alerts in {NodeConfig.FileName}.");
        var test = new NodeAlert("test", CheckState.Ok, "A test: alerts of this node arrive.");
        string? why = await webhook.SendAsync(AlertMessage.Make(NodeRegistration.Read(dataDir)?.Node ?? default, AlertChange.Test, test, time.GetUtcNow()), token);
        return why is null
            ? new NodeCheck("alert", CheckState.Ok, "the webhook took a test")
            : new NodeCheck("alert", CheckState.Failed, $"the webhook did not take a test: {why}", $"Look at alerts in {NodeConfig.FileName}, and at what answers there.");
    }

    private static (DiskSpeed? Speed, NodeCheck Check) Disk(string dataDir)
    {
        try
        {
            DiskSpeed speed = DiskProbe.Measure(dataDir);
            string finding = Line($"writes {speed.WriteBytesPerSecond / (1 << 20):0} MiB/s flushed, reads 16 KiB anywhere in {speed.ReadTime.TotalMilliseconds:0.0} ms");
            return speed.WriteBytesPerSecond >= WriteBytesPerSecondMin
                ? (speed, new NodeCheck("disk", CheckState.Ok, finding))
                : (speed, new NodeCheck("disk", CheckState.Warning, finding, "Clients give up on nodes that take longer than others: use a faster disk."));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, new NodeCheck("disk", CheckState.Failed, e.Message, "The node's folder must be writable and have 64 MiB free."));
        }
    }

    /// <summary>A block from the future tells of a clock that is slow; an old newest block of an endpoint that stands still, or a fast clock.</summary>
    private static NodeCheck Clock(Block newest, Schedule schedule, DateTimeOffset now)
    {
        TimeSpan behind = now - newest.Time;
        if (behind < -s_clockSlack) return new NodeCheck("clock", CheckState.Failed, Line($"this machine is {-behind.TotalSeconds:0} s behind the chain"), "Set the clock: timedatectl set-ntp true");
        TimeSpan late = TimeSpan.FromSeconds((double)schedule.BlockSeconds * BlocksLateMax) + s_clockSlack;
        return behind <= late
            ? new NodeCheck("clock", CheckState.Ok, Line($"within {Math.Abs(behind.TotalSeconds):0} s of the newest block's time"))
            : new NodeCheck(
                "clock", CheckState.Warning, Line($"the newest block is {behind.TotalSeconds:0} s old, one comes every {schedule.BlockSeconds} s"),
                "The endpoint is behind, the chain stands still, or this clock is fast: compare with another endpoint.");
    }

    /// <summary>A proof reads five leaves and their paths, however much is held; the ledger is read before, a page for so many shards, and then the proof has to reach a block.</summary>
    private static NodeCheck InTime(DiskSpeed speed, TimeSpan answering, Schedule schedule, long capacityBytes)
    {
        double pages = Math.Ceiling((double)capacityBytes / ShardBytesUsual / NodeChain.RangesPerPage);
        TimeSpan proof = (speed.ReadTime * 2 * Challenges.LiveDraws) + (answering * (4 + pages)) + TimeSpan.FromSeconds(schedule.BlockSeconds);
        TimeSpan window = TimeSpan.FromSeconds((double)(schedule.PeriodBlocks - schedule.SeedDelayBlocks - 1) * schedule.BlockSeconds);
        double share = proof / window;
        string finding = Line($"a proof takes about {proof.TotalSeconds:0.0} s of a window of {window.TotalSeconds:0} s when all of {ByteSize.Format(capacityBytes)} is taken");
        return share <= ProofShareMax ? new NodeCheck("proof", CheckState.Ok, finding)
            : new NodeCheck("proof", share <= ProofShareFail ? CheckState.Warning : CheckState.Failed, finding, "Little is left when something goes wrong: use a faster disk or a nearer endpoint.");
    }

    private static async Task<NodeCheck> ReachableAsync(string dataDir, NodeConfig config, MarketContracts contracts, MarketFacts facts, CancellationToken token)
    {
        (Address hot, CertificateFingerprint fingerprint) = NodeKeys.ReadPublic(dataDir);
        var peer = new NodePeer(default, hot, config.Url, fingerprint);
        if (IPAddress.TryParse(config.Url.Host, out IPAddress? address) && !EndpointGate.ForChain(contracts.ChainId).Allows(address))
        {
            return new NodeCheck("reach", CheckState.Failed, $"{config.Url} is no public address, and strangers do not connect to any other", $"Set url in {NodeConfig.FileName} to the address that your router has outside, or to its name.");
        }

        using var client = new NodeClient(peer, EndpointGate.ForChain(contracts.ChainId, allowPrivate: true), facts.Scope);
        NodeAnswer<NodeInfo> answer = await client.GetInfoAsync(token);
        if (answer.IsOk) return new NodeCheck("reach", CheckState.Ok, $"{config.Url} answers with this node's certificate");
        return File.Exists(Path.Combine(dataDir, NodeFiles.Running))
            ? new NodeCheck("reach", CheckState.Failed, $"{config.Url}: {answer.Refusal?.Message ?? answer.Outcome.ToString()}", "Open the port in firewall and router. Some routers do not lead back from inside: then try from outside.")
            : await ReachProbe.ExamineAsync(config, token);
    }

    private static NodeCheck Register(NodeView node, NodeConfig config, Address hot, CertificateFingerprint fingerprint)
    {
        if (node.Hot != hot) return new NodeCheck("register", CheckState.Failed, $"node {node.Id} has another hot key on chain: {node.Hot}", "Its owner sets this one, or takes the other key back.");
        return node.Fingerprint == fingerprint.Sha256 && node.Endpoint == config.Url.ToString()
            ? new NodeCheck("register", CheckState.Ok, $"node {node.Id} at {node.Endpoint}, owned by {node.Owner}")
            : new NodeCheck("register", CheckState.Warning, $"the register has {node.Endpoint}", "It follows the settings when the node is started.");
    }

    private static NodeCheck Stake(NodeView node, Standing standing, NodeConfig config, MarketFacts facts)
    {
        TokenAmount wanted = StakeFor(config, facts);
        TokenAmount stake = TokenAmount.FromUnits(node.Stake);
        if (standing.Evicted) return new NodeCheck("stake", CheckState.Failed, $"the node was evicted in period {standing.Out}", "Start it: it cures itself while there is time.");
        if (node.Stake < standing.StakeNeeded) return new NodeCheck("stake", CheckState.Warning, $"{stake} tokens, {TokenAmount.FromUnits(standing.StakeNeeded)} needed for what it holds", "It takes no more shards: add stake.");
        return stake >= wanted
            ? new NodeCheck("stake", CheckState.Ok, $"{stake} tokens cover all that is offered")
            : new NodeCheck("stake", CheckState.Warning, Line($"{stake} tokens cover {100.0 * node.Stake / (double)wanted.Units:0} % of what is offered at this price"), $"Add up to {TokenAmount.FromUnits(wanted.Units - node.Stake)} tokens when it fills.");
    }

    /// <summary>What covers all that is offered, if it is sold at the price that is asked.</summary>
    private static TokenAmount StakeFor(NodeConfig config, MarketFacts facts) => TokenAmount.FromUnits(
        config.Price.UnitsFor((ulong)config.CapacityBytes, facts.Schedule.PeriodBlocks, facts.Schedule.BlockSeconds) * facts.StakePeriods);

    private static NodeCheck Gas(BigInteger wei, Address hot)
    {
        string coins = ((double)wei / 1e18).ToString("0.0000", CultureInfo.InvariantCulture);
        return wei >= NodeSetup.GasWeiLow
            ? new NodeCheck("gas", CheckState.Ok, $"{coins} coins at the hot key")
            : new NodeCheck("gas", CheckState.Failed, $"{coins} coins at the hot key", $"A proof costs gas: send coins to {hot}.");
    }

    private static async Task<NodeCheck> BondsAsync(MarketContracts contracts, Address hot, CancellationToken token)
    {
        ulong free = (ulong)(await contracts.Escrow.AccountOfAsync(hot, token: token)).Free;
        ulong bond = await contracts.StorageMarket.AskBondAsync(token: token);
        return free >= bond
            ? new NodeCheck("bonds", CheckState.Ok, $"{TokenAmount.FromUnits(free)} tokens for reservations")
            : new NodeCheck("bonds", CheckState.Warning, $"{TokenAmount.FromUnits(free)} tokens for reservations", $"Without money for bonds the node repairs nothing: deposit some for {hot}.");
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
