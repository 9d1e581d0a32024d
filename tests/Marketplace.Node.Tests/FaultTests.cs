using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Marketplace.Node.Tests;

/// <summary>Questions, losses, evictions and cures, on a real chain.</summary>
[Collection(MarketCollection.Name)]
public sealed class FaultTests(MarketFixture market)
{
    private const byte Held = 1;
    private const byte Lost = 2;

    [Fact]
    public async Task A_node_shows_the_leaf_that_somebody_asks_for_and_earns_the_bond()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(300_032), periods: 8);
        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(deal.From)));

        await market.Client.StorageMarket.AskAsync(deal.Id, 0, 1_000);

        await NodeProtocolTests.Eventually(async () => (await market.Client.Lens.VacancyAsync(deal.Id, 0)).Asks == 0);
        Assert.Contains(
            await market.Client.StorageMarket.AnsweredEvents.GetAllChangesAsync(0, (await market.TipAsync()).Value),
            answered => answered.Event.Id == deal.Id && answered.Event.Node == node.Id.Value);
        Assert.Equal(Held, (byte)(await market.Client.Lens.DealAsync(deal.Id)).Slots[0].State);
    }

    [Fact]
    public async Task Many_questions_are_answered_at_once()
    {
        await using RunningTestNode node = await market.StartNodeAsync(new NodeLimits { AnswersAtOnceMax = 4 });
        var deals = new List<DealView>();
        for (int i = 0; i < 6; i++) deals.Add(await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 8));
        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(deals[^1].From)));
        await node.StopAsync();
        foreach (DealView deal in deals) await market.Client.StorageMarket.AskAsync(deal.Id, 0, 1);

        await node.StartAsync();

        foreach (DealView deal in deals) await NodeProtocolTests.Eventually(async () => (await market.Client.Lens.VacancyAsync(deal.Id, 0)).Asks == 0);
    }

    [Fact]
    public async Task A_question_that_was_asked_while_the_node_was_away_is_answered_when_it_comes_back()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 8);
        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(deal.From)));
        await node.StopAsync();
        await market.Client.StorageMarket.AskAsync(deal.Id, 0, 3);
        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(deal.From + 1)));

        await node.StartAsync();

        await NodeProtocolTests.Eventually(async () => (await market.Client.Lens.VacancyAsync(deal.Id, 0)).Asks == 0);
    }

    [Fact]
    public async Task A_node_that_finds_a_shard_damaged_tells_and_goes_on_with_the_others()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        byte[] good = NodeProtocolTests.RandomBytes(2048);
        // Drawn in nearly every period, because it is paid for a thousand times as much.
        DealView lost = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(2_048_000), periods: 30);
        DealView kept = await Deals.OpenAsync(market, node, good, periods: 30);
        await node.StopAsync();
        string file = Directory.GetFiles(Path.Combine(node.DataDir, "depot", "shards"), "*.shard", SearchOption.AllDirectories).MaxBy(path => new FileInfo(path).Length)!;
        byte[] bytes = await File.ReadAllBytesAsync(file);
        for (int i = 0; i < bytes.Length; i += 64) bytes[i] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        await node.StartAsync();

        await market.MineToProofsAsync(Math.Max(lost.From, kept.From));

        await NodeProtocolTests.Eventually(async () => (byte)(await market.Client.Lens.DealAsync(lost.Id)).Slots[0].State == Lost);
        Assert.Equal(Held, (byte)(await market.Client.Lens.DealAsync(kept.Id)).Slots[0].State);
        uint next = market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value + 1;
        await market.MineToProofsAsync(next);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, next));
    }

    [Fact]
    public async Task All_that_is_lost_is_told_in_one_period_and_a_tree_that_is_damaged_is_made_anew()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        // One of the two that are deleted is drawn in nearly every period. A tree is damaged beside the third; the others are as they were.
        var deals = new List<DealView>();
        for (int i = 0; i < 5; i++) deals.Add(await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1_024_000 + (i * 256)), periods: 30));
        await node.StopAsync();
        string[] files = [.. Directory.GetFiles(Path.Combine(node.DataDir, "depot", "shards"), "*.shard", SearchOption.AllDirectories).OrderBy(path => new FileInfo(path).Length)];
        foreach (string file in files.Take(2)) File.Delete(file);
        string tree = Path.ChangeExtension(files[2], ".tree");
        await File.WriteAllBytesAsync(tree, new byte[new FileInfo(tree).Length]);
        await node.StartAsync();

        uint period = deals.Max(deal => deal.From);
        await market.MineToProofsAsync(period);

        await NodeProtocolTests.Eventually(async () =>
        {
            byte[] states = await Task.WhenAll(deals.Select(async deal => (byte)(await market.Client.Lens.DealAsync(deal.Id)).Slots[0].State));
            return states.SequenceEqual([Lost, Lost, Held, Held, Held]);
        });
        Assert.Equal(period, market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value);
        Assert.Contains(await File.ReadAllBytesAsync(tree), one => one != 0);
        await market.MineToProofsAsync(period + 1);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, period + 1));
    }

    [Fact]
    public async Task What_failed_once_and_can_be_read_again_is_not_told()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(4096);
        DealView deal = await Deals.OpenAsync(market, node, shard, periods: 8);
        await market.MineToProofsAsync(deal.From);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
        await node.StopAsync();
        using var keys = NodeKeys.Open(node.DataDir, RunningTestNode.Passphrase);
        using var chain = new NodeChain(await MarketContracts.ConnectAsync(market.Deployment, keys.Hot, market.Chain.Url, default), node.Id, market.Facts);
        await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(Path.Combine(node.DataDir, "depot"), 1 << 30), TimeProvider.System, default);
        Assert.NotEmpty(depot.Catalogue.Ledger());
        var faults = new FaultDuties(chain, depot, NullLogger<FaultDuties>.Instance);

        await faults.TellAsync(new PeriodProof.ShardLost(MerkleTree.Commit(shard), Leaf: 3, IsWrong: true), periodsMissed: LossPolicy.PeriodsMissedMax, new PeriodNumber(deal.From), depot.Catalogue.Ledger(), default);

        Assert.Equal(Held, (byte)(await market.Client.Lens.DealAsync(deal.Id)).Slots[0].State);
    }

    [Fact]
    public async Task Damage_that_no_draw_meets_is_found_by_reading_everything()
    {
        await using RunningTestNode node = await market.StartNodeAsync(config: read => read with { ScrubEvery = TimeSpan.FromSeconds(2) });
        // Drawn hardly ever: a thousandth of what the other is paid.
        DealView lost = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 30);
        DealView kept = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(2_048_000), periods: 30);
        string file = Directory.GetFiles(Path.Combine(node.DataDir, "depot", "shards"), "*.shard", SearchOption.AllDirectories).MinBy(path => new FileInfo(path).Length)!;
        byte[] bytes = await File.ReadAllBytesAsync(file);
        bytes[700] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);

        await NodeProtocolTests.Eventually(async () => (byte)(await market.Client.Lens.DealAsync(lost.Id)).Slots[0].State == Lost);

        Assert.Equal(Held, (byte)(await market.Client.Lens.DealAsync(kept.Id)).Slots[0].State);
        // In the period of the telling nothing is proved any more.
        uint next = market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value + 1;
        await market.MineToProofsAsync(next);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, next));
    }

    [Fact]
    public async Task An_evicted_node_that_comes_back_in_time_cures_itself()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        await using RunningTestNode witness = await market.StartNodeAsync();
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(4096), periods: 30);
        DealView other = await Deals.OpenAsync(market, witness, NodeProtocolTests.RandomBytes(4096), periods: 30);
        await node.StopAsync();
        uint first = Math.Max(deal.From, other.From);
        for (uint period = first; period < first + 3; period++)
        {
            await market.MineToProofsAsync(period);
            uint proved = period;
            await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(witness.Id.Value, proved));
        }

        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(first + 3)));
        await market.Client.StorageMarket.EvictAsync(node.Id.Value, first, first + 1, first + 2);
        Assert.True((await market.Client.Lens.StandingAsync(node.Id.Value)).Evicted);
        await node.StartAsync();
        await market.MineToProofsAsync(first + 4);

        await NodeProtocolTests.Eventually(async () => !(await market.Client.Lens.StandingAsync(node.Id.Value)).Evicted);
        await market.MineToProofsAsync(first + 5);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, first + 5));
    }
}
