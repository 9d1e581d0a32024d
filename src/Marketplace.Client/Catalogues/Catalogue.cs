using Marketplace.Client.Json;
using Marketplace.Client.Names;
using Marketplace.Coding;

namespace Marketplace.Client.Catalogues;

/// <summary>One deal's manifest, opened.</summary>
public readonly record struct DealManifest(ulong Deal, Manifest Manifest);

/// <summary>
/// All names of a client: the manifests of its live deals, applied one after another in the order of deal numbers.
/// A later deal wins; a removal takes a name and what is below it; a file takes the place of a folder and the other way round.
/// When a deal ends, what it said is forgotten, so an older version that is still paid for shows again. Immutable.
/// </summary>
public sealed class Catalogue
{
    private readonly string[] _names;
    private readonly Dictionary<string, CatalogueEntry> _entries;
    private readonly Dictionary<ulong, HashSet<ulong>> _removers;
    private readonly Dictionary<string, ulong> _removals;

    private Catalogue(
        SortedSet<string> names, Dictionary<string, CatalogueEntry> entries, Dictionary<ulong, HashSet<ulong>> removers, Dictionary<string, ulong> removals)
    {
        _names = [.. names];
        _entries = entries;
        _removers = removers;
        _removals = removals;
    }

    /// <summary>No names at all.</summary>
    public static Catalogue Empty { get; } = Fold([]);

    /// <summary>Every entry, by name.</summary>
    public IEnumerable<CatalogueEntry> Entries => _names.Select(name => _entries[name]);

    /// <summary>Applies manifests; their order does not matter, their deals' numbers do.</summary>
    public static Catalogue Fold(IEnumerable<DealManifest> manifests)
    {
        var names = new SortedSet<string>(ObjectName.Comparer);
        var entries = new Dictionary<string, CatalogueEntry>(StringComparer.Ordinal);
        var removers = new Dictionary<ulong, HashSet<ulong>>();
        var removals = new Dictionary<string, ulong>(StringComparer.Ordinal);
        foreach ((ulong deal, Manifest manifest) in manifests.OrderBy(one => one.Deal))
        {
            bool onlyRemoves = !manifest.Entries.Any();
            foreach (ManifestRecord record in manifest.Records)
            {
                string name = record.Name.Value;
                if (record is ManifestEntry entry)
                {
                    foreach (string above in ObjectName.Ancestors(name))
                    {
                        if (entries.TryGetValue(above, out CatalogueEntry? holder) && holder.Kind is not ObjectKind.Folder) Remove(above);
                    }

                    if (entry.Kind is not EntryKind.Folder) RemoveBelow(name);
                    entries[name] = new CatalogueEntry(deal, manifest, entry);
                    names.Add(name);
                    continue;
                }

                if (onlyRemoves)
                {
                    foreach (CatalogueEntry gone in Below(name).Append(name).Where(entries.ContainsKey).Select(one => entries[one]))
                    {
                        foreach (ulong hidden in gone.Deals.Where(one => one != deal))
                        {
                            if (!removers.TryGetValue(hidden, out HashSet<ulong>? known)) removers[hidden] = known = [];
                            known.Add(deal);
                        }
                    }
                }

                removals[name] = deal;
                Remove(name);
                RemoveBelow(name);
            }
        }

        return new Catalogue(names, entries, removers, removals);

        // '0' follows '/', so these two bounds hold exactly what is below a folder.
        List<string> Below(string folder) => [.. names.GetViewBetween(folder + "/", folder + "0").Where(name => name.StartsWith(folder + "/", StringComparison.Ordinal))];

        void RemoveBelow(string folder)
        {
            foreach (string name in Below(folder)) Remove(name);
        }

        void Remove(string name)
        {
            if (entries.Remove(name)) names.Remove(name);
        }
    }

    /// <summary>The entry of exactly this name; null for a folder that only holds others.</summary>
    public CatalogueEntry? Find(string name) => _entries.GetValueOrDefault(name);

