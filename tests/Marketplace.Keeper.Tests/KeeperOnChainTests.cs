using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Client.Discovery;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Testing;

namespace Marketplace.Keeper.Tests;

/// <summary>One chain for all tests of a class; each takes back what it did.</summary>
public sealed class ChainFixture : IAsyncLifetime
{
    internal MarketOnChain Market { get; private set; } = null!;

    public async Task InitializeAsync() => Market = await MarketOnChain.StartAsync();

    public async Task DisposeAsync() => await Market.DisposeAsync();
}

/// <summary>The keeper as <c>market keeper run</c> starts it, on the real contracts.</summary>
public sealed class KeeperOnChainTests(ChainFixture fixture) : IClassFixture<ChainFixture>, IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private readonly MarketOnChain _market = fixture.Market;
    private string _before = "";
    private NodeId _first;
    private NodeId _second;

    public async Task InitializeAsync()
    {
        _before = await _market.Chain.SnapshotAsync();
        _first = await _market.RegisterAsync("0.01");
        _second = await _market.RegisterAsync("0.02");
    }

    public async Task DisposeAsync()
    {
        await _market.Chain.RevertAsync(_before);
        _folder.Dispose();
    }

    [Fact]
    public async Task What_the_contracts_say_stands_in_the_answers_and_agrees_with_their_views()
    {
        DealId deal = await _market.OpenAsync(1, 5, _first, _second);
        PeriodNumber period = await _market.NextPeriodAsync();
        await _market.ProveAsync(_first, period);
        await using KeeperProcess keeper = await KeeperProcess.StartAsync(_market, _folder);
        Block head = await _market.HeadAsync();
        await keeper.UntilAsync("/v1/nodes", answer => answer.GetProperty("block").GetUInt64() == head.Number);

        JsonElement told = await keeper.GetAsync($"/v1/deals/{deal}");
        DealView view = await _market.Contracts.Lens.DealAsync(deal.ToWord());
        Assert.Equal(head.Hash.ToString(), told.GetProperty("blockHash").GetString());
        Assert.Equal(TokenAmount.FromUnits(view.Locked).ToString(), told.GetProperty("locked").GetString());
        Assert.Equal(TokenAmount.FromUnits(view.Paid).ToString(), told.GetProperty("paid").GetString());
        Assert.Equal(4096UL, view.Paid);
        Assert.Equal(view.From, told.GetProperty("opensAtPeriod").GetUInt32());
        Assert.Equal(view.End, told.GetProperty("endsAtPeriod").GetUInt32());
        JsonElement[] slots = [.. told.GetProperty("slots").EnumerateArray()];
        Assert.Equal(["filled", "filled", "vacant"], slots.Select(slot => slot.GetProperty("state").GetString()));
        Assert.Equal(_market.Root.ToString(), slots[0].GetProperty("root").GetString());
        Assert.Equal(period.Value, slots[0].GetProperty("lastProvedPeriod").GetUInt32());
        Assert.Equal(JsonValueKind.Null, slots[1].GetProperty("lastProvedPeriod").ValueKind);

        JsonElement node = await keeper.GetAsync($"/v1/nodes/{_first}");
        NodeView registered = await _market.Contracts.NodeRegistry.NodeAsync(_first.Value);
        Assert.Equal(registered.Hot.ToString(), node.GetProperty("address").GetString());
        Assert.Equal("0.01", node.GetProperty("price").GetString());
        Assert.Equal(TokenAmount.FromUnits(4096).ToString(), node.GetProperty("earned").GetString());

        // The period after, anyone may mint what it earned as reward, and the end of the deal gives the rest back.
        for (int i = 0; i < 6; i++) await _market.NextPeriodAsync();
        await _market.Contracts.Bank.MintRewardAsync([_first.Value]);
        await _market.Contracts.StorageMarket.SettleAsync([deal.ToWord()]);
        JsonElement ended = await keeper.UntilAsync($"/v1/deals/{deal}", answer => answer.GetProperty("state").GetString() == "ended" && answer.GetProperty("refunded").GetString() != "0");
        DealView settled = await _market.Contracts.Lens.DealAsync(deal.ToWord());
        Assert.Equal(TokenAmount.FromUnits(settled.Refunded).ToString(), ended.GetProperty("refunded").GetString());
        Assert.NotEqual("0", (await keeper.GetAsync($"/v1/nodes/{_first}")).GetProperty("rewarded").GetString());
    }

    [Fact]
    public async Task A_reorganisation_takes_back_deals_and_nodes_that_are_no_longer()
    {
        await using KeeperProcess keeper = await KeeperProcess.StartAsync(_market, _folder);
        await keeper.UntilAsync("/v1/nodes", answer => answer.GetProperty("nodes").GetArrayLength() == 2);
        string before = await _market.Chain.SnapshotAsync();
        DealId lost = await _market.OpenAsync(1, 5, _first);
        await _market.RegisterAsync("0.5");
        await keeper.UntilAsync("/v1/nodes", answer => answer.GetProperty("nodes").GetArrayLength() == 3);
        Assert.Equal(1, (await keeper.GetAsync($"/v1/deals/{lost}")).GetProperty("id").GetInt32());

        await _market.Chain.RevertAsync(before);
        await _market.Contracts.NodeRegistry.SetOfferAsync(_first.Value, 77, 1);
        DealId kept = await _market.OpenAsync(2, 5, _second);
        await keeper.UntilAsync($"/v1/deals/{kept}", answer => answer.TryGetProperty("id", out JsonElement id) && id.GetInt32() == 2);
        JsonElement nodes = await keeper.GetAsync("/v1/nodes");
        Assert.Equal(2, nodes.GetProperty("nodes").GetArrayLength());
        Assert.Equal(TokenAmount.FromUnits(77).ToString(), nodes.GetProperty("nodes")[0].GetProperty("price").GetString());
        Assert.True((await keeper.GetAsync($"/v1/deals/{lost}")).TryGetProperty("error", out _));
        Block head = await _market.HeadAsync();
        await keeper.UntilAsync("/v1/nodes", answer => answer.GetProperty("blockHash").GetString() == head.Hash.ToString());
    }

    [Fact]
    public async Task No_price_that_a_stranger_may_set_stops_the_keeper()
    {
        await _market.Contracts.NodeRegistry.SetOfferAsync(_first.Value, ulong.MaxValue, uint.MaxValue);
        await _market.Contracts.NodeRegistry.RegisterAsync(_market.Client, 100 * TokenAmount.UnitsPerToken, 1UL << 63, uint.MaxValue, default, "https://127.0.0.1:1");
        DealId after = await _market.OpenAsync(1, 5, _second);
        await using KeeperProcess keeper = await KeeperProcess.StartAsync(_market, _folder);
        await keeper.UntilAsync($"/v1/deals/{after}", answer => answer.TryGetProperty("id", out _));
        JsonElement[] nodes = [.. (await keeper.GetAsync("/v1/nodes")).GetProperty("nodes").EnumerateArray()];
        string[] prices = [.. nodes.Select(node => node.GetProperty("price").GetString()!)];
        Assert.Equal([TokenAmount.FromUnits(long.MaxValue).ToString(), "0.02", TokenAmount.FromUnits(long.MaxValue).ToString()], prices);
    }

    [Fact]
    public async Task A_slot_that_is_lost_and_filled_again_before_its_first_period_does_not_stop_the_keeper()
    {
        await _market.NextPeriodAsync();
        DealId deal = await _market.OpenAsync(1, 5, _first);
        await _market.Contracts.StorageMarket.DeclareLossAsync(deal.ToWord(), 0);
        await _market.FillAsync(deal, 0, _second);
        DealView view = await _market.Contracts.Lens.DealAsync(deal.ToWord());
        Assert.Equal((_second.Value, view.From), (view.Slots[0].Node, view.Slots[0].From));
        await using KeeperProcess keeper = await KeeperProcess.StartAsync(_market, _folder);
        JsonElement told = await keeper.UntilAsync($"/v1/deals/{deal}", answer => answer.TryGetProperty("id", out _));
        Assert.Equal(_second.Value, told.GetProperty("slots")[0].GetProperty("node").GetUInt32());
        await keeper.UntilAsync("/v1/health", answer => answer.GetProperty("status").GetString() == "ok");
    }

    [Fact]
    public async Task A_keeper_that_was_away_goes_on_where_it_stood_with_the_same_key()
    {
        Address key;
        await using (KeeperProcess keeper = await KeeperProcess.StartAsync(_market, _folder))
        {
            key = keeper.Key;
            await keeper.UntilAsync("/v1/nodes", answer => answer.GetProperty("nodes").GetArrayLength() == 2);
        }

        DealId deal = await _market.OpenAsync(9, 5, _first);
        await using KeeperProcess again = await KeeperProcess.StartAsync(_market, _folder);
        await again.UntilAsync($"/v1/deals/{deal}", answer => answer.TryGetProperty("id", out _));
        Assert.Equal(2, (await again.GetAsync("/v1/nodes")).GetProperty("nodes").GetArrayLength());
        Assert.Equal(key, again.Key);
    }

    [Fact]
    public async Task A_keeper_announces_itself_and_is_found_and_believed_from_the_chain_alone()
    {
        // The port must be known before the keeper listens, because it goes on chain.
        int port = LocalPorts.Take();
        var url = new Uri($"http://127.0.0.1:{port}");
        using Account key = KeeperKey.OpenOrCreate(Path.Combine(_folder.Path, "keeper-key.json"), KeeperProcess.Passphrase, KeyStoreStrength.Light);
        await _market.Chain.SetBalanceAsync(key.Address, System.Numerics.BigInteger.Pow(10, 18));
        await using KeeperProcess keeper = await KeeperProcess.StartAsync(_market, _folder, options => options with { Listen = url, AnnounceUrl = url });
        KeeperView[] announced = [];
        for (DateTime end = DateTime.UtcNow.AddSeconds(30); announced.Length == 0 && DateTime.UtcNow < end; await Task.Delay(50))
            announced = await _market.Contracts.NodeRegistry.KeepersAsync(1, 10);

        var peer = new KeeperPeer(PeerEndpoint.Parse(announced[0].Endpoint), announced[0].Key);
        Block head = await _market.HeadAsync();
        await keeper.UntilAsync("/v1/nodes", answer => answer.GetProperty("block").GetUInt64() == head.Number);
        var sight = new ChainSight(new BlockNumber(head.Number), async (block, token) => (await _market.Contracts.Web3.Eth.GetBlockAsync(BlockParameter.At(block), token))?.Hash);
        KeeperSightings seen = await new KeeperPanel(EndpointGate.ForChain(31337), new ChainMessageVerifier()).AskAsync([peer], new NodeQuery(), sight, CancellationToken.None);
        Assert.Equal(1, seen.Answered);
        Assert.Equal([_first, _second], seen.Nodes.Keys.Order());
    }

    [Fact]
    public async Task A_live_node_registered_on_chain_is_seen_online()
    {
        await using TestNode node = await TestNode.StartAsync(3, new MarketScope(Testing.LocalChain.ChainId, _market.Contracts.StorageMarket.Address));
        await _market.RegisterAsync("0.03", node.Entry.Endpoint, node.Entry.Fingerprint, node.Hot);
        await using KeeperProcess keeper = await KeeperProcess.StartAsync(_market, _folder, options => options with { PingFrame = TimeSpan.FromSeconds(4) });
        JsonElement seen = await keeper.UntilAsync("/v1/nodes?online=true", answer => answer.GetProperty("nodes").GetArrayLength() == 1);
        Assert.Equal(3, seen.GetProperty("nodes")[0].GetProperty("id").GetInt32());
        JsonElement dead = await keeper.UntilAsync("/v1/nodes?online=false", answer => answer.GetProperty("nodes").GetArrayLength() == 2);
        Assert.Equal([1, 2], dead.GetProperty("nodes").EnumerateArray().Select(one => one.GetProperty("id").GetInt32()));
    }

    [Theory]
    [InlineData("StorageMarket", "The address of StorageMarket is missing.")]
    public async Task Wrong_settings_are_named_before_anything_starts(string missing, string expected)
    {
        var addresses = _market.Deployment.Addresses.Where(pair => pair.Key != missing).ToDictionary(StringComparer.Ordinal);
        var options = new KeeperOptions
        {
            DataDir = _folder.Path,
            Deployment = new Chain.Deployment(31337, addresses, _market.Chain.Url),
            Passphrase = "x",
        };
        MarketException failure = await Assert.ThrowsAsync<MarketException>(() => KeeperHost.RunAsync(options, CancellationToken.None));
        Assert.Equal(MarketErrorCode.Usage, failure.Code);
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
    }
}

