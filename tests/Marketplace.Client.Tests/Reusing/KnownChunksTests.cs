using Marketplace.Client.Keys;
using Marketplace.Client.Reusing;
using Marketplace.Client.Tests.Catalogues;
using Marketplace.Coding;

namespace Marketplace.Client.Tests.Reusing;

public sealed class KnownChunksTests
{
    [Fact]
    public void Small_files_are_named_where_they_lie_although_they_were_touched_and_moved()
    {
        using OwnKeys keys = Bundles.Keys();
        using ContentIndexKey key = keys.CreateIndexKey()!;
        var index = new ContentIndex();
        var first = new KnownChunks(index, key, new Dictionary<ulong, Manifest>());
        Manifest stored = Bundles.Read(Bundles.Write(writer => Fill(writer, "old", 0), known: first));
        Assert.Equal(0, first.Bytes);
        foreach ((UInt128 name, int record) in first.AddedFiles) index.Packed[name] = new KnownRecord(7, record);

        var second = new KnownChunks(index, key, new Dictionary<ulong, Manifest> { [7] = stored });
        Manifest again = Bundles.Read(Bundles.Write(writer => Fill(writer, "new", 1), known: second));
        Assert.Equal([7ul], second.Deals);
        Assert.Equal(50 * 3000, second.Bytes);
        Assert.Single(again.Chunks, chunk => chunk.Deal == 0);    // the one file that is new
        Assert.Equal(2, again.Chunks.Count);
        ManifestEntry[] files = [.. again.Entries];
        Assert.Equal(51, files.Length);
        foreach (ManifestEntry file in stored.Entries)
        {
            ManifestEntry moved = Assert.Single(files, one => one.Name.Value == "new" + file.Name.Value[3..]);
            ChunkSlice slice = Assert.Single(stored.Slices(file));
            Assert.Equal(slice with { Chunk = slice.Chunk.SeenFrom(7) }, Assert.Single(again.Slices(moved)));
        }
    }

    private static void Fill(BundleWriter writer, string folder, int more)
    {
        writer.AddRemoval(EntryName.Parse(folder));
        for (int i = 0; i < 50 + more; i++)
        {
            byte[] content = new byte[3000];
            new Random(i).NextBytes(content);
            writer.BeginFile(EntryName.Parse($"{folder}/{i}"), new EntryAttributes(1, Bundles.Time.AddDays(more)));
            writer.Write(content);
            writer.CompleteFile();
        }
    }
}
