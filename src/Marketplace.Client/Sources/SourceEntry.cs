using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Client.Sources;

/// <summary>Something that is going to be stored.</summary>
/// <param name="Name">The name it gets.</param>
/// <param name="Kind">A file, a symbolic link, or a folder that holds nothing.</param>
/// <param name="Path">Where it is on disk; for messages only if there is <see cref="Content"/>.</param>
/// <param name="Bytes">Length of the file when it was found; 0 for the rest.</param>
/// <param name="ModifiedAt">When it was last changed.</param>
/// <param name="Executable">Whether its owner may run it.</param>
/// <param name="LinkTarget">Where a symbolic link points, as it is written there.</param>
public sealed record SourceEntry(
    string Name, ObjectKind Kind, string Path, long Bytes, DateTimeOffset ModifiedAt, bool Executable, string? LinkTarget)
{
    /// <summary>A stream that gives the bytes instead of the file at <see cref="Path"/>. Read once, not disposed.</summary>
    public Stream? Content { get; init; }

    /// <summary>By what the file is known again; null for a stream and for what is no regular file.</summary>
    internal FileMark? Mark { get; init; }

    /// <summary>Where the same bytes lie already, so that the file is not read; null if they do not.</summary>
    internal StoredFile? Stored { get; init; }

    /// <summary>The stream may end before <see cref="Bytes"/>, which is then only the most it may give.</summary>
    public bool MayBeShorter { get; init; }

    /// <summary>What is said of a stream that gives more than <see cref="Bytes"/>, if that is not the caller's own limit.</summary>
    internal Func<MarketException>? Beyond { get; init; }
}

/// <summary>One object of a put: a PATH, walked, or a stream.</summary>
/// <param name="Name">The object's name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Entries">What is stored for it, by name.</param>
public sealed record SourceObject(string Name, ObjectKind Kind, IReadOnlyList<SourceEntry> Entries)
{
    /// <summary>Regular files.</summary>
    public long Files => Entries.Count(entry => entry.Kind is ObjectKind.File);

    /// <summary>Bytes of all files, or the most that a stream may give.</summary>
    public long Bytes => Entries.Sum(entry => entry.Bytes);

    /// <summary>A file whose bytes come from a stream.</summary>
    /// <param name="name">A valid name.</param>
    /// <param name="content">Gives the bytes; not disposed.</param>
    /// <param name="bytes">How many it gives, or the most that it may give.</param>
    /// <param name="mayBeShorter">Whether it may end earlier.</param>
    /// <param name="modifiedAt">The time that the file gets.</param>
    public static SourceObject FromStream(string name, Stream content, long bytes, bool mayBeShorter, DateTimeOffset modifiedAt) => new(
        name,
        ObjectKind.File,
        [new SourceEntry(name, ObjectKind.File, name, bytes, modifiedAt, Executable: false, null) { Content = content, MayBeShorter = mayBeShorter }]);
}