/// <summary>A keeper as the command line runs it, in this process.</summary>
internal sealed class KeeperProcess : IAsyncDisposable
{
    public const string Passphrase = "a passphrase";

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;
    private readonly HttpClient _http;
    private readonly string _log;

    private KeeperProcess(Task run, CancellationTokenSource stop, Uri url, Address key, string log)
    {
        _log = log;
        _run = run;
        _stop = stop;
        _http = new HttpClient { BaseAddress = url };
        Key = key;
    }

    public Address Key { get; }

    public static async Task<KeeperProcess> StartAsync(MarketOnChain market, TestFolder folder, Func<KeeperOptions, KeeperOptions>? change = null)
    {
        var options = new KeeperOptions
        {
            DataDir = folder.Path,
            Deployment = market.Deployment,
            Passphrase = Passphrase,
            KeyStrength = KeyStoreStrength.Light,
            PingFrame = TimeSpan.FromMinutes(10),
            LogFile = Path.Combine(folder.Path, "keeper.log"),
        };
        var stop = new CancellationTokenSource();
        var listening = new TaskCompletionSource<(Uri Url, Address Key)>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = KeeperHost.RunAsync(change?.Invoke(options) ?? options, stop.Token, (url, key) => listening.SetResult((url, key)));
        (Uri url, Address key) = await Patience.FirstAsync(listening.Task, run, "the keeper");
        return new KeeperProcess(run, stop, url, key, options.LogFile);
    }

    /// <summary>The JSON of an answer, whatever its status.</summary>
    public async Task<JsonElement> GetAsync(string target)
    {
        using HttpResponseMessage answer = await _http.GetAsync(target);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
    }

    public async Task<JsonElement> UntilAsync(string target, Func<JsonElement, bool> wanted)
    {
        JsonElement answer = default;
        for (DateTime end = DateTime.UtcNow.AddSeconds(40); DateTime.UtcNow < end; await Task.Delay(50))
        {
            answer = await GetAsync(target);
            bool isFailure = answer.TryGetProperty("error", out _);
            if (!isFailure && wanted(answer)) return answer;
        }

        Assert.Fail($"Still {answer}\n{string.Join('\n', File.ReadLines(_log).TakeLast(5))}");
        return answer;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.Within(Patience.Stop, "The end of the keeper");
        _http.Dispose();
        _stop.Dispose();
    }
}
