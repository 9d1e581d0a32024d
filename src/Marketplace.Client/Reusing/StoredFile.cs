using Marketplace.Coding;

namespace Marketplace.Client.Sources;

/// <summary>A file's bytes as an earlier put stored them.</summary>
/// <param name="Deal">The deal whose manifest names them.</param>
/// <param name="Manifest">That manifest.</param>
/// <param name="Entry">The file there.</param>
internal sealed record StoredFile(ulong Deal, Manifest Manifest, ManifestEntry Entry)
{
    /// <summary>The chunks it takes, each with the deal that holds it.</summary>
    public IReadOnlyList<ChunkRef> Chunks { get; } =
    [
        .. Enumerable.Range(Entry.FirstChunk, Entry.Chunks).Select(row => Manifest.Chunks[row].SeenFrom(Deal)),
    ];
}
