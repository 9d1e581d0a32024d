using System.Numerics;
using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node.Tests;

/// <summary>Opens deals as a client does.</summary>
internal static class Deals
{
    private const uint PeriodsAhead = 40;

    public static async Task<AcceptanceRequest> TermsAsync(MarketFixture market, UploadReceipt receipt)
    {
        Schedule schedule = market.Facts.Schedule;
        BlockNumber tip = await market.TipAsync();
        Rate rate = new Price(TokenAmount.Parse("100")).RateFor((ulong)receipt.Bytes, schedule.PeriodBlocks, schedule.BlockSeconds);
        return new AcceptanceRequest(receipt.Root, receipt.Leaves, rate.Encoded, schedule.PeriodOf(tip) + PeriodsAhead, new BlockNumber(tip.Value + schedule.PeriodBlocks - 2));
    }

    public static BigInteger TermsOf(SignedAcceptance promise, uint end) =>
        new TermsWord(promise.Number, promise.Rate, (ulong)promise.Leaves, end, promise.MaxEnd.Value, 1, 1, 1).Pack();

    public static Acceptance AcceptanceOf(SignedAcceptance promise)
    {
        byte[] signature = Hex.Decode(promise.Signature);
        return new Acceptance(
            new OfferWord((byte)promise.Slot, promise.Node.Value, promise.Deadline.Value, promise.Hint).Pack(), promise.Root, new Hash32(signature.AsSpan(0, 32)), new Hash32(signature.AsSpan(32)));
    }

    /// <summary>Opens a deal of one slot for each node, any <paramref name="needed"/> of whose shards give the bundle back.</summary>
    public static async Task<DealView> OpenAsync(MarketFixture market, RunningTestNode[] nodes, byte[][] shards, byte needed, uint periods, uint? rate = null)
    {
        DealId deal = market.NextDeal();
        uint end = market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value + 1 + periods;
        var promises = new List<SignedAcceptance>();
        for (int slot = 0; slot < nodes.Length; slot++)
        {
            using NodeClient client = nodes[slot].Connect(market.ClientAccount);
            UploadReceipt receipt = (await NodeProtocolTests.Upload(client, deal, shards[slot], slot)).Got();
            AcceptanceRequest terms = await TermsAsync(market, receipt);
            promises.Add((await client.AcceptAsync(deal, slot, terms with { Rate = rate ?? terms.Rate, MaxEnd = new PeriodNumber(end) }, default)).Got());
        }

        SignedAcceptance first = promises[0];
        byte count = (byte)nodes.Length;
        await market.Client.StorageMarket.OpenDealAsync(
            deal.Client,
            new TermsWord(first.Number, first.Rate, (ulong)first.Leaves, end, end, count, needed, count).Pack(),
            [.. promises.Select(AcceptanceOf)]);
        return await market.Client.Lens.DealAsync(deal.ToWord());
    }

    /// <summary>Uploads, gets a promise, opens a deal of one slot that runs for some periods.</summary>
    public static async Task<DealView> OpenAsync(MarketFixture market, RunningTestNode node, byte[] shard, uint periods)
    {
        DealId deal = market.NextDeal();
        using NodeClient client = node.Connect(market.ClientAccount);
        UploadReceipt receipt = (await NodeProtocolTests.Upload(client, deal, shard)).Got();
        SignedAcceptance promise = (await client.AcceptAsync(deal, 0, await TermsAsync(market, receipt), default)).Got();
        uint now = market.Facts.Schedule.PeriodOf(await market.TipAsync()).Value;
        await market.Client.StorageMarket.OpenDealAsync(deal.Client, TermsOf(promise, now + 1 + periods), [AcceptanceOf(promise)]);
        return await market.Client.Lens.DealAsync(deal.ToWord());
    }
}

/// <summary>Takes the value of an answer, or fails with what the node said instead.</summary>
internal static class NodeAnswerExtensions
{
    public static T Got<T>(this NodeAnswer<T> answer) =>
        answer.IsOk ? answer.Value! : throw new Xunit.Sdk.XunitException($"{answer.Outcome}: {answer.Refusal}");
}
