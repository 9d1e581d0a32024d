using System.Net;
using System.Text.Json;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Keeper.Indexing;
using Marketplace.Keeper.Pinging;
using Marketplace.Network;
using Microsoft.Extensions.DependencyInjection;
using static Marketplace.Keeper.Tests.ScriptedChain;

namespace Marketplace.Keeper.Tests;

/// <summary>The whole keeper on a real port, following a chain that the test writes.</summary>
public sealed class KeeperApiTests : IAsyncLifetime
{
    private static readonly ChainMessageVerifier s_verifier = new();

    private RunningKeeper _keeper = null!;

    public async Task InitializeAsync()
    {
        _keeper = await RunningKeeper.StartAsync();
        _keeper.Chain.Send(Step(
            45,
            (1, [Registered(1, "0.01"), Registered(2, "0.05"), Registered(3, "0.02"), Registered(4, "0.03")]),
            (5, [Opened(7), Filled(7, 0, 1), Filled(7, 1, 2), Opened(8), Opened(9)]),
            (30, [Proved(1, 1)])));
        await _keeper.UntilBlockAsync(45);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        // Nobody listens at these nodes' addresses: once the first pings have missed, the next are far away.
        while (_keeper.Store.Read(db => db.Number("SELECT COUNT(*) FROM sightings")) < 4) await Task.Delay(10);
        SightingStore.Record(_keeper.Store, [
            Seen(1, now, 1 << 30), Seen(2, now, 5000), Seen(3, now, 1 << 20),
            Missed(3, now), Missed(3, now), Missed(3, now), Missed(3, now)]);
    }

    public Task DisposeAsync() => _keeper.DisposeAsync().AsTask();

