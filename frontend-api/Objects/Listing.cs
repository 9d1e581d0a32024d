using Marketplace.Client.Json;
using Marketplace.Client.Names;

namespace Marketplace.Gateway.Objects;

/// <summary>Chooses the lines of a list. Pure.</summary>
public static class Listing
{
    /// <summary>
    /// Those of <paramref name="all"/> (sorted by name) whose names begin with <paramref name="prefix"/> and come after <paramref name="after"/>,
    /// at most <paramref name="limit"/>. Not recursive: what lies below a further slash is one folder, with the sums of what is in it.
    /// </summary>
    public static IReadOnlyList<ListedObject> Select(IReadOnlyList<ListedObject> all, string prefix, bool recursive, string? after, int limit)
    {
        IEnumerable<ListedObject> found = all.Where(one => one.Name.StartsWith(prefix, StringComparison.Ordinal));
        if (!recursive) found = OneLevel(found, prefix.Length).OrderBy(one => one.Name, ObjectName.Comparer);
        if (after is not null) found = found.Where(one => ObjectName.Comparer.Compare(one.Name, after) > 0);
        return [.. found.Take(limit)];
    }

    private static IEnumerable<ListedObject> OneLevel(IEnumerable<ListedObject> found, int prefixLength) => found
        .GroupBy(one => one.Name.IndexOf('/', prefixLength) is var slash and > 0 ? one.Name[..slash] : one.Name, ObjectName.Comparer)
        .Select(group => group.ToList() switch
        {
            [var single] when single.Name.Length == group.Key.Length => single,
            var many => Folder(group.Key, many),
        });

    private static ListedObject Folder(string name, List<ListedObject> inside) => new(
        name,
        ObjectKind.Folder,
        inside.Sum(one => one.Bytes),
        inside.Max(one => one.Version),
        inside.Max(one => one.ModifiedAt),
        inside.Select(one => one.Redundancy).Distinct().ToList() is [var same] ? same : null,
        inside.Min(one => one.PaidUntil));
}
