using System.IO.Pipelines;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Storage;

namespace Marketplace.Node.Tests.Kills;

[Collection(MarketCollection.Name)]
public sealed class DrainKillTests(MarketFixture market)
{
    private const int Shards = 120;
    private const int KillsAmidMin = 3;
    private const int KillsMax = 40;
    private const int LifeMillisecondsMax = 400;

    [Fact]
    public async Task A_node_that_is_killed_while_it_empties_a_volume_goes_on_with_it_and_loses_nothing()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        await node.StopAsync();
        string deployment = await NodeChild.WriteDeploymentAsync(market, node.DataDir);
        var random = new Random(20_26);
        var acknowledged = new Dictionary<DealId, ShardCommitment>();
        string depot = Path.Combine(node.DataDir, NodeFiles.Depot);
        await using (NodeChild child = await NodeChild.StartAsync(node.DataDir, deployment))
        {
            for (int i = 0; i < Shards; i++) await UploadAsync(node, random, acknowledged);
            using NodeAdmin admin = (await NodeAdmin.FindAsync(node.DataDir, default))!;
            await admin.AddVolumeAsync(new NewVolume("files:disk2", 1 << 30, null, null), default);
        }

        int draining = 0;
        int amid = 0;
        for (int kills = 0; amid < KillsAmidMin; kills++)
        {
            Assert.True(kills < KillsMax, $"{kills} kills, only {amid} of them while shards lay on both volumes.");
            await using (NodeChild child = await NodeChild.StartAsync(node.DataDir, deployment))
            {
                using NodeAdmin admin = (await NodeAdmin.FindAsync(node.DataDir, default))!;
                // What was begun goes on by itself; what is done is done back again.
                if ((await admin.VolumesAsync(default))[draining].State != VolumeState.Draining)
                {
                    await admin.ChangeVolumeAsync(draining, new VolumeChange(null, Draining: false), default);
                    draining = 1 - draining;
                    await admin.ChangeVolumeAsync(draining, new VolumeChange(null, Draining: true), default);
                }

                await UploadAsync(node, random, acknowledged);
                await Task.Delay(random.Next(LifeMillisecondsMax));
                await child.KillAsync();
            }

            using var catalogue = ShardCatalogue.Open(Path.Combine(depot, "catalogue.db"));
            if (catalogue.Usage().Values.Count(volume => volume.Count > 1) == 2) amid++;
        }

        await using (NodeChild child = await NodeChild.StartAsync(node.DataDir, deployment))
        {
            using NodeAdmin admin = (await NodeAdmin.FindAsync(node.DataDir, default))!;
            if (draining == 1)
            {
                await admin.ChangeVolumeAsync(1, new VolumeChange(null, Draining: false), default);
                await admin.ChangeVolumeAsync(0, new VolumeChange(null, Draining: true), default);
            }

            await NodeProtocolTests.Eventually(async () => (await admin.VolumesAsync(default))[0].State == VolumeState.Drained);
            await admin.RemoveVolumeAsync(0, force: false, default);
        }

        // The last start put in order what the kills left: everything lies on the second volume, once, and nothing on the first.
        Assert.Empty(Directory.GetFiles(Path.Combine(depot, FileShardStore.ShardsFolder), "*", SearchOption.AllDirectories));
        Assert.Empty(Directory.GetFiles(Path.Combine(depot, "arriving")));
        string disk = Path.Combine(node.DataDir, "disk2");
        await using ShardDepot found = await ShardDepot.OpenAsync(
            new DepotOptions(depot, 0), [new DepotVolume(1, new FileShardStore(disk), 1 << 30)], TimeProvider.System, default);
        foreach ((DealId deal, ShardCommitment shard) in acknowledged)
        {
            Assert.Equal(shard, found.Catalogue.FindUpload(new UploadPlace(deal, 0))?.Shard);
            using IShardContent content = (await found.OpenAsync(shard.Root, default))!;
            Assert.Equal(shard, await content.RehashAsync(default));
        }

        Assert.Equal(2 * found.Catalogue.All().Count, Directory.GetFiles(Path.Combine(disk, FileShardStore.ShardsFolder), "*", SearchOption.AllDirectories).Length);
    }

    private async Task UploadAsync(RunningTestNode node, Random random, Dictionary<DealId, ShardCommitment> acknowledged)
    {
        DealId deal = market.NextDeal();
        byte[] shard = new byte[MerkleTree.LeafBytes * random.Next(1, 1_000)];
        random.NextBytes(shard);
        using NodeClient client = node.Connect(market.ClientAccount);
        (await client.UploadAsync(deal, 0, shard.Length, null, PipeReader.Create(new MemoryStream(shard)), null, default)).Got();
        acknowledged[deal] = MerkleTree.Commit(shard);
    }
}
