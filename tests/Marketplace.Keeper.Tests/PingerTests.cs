using System.Diagnostics.Metrics;
using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Keeper.Api;
using Marketplace.Keeper.Indexing;
using Marketplace.Keeper.Pinging;
using Marketplace.Network;
using Marketplace.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Marketplace.Keeper.Tests;

/// <summary>The real pinger and real sockets, on a clock that the test moves.</summary>
public sealed class PingerTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly TestFolder _folder = new();
    private readonly SetClock _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly PingFrame _frame = new(TimeSpan.FromSeconds(10));
    private readonly RegistryChanges _changes = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private KeeperStore _store = null!;
    private KeeperQueries _queries = null!;
    private PinnedNodePing _ping = null!;
    private KeeperMetrics _metrics = null!;
    private Pinger _pinger = null!;

    public async Task InitializeAsync()
    {
        _store = _folder.OpenStore();
        _queries = new KeeperQueries(_store, ScriptedChain.Clock, _time);
        _ping = new PinnedNodePing(EndpointGate.ForChain(TestNode.Scope.ChainId), TestNode.Scope, _frame, new ChainMessageVerifier(), _time);
        _metrics = new KeeperMetrics(_services.GetRequiredService<IMeterFactory>(), _queries);
        _pinger = new Pinger(_store, _ping, _frame, _changes, _metrics, _time, NullLogger<Pinger>.Instance);
        await _pinger.StartAsync(CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        await _pinger.StopAsync(CancellationToken.None);
        _pinger.Dispose();
        _metrics.Dispose();
        _ping.Dispose();
        _store.Dispose();
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_node_that_joins_is_asked_at_once_and_seen()
    {
        await using TestNode node = await TestNode.StartAsync(1);
        Join(node);
        KeeperNode seen = await UntilAsync(1, found => found.Online == true);
        Assert.Equal((NodeLiveness.Online, 1L << 20, "1.2.3", 1.0), (seen.State, seen.FreeBytes!.Value, seen.Version, seen.Uptime!.Value));
        Assert.Equal(_time.GetUtcNow(), seen.LastSeenAt);
    }

    [Fact]
    public async Task A_killed_node_is_suspected_first_and_offline_within_the_frame_and_comes_back()
    {
        await using TestNode node = await TestNode.StartAsync(1);
        Join(node);
        await UntilAsync(1, found => found.Online == true);
        DateTimeOffset died = _time.GetUtcNow();
        await node.KillAsync();

        KeeperNode suspected = await AdvanceUntilAsync(1, found => found.State == NodeLiveness.Suspected);
        Assert.True(suspected.Online);
        KeeperNode offline = await AdvanceUntilAsync(1, found => found.State == NodeLiveness.Offline);
        Assert.False(offline.Online);
        Assert.InRange(_time.GetUtcNow() - died, TimeSpan.Zero, _frame.Frame);
        Assert.True(offline.Uptime < 1);

        await node.ListenAsync();
        await AdvanceUntilAsync(1, found => found.State == NodeLiveness.Online);
    }

    [Fact]
    public async Task A_beat_that_another_key_signed_is_no_sign_of_life()
    {
        await using TestNode node = await TestNode.StartAsync(1);
        node.Forges = true;
        Join(node);
        KeeperNode seen = await UntilAsync(1, found => found.State != NodeLiveness.Unknown);
        Assert.Equal(NodeLiveness.Suspected, seen.State);
        Assert.Null(seen.LastSeenAt);
        Assert.True(node.Pings > 0);
    }

    [Fact]
    public async Task Another_certificate_than_the_registered_one_is_no_sign_of_life()
    {
        await using TestNode node = await TestNode.StartAsync(1);
        Register(node.Entry with { Fingerprint = ScriptedChain.HashOf(1) });
        Assert.Equal(NodeLiveness.Suspected, (await UntilAsync(1, found => found.State != NodeLiveness.Unknown)).State);
        Assert.Equal(0, node.Pings);
    }

    [Theory]
    [InlineData("http://127.0.0.1:1")]
    [InlineData("https://169.254.169.254:443")]
    [InlineData("no address at all")]
    [InlineData("")]
    public async Task An_address_that_no_node_may_have_is_a_miss_and_harms_nothing(string endpoint)
    {
        Register(ScriptedChain.Registered(1, endpoint: endpoint));
        Assert.Equal(NodeLiveness.Suspected, (await UntilAsync(1, found => found.State != NodeLiveness.Unknown)).State);
    }

    [Fact]
    public async Task A_node_that_moves_is_asked_where_it_is_now()
    {
        await using TestNode old = await TestNode.StartAsync(1);
        await using TestNode moved = await TestNode.StartAsync(1);
        Join(old);
        await UntilAsync(1, found => found.Online == true);
        await old.KillAsync();
        NodeRegistered entry = moved.Entry;
        _store.Apply(ScriptedChain.Step(3, (3, [new NodeHotChanged(entry.Node, entry.Hot), new NodeEndpointChanged(entry.Node, entry.Fingerprint, entry.Endpoint)])));
        _changes.Ring();
        await AdvanceUntilAsync(1, _ => moved.Pings > 0);
        await UntilAsync(1, found => found.State == NodeLiveness.Online);
    }

    [Fact]
    public async Task Every_node_is_asked_in_every_frame()
    {
        var nodes = new List<TestNode>();
        for (uint id = 1; id <= 6; id++) nodes.Add(await TestNode.StartAsync(id));
        _store.Apply(ScriptedChain.Step(2, (2, [.. nodes.Select(node => node.Entry)])));
        _changes.Ring();
        for (uint id = 1; id <= 6; id++) await UntilAsync(id, found => found.Online == true);
        for (int frame = 0; frame < 3; frame++)
        {
            int[] before = [.. nodes.Select(node => node.Pings)];
            DateTimeOffset end = _time.GetUtcNow() + _frame.Frame;
            while (_time.GetUtcNow() < end) await StepAsync();
            Assert.All(nodes.Zip(before), pair => Assert.True(pair.First.Pings > pair.Second));
        }

        foreach (TestNode node in nodes) await node.DisposeAsync();
    }

    [Fact]
    public async Task A_clock_that_is_set_back_by_hours_keeps_no_node_from_being_asked()
    {
        await using TestNode node = await TestNode.StartAsync(1);
        Join(node);
        await UntilAsync(1, found => found.Online == true);
        await StepAsync();
        _time.WrongBy = TimeSpan.FromHours(-8);
        int before = node.Pings;
        for (TimeSpan passed = default; passed < _frame.Frame; passed += TimeSpan.FromMilliseconds(100)) await StepAsync();
        Assert.True(node.Pings > before);
    }

    [Fact]
    public async Task A_disk_that_is_full_for_a_while_ends_no_pinging_and_loses_no_sighting()
    {
        await using TestNode node = await TestNode.StartAsync(1);
        _store.Record(db => db.Execute("CREATE TRIGGER full BEFORE INSERT ON sightings BEGIN SELECT RAISE(ABORT, 'The disk is full.'); END"));
        Join(node);
        for (DateTime end = DateTime.UtcNow + s_patience; node.Pings == 0 && DateTime.UtcNow < end;) await Task.Delay(10);
        // Long enough for the answer to come back and not to be written.
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal((1, 1), (node.Pings, _pinger.Running));

        _store.Record(db => db.Execute("DROP TRIGGER full"));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(NodeLiveness.Online, (await UntilAsync(1, found => found.State != NodeLiveness.Unknown)).State);
        Assert.Equal(1, node.Pings);
        await AdvanceUntilAsync(1, _ => node.Pings > 1);
    }

    [Fact]
    public void The_pings_of_many_nodes_spread_evenly_over_the_interval()
    {
        const int Nodes = 1000, Parts = 10;
        var counts = new int[Parts];
        for (uint id = 1; id <= Nodes; id++) counts[(int)(_frame.PhaseOf(id) / _frame.Interval * Parts)]++;
        Assert.All(counts, count => Assert.InRange(count, Nodes / Parts * 9 / 10, Nodes / Parts * 11 / 10));
    }

    [Fact]
    public void An_interval_two_retries_and_three_waits_fit_the_frame()
    {
        foreach (int seconds in (int[])[2, 10, 60, 3600])
        {
            var frame = new PingFrame(TimeSpan.FromSeconds(seconds));
            TimeSpan known = frame.Interval + ((PingFrame.OfflineMisses - 1) * frame.RetryDelay) + (PingFrame.OfflineMisses * frame.AnswerTimeout);
            Assert.True(known <= frame.Frame, $"{known} in {frame.Frame}");
        }
    }

    private void Join(TestNode node) => Register(node.Entry);

    private void Register(NodeRegistered entry)
    {
        _store.Apply(ScriptedChain.Step(2, (2, [entry])));
        _changes.Ring();
    }

    private async Task<KeeperNode> AdvanceUntilAsync(uint id, Func<KeeperNode, bool> wanted)
    {
        DateTime end = DateTime.UtcNow + s_patience;
        while (true)
        {
            KeeperNode node = _queries.Node(new NodeId(id)).Node!;
            if (wanted(node)) return node;
            if (DateTime.UtcNow > end) Assert.Fail($"Still {node}");
            await StepAsync();
        }
    }

    /// <summary>A tenth of a second of the node's time, and a moment of ours for the sockets.</summary>
    private async Task StepAsync()
    {
        _time.Advance(TimeSpan.FromMilliseconds(100));
        await Task.Delay(10);
        // The clock stands while a ping is under way, so that a busy machine does not look like a slow node.
        for (DateTime end = DateTime.UtcNow + s_patience; _pinger.Running > 0 && DateTime.UtcNow < end;) await Task.Delay(5);
    }

    private async Task<KeeperNode> UntilAsync(uint id, Func<KeeperNode, bool> wanted)
    {
        DateTime end = DateTime.UtcNow + s_patience;
        while (true)
        {
            KeeperNode? node = _queries.Node(new NodeId(id)).Node;
            if (node is not null && wanted(node)) return node;
            if (DateTime.UtcNow > end) Assert.Fail($"Still {node}");
            await Task.Delay(10);
        }
    }
}