    /// <summary>The entry of this name, or all below the folder of this name, by name. Empty if there is neither.</summary>
    public IReadOnlyList<CatalogueEntry> Within(string name)
    {
        var found = new List<CatalogueEntry>();
        if (_entries.TryGetValue(name, out CatalogueEntry? self)) found.Add(self);
        string below = name + "/";
        for (int i = LowerBound(below); i < _names.Length && _names[i].StartsWith(below, StringComparison.Ordinal); i++) found.Add(_entries[_names[i]]);
        return found;
    }

    /// <summary>Whether the name is a folder: one of its own, or one that holds others.</summary>
    public bool IsFolder(string name)
    {
        if (_entries.TryGetValue(name, out CatalogueEntry? self)) return self.Kind is ObjectKind.Folder;
        int i = LowerBound(name + "/");
        return i < _names.Length && _names[i].StartsWith(name + "/", StringComparison.Ordinal);
    }

    /// <summary>The highest version of the name and of all below it; 0 if there is neither.</summary>
    public long VersionOf(string name) => Within(name).Select(entry => entry.Version).DefaultIfEmpty().Max();

    /// <summary>A file or link that stands where the name needs a folder; null if none does.</summary>
    public string? FileAbove(string name) =>
        ObjectName.Ancestors(name).FirstOrDefault(above => _entries.TryGetValue(above, out CatalogueEntry? holder) && holder.Kind is not ObjectKind.Folder);

    /// <summary>
    /// The deal up to which everything is settled under a name: it removed the name, or made it a file, and what earlier deals say of it
    /// and of all below it does not matter any more. 0 if there is none.
    /// </summary>
    public ulong SettledBy(string name) => ObjectName.Ancestors(name).Append(name).Max(one => Math.Max(
        _removals.GetValueOrDefault(one),
        _entries.TryGetValue(one, out CatalogueEntry? entry) && entry.Kind is not ObjectKind.Folder ? entry.Deal : 0));

    /// <summary>
    /// Names that begin with <paramref name="prefix"/>. One level of them, folders as one line each; or with
    /// <paramref name="recursive"/> every entry. A prefix that is a folder means what is in it.
    /// </summary>
    public IEnumerable<CatalogueLine> List(string prefix, bool recursive)
    {
        if (prefix.Length > 0 && !prefix.EndsWith('/') && IsFolder(prefix) && Within(prefix).Any(entry => entry.Name.Length > prefix.Length)) prefix += "/";
        int level = prefix.LastIndexOf('/') + 1;
        var shown = new HashSet<string>(StringComparer.Ordinal);
        for (int i = LowerBound(prefix); i < _names.Length && _names[i].StartsWith(prefix, StringComparison.Ordinal); i++)
        {
            string name = _names[i];
            CatalogueEntry entry = _entries[name];
            int slash = recursive ? -1 : name.IndexOf('/', level);
            if (slash < 0 && (recursive || entry.Kind is not ObjectKind.Folder))
            {
                yield return new CatalogueLine(name, entry.Kind, [entry]);
                continue;
            }

            // Names such as "a-b" stand between the folder "a" and what is in it, so a folder is remembered.
            string folder = slash < 0 ? name : name[..slash];
            if (shown.Add(folder)) yield return new CatalogueLine(folder, ObjectKind.Folder, Within(folder));
        }
    }

    /// <summary>
    /// Deals that have to be kept as long as the given ones: the ones themselves, and the notes that something in them was removed.
    /// Without the latter, what was removed would show again.
    /// </summary>
    public IReadOnlySet<ulong> WithRemovals(IEnumerable<ulong> deals)
    {
        var all = new SortedSet<ulong>(deals);
        var waiting = new Queue<ulong>(all);
        while (waiting.TryDequeue(out ulong deal))
        {
            foreach (ulong remover in _removers.GetValueOrDefault(deal) ?? [])
            {
                if (all.Add(remover)) waiting.Enqueue(remover);
            }
        }

        return all;
    }

    private int LowerBound(string name)
    {
        int found = Array.BinarySearch(_names, name, ObjectName.Comparer);
        return found >= 0 ? found : ~found;
    }
}

/// <summary>One line of a list.</summary>
/// <param name="Name">The whole name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Entries">The entry itself, or all that the folder holds.</param>
public sealed record CatalogueLine(string Name, ObjectKind Kind, IReadOnlyList<CatalogueEntry> Entries);
