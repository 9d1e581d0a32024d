using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Client.Sessions;

/// <summary>A live deal whose manifest could not be read now.</summary>
/// <param name="Deal">Its number.</param>
/// <param name="Failure">Why.</param>
public sealed record UnreadDeal(ulong Deal, MarketException Failure);

/// <summary>A client's names and deals at one moment.</summary>
/// <param name="Now">When.</param>
/// <param name="Catalogue">The names.</param>
/// <param name="Deals">Every deal that is kept now or that a manifest refers to, by number, and some that ended.</param>
/// <param name="Unread">Live deals that could not be read: the names in them are missing, and older ones show instead.</param>
/// <param name="Foreign">Live deals whose bundles are sealed to other keys.</param>
public sealed record CatalogueView(
    Moment Now, Catalogue Catalogue, IReadOnlyDictionary<ulong, DealFacts> Deals, IReadOnlyList<UnreadDeal> Unread, IReadOnlyList<ulong> Foreign)
{
    /// <summary>Why names may be missing; null if none can be.</summary>
    public MarketException? Gap => Unread.Count == 0 ? null : Missing(Unread, "names may be missing");

    /// <summary>Whether an older version may be given while the deal of a newer one cannot be read.</summary>
    public bool MayBeOlder { get; init; }

    /// <summary>The manifests that could be read, by deal.</summary>
    internal IReadOnlyDictionary<ulong, Coding.Manifest> Manifests { get; init; } = new Dictionary<ulong, Coding.Manifest>();

    /// <summary>
    /// The entry or folder of this name, as the client put it last; empty if there is none. A deal that cannot be read now may have
    /// changed or removed it, or hold a part of it, unless a later one settled what it is.
    /// </summary>
    /// <exception cref="MarketException">Incomplete: it may be another one in a deal that cannot be read now.</exception>
    public IReadOnlyList<CatalogueEntry> Find(string name)
    {
        IReadOnlyList<CatalogueEntry> entries = Catalogue.Within(name);
        if (Unread.Count == 0 || (MayBeOlder && entries.Count > 0)) return entries;
        ulong settled = Catalogue.SettledBy(name);
        UnreadDeal[] hiding = [.. Unread.Where(deal => deal.Deal > settled)];
        if (hiding.Length == 0) return entries;
        string shown = Names.ObjectName.ForTerminal(name);
        throw entries.Count == 0
            ? Missing(hiding, $"'{shown}' is not among the names that are known")
            : Missing(hiding, $"'{shown}' may have been changed or removed since", "--older takes what can be read now");
    }

    /// <summary>The entry or folder of this name, which must be there.</summary>
    /// <exception cref="MarketException">Not found; or incomplete, as <see cref="Find"/> says.</exception>
    public IReadOnlyList<CatalogueEntry> Require(string name) => Find(name) is { Count: > 0 } entries
        ? entries
        : throw new MarketException(MarketErrorCode.NotFound, $"There is no '{Names.ObjectName.ForTerminal(name)}'.", "see what there is: market ls");

    /// <summary>What an object is: the kind of its own entry, or a folder.</summary>
    public ObjectKind KindOf(string name) => Catalogue.IsFolder(name) ? ObjectKind.Folder : Catalogue.Find(name)!.Kind;

    /// <summary>The deals that entries rest on, by number.</summary>
    public IReadOnlyList<DealFacts> DealsOf(IEnumerable<CatalogueEntry> entries) =>
        [.. entries.SelectMany(entry => entry.Deals).Distinct().Order().Select(number => Deals.GetValueOrDefault(number)).OfType<DealFacts>()];

    /// <summary>The one redundancy of some deals; null if they differ or there is none.</summary>
    public static Redundancy? RedundancyOf(IReadOnlyList<DealFacts> deals) =>
        deals.Select(deal => deal.Redundancy).Distinct().ToArray() is [var one] ? one : null;

    /// <summary>When the first of some deals ends; null if there is none.</summary>
    public DateTimeOffset? PaidUntil(IReadOnlyList<DealFacts> deals) => deals.Count == 0 ? null : Now.TimeOf(deals.Min(deal => deal.End));

    private static MarketException Missing(IReadOnlyList<UnreadDeal> unread, string so, string? otherwise = null)
    {
        string deals = $"Deal{(unread.Count == 1 ? "" : "s")} {string.Join(", ", unread.Select(deal => deal.Deal))}";
        MarketException failure = unread[0].Failure;
        return new MarketException(
            unread.All(deal => deal.Failure.Code is MarketErrorCode.WrongBytes) ? MarketErrorCode.WrongBytes : MarketErrorCode.Incomplete,
            $"{deals} cannot be read now, so {so}: {failure.Message}",
            string.Join("; ", new[] { failure.Hint, otherwise }.OfType<string>()) is { Length: > 0 } hint ? hint : null);
    }
}
