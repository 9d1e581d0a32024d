using System.Diagnostics;
using System.Globalization;
using Marketplace.Chain.Contracts;
using Marketplace.Domain;

namespace Marketplace.Chaos.Tests;

/// <summary>
/// Lets everything go wrong that may, for a span of network time, while clients store and read; then lets the network settle and looks
/// whether every promise held: no acknowledged byte lost, no honest node slashed, every vacant slot filled again, the vault exact.
/// An honest node is one whose files nobody damaged and that was not away for three periods; a full or a read-only disk is no excuse.
/// </summary>
internal sealed class ChaosRun
{
    private const int Clients = 2;
    private const int AwayAtOnceMax = 2;
    private const double ShortPeriodsMax = 1.5;
    private const double LongPeriodsMin = 4;
    private const double LongPeriodsMax = 7;
    private const double DiskPeriodsMax = 4;
    private const uint SettlePeriodsMax = 20;
    private const int StartTriesMax = 30;
    private const int LevelsOfOneKindMax = 2;

    // A deal takes three nodes or more, and at most two ask less than the usual and two more: so every deal pays the usual at least, and
    // of those that hold no slot of it one asks no more than that. Else a slot might stay empty because nobody wants it at its price.
    private static readonly decimal[] s_priceFactors = [0.6m, 1m, 1.5m];

    private static readonly TimeSpan s_startAgain = TimeSpan.FromSeconds(2);

    private readonly ChaosOptions _options;
    private readonly ChaosSums _sums;
    private readonly Action<string> _progress;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly List<Task> _recoveries = [];
    private ChaosNetwork _network = null!;
    private ChaosClient[] _clients = [];
    private Harm _harm = null!;
    private BlockNumber _began;

    private ChaosRun(ChaosOptions options, Action<string> progress) => (_options, _sums, _progress) = (options, new ChaosSums(options), progress);

    public static async Task<ChaosSums> RunAsync(ChaosOptions options, bool mayMount, Action<string> progress)
    {
        var run = new ChaosRun(options, progress);
        await using ChaosNetwork network = await ChaosNetwork.StartAsync(options, mayMount);
        run._network = network;
        await run.RunAsync();
        return run._sums;
    }

    private async Task RunAsync()
    {
        FastChain chain = _network.Chain;
        _began = chain.Tip;
        var clients = new List<ChaosClient>();
        for (int i = 1; i <= Clients; i++) clients.Add(new ChaosClient(i, await _network.OpenClientAsync(), _network.Market, chain, _sums, _options.Seed, Say));
        _clients = [.. clients];
        _harm = new Harm(_network.Market, _network.ClientAccount.Address, () => _network.Nodes, () => _clients.Min(client => client.PutSince), chain);
        Say(string.Create(CultureInfo.InvariantCulture, $"{_network.Nodes.Count} nodes are up{(_network.Nodes[0].Disk.IsMounted ? "" : "; disks cannot be filled or made read-only here")}"));

        using var enough = new CancellationTokenSource();
        Task[] living = [.. _clients.Select(client => Task.Run(() => client.RunAsync(enough.Token)))];
        foreach (ChaosEvent happening in ChaosPlan.Make(_options))
        {
            await chain.UntilAsync(new BlockNumber(_began.Value + ChaosOptions.BlocksIn(happening.AtSeconds)));
            await _harm.ForgetAsync();
            await LookAfterAsync();
            if (!await HappenAsync(happening)) _sums.Add("left out");
        }

        await chain.UntilAsync(new BlockNumber(_began.Value + ChaosOptions.BlocksIn(_options.Minutes * 60)));
        await enough.CancelAsync();
        await Task.WhenAll(living);
        await Task.WhenAll(_recoveries);
        await LookAfterAsync();
        var promises = new Promises(_network, _sums);
        await SettleAsync(promises);
        foreach (ChaosClient client in _clients) await client.CheckAllAsync();
        // A loss that was met and told meanwhile is filled again, too.
        await SettleAsync(promises);
        await promises.CheckAsync();
        _sums.Add("periods", chain.Period.Value - chain.Schedule.PeriodOf(_began).Value);
        _sums.Add("seconds", (long)_watch.Elapsed.TotalSeconds);
    }

