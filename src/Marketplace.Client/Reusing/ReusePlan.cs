using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Client.Sources;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Reusing;

/// <summary>What of a put lies on nodes already, decided before a byte is read. Pure.</summary>
/// <param name="Objects">The objects; files that are known say where they lie.</param>
/// <param name="Usable">Deals that may be referred to.</param>
/// <param name="Sure">Deals that are referred to in any case.</param>
internal sealed record ReusePlan(IReadOnlyList<SourceObject> Objects, IReadOnlyDictionary<ulong, DealFacts> Usable, IReadOnlyCollection<ulong> Sure)
{
    /// <summary>Deals that one put lengthens, a transaction each; what lies in others is stored again.</summary>
    public const int ExtensionsMax = 8;

    /// <summary>A changed file shares about so much with its last version: one part in this many, as a guess on the careful side.</summary>
    private const long SharedPart = 2;

    /// <summary>Nothing is known.</summary>
    public static ReusePlan None(IReadOnlyList<SourceObject> objects) => new(objects, new Dictionary<ulong, DealFacts>(), new HashSet<ulong>());

    /// <summary>
    /// Finds files that are the same as when they were stored, by what their file system says of them. A deal is referred to only if it has
    /// the redundancy that is asked for and every slot filled, and lasts as long as what refers to it, or can be made to at less
    /// than it costs to store what is needed of it again. What is found later, by content, may lie in any deal that lasts as long, or in one
    /// that holds the name's last version or a file that this one may be a copy of.
    /// </summary>
    /// <param name="objects">What is to be stored.</param>
    /// <param name="find">What is remembered of a path.</param>
    /// <param name="manifests">The client's manifests by deal.</param>
    /// <param name="deals">The client's deals by number.</param>
    /// <param name="catalogue">The client's names.</param>
    /// <param name="redundancy">What is asked for.</param>
    /// <param name="now">The present period.</param>
    /// <param name="end">Until when it shall be kept.</param>
    public static ReusePlan Make(
        IReadOnlyList<SourceObject> objects,
        Func<string, KnownFile?> find,
        IReadOnlyDictionary<ulong, Manifest> manifests,
        IReadOnlyDictionary<ulong, DealFacts> deals,
        Catalogue catalogue,
        Redundancy redundancy,
        PeriodNumber now,
        PeriodNumber end)
    {
        var stored = new Dictionary<SourceEntry, StoredFile>(ReferenceEqualityComparer.Instance);
        var needed = new Dictionary<ulong, long>();
        var alike = new Lazy<ILookup<long, (ulong Deal, ManifestEntry File)>>(() => manifests.OrderByDescending(one => one.Key)
            .SelectMany(one => one.Value.Entries.Where(file => file is { Kind: EntryKind.File, Chunks: > 0 }).Select(file => (one.Key, File: file)))
            .ToLookup(one => one.File.Bytes));
        foreach (SourceEntry entry in objects.SelectMany(one => one.Entries).Where(entry => entry is { Kind: ObjectKind.File, Bytes: > 0, Content: null }))
        {
            if (Find(entry, find, manifests) is { } file)
            {
                stored[entry] = file;
                Need(file, 1);
            }
            else if (catalogue.Find(entry.Name) is { Kind: ObjectKind.File, Source.Chunks: > 0 } last)
            {
                Need(new StoredFile(last.Deal, last.Manifest, last.Source), SharedPart);
            }
            else if (alike.Value[entry.Bytes].FirstOrDefault(one => MayBeCopy(entry, one.File)) is { File: { } other } copy)
            {
                Need(new StoredFile(copy.Deal, manifests[copy.Deal], other), SharedPart);
            }
        }

        var usable = new Dictionary<ulong, DealFacts>();
        var extended = new HashSet<ulong>();
        foreach ((ulong number, DealFacts deal) in deals.OrderByDescending(one => needed.GetValueOrDefault(one.Key)))
        {
            if (!manifests.ContainsKey(number) || !IsWhole(deal, redundancy, now)) continue;
            if (deal.End < end)
            {
                // With it goes what says that something in it was removed.
                HashSet<ulong> with = [.. catalogue.WithRemovals([number]).Where(one => deals[one].End < end)];
                if (!needed.TryGetValue(number, out long bytes) || !IsWorthwhile(deal, bytes, now, end) || with.Any(one => end > deals[one].EndMax)) continue;
                with.UnionWith(extended);
                if (with.Count > ExtensionsMax) continue;
                extended = with;
            }

            usable[number] = deal;
        }

        var sure = new HashSet<ulong>();
        foreach ((SourceEntry entry, StoredFile file) in stored)
        {
            if (file.Chunks.All(chunk => usable.ContainsKey(chunk.Deal))) sure.UnionWith(file.Chunks.Select(chunk => chunk.Deal));
            else stored.Remove(entry);
        }

        return new ReusePlan(
            [.. objects.Select(one => one with { Entries = [.. one.Entries.Select(entry => stored.TryGetValue(entry, out StoredFile? file) ? entry with { Stored = file } : entry)] })],
            usable,
            sure);

        void Need(StoredFile file, long part)
        {
            long left = file.Entry.Bytes + file.Entry.Skip;
            foreach (ChunkRef chunk in file.Chunks)
            {
                long used = Math.Min(left, chunk.PlainBytes);
                left -= used;
                needed[chunk.Deal] = needed.GetValueOrDefault(chunk.Deal) + (used * chunk.SealedBytes / chunk.PlainBytes / part);
            }
        }
    }

    private static StoredFile? Find(SourceEntry entry, Func<string, KnownFile?> find, IReadOnlyDictionary<ulong, Manifest> manifests)
    {
        if (entry.Mark is not { } mark || find(entry.Path) is not { } known || known.Mark != mark) return null;
        if (!manifests.TryGetValue(known.Deal, out Manifest? manifest) || known.Record < 0 || known.Record >= manifest.Records.Count) return null;
        return manifest.Records[known.Record] is ManifestEntry { Kind: EntryKind.File, Chunks: > 0 } file && file.Bytes == entry.Bytes && file.Attributes.ModifiedAt == entry.ModifiedAt
            ? new StoredFile(known.Deal, manifest, file)
            : null;
    }

    /// <summary>Of files with the same length: large ones hardly have it by chance, and a small one that was moved keeps its time.</summary>
    private static bool MayBeCopy(SourceEntry entry, ManifestEntry file) =>
        entry.Bytes > BundleWriter.PackedFileBytesMax || entry.ModifiedAt == file.Attributes.ModifiedAt;

    private static bool IsWhole(DealFacts deal, Redundancy redundancy, PeriodNumber now) =>
        deal.IsLiveIn(now) && deal.Redundancy == redundancy && deal.Slots.Count == redundancy.Shards && deal.Slots.All(slot => slot is { State: SlotState.Filled, Shard: not null });

    private static bool IsWorthwhile(DealFacts deal, long neededBytes, PeriodNumber now, PeriodNumber end) =>
        (Int128)deal.Geometry!.Value.BundleBytes * (end.Value - deal.End.Value) <= (Int128)neededBytes * (end.Value - now.Value);
}
