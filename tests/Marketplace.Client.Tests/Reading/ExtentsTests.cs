using Marketplace.Client.Catalogues;
using Marketplace.Client.Reading;
using Marketplace.Client.Tests.Catalogues;
using Marketplace.Coding;

namespace Marketplace.Client.Tests.Reading;

public sealed class ExtentsTests
{
    private static readonly EntryAttributes s_attributes = new(1, Bundles.Time);

    [Fact]
    public void What_shrinks_to_nearly_nothing_is_read_in_pieces_that_fit_into_memory()
    {
        const int Bytes = 100 << 20;
        CatalogueEntry file = Assert.Single(Entries(writer =>
        {
            writer.BeginFile(EntryName.Parse("zeros"), s_attributes);
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < Bytes; i += zeros.Length) writer.Write(zeros);
            writer.CompleteFile();
        }));
        IReadOnlyList<NeededChunk>[] extents = [.. Extents.Join(Extents.ChunksOf(file, 0, Bytes))];
        Assert.Equal(Bytes, extents.Sum(extent => PlainBytes(extent)));
        Assert.All(extents, extent => Assert.InRange(PlainBytes(extent), 1, Extents.PlainBytesMax));
    }

    [Fact]
    public void Rows_that_name_one_place_with_different_lengths_are_different_chunks()
    {
        List<NeededChunk> chunks = Extents.ChunksOf(Entries(writer =>
        {
            foreach (int bytes in (int[])[100, 200, 100])
                writer.AddStored(EntryName.Parse($"file {writer.BundleBytes} {bytes}"), s_attributes, bytes, [new ChunkRef(7, 256, bytes + 16, bytes, ChunkEncoding.Raw)], 0);
        }));
        Assert.Equal([100, 200], chunks.Select(chunk => chunk.Chunk.PlainBytes));
        Assert.All(chunks, chunk => Assert.All(chunk.Places, place => Assert.True(place.From + place.Bytes <= chunk.Chunk.PlainBytes)));
        Assert.Equal(2, Extents.Join(chunks).Count());
    }

    [Fact]
    public void A_chunk_is_within_a_bundle_or_not()
    {
        var chunk = new ChunkRef(7, 1000, 116, 100, ChunkEncoding.Raw);
        Assert.True(chunk.IsWithin(1116));
        Assert.False(chunk.IsWithin(1115));
        Assert.False((chunk with { Offset = long.MaxValue }).IsWithin(ShardGeometry.BundleBytesMax));
    }

    private static long PlainBytes(IReadOnlyList<NeededChunk> extent) => extent.Sum(chunk => (long)chunk.Places[0].Bytes);

    private static CatalogueEntry[] Entries(Action<BundleWriter> fill)
    {
        Manifest manifest = Bundles.Read(Bundles.Write(fill));
        return [.. manifest.Entries.Select(entry => new CatalogueEntry(1, manifest, entry))];
    }
}
