using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Client.Sessions;

/// <content>Keeping objects longer.</content>
public sealed partial class StorageClient
{
    /// <summary>
    /// Keeps an object longer, counted from its present end: every deal that it rests on and that ends before. A note that something else in
    /// these deals was removed is kept as long as they are, so that it does not show again. Paid from Escrow.
    /// </summary>
    /// <exception cref="MarketException">
    /// Not enough money, or longer than the nodes promised. Deals are lengthened one after another, the one that ends first last: while that
    /// is not done the object's end is what it was, so asking again goes on with the rest and pays nothing twice.
    /// </exception>
    public async Task<ExtendReport> ExtendAsync(string name, TimeSpan longer, CancellationToken token = default)
    {
        CatalogueView view = await LoadAsync(token);
        IReadOnlyList<DealFacts> deals = view.DealsOf(view.Require(name));
        if (deals.FirstOrDefault(deal => !deal.IsLiveIn(view.Now.Period)) is { } over)
            throw new MarketException(MarketErrorCode.Incomplete, $"Deal {over.Id.Number}, which holds a part of it, is over.", "put its files again");
        PeriodNumber end = deals.Min(deal => deal.End) + view.Now.Schedule.PeriodsIn(longer);
        PeriodNumber last = deals.Select(deal => deal.End).Append(end).Max();
        HashSet<ulong> named = [.. deals.Select(deal => deal.Id.Number)];
        (DealFacts Deal, PeriodNumber End)[] wanted =
        [
            .. view.Catalogue.WithRemovals(named).Except(named).Select(note => view.Deals[note]).Where(note => note.End < last).Select(note => (note, last)),
            .. deals.Where(deal => deal.End < end).OrderByDescending(deal => deal.End).Select(deal => (deal, end)),
        ];
        foreach ((DealFacts deal, PeriodNumber until) in wanted)
        {
            if (until > deal.EndMax)
            {
                throw new MarketException(
                    MarketErrorCode.Usage,
                    $"The nodes of deal {deal.Id.Number} promised to keep it until {UtcTimeJsonConverter.TextOf(view.Now.TimeOf(deal.EndMax))} at most.",
                    "extend it by less, or put it again");
            }
        }

        TokenAmount price = TokenAmount.Zero;
        foreach ((DealFacts deal, PeriodNumber until) in wanted) price += await PriceOfExtensionAsync(deal, until, token);
        (await _session.Chain.FundsAsync(Client, _session.Actor?.Address ?? Client, token)).Require(price);
        TokenAmount paid = TokenAmount.Zero;
        foreach ((DealFacts deal, PeriodNumber until) in wanted) paid += await LengthenAsync(deal, until, token);
        return new ExtendReport(name, view.Now.TimeOf(end), paid, [.. wanted.Select(one => new ExtendedDeal(one.Deal.Id.Number, one.End))]);
    }

    /// <summary>Makes a deal last until an end, and gives what this locked: nothing if it lasts as long already, whoever saw to it.</summary>
    private async Task<TokenAmount> LengthenAsync(DealFacts deal, PeriodNumber end, CancellationToken token)
    {
        TokenAmount price = await PriceOfExtensionAsync(deal, end, token);

        // As with an opening: once it is sent, what became of it is learned.
        token.ThrowIfCancellationRequested();
        try
        {
            await _session.Chain.ExtendAsync(deal.Id, end, CancellationToken.None);
            return price;
        }
        catch (ContractRevertException revert)
        {
            return MarketErrors.LastsAlready(revert) ? TokenAmount.Zero : throw MarketErrors.Explain(revert);
        }
        catch (Exception exception) when (exception is TransactionTimeoutException or TransactionReplacedException or RpcException)
        {
            if (await _session.Chain.LookForAsync(deal.Id, found => found.End >= end, exception, _session.Time) is not null) return price;
            throw new MarketException(
                MarketErrorCode.Failed,
                $"It is not known whether deal {deal.Id.Number} was lengthened: {exception.Message}",
                "look before you try again: market deals",
                exception);
        }
    }

    private async Task<TokenAmount> PriceOfExtensionAsync(DealFacts deal, PeriodNumber end, CancellationToken token)
    {
        int slots = deal.Redundancy.Shards;
        TokenAmount whole = await _session.Chain.QuoteAsync(deal.Rate, slots, end.Value - deal.From.Value, token);
        TokenAmount before = await _session.Chain.QuoteAsync(deal.Rate, slots, deal.End.Value - deal.From.Value, token);
        return whole - before;
    }
}
