using Marketplace.Client.Json;

namespace Marketplace.Client.Sources;

/// <summary>Something on disk that is going to be stored.</summary>
/// <param name="Name">The name it gets.</param>
/// <param name="Kind">A file, a symbolic link, or a folder that holds nothing.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Bytes">Length of the file when it was found; 0 for the rest.</param>
/// <param name="ModifiedAt">When it was last changed.</param>
/// <param name="Executable">Whether its owner may run it.</param>
/// <param name="LinkTarget">Where a symbolic link points, as it is written there.</param>
public sealed record SourceEntry(
    string Name, ObjectKind Kind, string Path, long Bytes, DateTimeOffset ModifiedAt, bool Executable, string? LinkTarget);

/// <summary>One PATH of a put, walked.</summary>
/// <param name="Name">The object's name.</param>
/// <param name="Kind">What the PATH is.</param>
/// <param name="Entries">What is stored for it, by name.</param>
public sealed record SourceObject(string Name, ObjectKind Kind, IReadOnlyList<SourceEntry> Entries)
{
    /// <summary>Regular files.</summary>
    public long Files => Entries.Count(entry => entry.Kind is ObjectKind.File);

    /// <summary>Bytes of all files.</summary>
    public long Bytes => Entries.Sum(entry => entry.Bytes);
}
