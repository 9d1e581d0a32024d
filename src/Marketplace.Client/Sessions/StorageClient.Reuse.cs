using Marketplace.Client.Deals;
using Marketplace.Client.Reusing;
using Marketplace.Client.Sources;
using Marketplace.Client.Uploads;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Sessions;

/// <content>Not storing twice what lies on nodes already.</content>
public sealed partial class StorageClient
{
    /// <summary>Finds what of a put is stored already. Without a home, or with keys that others have too, nothing is known.</summary>
    private ContentReuse BeginReuse(CatalogueView view, IReadOnlyList<SourceObject> objects, Redundancy redundancy, PeriodNumber end)
    {
        DateTimeOffset now = _session.Time.GetUtcNow();
        ContentIndexKey? key = _indexPath is null || IsOperator ? null : _keys.CreateIndexKey();
        if (key is null) return new ContentReuse(view, ReusePlan.None(objects), null, null, end, now);
        ContentIndex index = ContentIndex.Load(_indexPath!);
        index.KeepOnly((deal, root) => IsThere(view, deal, root));
        ReusePlan plan = ReusePlan.Make(
            objects,
            path => index.Files.TryGetValue(NameOf(key, path), out KnownFile known) ? known : null,
            view.Manifests,
            view.Deals,
            view.Catalogue,
            redundancy,
            view.Now.Period,
            end);
        Dictionary<ulong, Manifest> manifests = plan.Usable.Keys.ToDictionary(deal => deal, deal => view.Manifests[deal]);
        return new ContentReuse(view, plan, key, new KnownChunks(index, key, manifests), end, now);
    }

    /// <summary>What lengthening these deals costs.</summary>
    private async Task<TokenAmount> PriceOfAsync(ContentReuse reuse, IEnumerable<ulong> deals, CancellationToken token)
    {
        TokenAmount[] prices = await Task.WhenAll(reuse.TooShort(deals).Select(deal => PriceOfExtensionAsync(deal, reuse.End, token)));
        return prices.Aggregate(TokenAmount.Zero, (sum, one) => sum + one);
    }

    /// <summary>
    /// Makes deals last as long as what refers to them. A put that fails afterwards leaves them longer than they need be, and harms nothing.
    /// </summary>
    private async Task<TokenAmount> LengthenAsync(ContentReuse reuse, IReadOnlyCollection<ulong> deals, CancellationToken token)
    {
        TokenAmount[] paid = await Task.WhenAll(reuse.TooShort(deals).Select(deal => LengthenAsync(deal, reuse.End, token)));
        return paid.Aggregate(TokenAmount.Zero, (sum, one) => sum + one);
    }

    /// <summary>Remembers what a put stored.</summary>
    private void Remember(ContentReuse reuse, CatalogueView view, IReadOnlyList<ProducedObject> objects, int removals, DealFacts deal)
    {
        if (reuse.Key is not { } key || reuse.Known is not { } known || deal.FirstRoot is not { } root) return;
        ulong number = deal.Id.Number;
        lock (_indexLock)
        {
            ContentIndex index = ContentIndex.Load(_indexPath!);
            index.KeepOnly((one, rootThen) => IsThere(view, one, rootThen));
            index.Deals[number] = root;
            int record = removals;
            foreach (SourceEntry entry in objects.SelectMany(one => one.Source.Entries))
            {
                int own = record++;
                if (entry.Mark is { } mark && entry.Bytes > 0 && mark.IsSettledAt(reuse.Began)) index.Files[NameOf(key, entry.Path)] = new KnownFile(mark, number, own);
            }

            foreach ((UInt128 name, int row) in known.Added) index.Chunks[name] = new KnownRow(number, row);
            foreach ((UInt128 name, int own) in known.AddedFiles) index.Packed[name] = new KnownRecord(number, own);
            index.Save(_indexPath!);
        }
    }

    private static bool IsThere(CatalogueView view, ulong deal, Root root) => view.Manifests.ContainsKey(deal) && view.Deals[deal].Holds(root);

    private static UInt128 NameOf(ContentIndexKey key, string path) => key.NameOf(Path.GetFullPath(path));

    /// <summary>What one put may refer to.</summary>
    private sealed class ContentReuse(CatalogueView view, ReusePlan plan, ContentIndexKey? key, KnownChunks? known, PeriodNumber end, DateTimeOffset began) : IDisposable
    {
        public ReusePlan Plan { get; } = plan;

        public ContentIndexKey? Key { get; } = key;

        public KnownChunks? Known { get; } = known;

        public PeriodNumber End { get; } = end;

        public DateTimeOffset Began { get; } = began;

        /// <summary>Deals that a chunk was found in and no whole file.</summary>
        public IReadOnlyCollection<ulong> FoundLate => [.. Known?.Deals.Where(deal => !Plan.Sure.Contains(deal)) ?? []];

        /// <summary>Those of the deals that have to be lengthened, with the notes of what was removed from them: without these it would show again.</summary>
        public IEnumerable<DealFacts> TooShort(IEnumerable<ulong> deals) =>
            view.Catalogue.WithRemovals(deals.Where(deal => Plan.Usable[deal].End < End)).Select(deal => view.Deals[deal]).Where(deal => deal.End < End);

        public void Dispose() => Key?.Dispose();
    }
}
