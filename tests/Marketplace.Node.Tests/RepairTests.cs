using System.Numerics;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node.Tests;

/// <summary>Slots that lost their holder get another by themselves: a real chain, real nodes, real bytes between them.</summary>
[Collection(MarketCollection.Name)]
public sealed class RepairTests(MarketFixture market)
{
    private const byte Held = 1;

    [Fact]
    public async Task A_lost_replica_is_made_again_by_another_node()
    {
        await using RunningTestNode first = await market.StartNodeAsync();
        await using RunningTestNode second = await market.StartNodeAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(2_500_096);
        DealView deal = await Deals.OpenAsync(market, [first, second], [shard, shard], needed: 1, periods: 30);
        await using RunningTestNode repairer = await StartRepairerAsync();
        await market.MineToProofsAsync(deal.From);

        await market.Owner.StorageMarket.DeclareLossAsync(deal.Id, 1);

        await ClaimedByAsync(repairer, deal, 1);
        await IsReadableAsync(repairer, shard);
    }

    [Fact]
    public async Task A_node_that_stays_away_is_reported_evicted_and_its_column_computed_from_the_others()
    {
        await using RunningTestNode first = await market.StartNodeAsync();
        await using RunningTestNode second = await market.StartNodeAsync();
        await using RunningTestNode gone = await market.StartNodeAsync();
        byte[][] columns = [NodeProtocolTests.RandomBytes(1_200_128), NodeProtocolTests.RandomBytes(1_200_128), new byte[1_200_128]];
        new ErasureCode(new Redundancy(2, 3)).PlanRebuild([0, 1], 2).ApplyRow(0, [columns[0], columns[1]], 0, columns[2]);
        DealView deal = await Deals.OpenAsync(market, [first, second, gone], columns, needed: 2, periods: 30);
        await gone.StopAsync();
        for (uint period = deal.From; period < deal.From + 3; period++)
        {
            await market.MineToProofsAsync(period);
            uint proved = period;
            await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(first.Id.Value, proved));
        }

        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(deal.From + 3)));
        await using RunningTestNode repairer = await StartRepairerAsync();

        // Its neighbours report the node; nobody has to tell them.
        await ClaimedByAsync(repairer, deal, 2);
        await IsReadableAsync(repairer, columns[2]);
        await gone.StartAsync();
    }

    [Fact]
    public async Task A_node_that_told_a_loss_takes_its_slot_back_with_a_whole_copy_and_not_with_the_damaged_one()
    {
        await using RunningTestNode first = await market.StartNodeAsync();
        await using RunningTestNode second = await market.StartNodeAsync();
        await using RunningTestNode loser = await StartRepairerAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(2_500_096);
        DealView deal = await Deals.OpenAsync(market, [first, second, loser], [shard, shard, shard], needed: 1, periods: 30);
        string file = Directory.GetFiles(Path.Combine(loser.DataDir, "depot", "shards"), "*.shard", SearchOption.AllDirectories).Single();
        using (FileStream bytes = File.Open(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            // One leaf of ten thousand: a proof of some leaves may well miss it.
            bytes.Position = shard.Length - 100;
            bytes.WriteByte((byte)(shard[^100] ^ 1));
        }

        await market.MineToProofsAsync(deal.From);
        await market.Owner.StorageMarket.DeclareLossAsync(deal.Id, 2);

        await ClaimedByAsync(loser, deal, 2);
        await IsReadableAsync(loser, shard);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_client_of_a_deal_cannot_take_from_a_repairer_what_a_bond_lies_for(bool isUploadedBefore)
    {
        await using RunningTestNode first = await market.StartNodeAsync();
        await using RunningTestNode second = await market.StartNodeAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(2_500_096);
        DealView deal = await Deals.OpenAsync(market, [first, second], [shard, shard], needed: 1, periods: 30);
        await using RunningTestNode repairer = await StartRepairerAsync();
        using NodeClient client = repairer.Connect(market.ClientAccount);
        DealId id = DealId.FromWord(deal.Id);
        if (isUploadedBefore) (await NodeProtocolTests.Upload(client, id, shard, 1)).Got();
        await market.MineToProofsAsync(deal.From);
        await market.Owner.StorageMarket.DeclareLossAsync(deal.Id, 1);
        await NodeProtocolTests.Eventually(async () =>
        {
            if ((await market.Client.Lens.VacancyAsync(deal.Id, 1)).ReservedBy == repairer.Id.Value) return true;
            await market.Chain.MineAsync(1);
            return false;
        });

        // Nobody hands the shard out any more, so that what is gone now is gone.
        await first.StopAsync();
        await second.StopAsync();
        await client.DeleteUploadAsync(id, 1, default);
        (await NodeProtocolTests.Upload(client, id, new byte[256], 1)).Got();

        await ClaimedByAsync(repairer, deal, 1);
        await first.StartAsync();
        await second.StartAsync();
    }

    /// <summary>A node whose hot key has money for bonds.</summary>
    private async Task<RunningTestNode> StartRepairerAsync()
    {
        RunningTestNode node = await market.StartNodeAsync();
        await market.DepositForAsync(NodeKeys.ReadPublic(node.DataDir).Hot, TokenAmount.Parse("10"));
        return node;
    }

    private async Task ClaimedByAsync(RunningTestNode repairer, DealView deal, int slot)
    {
        // Blocks come as on a chain that runs, one at a time, and not much faster than the node looks at them.
        bool isTurn = false;
        await NodeProtocolTests.Eventually(async () =>
        {
            SlotView now = (await market.Client.Lens.DealAsync(deal.Id)).Slots[slot];
            if ((byte)now.State == Held && now.Node == repairer.Id.Value) return true;
            isTurn = !isTurn;
            if (isTurn) await market.Chain.MineAsync(1);
            return false;
        });
        uint next = market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value + 1;
        await market.MineToProofsAsync(next);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(repairer.Id.Value, next));
    }

    private static async Task IsReadableAsync(RunningTestNode node, byte[] shard)
    {
        using NodeClient reader = node.Connect(null);
        byte[] read = new byte[4096];
        NodeAnswer<int> answer = await reader.ReadAsync(MerkleTree.Commit(shard), shard.Length - 4096, read, null, default);
        Assert.Equal(NodeOutcome.Ok, answer.Outcome);
        Assert.Equal(shard.AsSpan(shard.Length - 4096).ToArray(), read);
    }
}
