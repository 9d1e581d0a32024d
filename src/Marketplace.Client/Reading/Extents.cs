using Marketplace.Client.Catalogues;
using Marketplace.Coding;

namespace Marketplace.Client.Reading;

/// <summary>Some bytes of a chunk that belong at a place of a file.</summary>
/// <param name="File">The file's index among those that are read.</param>
/// <param name="FileOffset">Where the bytes go.</param>
/// <param name="From">Where they begin in the chunk.</param>
/// <param name="Bytes">How many.</param>
internal readonly record struct Placed(int File, long FileOffset, int From, int Bytes);

/// <summary>A chunk that is needed, and for what.</summary>
internal sealed record NeededChunk(ulong Deal, ChunkRef Chunk, List<Placed> Places);

/// <summary>Plans reads: which chunks, each once, neighbours together. Pure.</summary>
internal static class Extents
{
    /// <summary>Sealed bytes that are read at once, unless one chunk is longer.</summary>
    public const int BytesMax = 4 << 20;

    /// <summary>Bytes that come out of what is read at once: what compresses to nearly nothing must not fill the memory.</summary>
    public const int PlainBytesMax = 2 * BytesMax;

    /// <summary>
    /// The chunks of whole files, each named once, in the order in which they lie in their bundles. Two rows that name one place with
    /// different lengths are two chunks: only the one that was sealed there opens.
    /// </summary>
    public static List<NeededChunk> ChunksOf(IReadOnlyList<CatalogueEntry> files)
    {
        var needed = new Dictionary<ChunkRef, NeededChunk>();
        for (int i = 0; i < files.Count; i++)
        {
            long at = 0;
            foreach (ChunkSlice slice in files[i].Manifest.Slices(files[i].Source))
            {
                ChunkRef place = slice.Chunk.SeenFrom(files[i].Deal);
                if (!needed.TryGetValue(place, out NeededChunk? chunk)) needed[place] = chunk = new NeededChunk(place.Deal, place, []);
                chunk.Places.Add(new Placed(i, at, slice.From, slice.Bytes));
                at += slice.Bytes;
            }
        }

        return [.. needed.Values.OrderBy(chunk => chunk.Deal).ThenBy(chunk => chunk.Chunk.Offset)];
    }

    /// <summary>The chunks of a range of one file, in the file's order.</summary>
    public static List<NeededChunk> ChunksOf(CatalogueEntry file, long from, long bytes)
    {
        var needed = new List<NeededChunk>();
        long at = 0;
        foreach (ChunkSlice slice in file.Manifest.Slices(file.Source, from, bytes))
        {
            ChunkRef place = slice.Chunk.SeenFrom(file.Deal);
            needed.Add(new NeededChunk(place.Deal, place, [new Placed(0, at, slice.From, slice.Bytes)]));
            at += slice.Bytes;
        }

        return needed;
    }

    /// <summary>Puts chunks together that lie one after another, up to <see cref="BytesMax"/> and <see cref="PlainBytesMax"/>.</summary>
    public static IEnumerable<IReadOnlyList<NeededChunk>> Join(IReadOnlyList<NeededChunk> chunks)
    {
        var extent = new List<NeededChunk>();
        long bytes = 0;
        long plain = 0;
        foreach (NeededChunk chunk in chunks)
        {
            bool next = extent.Count > 0 && extent[^1].Deal == chunk.Deal && extent[^1].Chunk.Offset + extent[^1].Chunk.SealedBytes == chunk.Chunk.Offset;
            bool fits = bytes + chunk.Chunk.SealedBytes <= BytesMax && plain + chunk.Chunk.PlainBytes <= PlainBytesMax;
            if (extent.Count > 0 && (!next || !fits))
            {
                yield return extent;
                extent = [];
                bytes = 0;
                plain = 0;
            }

            extent.Add(chunk);
            bytes += chunk.Chunk.SealedBytes;
            plain += chunk.Chunk.PlainBytes;
        }

        if (extent.Count > 0) yield return extent;
    }
}
