using System.Net;
using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Testing;
using Microsoft.Data.Sqlite;

namespace Marketplace.Node.Tests;

[Collection(MarketCollection.Name)]
public sealed class ProvingTests(MarketFixture market)
{
    private static readonly NodeLimits s_limits = new() { CollectEveryPeriods = 2, WatchEvery = TimeSpan.FromSeconds(1) };

    [Fact]
    public async Task Every_period_is_proved_once_through_restarts_and_double_runs_and_the_money_arrives()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits);
        byte[] shard = NodeProtocolTests.RandomBytes(300_032);
        DealView deal = await Deals.OpenAsync(market, node, shard, periods: 6);
        await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(256), periods: 3);
        Assert.Equal(node.Id.Value, deal.Slots[0].Node);
        EscrowAccount before = await market.Owner.Escrow.AccountOfAsync(market.Owner.Web3.Account!.Address);

        await ProveAsync(node, deal.From);
        await node.StopAsync();
        await node.StartAsync();
        await ProveAsync(node, deal.From + 1);
        await using (RunningTestNode twin = await StartTwinAsync(node))
        {
            await ProveAsync(node, deal.From + 2);
            await ProveAsync(node, deal.From + 3);
        }

        await ProveAsync(node, deal.From + 4);
        await ProveAsync(node, deal.From + 5);
        IReadOnlyList<uint> proved = [.. (await market.Client.StorageMarket.ProvedEvents.GetAllChangesAsync(0, (await market.TipAsync()).Value))
            .Where(log => log.Event.Node == node.Id.Value).Select(log => log.Event.Period)];
        Assert.Equal(Enumerable.Range((int)deal.From, 6).Select(period => (uint)period), proved);

        // The shard is anybody's to read now, and its slot says what was paid.
        using NodeClient reader = node.Connect(null);
        ShardCommitment commitment = MerkleTree.Commit(shard);
        Assert.Equal(NodeOutcome.Ok, (await reader.ReadAsync(commitment, 4096, new byte[8192], null, default)).Outcome);
        Assert.Equal(commitment.Root, (await reader.GetRootAsync(commitment, deep: true, default)).Got().Root);
        DealView after = await market.Client.Lens.DealAsync(deal.Id);
        Rate.TryDecode(deal.Rate, out Rate rate);
        Assert.Equal(6UL * rate.Units, after.Slots[0].Paid);

        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(deal.From + 7)));
        await NodeProtocolTests.Eventually(async () =>
            (await market.Owner.Escrow.AccountOfAsync(market.Owner.Web3.Account!.Address)).Free >= before.Free + (6 * rate.Units));
        // The operator's page has it all, too; which month it was, the blocks tell only about.
        using HttpClient @operator = node.Operator();
        await NodeProtocolTests.Eventually(async () =>
        {
            JsonElement page = JsonDocument.Parse(await @operator.GetStringAsync("/v1/admin/overview")).RootElement;
            return Earned(page, "earnedThisMonth") + Earned(page, "earnedLastMonth") >= TokenAmount.FromUnits(6 * rate.Units) && page.GetProperty("provedShare").GetDouble() == 1;
        });
        Assert.NotEmpty(await market.Owner.Bank.RewardMintedEvents.GetAllChangesAsync(0, (await market.TipAsync()).Value));
    }

    [Fact]
    public async Task A_disk_that_takes_no_more_records_does_not_keep_a_node_from_proving()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits);
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(300_032), periods: 6);
        await ProveAsync(node, deal.From);
        // What SQLite says on a full disk, at the one write that each period asks for.
        Records(node, "CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");

        await ProveAsync(node, deal.From + 1);
        DealView later = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 6);
        await ProveAsync(node, later.From);

        Records(node, "DROP TRIGGER full");
        await ProveAsync(node, later.From + 1);
    }

    [Fact]
    public async Task A_shard_goes_when_its_deal_is_over_and_not_before()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits);
        byte[] shard = NodeProtocolTests.RandomBytes(1024);
        DealView deal = await Deals.OpenAsync(market, node, shard, periods: 2);
        ShardCommitment commitment = MerkleTree.Commit(shard);
        using NodeClient reader = node.Connect(null);

        await ProveAsync(node, deal.From);
        await ProveAsync(node, deal.From + 1);
        Assert.Equal(NodeOutcome.Ok, (await reader.ReadAsync(commitment, 0, new byte[1024], null, default)).Outcome);
        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(deal.End + 2)));

        await NodeProtocolTests.Eventually(async () => (await reader.ReadAsync(commitment, 0, new byte[1024], null, default)).Outcome == NodeOutcome.NotFound);
        Assert.Equal(0, (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).UsedBytes);
    }

    [Fact]
    public async Task A_node_goes_on_with_another_hot_key_that_its_owner_named()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits);
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 6);
        await node.StopAsync();

        NodeRekeyed made = await NodeSetup.RekeyAsync(node.DataDir, RunningTestNode.Passphrase, market.Owner, KeyStoreStrength.Light, default);
        Assert.False(made.InUse);
        Assert.Equal(made, await NodeSetup.RekeyAsync(node.DataDir, RunningTestNode.Passphrase, market.Owner, KeyStoreStrength.Light, default));
        await Assert.ThrowsAsync<MarketException>(() => NodeSetup.RekeyAsync(node.DataDir, "wrong", market.Owner, KeyStoreStrength.Light, default));
        await NodeSetup.SetHotAsync(node.Id, made.Hot, market.Owner, default);
        Assert.True((await NodeSetup.RekeyAsync(node.DataDir, RunningTestNode.Passphrase, market.Owner, KeyStoreStrength.Light, default)).InUse);

        await node.StartAsync();
        await ProveAsync(node, deal.From);
        await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(512), periods: 3);
    }

    [Fact]
    public async Task A_node_that_lost_a_shard_says_so()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits);
        byte[] shard = NodeProtocolTests.RandomBytes(1024);
        DealView deal = await Deals.OpenAsync(market, node, shard, periods: 2);
        foreach (string file in Directory.GetFiles(Path.Combine(node.DataDir, "depot", "shards"), "*.shard", SearchOption.AllDirectories)) File.Delete(file);

        await market.MineToProofsAsync(deal.From);

        await NodeProtocolTests.Eventually(async () => (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).Trouble?.Contains("cannot be proved", StringComparison.Ordinal) == true);
        Assert.False(await market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
    }

    private static void Records(RunningTestNode node, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(node.DataDir, "depot", "catalogue.db")};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private async Task ProveAsync(RunningTestNode node, uint period)
    {
        await market.MineToProofsAsync(period);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, period));
    }

    private static TokenAmount Earned(JsonElement page, string name) => TokenAmount.Parse(page.GetProperty(name).GetString()!);

    /// <summary>The same keys and the same number in another folder and on another port, as a careless operator may start them.</summary>
    private async Task<RunningTestNode> StartTwinAsync(RunningTestNode node)
    {
        string folder = Path.Combine(Directory.CreateTempSubdirectory("market-twin-").FullName, "data");
        await node.StopAsync();
        foreach (string file in Directory.GetFiles(node.DataDir, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(folder, Path.GetRelativePath(node.DataDir, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        string settings = Path.Combine(folder, NodeConfig.FileName);
        var elsewhere = new IPEndPoint(IPAddress.Loopback, LocalPorts.Take());
        await File.WriteAllTextAsync(settings, (NodeConfig.Read(folder) with { Listen = elsewhere }).ToString());
        await node.StartAsync();
        return await RunningTestNode.StartAsync(market, folder, s_limits);
    }
}
