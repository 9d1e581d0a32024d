using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node.Tests;

/// <summary>What a node promises in all, and to whom at once.</summary>
[Collection(MarketCollection.Name)]
public sealed class PromiseTests(MarketFixture market)
{
    [Fact]
    public async Task Promises_for_a_root_that_a_deal_holds_already_count_against_the_stake()
    {
        await using RunningTestNode node = await market.StartNodeAsync();
        using NodeClient client = node.Connect(market.ClientAccount);
        byte[] shard = NodeProtocolTests.RandomBytes(4096);
        // 1,000 tokens of stake cover thirty periods of 33 tokens: two such rates and not three.
        uint rate = Rate.FromUnitsUp(TokenAmount.UnitsPerToken * 14).Encoded;
        (DealId deal, AcceptanceRequest terms) = await UploadAsync(client, shard, rate);
        SignedAcceptance promise = (await client.AcceptAsync(deal, 0, terms, default)).Got();
        await market.Client.StorageMarket.OpenDealAsync(deal.Client, Deals.TermsOf(promise, terms.MaxEnd.Value - 30), [Deals.AcceptanceOf(promise)]);
        // The range is in the node's ledger as soon as it proves.
        await NodeProtocolTests.Eventually(async () => (await client.ReadAsync(new(terms.Root, terms.Leaves), 0, new byte[256], null, default)).IsOk);
        await market.Chain.MineAsync(1);
        await NodeProtocolTests.Eventually(async () => (await NodeStatus.ReadAsync(node.DataDir, market.Owner, default)).RatePerPeriod > TokenAmount.Zero);

        (deal, terms) = await UploadAsync(client, shard, rate);
        Assert.True((await client.AcceptAsync(deal, 0, terms, default)).IsOk);
        (deal, terms) = await UploadAsync(client, shard, rate);
        NodeAnswer<SignedAcceptance> third = await client.AcceptAsync(deal, 0, terms, default);

        Assert.Contains("stake", third.Refusal?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_asks_for_many_promises_at_once_is_told_to_come_back_and_others_are_served()
    {
        await using RunningTestNode node = await market.StartNodeAsync(new NodeLimits { PromisesPerClientMax = 2 });
        await market.DepositForAsync(market.SecondClient.Address, TokenAmount.Parse("10"));
        using NodeClient greedy = node.Connect(market.ClientAccount), other = node.Connect(market.SecondClient);
        byte[] shard = NodeProtocolTests.RandomBytes(4096);
        (DealId deal, AcceptanceRequest terms) = await UploadAsync(greedy, shard, null);
        var theirs = new DealId(market.SecondClient.Address, 1);
        UploadReceipt receipt = (await NodeProtocolTests.Upload(other, theirs, shard)).Got();
        AcceptanceRequest theirTerms = await Deals.TermsAsync(market, receipt);

        Task<NodeAnswer<SignedAcceptance>>[] many = [.. Enumerable.Range(0, 40).Select(_ => greedy.AcceptAsync(deal, 0, terms, default))];
        Assert.True((await other.AcceptAsync(theirs, 0, theirTerms, default)).IsOk);

        NodeAnswer<SignedAcceptance>[] answers = await Task.WhenAll(many);
        Assert.Contains(answers, answer => answer.IsOk);
        Assert.Contains(answers, answer => answer.Refusal?.Status == 503);
        Assert.True((await greedy.AcceptAsync(deal, 0, terms, default)).IsOk);
    }

    private async Task<(DealId Deal, AcceptanceRequest Terms)> UploadAsync(NodeClient client, byte[] shard, uint? rate)
    {
        DealId deal = market.NextDeal();
        UploadReceipt receipt = (await NodeProtocolTests.Upload(client, deal, shard)).Got();
        AcceptanceRequest terms = await Deals.TermsAsync(market, receipt);
        return (deal, terms with { Rate = rate ?? terms.Rate });
    }
}
