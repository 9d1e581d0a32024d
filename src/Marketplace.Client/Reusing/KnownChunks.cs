using Marketplace.Client.Sources;
using Marketplace.Coding;

namespace Marketplace.Client.Reusing;

/// <summary>Tells a bundle's writer which chunks lie in deals that may be referred to, and remembers the new ones.</summary>
/// <param name="index">What was stored before.</param>
/// <param name="key">Names contents. Not owned.</param>
/// <param name="manifests">The manifests of the deals that may be referred to, by number.</param>
internal sealed class KnownChunks(ContentIndex index, ContentIndexKey key, IReadOnlyDictionary<ulong, Manifest> manifests) : IKnownChunks
{
    private readonly Dictionary<UInt128, (ChunkRef Chunk, int Row)> _added = [];
    private UInt128 _asked;

    /// <summary>Deals whose chunks were found.</summary>
    public HashSet<ulong> Deals { get; } = [];

    /// <summary>Rows of the new bundle by the names of their contents.</summary>
    public IEnumerable<(UInt128 Name, int Row)> Added => _added.Select(one => (one.Key, one.Value.Row));

    /// <summary>Bytes that were not stored again.</summary>
    public long Bytes { get; private set; }

    /// <inheritdoc />
    public bool TryFind(ReadOnlySpan<byte> plain, out ChunkRef chunk)
    {
        _asked = key.NameOf(plain);
        if (!TryFindNamed(out chunk) || chunk.PlainBytes != plain.Length) return false;
        if (chunk.Deal != 0) Deals.Add(chunk.Deal);
        Bytes += plain.Length;
        return true;
    }

    /// <inheritdoc />
    public void Add(ChunkRef chunk, int row) => _added.TryAdd(_asked, (chunk, row));

    private bool TryFindNamed(out ChunkRef chunk)
    {
        if (_added.TryGetValue(_asked, out (ChunkRef Chunk, int Row) own))
        {
            chunk = own.Chunk;
            return true;
        }

        chunk = default;
        if (!index.Chunks.TryGetValue(_asked, out KnownRow known)) return false;
        if (!manifests.TryGetValue(known.Deal, out Manifest? manifest) || known.Row < 0 || known.Row >= manifest.Chunks.Count) return false;
        chunk = StoredFile.Placed(manifest.Chunks[known.Row], known.Deal);
        return manifests.ContainsKey(chunk.Deal);
    }
}
