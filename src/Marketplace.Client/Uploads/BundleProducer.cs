using System.Buffers;
using System.IO.Pipelines;
using Marketplace.Client.Json;
using Marketplace.Client.Sources;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Uploads;

/// <summary>What one object of a put came to.</summary>
internal sealed record ProducedObject(SourceObject Source, uint Version)
{
    /// <summary>Bytes of its files.</summary>
    public long Bytes { get; set; }
}

/// <summary>Reads sources and writes the sealed bundle into a pipe, as fast as the pipe takes it.</summary>
internal static class BundleProducer
{
    private const int ReadBytesMax = 256 * 1024;
    private const int FlushFromBytes = 64 * 1024;

    /// <summary>Writes the whole bundle and completes the pipe, with the failure if there was one.</summary>
    /// <param name="objects">What to store, each with its version.</param>
    /// <param name="removals">Names to remove first: what the objects take the place of, or all there is.</param>
    /// <param name="key">The bundle's own key.</param>
    /// <param name="redundancy">Decides the unit of the length.</param>
    /// <param name="known">Chunks that need not be stored again; null for none.</param>
    /// <param name="level">zstd's level.</param>
    /// <param name="sink">Gets the bytes.</param>
    /// <param name="manifestCopy">Gets the sealed manifest besides; null if nobody wants it.</param>
    /// <param name="progress">Told the source bytes read so far.</param>
    /// <param name="token">Cancels.</param>
    public static async Task<BundleSummary> RunAsync(
        IReadOnlyList<ProducedObject> objects,
        IReadOnlyList<string> removals,
        BundleKey key,
        Redundancy redundancy,
        IKnownChunks? known,
        int level,
        PipeWriter sink,
        IBufferWriter<byte>? manifestCopy,
        IProgress<long>? progress,
        CancellationToken token)
    {
        try
        {
            using var writer = new BundleWriter(key, ShardGeometry.BundleUnit(redundancy), sink, level, known) { ManifestCopy = manifestCopy };
            foreach (string name in removals) writer.AddRemoval(EntryName.Parse(name));
            byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadBytesMax);
            try
            {
                long done = 0;
                foreach (ProducedObject one in objects)
                {
                    foreach (SourceEntry entry in one.Source.Entries)
                    {
                        token.ThrowIfCancellationRequested();
                        long bytes = await WriteEntryAsync(writer, entry, one.Version, buffer, sink, done, progress, token);
                        one.Bytes += bytes;
                        done += bytes;
                        progress?.Report(done);
                        await FlushAsync(sink, FlushFromBytes, token);
                    }
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }

            BundleSummary? summary;
            while (!writer.CompleteStep(out summary)) await FlushAsync(sink, FlushFromBytes, token);
            await FlushAsync(sink, 0, token);
            await sink.CompleteAsync();
            return summary!;
        }
        catch (Exception exception)
        {
            await sink.CompleteAsync(exception);
            throw;
        }
    }

    private static async Task<long> WriteEntryAsync(
        BundleWriter writer, SourceEntry entry, uint version, byte[] buffer, PipeWriter sink, long before, IProgress<long>? progress, CancellationToken token)
    {
        EntryName name = EntryName.Parse(entry.Name);
        var attributes = new EntryAttributes(version, entry.ModifiedAt, entry.Executable);
        switch (entry.Kind)
        {
            case ObjectKind.Folder:
                writer.AddFolder(name, attributes);
                return 0;
            case ObjectKind.Symlink:
                writer.AddSymlink(name, attributes, entry.LinkTarget!);
                return 0;
            case ObjectKind.File when entry.Stored is { } stored:
                writer.AddStored(name, attributes, entry.Bytes, stored.Chunks, stored.Entry.Skip);
                return entry.Bytes;
            default:
                writer.BeginFile(name, attributes);
                long total = 0;
                using (SourceFile? file = entry.Content is null ? SourceFile.Open(entry) : null)
                {
                    while (true)
                    {
                        int read = file?.Read(buffer.AsSpan(0, ReadBytesMax)) ?? await ReadStreamAsync(entry, buffer, total, token);
                        if (read == 0) break;
                        writer.Write(buffer.AsSpan(0, read));
                        total += read;
                        progress?.Report(before + total);
                        await FlushAsync(sink, FlushFromBytes, token);
                    }
                }

                writer.CompleteFile();
                return total;
        }
    }

    private static async Task<int> ReadStreamAsync(SourceEntry entry, byte[] buffer, long before, CancellationToken token)
    {
        int read = await entry.Content!.ReadAsync(buffer.AsMemory(0, ReadBytesMax), token);
        if (read > entry.Bytes - before)
            throw entry.Beyond?.Invoke() ?? new MarketException(MarketErrorCode.Usage, $"'{entry.Name}' is longer than the {entry.Bytes} bytes that were announced.", "Nothing was paid.");
        if (read == 0 && before < entry.Bytes && !entry.MayBeShorter)
            throw new MarketException(MarketErrorCode.Failed, $"'{entry.Name}' ended after {before} of {entry.Bytes} bytes.", "Nothing was paid.");
        return read;
    }

    private static async ValueTask FlushAsync(PipeWriter sink, long from, CancellationToken token)
    {
        if (sink.UnflushedBytes < from || sink.UnflushedBytes == 0) return;
        FlushResult flushed = await sink.FlushAsync(token);
        if (flushed.IsCompleted) throw new OperationCanceledException("Nobody takes the bundle's bytes any more.", token);
    }
}
