using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Storage;

namespace Marketplace.Node.Tests;

/// <summary>A lost shard is made from real nodes, one of which hands out as slowly as it may.</summary>
[Collection(MarketCollection.Name)]
public sealed class SlowSourceTests(MarketFixture market)
{
    private static readonly TimeSpan s_enough = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_source_that_is_too_slow_is_dropped_for_another()
    {
        byte[] shard = NodeProtocolTests.RandomBytes(6 << 20);
        await using RunningTestNode slow = await market.StartNodeAsync(config: config => config with { Bandwidth = BandwidthSchedule.Parse("out 128 KiB/s") });
        await using RunningTestNode quick = await market.StartNodeAsync();
        await Deals.OpenAsync(market, [slow, quick], [shard, shard], needed: 1, periods: 5);
        ShardCommitment commitment = MerkleTree.Commit(shard);
        foreach (RunningTestNode node in (RunningTestNode[])[slow, quick])
        {
            // A stranger may read once the node has seen the deal.
            using NodeClient reader = node.Connect(null);
            await NodeProtocolTests.Eventually(async () => (await reader.ReadAsync(commitment, 0, new byte[256], null, default)).IsOk);
        }

        string folder = Directory.CreateTempSubdirectory("market-rebuild-").FullName;
        try
        {
            await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(folder, 1 << 30), TimeProvider.System, default);
            await using ShardUpload upload = (await depot.BeginAsync(new UploadPlace(market.NextDeal(), 1), shard.Length, default))!;
            using var peers = new NodeClients(EndpointGate.ForChain(EndpointGate.DevelopmentChainId), market.Facts.Scope);
            var limits = new NodeLimits { RepairGrace = TimeSpan.FromSeconds(1), RepairBytesPerSecondMin = 4 << 20 };
            var rebuild = new ShardRebuild(peers, new BandwidthCap(BandwidthSchedule.None, cap => cap.In, TimeProvider.System), limits, TimeProvider.System);

            using var enough = new CancellationTokenSource(s_enough);
            await rebuild.WriteAsync(null, 1, shard.Length, [SourceOf(slow, 0, commitment), SourceOf(quick, 2, commitment)], upload, enough.Token);

            Assert.Equal((UploadEnd.Kept, commitment), await upload.CompleteAsync(DateTimeOffset.UtcNow.AddHours(1), default));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static RepairSource SourceOf(RunningTestNode node, int slot, ShardCommitment shard)
    {
        (Address hot, CertificateFingerprint fingerprint) = NodeKeys.ReadPublic(node.DataDir);
        return new RepairSource(slot, shard, new NodePeer(node.Id, hot, NodeConfig.Read(node.DataDir).Url, fingerprint));
    }
}
