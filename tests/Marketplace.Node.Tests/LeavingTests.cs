using System.Net;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Testing;

namespace Marketplace.Node.Tests;

/// <summary>A node that leaves, and one that goes to another machine.</summary>
[Collection(MarketCollection.Name)]
public sealed class LeavingTests(MarketFixture market)
{
    [Fact]
    public async Task A_node_that_leaves_shows_how_far_it_is_and_sends_the_stake_home()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(2048), periods: 3);
        Assert.Null((await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).Exit);
        ulong before = (ulong)(await market.Owner.Escrow.AccountOfAsync(market.Owner.Web3.Account!.Address)).Free;

        await NodeSetup.ExitAsync(node.DataDir, market.Owner, default);

        NodeStatusView status = null!;
        await NodeProtocolTests.Eventually(async () => (status = await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).Exit is { Shards: 1 });
        uint free = deal.End + market.Facts.ExitPeriods;
        NodeExitView exit = status.Exit!;
        Assert.Equal((2048L, deal.End - 1, free, false), (exit.Bytes, exit.LastPeriod, exit.StakeFreePeriod, exit.IsDone));
        Assert.InRange(exit.StakeFreeAt, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(1));
        using (NodeClient client = node.Connect(market.ClientAccount))
        {
            DealId other = market.NextDeal();
            UploadReceipt receipt = (await NodeProtocolTests.Upload(client, other, new byte[256])).Got();
            Assert.Equal(503, (await client.AcceptAsync(other, 0, await Deals.TermsAsync(market, receipt), default)).Refusal?.Status);
        }

        // It proves to the end; nobody has to do anything after that.
        for (uint period = deal.From; period < deal.End; period++)
        {
            await market.MineToProofsAsync(period);
            uint proved = period;
            await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, proved));
        }

        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(deal.End + 1)));
        await NodeProtocolTests.Eventually(async () => (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).Exit is { Shards: 0, LastPeriod: null, IsDone: false });
        await node.StopAsync();
        // The chain alone tells the same.
        Assert.Equal((0, free, false), await StoppedAsync(node));
        await node.StartAsync();
        await market.MineToAsync(market.Facts.Schedule.FirstBlock(new PeriodNumber(free)));

        await NodeProtocolTests.Eventually(async () =>
        {
            await market.Chain.MineAsync();
            return (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).Exit is { IsDone: true };
        });
        ulong after = (ulong)(await market.Owner.Escrow.AccountOfAsync(market.Owner.Web3.Account!.Address)).Free;
        Assert.True(after >= before + TokenAmount.Parse("1000").Units, $"The owner had {before} u and has {after} u.");
    }

    [Fact]
    public async Task A_node_moves_to_another_machine_with_everything_that_it_holds()
    {
        RunningTestNode node = await market.StartNodeAsync();
        byte[] shard = NodeProtocolTests.RandomBytes(500_224);
        DealView deal = await Deals.OpenAsync(market, node, shard, periods: 30);
        DealId promised = market.NextDeal();
        byte[] uploaded = NodeProtocolTests.RandomBytes(1024);
        SignedAcceptance promise;
        using (NodeClient client = node.Connect(market.ClientAccount))
        {
            UploadReceipt receipt = (await NodeProtocolTests.Upload(client, promised, uploaded)).Got();
            promise = (await client.AcceptAsync(promised, 0, await Deals.TermsAsync(market, receipt), default)).Got();
        }

        await node.StopAsync();
        string elsewhere = Path.Combine(Directory.CreateTempSubdirectory("market-moved-").FullName, "data");
        Copy(node.DataDir, elsewhere);
        await node.DisposeAsync();
        string settings = Path.Combine(elsewhere, NodeConfig.FileName);
        var listen = new IPEndPoint(IPAddress.Loopback, LocalPorts.Take());
        await File.WriteAllTextAsync(settings, (NodeConfig.Read(elsewhere) with { Listen = listen, Url = PeerEndpoint.Https(listen) }).ToString());
        await using RunningTestNode moved = await RunningTestNode.StartAsync(market, elsewhere, null);

        // Who asks the register finds it at its new address, with what it holds and what it promised.
        Assert.Equal(PeerEndpoint.Https(listen).ToString(), (await market.Client.NodeRegistry.NodeAsync(node.Id.Value)).Endpoint);
        using NodeClient reader = moved.Connect(null);
        byte[] got = new byte[shard.Length];
        await NodeProtocolTests.Eventually(async () => (await reader.ReadAsync(MerkleTree.Commit(shard), 0, got, null, default)).IsOk);
        Assert.Equal(shard, got);
        uint now = market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value;
        await market.Client.StorageMarket.OpenDealAsync(promised.Client, Deals.TermsOf(promise, now + 5), [Deals.AcceptanceOf(promise)]);
        uint next = Math.Max(deal.From, now + 1);
        await market.MineToProofsAsync(next);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, next));
        Assert.Equal(node.Id.Value, (await market.Client.Lens.DealAsync(promised.ToWord())).Slots[0].Node);
    }

    private async Task<(int Shards, uint Free, bool IsDone)> StoppedAsync(RunningTestNode node)
    {
        NodeStatusView status = await NodeStatus.ReadAsync(node.DataDir, market.Owner, default);
        Assert.False(status.Running);
        return (status.Exit!.Shards, status.Exit.StakeFreePeriod, status.Exit.IsDone);
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
