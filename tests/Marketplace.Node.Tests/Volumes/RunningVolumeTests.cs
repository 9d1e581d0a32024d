using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node.Tests.Volumes;

/// <summary>Volumes of a node that runs, changed by its operator's side.</summary>
[Collection(MarketCollection.Name)]
public sealed class RunningVolumeTests(MarketFixture market)
{
    private const long Capacity = 64L << 20;
    private const byte Held = 1;
    private const byte Lost = 2;
    private static readonly NodeLimits s_limits = new() { VolumeLookEvery = TimeSpan.FromMilliseconds(100), VolumeRetryEvery = TimeSpan.FromMilliseconds(300) };

    [Fact]
    public async Task A_volume_comes_is_resized_takes_over_and_the_old_one_goes_while_every_period_is_proved()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits, Capacity);
        byte[] shard = NodeProtocolTests.RandomBytes(300_032);
        DealView deal = await Deals.OpenAsync(market, node, shard, periods: 4);
        await ProveAsync(node, deal.From);
        using NodeAdmin admin = (await NodeAdmin.FindAsync(node.DataDir, default))!;
        string folder = node.DataDir + "-disk2";

        VolumeReport added = await admin.AddVolumeAsync(new NewVolume("files:" + folder, 32 << 20, null, null), default);
        Assert.Equal((1, VolumeState.InUse, 32L << 20), (added.Id, added.State, added.CapacityBytes));
        await Assert.ThrowsAsync<MarketException>(() => admin.AddVolumeAsync(new NewVolume("files:" + folder, 32 << 20, null, null), default));
        await Assert.ThrowsAsync<MarketException>(() => admin.RemoveVolumeAsync(0, force: false, default));
        await admin.ChangeVolumeAsync(1, new VolumeChange(48 << 20, null), default);
        await OffersAsync(node, 64 + 48);

        await admin.ChangeVolumeAsync(0, new VolumeChange(null, Draining: true), default);
        await NodeProtocolTests.Eventually(async () => (await admin.VolumesAsync(default))[0].State == VolumeState.Drained);
        await OffersAsync(node, 48);
        await ProveAsync(node, deal.From + 1);
        Assert.Equal(0, (await admin.RemoveVolumeAsync(0, force: false, default)).Shards);
        MarketException only = await Assert.ThrowsAsync<MarketException>(() => admin.RemoveVolumeAsync(1, force: true, default));
        Assert.Contains("only one", only.Message, StringComparison.Ordinal);

        // All of it is in the settings, so that the next start knows it.
        Assert.Equal([new VolumeSettings(1, StoreAddress.Parse("files:" + folder), 48 << 20)], NodeConfig.Read(node.DataDir).Volumes);
        await node.StopAsync();
        await node.StartAsync();
        await ProveAsync(node, deal.From + 2);
        using NodeClient reader = node.Connect(null);
        byte[] got = new byte[8192];
        Assert.Equal(NodeOutcome.Ok, (await reader.ReadAsync(MerkleTree.Commit(shard), 4096, got, null, default)).Outcome);
        Assert.Equal(shard[4096..(4096 + got.Length)], got);
    }

    [Fact]
    public async Task A_disk_that_is_not_there_is_away_and_not_a_loss_and_comes_back_by_itself()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits, Capacity);
        string folder = node.DataDir + "-disk2";
        DealView here = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(512), periods: 5);
        using (NodeAdmin admin = (await NodeAdmin.FindAsync(node.DataDir, default))!)
        {
            // The larger volume takes what comes next.
            await admin.AddVolumeAsync(new NewVolume("files:" + folder, 4 * Capacity, null, null), default);
        }

        byte[] shard = NodeProtocolTests.RandomBytes(300_032);
        DealView there = await Deals.OpenAsync(market, node, shard, periods: 5);
        await node.StopAsync();
        Directory.Move(folder, folder + ".unmounted");
        await node.StartAsync();

        using NodeAdmin again = (await NodeAdmin.FindAsync(node.DataDir, default))!;
        VolumeReport away = (await again.VolumesAsync(default)).Single(volume => volume.Id == 1);
        Assert.Equal((VolumeState.Away, 1L), (away.State, away.Shards));
        Assert.NotNull(away.Trouble);
        using NodeClient reader = node.Connect(null);
        await NodeProtocolTests.Eventually(async () => (await reader.ReadAsync(MerkleTree.Commit(shard), 0, new byte[256], null, default)).Outcome is NodeOutcome.Refused);
        // It is drawn in this period and cannot be shown, and still nobody is told that it is lost.
        await market.MineToProofsAsync(there.From);
        await NodeProtocolTests.Eventually(async () => (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).Trouble?.Contains("away", StringComparison.Ordinal) == true);
        Assert.Equal(node.Id.Value, (await market.Client.Lens.DealAsync(there.Id)).Slots[0].Node);

        Directory.Move(folder + ".unmounted", folder);
        await NodeProtocolTests.Eventually(async () => (await again.VolumesAsync(default)).All(volume => volume.State == VolumeState.InUse));
        await ProveAsync(node, there.From + 1);
        Assert.Equal(NodeOutcome.Ok, (await reader.ReadAsync(MerkleTree.Commit(shard), 0, new byte[256], null, default)).Outcome);
        Assert.Equal(node.Id.Value, (await market.Client.Lens.DealAsync(here.Id)).Slots[0].Node);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_disk_that_stays_away_is_told_whole_before_it_costs_what_lies_elsewhere()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits, Capacity);
        string folder = node.DataDir + "-disk2";
        var deals = new List<DealView> { await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(300_032), periods: 12) };
        using (NodeAdmin admin = (await NodeAdmin.FindAsync(node.DataDir, default))!)
        {
            // The larger volume takes what comes next.
            await admin.AddVolumeAsync(new NewVolume("files:" + folder, 4 * Capacity, null, null), default);
        }

        for (int i = 0; i < 3; i++) deals.Add(await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(300_032), periods: 12));
        await node.StopAsync();
        Directory.Delete(folder, recursive: true);
        uint first = deals.Max(deal => deal.From);
        await market.MineToProofsAsync(first + LossPolicy.PeriodsMissedMax);
        await node.StartAsync();

        await NodeProtocolTests.Eventually(async () =>
        {
            byte[] states = await Task.WhenAll(deals.Select(async deal => (byte)(await market.Client.Lens.DealAsync(deal.Id)).Slots[0].State));
            return states.SequenceEqual([Held, Lost, Lost, Lost]);
        });
        Assert.Equal(first + LossPolicy.PeriodsMissedMax, market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value);
        await ProveAsync(node, first + LossPolicy.PeriodsMissedMax + 1);
    }

    [Fact]
    public async Task A_disk_that_is_unmounted_while_the_node_runs_is_away_and_uploads_go_elsewhere()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_limits, Capacity);
        string folder = node.DataDir + "-disk2";
        using NodeAdmin admin = (await NodeAdmin.FindAsync(node.DataDir, default))!;
        // The larger volume would take what comes.
        await admin.AddVolumeAsync(new NewVolume("files:" + folder, 4 * Capacity, null, null), default);
        Directory.Move(folder, folder + ".unmounted");

        await NodeProtocolTests.Eventually(async () => (await admin.VolumesAsync(default)).Single(volume => volume.Id == 1) is { State: VolumeState.Away, Trouble: not null });
        using NodeClient client = node.Connect(market.ClientAccount);
        Assert.True((await NodeProtocolTests.Upload(client, market.NextDeal(), NodeProtocolTests.RandomBytes(4096))).IsOk);

        Directory.Move(folder + ".unmounted", folder);
        await NodeProtocolTests.Eventually(async () => (await admin.VolumesAsync(default)).All(volume => volume.State == VolumeState.InUse));
        Directory.Delete(folder, recursive: true);
    }

    private async Task ProveAsync(RunningTestNode node, uint period)
    {
        await market.MineToProofsAsync(period);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, period));
    }

    private Task OffersAsync(RunningTestNode node, uint mebibytes) =>
        NodeProtocolTests.Eventually(async () => (await market.Owner.NodeRegistry.NodeAsync(node.Id.Value)).CapacityMiB == mebibytes);
}
