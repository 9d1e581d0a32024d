using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Node.Tests;

/// <summary>A chain that goes away, comes back otherwise, or disagrees about the time: the node proves all the same.</summary>
[Collection(MarketCollection.Name)]
public sealed class ChainTroubleTests(MarketFixture market)
{
    [Fact]
    public async Task When_an_endpoint_dies_the_next_one_is_asked()
    {
        using var wire = new Wire(new Uri(market.Chain.Url).Port);
        await using RunningTestNode node = await StartAsync($"http://127.0.0.1:{wire.Port},{market.Chain.Url}");
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 5);

        wire.Cut();

        await market.MineToProofsAsync(deal.From);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
    }

    [Fact]
    public async Task When_the_chain_does_not_answer_the_node_says_so_and_proves_as_soon_as_it_does()
    {
        using var wire = new Wire(new Uri(market.Chain.Url).Port);
        await using RunningTestNode node = await StartAsync($"http://127.0.0.1:{wire.Port}");
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 5);

        wire.Cut();
        await market.MineToProofsAsync(deal.From);
        // The operator's page works without the chain.
        await NodeProtocolTests.Eventually(async () => (await NodeStatus.ReadRunningAsync(node.DataDir, default)) is { Running: true, Trouble: { } trouble } && trouble.Contains("does not answer", StringComparison.Ordinal));
        Assert.False(await market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));

        wire.Mend();
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
        await NodeProtocolTests.Eventually(async () => (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).Trouble is null);
    }

    [Fact]
    public async Task A_proof_that_a_reorganisation_takes_back_is_sent_again()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 5);
        await market.MineToAsync(market.Facts.Schedule.SeedBlock(new PeriodNumber(deal.From)));
        string fork = await market.Chain.SnapshotAsync();
        await market.MineToProofsAsync(deal.From);
        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));

        await market.Chain.RevertAsync(fork);
        Assert.False(await market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
        await market.MineToProofsAsync(deal.From);

        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
    }

    [Theory]
    [InlineData(-400)]
    [InlineData(400)]
    public async Task A_clock_that_is_wrong_by_a_year_changes_nothing_about_proving(int days)
    {
        TimeProvider clock = TimeProvider.System;
        await using RunningTestNode node = await market.StartNodeAsync(options: options => options with { Time = clock });
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 5);
        await node.StopAsync();
        clock = new WrongClock(TimeSpan.FromDays(days));
        await node.StartAsync();

        await market.MineToProofsAsync(deal.From);

        await NodeProtocolTests.Eventually(() => market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
    }

    [Fact]
    public async Task An_endpoint_that_shows_no_new_block_is_told_of()
    {
        await using RunningTestNode node = await market.StartNodeAsync(new NodeLimits { ChainStandstillMax = TimeSpan.FromSeconds(2) });

        await NodeProtocolTests.Eventually(async () => (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).Trouble?.Contains("has stood at block", StringComparison.Ordinal) == true);

        await NodeProtocolTests.Eventually(async () =>
        {
            await market.Chain.MineAsync();
            return (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)) is { Running: true, Trouble: null };
        });
    }

    [Fact]
    public async Task A_seed_that_nobody_wrote_down_is_pinned_by_a_node_that_cannot_prove_itself()
    {
        await using RunningTestNode node = await market.StartNodeAsync(new NodeLimits { PinAfterBlocks = 2, PinSpreadBlocks = 1 });
        DealView deal = await Deals.OpenAsync(market, node, NodeProtocolTests.RandomBytes(1024), periods: 3);
        foreach (string file in Directory.GetFiles(Path.Combine(node.DataDir, "depot", "shards"), "*.shard", SearchOption.AllDirectories)) File.Delete(file);

        await market.MineToProofsAsync(deal.From);

        await NodeProtocolTests.Eventually(async () => (await market.Client.Lens.PeriodAsync(deal.From)).Seed.AsSpan().ContainsAnyExcept((byte)0));
        Assert.False(await market.Client.Lens.ProvedInAsync(node.Id.Value, deal.From));
    }

    private Task<RunningTestNode> StartAsync(string rpcUrl) => market.StartNodeAsync(options: options => options with { RpcUrl = rpcUrl });

    private sealed class WrongClock(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
