using System.Numerics;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Marketplace.Node.Tests;

/// <summary>Slots that lost their holder get another by themselves: a real chain, real nodes, real bytes between them.</summary>
[Collection(MarketCollection.Name)]
public sealed class RepairTests(MarketFixture market)
{
    private const byte Held = 1;
    private const byte Lost = 2;

    [Fact]
    public async Task A_lost_replica_is_made_again_by_another_node()
    {
        await using RunningTestNode first = await StartHolderAsync();
        await using RunningTestNode second = await StartHolderAsync();
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
        await using RunningTestNode first = await StartHolderAsync();
        await using RunningTestNode second = await StartHolderAsync();
        await using RunningTestNode gone = await StartHolderAsync();
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
        await using RunningTestNode first = await StartHolderAsync();
        await using RunningTestNode second = await StartHolderAsync();
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
        await using RunningTestNode first = await StartHolderAsync();
        await using RunningTestNode second = await StartHolderAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(2_500_096);
        DealView deal = await Deals.OpenAsync(market, [first, second], [shard, shard], needed: 1, periods: 30);
        await using RunningTestNode repairer = await StartRepairerAsync();
        using NodeClient client = repairer.Connect(market.ClientAccount);
        DealId id = DealId.FromWord(deal.Id);
        if (isUploadedBefore) (await NodeProtocolTests.Upload(client, id, shard, 1)).Got();
        await market.MineToProofsAsync(deal.From);
        await market.Owner.StorageMarket.DeclareLossAsync(deal.Id, 1);
        await ReservedByAsync(repairer, deal, 1);

        // Nobody hands the shard out any more, so that what is gone now is gone.
        await first.StopAsync();
        await second.StopAsync();
        await client.DeleteUploadAsync(id, 1, default);
        (await NodeProtocolTests.Upload(client, id, new byte[256], 1)).Got();

        await ClaimedByAsync(repairer, deal, 1);
        await first.StartAsync();
        await second.StartAsync();
    }

    [Fact]
    public async Task A_repairer_that_was_restarted_claims_what_it_reserved()
    {
        await using RunningTestNode first = await StartHolderAsync();
        await using RunningTestNode second = await StartHolderAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(4096);
        DealView deal = await Deals.OpenAsync(market, [first, second], [shard, shard], needed: 1, periods: 30);
        // On a real chain a period has about as many blocks as a node looks back at its start.
        await using RunningTestNode repairer = await StartRepairerAsync(limits: new NodeLimits { RepairLookBackBlocks = 1 });
        await market.MineToProofsAsync(deal.From);
        await market.Owner.StorageMarket.DeclareLossAsync(deal.Id, 1);
        await ReservedByAsync(repairer, deal, 1);
        await repairer.StopAsync();
        await market.MineToAsync(market.Facts.Schedule.FirstBlock(market.Facts.Schedule.PeriodOf(await market.TipAsync()) + 1));

        await repairer.StartAsync();

        await ClaimedByAsync(repairer, deal, 1);
    }

