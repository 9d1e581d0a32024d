using System.Text;
using Marketplace.Client.Json;
using Marketplace.Client.Sources;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Uploads;

/// <summary>How long a bundle can become at most, before anything was read: as if nothing could be compressed.</summary>
public static class BundleBound
{
    private const int RecordBytesMax = 64;
    private const int ChunkRecordBytesMax = 48;
    private const long SlackBytes = 4096;

    /// <summary>The longest bundle that these objects can make, padding included.</summary>
    public static long BytesMax(IReadOnlyList<SourceObject> objects, Redundancy redundancy)
    {
        long bytes = 0;
        long names = 0;
        long files = 0;
        long records = objects.Count;
        long named = 0;
        foreach (SourceEntry entry in objects.SelectMany(one => one.Entries))
        {
            if (entry.Stored is { } stored) named += stored.Chunks.Count;
            else bytes += entry.Bytes;
            names += Encoding.UTF8.GetByteCount(entry.Name) + (entry.LinkTarget is null ? 0 : Encoding.UTF8.GetByteCount(entry.LinkTarget));
            records++;
            if (entry.Kind is ObjectKind.File) files++;
        }

        names += objects.Sum(one => (long)Encoding.UTF8.GetByteCount(one.Name));
        long chunks = (bytes / Chunker.ChunkBytesMin) + files + 1;
        long manifest = names + (records * RecordBytesMax) + ((chunks + named) * ChunkRecordBytesMax);

        // zstd adds at most one part in 256 to what it cannot shrink.
        long total = BundleHead.SizeBytes + bytes + (chunks * ChunkRef.OverheadBytes) + manifest + (manifest / 256) + SlackBytes + BundleFooter.SizeBytes;
        return Padding.PaddedBytes(total, ShardGeometry.BundleUnit(redundancy));
    }
}
