using Marketplace.Client.Json;
using Marketplace.Client.Names;
using Marketplace.Coding;

namespace Marketplace.Client.Catalogues;

/// <summary>One file, link or empty folder of the client, as the latest deal that names it says.</summary>
/// <param name="Deal">The client's number of that deal.</param>
/// <param name="Manifest">The manifest that it stands in.</param>
/// <param name="Source">Its record there.</param>
public sealed record CatalogueEntry(ulong Deal, Manifest Manifest, ManifestEntry Source)
{
    /// <summary>The whole name.</summary>
    public string Name => Source.Name.Value;

    /// <summary>File, folder or link.</summary>
    public ObjectKind Kind => Source.Kind switch
    {
        EntryKind.Folder => ObjectKind.Folder,
        EntryKind.Symlink => ObjectKind.Symlink,
        _ => ObjectKind.File,
    };

    /// <summary>A file's length.</summary>
    public long Bytes => Source.Bytes;

    /// <summary>The name's version.</summary>
    public long Version => Source.Attributes.Version;

    /// <summary>When it was last changed, as its file system said.</summary>
    public DateTimeOffset ModifiedAt => Source.Attributes.ModifiedAt;

    /// <summary>The name below <paramref name="folder"/>; empty for the folder's own name.</summary>
    public string NameBelow(string folder) => Name.Length == folder.Length ? "" : Name[(folder.Length + 1)..];

    /// <summary>The deals whose bundles hold its bytes, and the one that names it.</summary>
    public IEnumerable<ulong> Deals
    {
        get
        {
            yield return Deal;
            if (Source.Kind is not EntryKind.File) yield break;
            for (int row = Source.FirstChunk; row < Source.FirstChunk + Source.Chunks; row++)
            {
                if (Manifest.Chunks[row].Deal is var other and not 0) yield return other;
            }
        }
    }

    internal bool IsWithin(string name) => ObjectName.IsWithin(Name, name);
}