    [Fact]
    public async Task A_bond_comes_back_when_the_evicted_holder_cures_itself_and_the_stake_of_one_that_does_not_comes_home()
    {
        await using RunningTestNode witness = await StartHolderAsync();
        await using RunningTestNode gone = await StartHolderAsync();
        await using RunningTestNode never = await StartHolderAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(4096);
        DealView deal = await Deals.OpenAsync(market, [witness, gone], [shard, shard], needed: 1, periods: 30);
        DealView other = await Deals.OpenAsync(market, [witness, never], [shard, shard], needed: 1, periods: 30);
        await gone.StopAsync();
        await never.StopAsync();
        uint period = Math.Max(deal.From, other.From);
        for (int missed = 0; missed < 3; missed++, period++)
        {
            await market.MineToProofsAsync(period);
            uint proved = period;
            await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(witness.Id.Value, proved));
        }

        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(period)));
        foreach (RunningTestNode node in (RunningTestNode[])[gone, never])
        {
            if (!(await market.Client.Lens.StandingAsync(node.Id.Value)).Evicted) await market.Client.StorageMarket.EvictAsync(node.Id.Value, period - 3, period - 2, period - 1);
        }

        await using RunningTestNode repairer = await StartRepairerAsync(limits: new NodeLimits { RepairLookBackBlocks = 1 });
        await ReservedByAsync(repairer, deal, 1);
        await repairer.StopAsync();

        await gone.StartAsync();
        await UntilAsync(async () => !(await market.Client.Lens.StandingAsync(gone.Id.Value)).Evicted);
        await repairer.StartAsync();
        await UntilAsync(async () => VacancyWord.Read(await market.Client.StorageMarket.VacancyWordAsync(deal.Id, 1)) == default);
        ReservationEndedEvent ended = (await market.Client.StorageMarket.ReservationEndedEvents.GetAllChangesAsync(0, (await market.TipAsync()).Value))
            .Last(one => one.Event.Id == deal.Id && one.Event.Slot == 1).Event;
        Assert.Equal((repairer.Id.Value, BigInteger.Zero), (ended.Node, ended.ToClient));

        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(period + market.Facts.CurePeriods + 2)));
        await never.StartAsync();
        await NodeProtocolTests.Eventually(async () =>
            (await market.Client.NodeRegistry.NodeAsync(never.Id.Value)).Stake == (await market.Client.Lens.StandingAsync(never.Id.Value)).Pot);
    }

    [Fact]
    public async Task A_shard_that_is_handed_out_slowly_keeps_no_other_from_being_made()
    {
        await using RunningTestNode slow = await StartHolderAsync(BandwidthSchedule.Parse("out 128 KiB/s"));
        await using RunningTestNode quick = await StartHolderAsync();
        await using RunningTestNode loser = await StartHolderAsync();
        byte[] large = NodeProtocolTests.RandomBytes(8 << 20), small = NodeProtocolTests.RandomBytes(4096);
        DealView slowly = await Deals.OpenAsync(market, [slow, loser], [large, large], needed: 1, periods: 30);
        DealView quickly = await Deals.OpenAsync(market, [quick, loser], [small, small], needed: 1, periods: 30);
        await using RunningTestNode repairer = await StartRepairerAsync();
        await market.MineToProofsAsync(Math.Max(slowly.From, quickly.From));
        await market.Owner.StorageMarket.DeclareLossAsync(slowly.Id, 1);
        // By then its bytes are on their way, a minute of them.
        await market.Chain.MineAsync(market.Facts.Schedule.PeriodBlocks / 2);
        string arriving = Path.Combine(repairer.DataDir, "depot", "arriving");
        await NodeProtocolTests.Eventually(() => Task.FromResult(Directory.EnumerateFiles(arriving).Any()));

        await market.Owner.StorageMarket.DeclareLossAsync(quickly.Id, 1);

        await ClaimedByAsync(repairer, quickly, 1);
        Assert.Equal(Lost, (byte)(await market.Client.Lens.DealAsync(slowly.Id)).Slots[1].State);
    }

    [Fact]
    public async Task A_slot_for_which_the_node_has_no_price_keeps_it_from_no_other()
    {
        await using RunningTestNode keeper = await StartHolderAsync();
        await using RunningTestNode loser = await StartHolderAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(4096);
        uint rate = Rate.FromUnitsUp(TokenAmount.UnitsPerToken).Encoded;
        DealView good = await Deals.OpenAsync(market, [keeper, loser], [shard, shard], needed: 1, periods: 20, rate);
        await using RunningTestNode liar = await StartHolderAsync();
        DealView absurd = await OpenUnseenAsync(liar, MerkleTree.LeavesMax, rate, periods: 20);
        await liar.StopAsync();
        await using RunningTestNode repairer = await StartRepairerAsync(config: config => config with { Price = new Price(TokenAmount.Parse("1000000")) });
        await market.MineToProofsAsync(Math.Max(good.From, absurd.From));
        await market.Owner.StorageMarket.DeclareLossAsync(absurd.Id, 0);
        await market.Owner.StorageMarket.DeclareLossAsync(good.Id, 1);

        await ClaimedByAsync(repairer, good, 1);
    }

    [Fact]
    public async Task What_failed_waits_longer_each_time_and_lets_others_go_first()
    {
        await using RunningTestNode keeper = await StartHolderAsync();
        await using RunningTestNode loser = await StartHolderAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(1024);
        DealView first = await Deals.OpenAsync(market, [keeper, loser], [shard, shard], needed: 1, periods: 10);
        DealView second = await Deals.OpenAsync(market, [keeper, loser], [shard, shard], needed: 1, periods: 10);
        await market.MineToProofsAsync(Math.Max(first.From, second.From));
        await market.Owner.StorageMarket.DeclareLossAsync(first.Id, 1);
        await market.Owner.StorageMarket.DeclareLossAsync(second.Id, 1);
        var time = new SetClock(DateTimeOffset.UtcNow);
        var watch = new RepairWatch(new NodeChain(market.Client, keeper.Id, market.Facts), new NodeLimits { RepairLookBackBlocks = 1 }, time, NullLogger.Instance);
        VacantSlot[] known = await ReadAsync();
        Assert.Equal([first.Id, second.Id], known.Select(slot => slot.Deal.ToWord()));

        watch.PutOff(known[0]);
        Assert.Equal([known[1]], await ReadAsync());
        time.Advance(TimeSpan.FromSeconds(2));
        // Set back by a time service: what has passed has passed.
        time.WrongBy = TimeSpan.FromHours(-8);
        Assert.Equal([known[1], known[0]], await ReadAsync());
        watch.PutOff(known[0]);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal([known[1]], await ReadAsync());
        // Never longer than a quarter of a period.
        for (int i = 0; i < 100; i++) watch.PutOff(known[0]);
        time.Advance(market.Facts.Schedule.PeriodLength / 4);
        Assert.Equal([known[1], known[0]], await ReadAsync());

        async Task<VacantSlot[]> ReadAsync() =>
            [.. (await watch.ReadAsync(await market.TipAsync(), default)).Where(slot => slot.Deal.ToWord() == first.Id || slot.Deal.ToWord() == second.Id)];
    }

    [Fact]
    public async Task No_more_slots_are_reserved_than_the_stake_covers_and_what_is_reserved_is_promised_to_nobody_else()
    {
        await using RunningTestNode first = await StartHolderAsync();
        await using RunningTestNode second = await StartHolderAsync();
        await using RunningTestNode third = await StartHolderAsync();
        // 1,000 tokens of stake cover thirty periods of 33 tokens: two such rates and not three.
        uint rate = Rate.FromUnitsUp(TokenAmount.UnitsPerToken * 14).Encoded;
        byte[] shard = NodeProtocolTests.RandomBytes(4096);
        var deals = new List<DealView>();
        foreach (RunningTestNode[] holders in (RunningTestNode[][])[[first, second], [second, third], [third, first]])
        {
            deals.Add(await Deals.OpenAsync(market, holders, [shard, shard], needed: 1, periods: 12, rate));
        }

        await using RunningTestNode repairer = await StartRepairerAsync("2000");
        await market.MineToProofsAsync(deals[^1].From);
        foreach (DealView deal in deals) await market.Owner.StorageMarket.DeclareLossAsync(deal.Id, 1);

        await UntilAsync(async () => (await TakenAsync()).Reserved >= 2);
        using NodeClient client = repairer.Connect(market.ClientAccount);
        DealId asked = market.NextDeal();
        UploadReceipt receipt = (await NodeProtocolTests.Upload(client, asked, shard)).Got();
        NodeAnswer<SignedAcceptance> answer = await client.AcceptAsync(asked, 0, (await Deals.TermsAsync(market, receipt)) with { Rate = rate }, default);
        Assert.Contains("stake", answer.Refusal?.Message, StringComparison.Ordinal);

        // By the time that both are claimed it had its turn at the third.
        await UntilAsync(async () =>
        {
            (int reserved, int held) = await TakenAsync();
            Assert.InRange(reserved + held, 0, 2);
            return held == 2;
        });

        async Task<(int Reserved, int Held)> TakenAsync()
        {
            int reserved = 0, held = 0;
            foreach (DealView deal in deals)
            {
                SlotView slot = (await market.Client.Lens.DealAsync(deal.Id)).Slots[1];
                if ((byte)slot.State == Held && slot.Node == repairer.Id.Value) held++;
                else if ((await market.Client.Lens.VacancyAsync(deal.Id, 1)).ReservedBy == repairer.Id.Value) reserved++;
            }

            return (reserved, held);
        }
    }

    /// <summary>A deal of one slot for bytes that nobody has: its client and its node are one.</summary>
    private async Task<DealView> OpenUnseenAsync(RunningTestNode node, long leaves, uint rate, uint periods)
    {
        DealId deal = market.NextDeal();
        BlockNumber tip = await market.TipAsync();
        PeriodNumber end = market.Facts.Schedule.PeriodOf(tip) + 1 + periods;
        using NodeKeys keys = NodeKeys.Open(node.DataDir, RunningTestNode.Passphrase);
        SignedAcceptance promise = PromiseSignature.Sign(market.Facts.Scope, keys.Hot, new SignedAcceptance(
            node.Id, deal.Client, deal.Number, 0, MerkleTree.Commit(new byte[256]).Root, leaves, rate, end, new BlockNumber(tip.Value + market.Facts.Schedule.PeriodBlocks - 2), null, ""));
        await market.Client.StorageMarket.OpenDealAsync(deal.Client, Deals.TermsOf(promise, end.Value), [Deals.AcceptanceOf(promise)]);
        return await market.Client.Lens.DealAsync(deal.ToWord());
    }

    /// <summary>A node that keeps what it has and takes over nothing, whatever it earned, so that it is not faster than the repairer.</summary>
    private Task<RunningTestNode> StartHolderAsync(BandwidthSchedule? bandwidth = null) =>
        market.StartNodeAsync(config: config => config with { LeastBounty = TokenAmount.Parse("1000000"), Bandwidth = bandwidth ?? config.Bandwidth });

    /// <summary>A node whose hot key has money for bonds.</summary>
    private async Task<RunningTestNode> StartRepairerAsync(string tokens = "10", NodeLimits? limits = null, Func<NodeConfig, NodeConfig>? config = null)
    {
        RunningTestNode node = await market.StartNodeAsync(limits, config: config);
        await market.DepositForAsync(NodeKeys.ReadPublic(node.DataDir).Hot, TokenAmount.Parse(tokens));
        return node;
    }

    private Task ReservedByAsync(RunningTestNode repairer, DealView deal, int slot) =>
        UntilAsync(async () => (await market.Client.Lens.VacancyAsync(deal.Id, (byte)slot)).ReservedBy == repairer.Id.Value);

    private async Task ClaimedByAsync(RunningTestNode repairer, DealView deal, int slot)
    {
        await UntilAsync(async () =>
        {
            SlotView now = (await market.Client.Lens.DealAsync(deal.Id)).Slots[slot];
            return (byte)now.State == Held && now.Node == repairer.Id.Value;
        });
        uint next = market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value + 1;
        await market.MineToProofsAsync(next);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(repairer.Id.Value, next));
    }

    /// <summary>Blocks come as on a chain that runs, one at a time, and not much faster than the nodes look at them.</summary>
    private async Task UntilAsync(Func<Task<bool>> isSo)
    {
        bool isTurn = false;
        await NodeProtocolTests.Eventually(async () =>
        {
            if (await isSo()) return true;
            isTurn = !isTurn;
            if (isTurn) await market.Chain.MineAsync(1);
            return false;
        }, seconds: 110);
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
