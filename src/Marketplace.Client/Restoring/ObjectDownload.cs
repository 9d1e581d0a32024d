using System.Threading.Channels;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Json;
using Marketplace.Client.Reading;
using Marketplace.Domain;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Client.Restoring;

/// <summary>Brings objects back: into a target on disk, or as a stream. Memory is bounded whatever the objects' lengths.</summary>
/// <param name="open">Gives the bundle of a deal, ready to be read.</param>
/// <param name="progress">Told the bytes of files that came so far.</param>
internal sealed class ObjectDownload(Func<ulong, CancellationToken, Task<OpenBundle>> open, IProgress<long>? progress)
{
    /// <summary>Reads that run at the same time; each holds <see cref="Extents.BytesMax"/> two to three times and <see cref="Extents.PlainBytesMax"/> at most.</summary>
    public const int ReadsMax = 4;

    private long _done;

    /// <summary>Writes an object into a target, which the caller commits.</summary>
    public async Task RestoreAsync(string name, IReadOnlyList<CatalogueEntry> entries, RestoreTarget target, CancellationToken token)
    {
        List<CatalogueEntry> files = [.. entries.Where(entry => entry.Kind is ObjectKind.File)];
        foreach (CatalogueEntry entry in entries)
        {
            if (entry.Kind is ObjectKind.Folder) target.AddFolder(entry.NameBelow(name), entry.ModifiedAt);
            else if (entry.Kind is ObjectKind.Symlink) target.AddLink(entry.NameBelow(name), entry.Source.LinkTarget!, entry.ModifiedAt);
        }

        using var pool = new BlockPool();
        var restoring = new RestoringFile[files.Count];
        for (int i = 0; i < files.Count; i++)
        {
            restoring[i] = new RestoringFile(pool, target, files[i].NameBelow(name), files[i]);
            if (files[i].Bytes == 0) restoring[i].CreateEmpty();
        }

        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = ReadsMax, CancellationToken = token };
            await Parallel.ForEachAsync(Extents.Join(Extents.ChunksOf(files)), options, async (extent, stop) =>
            {
                OpenBundle bundle = await OpenAsync(extent[0].Deal, stop);
                await bundle.ReadChunksAsync(
                    extent,
                    static chunk => chunk.Chunk,
                    (chunk, plain) =>
                    {
                        foreach (Placed place in chunk.Places)
                        {
                            restoring[place.File].Write(plain.Span.Slice(place.From, place.Bytes), place.FileOffset);
                            progress?.Report(Interlocked.Add(ref _done, place.Bytes));
                        }

                        return ValueTask.CompletedTask;
                    },
                    stop);
            });
        }
        finally
        {
            foreach (RestoringFile file in restoring) file.Dispose();
        }
    }

    /// <summary>Gives a range of one file in order, some reads ahead of the taker.</summary>
    /// <param name="file">The file.</param>
    /// <param name="from">First byte.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="take">Gets the bytes; what it gets is good until it returns.</param>
    /// <param name="token">Cancels.</param>
    public async Task StreamAsync(CatalogueEntry file, long from, long bytes, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken token)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        Channel<Task<byte[]>> ahead = Channel.CreateBounded<Task<byte[]>>(ReadsMax - 2);
        Task reading = ReadAheadAsync(Extents.Join(Extents.ChunksOf(file, from, bytes)), ahead.Writer, stop.Token);
        try
        {
            await foreach (Task<byte[]> next in ahead.Reader.ReadAllAsync(stop.Token))
            {
                byte[] piece = await next;
                await take(piece, stop.Token);
                progress?.Report(Interlocked.Add(ref _done, piece.Length));
            }

            await reading;
        }
        finally
        {
            await stop.CancelAsync();
            await ((Task)Task.WhenAny(reading)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (ahead.Reader.TryRead(out Task<byte[]>? unused)) await ((Task)unused).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAheadAsync(IEnumerable<IReadOnlyList<NeededChunk>> extents, ChannelWriter<Task<byte[]>> ahead, CancellationToken token)
    {
        try
        {
            foreach (IReadOnlyList<NeededChunk> extent in extents)
            {
                if (!await ahead.WaitToWriteAsync(token)) return;
                await ahead.WriteAsync(ReadAsync(extent, token), token);
            }

            ahead.Complete();
        }
        catch (Exception exception)
        {
            ahead.Complete(exception);
        }
    }

    private async Task<byte[]> ReadAsync(IReadOnlyList<NeededChunk> extent, CancellationToken token)
    {
        byte[] piece = new byte[extent.Sum(chunk => chunk.Places[0].Bytes)];
        int at = 0;
        OpenBundle bundle = await OpenAsync(extent[0].Deal, token);
        await bundle.ReadChunksAsync(
            extent,
            static chunk => chunk.Chunk,
            (chunk, plain) =>
            {
                Placed place = chunk.Places[0];
                plain.Span.Slice(place.From, place.Bytes).CopyTo(piece.AsSpan(at));
                at += place.Bytes;
                return ValueTask.CompletedTask;
            },
            token);
        return piece;
    }

    private Task<OpenBundle> OpenAsync(ulong deal, CancellationToken token) => open(deal, token);

    /// <summary>A file that is being filled from several places; closed when its last byte is there.</summary>
    private sealed class RestoringFile(BlockPool pool, RestoreTarget target, string name, CatalogueEntry entry) : IDisposable
    {
        private readonly Lock _lock = new();
        private DirectFile? _file;
        private long _left = entry.Bytes;

        public void CreateEmpty()
        {
            target.CreateFile(name, 0).Dispose();
            Finish();
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            DirectFile file;
            lock (_lock) file = _file ??= Create();
            file.Write(bytes, offset);
        }

        public void Dispose() => _file?.Dispose();

        private DirectFile Create()
        {
            SafeFileHandle cached = target.CreateFile(name, entry.Bytes);
            return new DirectFile(pool, cached, entry.Bytes >= DirectFile.BytesMin ? target.OpenDirect(name) : null, entry.Bytes, Written);
        }

        private void Written(int bytes)
        {
            if (Interlocked.Add(ref _left, -bytes) > 0) return;
            Dispose();
            Finish();
        }

        private void Finish() => target.FinishFile(name, entry.ModifiedAt, entry.Source.Attributes.Executable);
    }
}
