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
/// <param name="Unread">Live deals that could not be read: the names in them are missing, and older ones may show instead.</param>
/// <param name="Foreign">Live deals whose bundles are sealed to other keys.</param>
public sealed record CatalogueView(
    Moment Now, Catalogue Catalogue, IReadOnlyDictionary<ulong, DealFacts> Deals, IReadOnlyList<UnreadDeal> Unread, IReadOnlyList<ulong> Foreign)
{
    /// <summary>Why names may be missing; null if none can be.</summary>
    public MarketException? Gap => Missing(
        $"Deal{(Unread.Count == 1 ? "" : "s")} {string.Join(", ", Unread.Select(deal => deal.Deal))} cannot be read now, so names may be missing");

    /// <summary>The manifests that could be read, by deal.</summary>
    internal IReadOnlyDictionary<ulong, Coding.Manifest> Manifests { get; init; } = new Dictionary<ulong, Coding.Manifest>();

    /// <summary>The entry or folder of this name.</summary>
    /// <exception cref="MarketException">Not found; or incomplete, if it may be in a deal that cannot be read now.</exception>
    public IReadOnlyList<CatalogueEntry> Require(string name)
    {
        IReadOnlyList<CatalogueEntry> entries = Catalogue.Within(name);
        if (entries.Count > 0) return entries;
        throw Missing($"'{Names.ObjectName.ForTerminal(name)}' is not among the names that can be read now") ?? new MarketException(MarketErrorCode.NotFound, $"There is no '{Names.ObjectName.ForTerminal(name)}'.", "see what there is: market ls");
    }

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

    private MarketException? Missing(string what) => Unread.Count == 0 ? null : new(
        Unread.All(deal => deal.Failure.Code is MarketErrorCode.WrongBytes) ? MarketErrorCode.WrongBytes : MarketErrorCode.Incomplete,
        $"{what}: {Unread[0].Failure.Message}",
        Unread[0].Failure.Hint);
}