    /// <summary>Makes one thing happen to the first node that may bear it. False if none may.</summary>
    private async Task<bool> HappenAsync(ChaosEvent happening)
    {
        var random = new Random(happening.Seed);
        foreach (ChaosNode node in happening.Order.Select(place => _network.Nodes[place]))
        {
            // A node that came back is left alone until it had a whole period to prove in.
            if (!node.IsUp || node.IsDiskBad || _network.Chain.Tip.Value < node.UpSince.Value + (_options.PeriodBlocks * 3 / 2)) continue;
            switch (happening.Trouble)
            {
                case Trouble.ShortAbsence or Trouble.LongAbsence:
                    if (_network.Nodes.Count(one => !one.IsUp) >= AwayAtOnceMax || !await _harm.MayLeaveAsync(node)) continue;
                    bool isLong = happening.Trouble is Trouble.LongAbsence;
                    double periods = isLong ? LongPeriodsMin + (happening.Share * (LongPeriodsMax - LongPeriodsMin)) : happening.Share * ShortPeriodsMax;
                    await node.KillAsync();
                    _harm.Note();
                    _sums.Add("kills");
                    if (isLong) _sums.Add("long absences");
                    Say(string.Create(CultureInfo.InvariantCulture, $"node {node.Id} is killed, back in {periods:0.0} periods"));
                    _recoveries.Add(BackAsync(node, periods));
                    return true;

                case Trouble.DamagedShard:
                    IReadOnlyList<Root> roots = await _harm.MayDamageAsync(node);
                    if (roots.Count == 0) continue;
                    Root root = roots[random.Next(roots.Count)];
                    var damage = (Damage)random.Next(3);
                    if (!node.Disk.Harm(root, damage, random)) continue;
                    node.NoteDamage(root);
                    _harm.Note();
                    _sums.Add(damage switch { Damage.Deleted => "files deleted", Damage.Flipped => "bits flipped", _ => "files cut short" });
                    Say($"node {node.Id}: the file of {root} is {damage}");
                    return true;

                case Trouble.FullDisk or Trouble.ReadOnlyDisk when node.Disk.IsMounted:
                    node.IsDiskBad = true;
                    bool isFull = happening.Trouble is Trouble.FullDisk;
                    if (isFull) node.Disk.Fill();
                    else node.Disk.MakeReadOnly();
                    _sums.Add(isFull ? "disks full" : "disks read-only");
                    Say($"node {node.Id}: the disk is {(isFull ? "full" : "read-only")}");
                    _recoveries.Add(HealAsync(node, isFull, happening.Share * DiskPeriodsMax));
                    return true;

                case Trouble.PriceChange:
                    int level = random.Next(-1, 2);
                    bool isFree = level == 0 || _network.Nodes.Count(one => one.PriceLevel == level) < LevelsOfOneKindMax;
                    if (level == node.PriceLevel || !isFree || _network.Nodes.Count(one => !one.IsUp) >= AwayAtOnceMax || !await _harm.MayLeaveAsync(node)) continue;
                    node.PriceLevel = level;
                    await ChaosNetwork.SetPriceAsync(node, s_priceFactors[level + 1]);
                    Say($"node {node.Id} asks {s_priceFactors[level + 1]} of the usual");
                    await node.StopAsync();
                    _harm.Note();
                    _sums.Add("price changes");
                    _recoveries.Add(BackAsync(node, 0));
                    return true;
            }
        }

        return false;
    }

    private async Task BackAsync(ChaosNode node, double periods)
    {
        await _network.Chain.PassPeriodsAsync(periods);
        await StartAsync(node);
        Say($"node {node.Id} is back");
        NodeId id = node.Id;
        if (periods < LongPeriodsMin) return;

        // Who is evicted cures, if there is still something that nobody took over; who cannot begins anew.
        Standing standing;
        do
        {
            await _network.Chain.PassPeriodsAsync(1);
            standing = await FastChain.AskAsync(() => _network.Market.Contracts.Lens.StandingAsync(id.Value));
        }
        while (standing.Evicted && _network.Chain.Period.Value < standing.Out + 8);
        if (!standing.Evicted) return;
        ChaosNode made = await _network.ReplaceAsync(node);
        _sums.Add("began anew");
        Say($"node {id} stays out of the market; its operator begins anew as node {made.Id}");
    }

    private async Task HealAsync(ChaosNode node, bool isFull, double periods)
    {
        await _network.Chain.PassPeriodsAsync(periods);
        if (isFull) node.Disk.Empty();
        else node.Disk.MakeWritable();
        node.IsDiskBad = false;
        Say($"node {node.Id}: the disk is well again");
    }

    /// <summary>As a service manager does: a node that does not start, or ended by itself, is started again, and that is a fault.</summary>
    private async Task StartAsync(ChaosNode node)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                await node.StartAsync();
                _sums.Add("restarts");
                return;
            }
            catch (InvalidOperationException e) when (tries < StartTriesMax)
            {
                _sums.Break(e.Message);
                Say(e.Message);
                await node.KillAsync();
                await Task.Delay(s_startAgain);
            }
        }
    }

    private async Task LookAfterAsync()
    {
        foreach (ChaosNode node in _network.Nodes.Where(node => node.EndedByItself))
        {
            _sums.Break($"node {node.Id} ended by itself");
            Say($"node {node.Id} ended by itself");
            await node.KillAsync();
            await StartAsync(node);
        }

        foreach (Task failed in _recoveries.Where(task => task.IsFaulted)) await failed;
    }

    private async Task SettleAsync(Promises promises)
    {
        PeriodNumber until = _network.Chain.Period + SettlePeriodsMax;
        while (await promises.VacantAsync() is var vacant and > 0 && _network.Chain.Period < until)
        {
            Say(string.Create(CultureInfo.InvariantCulture, $"settling: {vacant} slots wait for a holder"));
            await _network.Chain.PassPeriodsAsync(0.5);
        }
    }

    private void Say(string what) => _progress(string.Create(
        CultureInfo.InvariantCulture,
        $"{(_network.Chain.Tip.Value - _began.Value) * ChaosOptions.BlockSeconds / 60.0,6:0.0} min, period {_network.Chain.Period}: {what}"));
}
