using Marketplace.Client.Sources;
using Marketplace.Coding;

namespace Marketplace.Client.Reusing;

/// <summary>Tells a bundle's writer which chunks and small files lie in deals that may be referred to, and remembers the new ones.</summary>
/// <param name="index">What was stored before.</param>
/// <param name="key">Names contents. Not owned.</param>
/// <param name="manifests">The manifests of the deals that may be referred to, by number.</param>
internal sealed class KnownChunks(ContentIndex index, ContentIndexKey key, IReadOnlyDictionary<ulong, Manifest> manifests) : IKnownChunks
{
    private readonly Dictionary<UInt128, (ChunkRef Chunk, int Row)> _added = [];
    private readonly Dictionary<UInt128, int> _addedFiles = [];
    private UInt128 _asked;

    /// <summary>Deals in which something was found.</summary>
    public HashSet<ulong> Deals { get; } = [];

    /// <summary>Rows of the new bundle by the names of their contents.</summary>
    public IEnumerable<(UInt128 Name, int Row)> Added => _added.Select(one => (one.Key, one.Value.Row));

    /// <summary>Records of small files of the new bundle by the names of their contents.</summary>
    public IEnumerable<(UInt128 Name, int Record)> AddedFiles => _addedFiles.Select(one => (one.Key, one.Value));

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

    /// <inheritdoc />
    public bool TryFindFile(ReadOnlySpan<byte> plain, out ChunkRef chunk, out int skip)
    {
        _asked = key.NameOf(plain);
        (chunk, skip) = (default, 0);
        if (!index.Packed.TryGetValue(_asked, out KnownRecord known)) return false;
        if (!manifests.TryGetValue(known.Deal, out Manifest? manifest) || known.Record < 0 || known.Record >= manifest.Records.Count) return false;
        if (manifest.Records[known.Record] is not ManifestEntry { Kind: EntryKind.File, Chunks: 1 } file || file.Bytes != plain.Length) return false;
        (chunk, skip) = (manifest.Chunks[file.FirstChunk].SeenFrom(known.Deal), file.Skip);
        if (!manifests.ContainsKey(chunk.Deal)) return false;
        Deals.Add(chunk.Deal);
        Bytes += plain.Length;
        return true;
    }

    /// <inheritdoc />
    public void AddFile(int record) => _addedFiles.TryAdd(_asked, record);

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
        chunk = manifest.Chunks[known.Row].SeenFrom(known.Deal);
        return manifests.ContainsKey(chunk.Deal);
    }
}
