using Marketplace.Chain.Contracts;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Client.Sessions;

/// <content>Keeping objects longer.</content>
public sealed partial class StorageClient
{
    /// <summary>
    /// Keeps an object longer: every deal that it rests on, counted from its present end. A note that something else in these deals was
    /// removed is kept as long, so that it does not show again. Paid from Escrow.
    /// </summary>
    /// <exception cref="MarketException">
    /// Not enough money, or longer than the nodes promised. Deals are extended one after another: a failure in the middle leaves those
    /// before it extended, and trying again goes on with the rest only if the same end is asked for.
    /// </exception>
    public async Task<ExtendReport> ExtendAsync(string name, TimeSpan longer, CancellationToken token = default)
    {
        CatalogueView view = await LoadAsync(token);
        IReadOnlyList<CatalogueEntry> entries = view.Require(name);
        uint periods = view.Now.Schedule.PeriodsIn(longer);
        List<(DealFacts Deal, PeriodNumber End)> wanted = [.. view.DealsOf(entries).Select(deal => (deal, deal.End + periods))];
        PeriodNumber last = wanted.Max(one => one.End);
        HashSet<ulong> named = [.. wanted.Select(one => one.Deal.Id.Number)];
        foreach (ulong note in view.Catalogue.WithRemovals(named).Where(number => !named.Contains(number)))
        {
            if (view.Deals.GetValueOrDefault(note) is { } deal && deal.End < last) wanted.Add((deal, last));
        }

        foreach ((DealFacts deal, PeriodNumber end) in wanted)
        {
            if (end > deal.EndMax)
            {
                throw new MarketException(
                    MarketErrorCode.Usage,
                    $"The nodes of deal {deal.Id.Number} promised to keep it until {UtcTimeJsonConverter.TextOf(view.Now.TimeOf(deal.EndMax))} at most.",
                    "extend it by less, or put it again");
            }
        }

        var prices = new List<TokenAmount>();
        foreach ((DealFacts deal, PeriodNumber end) in wanted) prices.Add(await PriceOfExtensionAsync(deal, end, token));
        TokenAmount price = prices.Aggregate(TokenAmount.Zero, (sum, one) => sum + one);
        (await _session.Chain.FundsAsync(Client, _session.Actor?.Address ?? Client, token)).Require(price);
        try
        {
            foreach ((DealFacts deal, PeriodNumber end) in wanted) await _session.Chain.ExtendAsync(deal.Id, end, token);
        }
        catch (ContractRevertException revert)
        {
            throw MarketErrors.Explain(revert);
        }

        PeriodNumber first = wanted.Where(one => named.Contains(one.Deal.Id.Number)).Min(one => one.End);
        return new ExtendReport(name, view.Now.TimeOf(first), price, [.. wanted.Select(one => new ExtendedDeal(one.Deal.Id.Number, one.End))]);
    }

    private async Task<TokenAmount> PriceOfExtensionAsync(DealFacts deal, PeriodNumber end, CancellationToken token)
    {
        int slots = deal.Redundancy.Shards;
        TokenAmount whole = await _session.Chain.QuoteAsync(deal.Rate, slots, end.Value - deal.From.Value, token);
        TokenAmount before = await _session.Chain.QuoteAsync(deal.Rate, slots, deal.End.Value - deal.From.Value, token);
        return whole - before;
    }
}