    [Theory]
    [InlineData("", "1,2,3,4")]
    [InlineData("?online=true", "1,2")]
    [InlineData("?online=false", "3")]
    [InlineData("?minFreeBytes=5001", "1,3")]
    [InlineData("?maxPrice=0.02", "1,3")]
    [InlineData("?online=true&minFreeBytes=5000&maxPrice=0.01", "1")]
    [InlineData("?maxPrice=0.001", "")]
    public async Task Nodes_are_filtered(string query, string expected)
    {
        JsonElement body = await _keeper.GetJsonAsync("/v1/nodes" + query);
        Assert.Equal(expected, string.Join(',', body.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("id").GetInt32())));
        Assert.Equal("keepers", body.GetProperty("source").GetString());
        Assert.Equal(45, body.GetProperty("block").GetInt32());
        Assert.Equal(HashOf(45).ToString(), body.GetProperty("blockHash").GetString());
    }

    [Fact]
    public async Task A_node_has_the_fixed_shape_and_its_block()
    {
        JsonElement node = await _keeper.GetJsonAsync("/v1/nodes/4");
        string[] names =
        [
            "id", "address", "owner", "url", "fingerprint", "price", "stake", "capacityBytes", "usedBytes", "freeBytes", "online", "lastSeenAt", "lastProvedPeriod",
            "earned", "rewarded", "block", "blockHash", "source",
        ];
        Assert.All(names, name => Assert.True(node.TryGetProperty(name, out _), name));
        Assert.Equal("0.03", node.GetProperty("price").GetString());
        Assert.Equal("100", node.GetProperty("stake").GetString());
        Assert.Equal(1L << 30, node.GetProperty("capacityBytes").GetInt64());
        Assert.Equal(JsonValueKind.Null, node.GetProperty("lastSeenAt").ValueKind);
        Assert.Equal("0.000001", (await _keeper.GetJsonAsync("/v1/nodes/1")).GetProperty("earned").GetString());
    }

    [Fact]
    public async Task Behind_a_trusted_proxy_each_asker_has_limits_of_its_own()
    {
        await using RunningKeeper keeper = await RunningKeeper.StartAsync(options => options with { RequestLimits = new RequestLimits(0.001, 1), TrustedProxy = IPAddress.Loopback });
        foreach ((string asker, HttpStatusCode expected) in new[]
        {
            ("192.0.2.1", HttpStatusCode.OK), ("192.0.2.1", HttpStatusCode.TooManyRequests), ("192.0.2.1, 192.0.2.2", HttpStatusCode.OK),
        })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
            request.Headers.Add("X-Forwarded-For", asker);
            Assert.Equal(expected, (await keeper.Http.SendAsync(request)).StatusCode);
        }
    }

    [Fact]
    public async Task Pages_follow_each_other_without_gap_or_repetition()
    {
        var ids = new List<int>();
        string? cursor = null;
        do
        {
            JsonElement page = await _keeper.GetJsonAsync($"/v1/nodes?limit=3&cursor={cursor}");
            ids.AddRange(page.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("id").GetInt32()));
            cursor = page.GetProperty("next").GetString();
        }
        while (cursor is not null);
        Assert.Equal([1, 2, 3, 4], ids);
    }

    [Fact]
    public async Task Deals_are_found_by_name_and_by_client()
    {
        JsonElement deal = await _keeper.GetJsonAsync($"/v1/deals/{Payer}-7");
        Assert.Equal((7, "open", Payer.ToString(), 2), (
            deal.GetProperty("id").GetInt32(), deal.GetProperty("state").GetString(), deal.GetProperty("client").GetString(), deal.GetProperty("period").GetInt32()));
        Assert.Equal("0.000001", deal.GetProperty("slots")[0].GetProperty("paid").GetString());
        Assert.Equal(45, deal.GetProperty("block").GetInt32());

        JsonElement first = await _keeper.GetJsonAsync($"/v1/deals?client={Payer}&limit=2");
        JsonElement rest = await _keeper.GetJsonAsync($"/v1/deals?client={Payer}&cursor={first.GetProperty("next").GetString()}");
        int[] numbers = [.. first.GetProperty("deals").EnumerateArray().Concat(rest.GetProperty("deals").EnumerateArray()).Select(one => one.GetProperty("id").GetInt32())];
        Assert.Equal([7, 8, 9], numbers);
        Assert.Equal(JsonValueKind.Null, rest.GetProperty("next").ValueKind);
    }

    [Theory]
    [InlineData("/v1/nodes/99", HttpStatusCode.NotFound, "notFound")]
    [InlineData("/v1/deals/0x00000000000000000000000000000000000c11e7-99", HttpStatusCode.NotFound, "notFound")]
    [InlineData("/v1/nodes/-1", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/nodes/16777216", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/deals/7", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/deals", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/nodes?online=maybe", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/nodes?maxPrice=-1", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/nodes?minFreeBytes=1.5", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/nodes?limit=0", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/nodes?limit=501", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/nodes?cursor=%00%FF", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/nodes?cursor=AAAAAAAAAAAAAAAA", HttpStatusCode.BadRequest, "usage")]
    [InlineData("/v1/what", HttpStatusCode.NotFound, "notFound")]
    public async Task A_wrong_question_gets_a_clear_word(string target, HttpStatusCode status, string code)
    {
        using HttpResponseMessage answer = await _keeper.Http.GetAsync(target);
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(code, JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("error").GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("/v1/nodes?online=true&nonce=abc%20d")]
    [InlineData("/v1/nodes/1")]
    [InlineData("/v1/nodes/99")]
    [InlineData("/v1/deals?client=0x00000000000000000000000000000000000c11e7")]
    public async Task Every_answer_is_signed_together_with_its_question(string target)
    {
        using HttpResponseMessage answer = await _keeper.Http.GetAsync(target);
        byte[] body = await answer.Content.ReadAsByteArrayAsync();
        string signature = answer.Headers.GetValues(KeeperSignature.SignatureHeader).Single();
        Assert.Equal(_keeper.Account.Address.ToString(), answer.Headers.GetValues(KeeperSignature.KeeperHeader).Single());
        Assert.True(KeeperSignature.TryRecover(s_verifier, target, body, signature, out Address signer));
        Assert.Equal(_keeper.Account.Address, signer);
        Assert.True(KeeperSignature.TryRecover(s_verifier, target + "&", body, signature, out Address other));
        Assert.NotEqual(_keeper.Account.Address, other);
        body[^2] ^= 1;
        Assert.False(KeeperSignature.TryRecover(s_verifier, target, body, signature, out Address third) && third == _keeper.Account.Address);
    }

    [Fact]
    public async Task Health_and_metrics_tell_where_the_keeper_stands()
    {
        JsonElement health = await _keeper.GetJsonAsync("/v1/health");
        Assert.Equal(("ok", 45, 4), (health.GetProperty("status").GetString(), health.GetProperty("block").GetInt32(), health.GetProperty("nodes").GetInt32()));
        Assert.Equal(0, health.GetProperty("lagBlocks").GetInt32());
        string metrics = await _keeper.Http.GetStringAsync("/metrics");
        Assert.Contains("keeper_block 45\n", metrics, StringComparison.Ordinal);
        Assert.Contains("keeper_events_total ", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reorganisation_shows_in_the_next_answer()
    {
        _keeper.Chain.Send(Fork(4, 46, branch: 1, (46, [Opened(20)])));
        await _keeper.UntilBlockAsync(46);
        Assert.Equal(HttpStatusCode.NotFound, (await _keeper.Http.GetAsync($"/v1/deals/{Payer}-7")).StatusCode);
        Assert.Equal(20, (await _keeper.GetJsonAsync($"/v1/deals/{Payer}-20")).GetProperty("id").GetInt32());
        Assert.Equal(HashOf(46, 1).ToString(), (await _keeper.GetJsonAsync("/v1/nodes")).GetProperty("blockHash").GetString());
    }

    [Fact]
    public async Task The_client_reads_all_pages_and_checks_the_key()
    {
        using var client = new KeeperClient(_keeper.Peer, EndpointGate.ForChain(31337), s_verifier);
        KeeperAnswer<KeeperNodesReport> nodes = await client.GetNodesAsync(new NodeQuery(MaxPrice: TokenAmount.Parse("0.03")), CancellationToken.None);
        Assert.Equal([1u, 3, 4], nodes.Value!.Nodes.Select(node => node.Id.Value));
        Assert.Equal(new DealId(Payer, 7).Number, (await client.GetDealAsync(new DealId(Payer, 7), CancellationToken.None)).Value!.Id);
        Assert.Equal(KeeperFault.Refused, (await client.GetNodeAsync(new NodeId(99), CancellationToken.None)).Fault);

        using var stranger = new KeeperClient(_keeper.Peer with { Key = AddressOf(5) }, EndpointGate.ForChain(31337), s_verifier);
        Assert.Equal(KeeperFault.BadSignature, (await stranger.GetNodesAsync(new NodeQuery(), CancellationToken.None)).Fault);
        using var gated = new KeeperClient(_keeper.Peer, EndpointGate.ForChain(1), s_verifier);
        Assert.Equal(KeeperFault.Unreachable, (await gated.GetNodesAsync(new NodeQuery(), CancellationToken.None)).Fault);
    }

    [Fact]
    public async Task A_panel_uses_keepers_of_our_chain_and_leaves_out_the_others()
    {
        await using RunningKeeper stale = await RunningKeeper.StartAsync();
        stale.Chain.Send(Step(45, (1, [Registered(1)])));
        await stale.UntilBlockAsync(45);
        await using RunningKeeper elsewhere = await RunningKeeper.StartAsync();
        elsewhere.Chain.Send(Fork(null, 200, branch: 9, (1, [Registered(1)])));
        await elsewhere.UntilBlockAsync(200);
        _keeper.Chain.Send(Step(200));
        await _keeper.UntilBlockAsync(200);

        var sight = new ChainSight(new BlockNumber(205), (block, _) => Task.FromResult<Hash32?>(HashOf(block.Value)));
        KeeperPeer dead = new(PeerEndpoint.Parse("http://127.0.0.1:1"), null);
        KeeperSightings seen = await new KeeperPanel(EndpointGate.ForChain(31337), s_verifier).AskAsync(
            [_keeper.Peer, stale.Peer, elsewhere.Peer, dead], new NodeQuery(), sight, CancellationToken.None);
        Assert.Equal(1, seen.Answered);
        Assert.True(seen.Nodes[new NodeId(1)].Online);
        Assert.False(seen.Nodes[new NodeId(3)].Online);
        Assert.Null(seen.Nodes[new NodeId(4)].Online);
        Assert.Equal(
            [(dead, KeeperFault.Unreachable), (elsewhere.Peer, KeeperFault.Stale), (stale.Peer, KeeperFault.Stale)],
            seen.Faults.OrderBy(fault => fault.Fault).ThenBy(fault => fault.Keeper == stale.Peer));
    }

    private static PingResult Seen(uint node, DateTimeOffset at, ulong free) =>
        new(new NodeId(node), AddressOf(node), at, new PingAnswer(TimeSpan.FromMilliseconds(3), new BlockNumber(44), free, "1.0"));

    private static PingResult Missed(uint node, DateTimeOffset at) => new(new NodeId(node), AddressOf(node), at, null);
}

/// <summary>A keeper on a free port. Its own pings are kept out of the way by an hour's frame.</summary>
internal sealed class RunningKeeper : IAsyncDisposable
{
    private readonly TestFolder _folder = new();
    private Microsoft.AspNetCore.Builder.WebApplication _app = null!;

    public ScriptedChain Chain { get; } = new();

    public Account Account { get; } = Account.Create();

    public HttpClient Http { get; private set; } = null!;

    public KeeperStore Store => _app.Services.GetRequiredService<KeeperStore>();

    public KeeperPeer Peer => new(PeerEndpoint.Parse(Http.BaseAddress!.GetLeftPart(UriPartial.Authority)), Account.Address);

    public static async Task<RunningKeeper> StartAsync(Func<KeeperOptions, KeeperOptions>? change = null)
    {
        var keeper = new RunningKeeper();
        var options = new KeeperOptions
        {
            DataDir = keeper._folder.Path,
            Deployment = new Deployment(
                31337,
                new Dictionary<string, Address>(StringComparer.Ordinal)
                {
                    ["NodeRegistry"] = AddressOf(1),
                    ["StorageMarket"] = AddressOf(2),
                    ["Bank"] = AddressOf(3),
                },
                "http://127.0.0.1:1"),
            Passphrase = "",
            PingFrame = TimeSpan.FromHours(1),
            RequestLimits = new RequestLimits(1000, 1000),
            LogFile = Path.Combine(keeper._folder.Path, "keeper.log"),
        };
        options = change?.Invoke(options) ?? options;
        keeper._app = KeeperHost.Build(options, new AccountSigner(keeper.Account), new ChainMessageVerifier(), new KeeperChain(31337, AddressOf(2), Clock), keeper.Chain, TimeProvider.System);
        await keeper._app.StartAsync();
        keeper.Http = new HttpClient { BaseAddress = Hosting.MarketHost.AddressesOf(keeper._app)[0] };
        return keeper;
    }

    public async Task<JsonElement> GetJsonAsync(string target) => JsonDocument.Parse(await Http.GetStringAsync(target)).RootElement;

    public async Task UntilBlockAsync(ulong block)
    {
        for (DateTime end = DateTime.UtcNow.AddSeconds(20); DateTime.UtcNow < end; await Task.Delay(10))
        {
            if (Store.Read(KeeperStore.HeadOf)?.Block.Value == block) return;
        }

        Assert.Fail($"The keeper did not come to block {block}.");
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        Http.Dispose();
        Account.Dispose();
        _folder.Dispose();
    }
}
