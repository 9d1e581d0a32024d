using System.Buffers;
using System.Security.Cryptography;

namespace Marketplace.Coding;

/// <summary>What a finished bundle is.</summary>
/// <param name="BundleBytes">Its length: what is paid for.</param>
/// <param name="PlainBytes">Bytes of the files in it.</param>
/// <param name="Records">Entries and removals.</param>
/// <param name="Chunks">Chunks that the manifest names.</param>
public sealed record BundleSummary(long BundleBytes, long PlainBytes, int Records, int Chunks);

/// <summary>
/// Turns files into a bundle as they pass: cuts, compresses, seals, and at the end adds padding, manifest and footer.
/// <code>
/// writer.BeginFile(name, attributes);
/// while ((n = Read(buffer)) != 0) { writer.Write(buffer[..n]); await Drain(sink); }
/// writer.CompleteFile();
/// while (!writer.CompleteStep(out summary)) await Drain(sink);   // then drain once more
/// </code>
/// Every call writes into the sink no more than what it was given and one chunk (4 MiB) besides, so a caller that drains the sink
/// between calls needs about 15 MiB whatever the files' lengths. The same key, salt and calls give the same bytes.
/// Small files share chunks. Not for several threads.
/// </summary>
public sealed class BundleWriter : IDisposable
{
    /// <summary>Files shorter than this are packed together. No content-defined cut can fall into them.</summary>
    public const int PackedFileBytesMax = (256 * 1024) - 1;

    /// <summary>Bytes of small files that share a chunk.</summary>
    public const int PackBytesMax = 1024 * 1024;

    /// <summary>Bytes that <see cref="CompleteStep"/> writes at a time, about.</summary>
    public const int StepBytesMax = BundleFooter.SealedPieceBytesMax;

    /// <summary>Entries that wait for a shared chunk to fill.</summary>
    private const int WaitingMax = 16_384;

    private readonly BundleKey _key;
    private readonly IBufferWriter<byte> _sink;
    private readonly int _unit;
    private readonly Chunker _chunker;
    private readonly ChunkSealer _sealer;
    private readonly IKnownChunks? _known;
    private readonly ManifestWriter _manifest = new();
    private readonly List<Waiting> _waiting = [];
    private readonly byte[] _chunk = ArrayPool<byte>.Shared.Rent(Chunker.ChunkBytesMax);
    private readonly byte[] _pack = ArrayPool<byte>.Shared.Rent(PackBytesMax);
    private OpenFile? _file;
    private int _chunkBytes;
    private int _packBytes;
    private ChunkRef _lastStored;
    private int _lastStoredRow;
    private long _plainBytes;
    private Ending? _ending;
    private bool _disposed;

    /// <param name="key">A key made for this bundle alone.</param>
    /// <param name="unit">The bundle's length becomes a multiple of this: <see cref="ShardGeometry.BundleUnit"/>.</param>
    /// <param name="sink">Gets the bundle's bytes.</param>
    /// <param name="level">zstd's level.</param>
    /// <param name="known">What is named instead of being stored again; null for nothing.</param>
    public BundleWriter(BundleKey key, int unit, IBufferWriter<byte> sink, int level = ChunkCompressor.LevelDefault, IKnownChunks? known = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(sink);
        ArgumentOutOfRangeException.ThrowIfLessThan(unit, MerkleTree.LeafBytes);
        _key = key;
        _sink = sink;
        _unit = unit;
        _known = known;
        _chunker = key.CreateChunker();
        _sealer = new ChunkSealer(key, level);
        _sink.Write(key.Head.Bytes);
        BundleBytes = BundleHead.SizeBytes;
    }

    /// <summary>Bytes written to the sink so far.</summary>
    public long BundleBytes { get; private set; }

    /// <summary>Gets, as the bundle ends, a copy of what its manifest is read from: head, footer, and the manifest's sealed pieces.</summary>
    public IBufferWriter<byte>? ManifestCopy { get; init; }

    /// <summary>Adds a folder.</summary>
    public void AddFolder(EntryName name, EntryAttributes attributes) =>
        AddEntry(Entry(name, EntryKind.Folder, attributes with { Executable = false }));

    /// <summary>Adds a symbolic link.</summary>
    /// <exception cref="ArgumentException">The target is empty, too long, or not text without NUL.</exception>
    public void AddSymlink(EntryName name, EntryAttributes attributes, string target)
    {
        ArgumentException.ThrowIfNullOrEmpty(target);
        if (target.Contains('\0', StringComparison.Ordinal) || EntryName.Measure(target) is < 0 or > Manifest.LinkTargetBytesMax)
            throw new ArgumentException($"A link's target is text without NUL, at most {Manifest.LinkTargetBytesMax} bytes.", nameof(target));
        AddEntry(Entry(name, EntryKind.Symlink, attributes with { Executable = false }) with { LinkTarget = target });
    }

    /// <summary>Adds a file whose bytes lie in bundles of other deals and are not read again.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="bytes">Its length, at least 1.</param>
    /// <param name="chunks">The chunks that it takes, each with its deal.</param>
    /// <param name="skip">Bytes of the first one that belong to other files.</param>
    /// <exception cref="ArgumentException">The file does not begin in the first chunk and end in the last, or a chunk names no deal.</exception>
    public void AddStored(EntryName name, EntryAttributes attributes, long bytes, IReadOnlyList<ChunkRef> chunks, int skip)
    {
        ArgumentNullException.ThrowIfNull(chunks);
        MustBeBetweenFiles();
        CheckAttributes(attributes);
        var table = new ChunkTable();
        foreach (ChunkRef chunk in chunks)
        {
            if (!chunk.IsWellFormed || chunk.Deal == 0) throw new ArgumentException("Only chunks of other deals are named.", nameof(chunks));
            table.Add(chunk);
        }

        if (bytes < 1 || skip < 0 || !table.Holds(0, chunks.Count, skip, bytes)) throw new ArgumentException("The file does not fill these chunks.", nameof(chunks));

        int first = chunks.Count == 1 ? NameStored(chunks[0]) : _manifest.Add(chunks[0]);
        for (int i = 1; i < chunks.Count; i++) _manifest.Add(chunks[i]);
        Keep(new Waiting(Entry(name, EntryKind.File, attributes) with { Bytes = bytes, FirstChunk = first, Chunks = chunks.Count, Skip = skip }, name, IsPacked: false));
    }

    /// <summary>Removes a name, and what is under it, from the catalogue.</summary>
    public void AddRemoval(EntryName name)
    {
        MustBeBetweenFiles();
        Keep(new Waiting(null, name, IsPacked: false));
    }

    /// <summary>Begins a file; its bytes follow by <see cref="Write"/>.</summary>
    public void BeginFile(EntryName name, EntryAttributes attributes)
    {
        MustBeBetweenFiles();
        CheckAttributes(attributes);
        _chunker.Reset();
        _file = new OpenFile(name, attributes);
    }

    /// <summary>The next bytes of the open file, any number of them.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        OpenFile file = _file ?? throw new InvalidOperationException("No file is open.");
        file.Bytes += bytes.Length;
        while (!bytes.IsEmpty)
        {
            int take = _chunker.Next(bytes, out bool cut);
            if (cut && _chunkBytes == 0)
            {
                SealFileChunk(file, bytes[..take]);
            }
            else
            {
                bytes[..take].CopyTo(_chunk.AsSpan(_chunkBytes));
                _chunkBytes += take;
                if (cut) SealFileChunk(file, _chunk.AsSpan(0, _chunkBytes));
            }

            bytes = bytes[take..];
        }
    }

    /// <summary>Ends the open file.</summary>
    public void CompleteFile()
    {
        OpenFile file = _file ?? throw new InvalidOperationException("No file is open.");
        _file = null;
        _plainBytes += file.Bytes;
        ManifestEntry entry = Entry(file.Name, EntryKind.File, file.Attributes) with { Bytes = file.Bytes };
        if (file.Bytes is > 0 and <= PackedFileBytesMax)
        {
            if (_known is not null)
            {
                if (_known.TryFindFile(_chunk.AsSpan(0, _chunkBytes), out ChunkRef stored, out int skip))
                {
                    _chunkBytes = 0;
                    Keep(new Waiting(entry with { FirstChunk = NameStored(stored), Chunks = 1, Skip = skip }, entry.Name, IsPacked: false));
                    return;
                }

                _known.AddFile(_manifest.Records + _waiting.Count);
            }

            if (_packBytes + _chunkBytes > PackBytesMax) Flush();
            _chunk.AsSpan(0, _chunkBytes).CopyTo(_pack.AsSpan(_packBytes));
            entry = entry with { Chunks = 1, Skip = _packBytes };
            _packBytes += _chunkBytes;
            _chunkBytes = 0;
            Keep(new Waiting(entry, entry.Name, IsPacked: true));
            return;
        }

        if (_chunkBytes > 0) SealFileChunk(file, _chunk.AsSpan(0, _chunkBytes));
        Keep(new Waiting(entry with { FirstChunk = file.FirstChunk, Chunks = file.Chunks }, entry.Name, IsPacked: false));
    }

    /// <summary>
    /// Ends the bundle, a step of about <see cref="StepBytesMax"/> bytes at a time, so that padding needs no memory:
    /// call until it gives true and drain the sink in between. Nothing can be added after the first call.
    /// </summary>
    public bool CompleteStep(out BundleSummary? summary)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        summary = null;
        if (_ending is null)
        {
            MustBeBetweenFiles();
            Flush();
            _manifest.Complete();
            long sealedManifest = _manifest.CompressedBytes + ((long)_manifest.Pieces * BundleCipher.TagBytes);
            long needed = BundleBytes + sealedManifest + BundleFooter.SizeBytes;
            long total = Padding.PaddedBytes(Math.Max(needed, BundleFooter.BundleBytesMin(_manifest.PlainBytes)), _unit);
            _ending = new Ending(new BundleFooter(
                total, BundleBytes, BundleFooter.OffsetIn(total) - sealedManifest, sealedManifest, _manifest.PlainBytes, _manifest.Pieces));
            if (ManifestCopy is { } copy)
            {
                copy.Write(_key.Head.Bytes);
                _ending.Footer.Seal(_key, copy.GetSpan(BundleFooter.SizeBytes));
                copy.Advance(BundleFooter.SizeBytes);
            }

            return false;
        }

        BundleFooter footer = _ending.Footer;
        if (BundleBytes < footer.ManifestOffset)
        {
            int zeros = (int)Math.Min(StepBytesMax, footer.ManifestOffset - BundleBytes);
            _sink.GetSpan(zeros)[..zeros].Clear();
            Advance(zeros);
            return false;
        }

        if (_ending.NextPiece < footer.Pieces)
        {
            ReadOnlySpan<byte> piece = _manifest.Piece(_ending.NextPiece++);
            int bytes = piece.Length + BundleCipher.TagBytes;
            Span<byte> target = _sink.GetSpan(bytes)[..bytes];
            _key.Cipher.Seal(SealDomain.ManifestPiece, BundleBytes, piece, target);
            ManifestCopy?.Write(target);
            Advance(bytes);
            return false;
        }

        if (BundleBytes < footer.BundleBytes)
        {
            footer.Seal(_key, _sink.GetSpan(BundleFooter.SizeBytes));
            Advance(BundleFooter.SizeBytes);
        }

        summary = new BundleSummary(footer.BundleBytes, _plainBytes, _manifest.Records, _manifest.Chunks);
        return true;
    }

    /// <summary>Wipes and gives back the buffers.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _chunker.Dispose();
        _sealer.Dispose();
        _manifest.Dispose();
        foreach (byte[] buffer in (byte[][])[_chunk, _pack])
        {
            CryptographicOperations.ZeroMemory(buffer);
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static ManifestEntry Entry(EntryName name, EntryKind kind, EntryAttributes attributes) =>
        new(name, kind, attributes, 0, 0, 0, 0, null);

    private static void CheckAttributes(EntryAttributes attributes) =>
        ArgumentOutOfRangeException.ThrowIfZero(attributes.Version, nameof(attributes));

    private void AddEntry(ManifestEntry entry)
    {
        MustBeBetweenFiles();
        CheckAttributes(entry.Attributes);
        Keep(new Waiting(entry, entry.Name, IsPacked: false));
    }

    private void MustBeBetweenFiles()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_file is not null) throw new InvalidOperationException($"The file {_file.Name} is still open.");
        if (_ending is not null) throw new InvalidOperationException("The bundle is finished.");
    }

    private void SealFileChunk(OpenFile file, ReadOnlySpan<byte> plain)
    {
        bool known = false;
        ChunkRef chunk = default;
        if (_known is not null) known = _known.TryFind(plain, out chunk);
        if (!known) chunk = Seal(plain);
        int row = _manifest.Add(chunk);
        if (!known) _known?.Add(chunk, row);
        if (file.Chunks++ == 0) file.FirstChunk = row;
        _chunkBytes = 0;
    }

    /// <summary>The row of a chunk of another deal. Small files that share one come one after another.</summary>
    private int NameStored(ChunkRef chunk)
    {
        if (chunk != _lastStored) (_lastStored, _lastStoredRow) = (chunk, _manifest.Add(chunk));
        return _lastStoredRow;
    }

    private ChunkRef Seal(ReadOnlySpan<byte> plain)
    {
        ChunkRef chunk = _sealer.Seal(plain, BundleBytes, _sink.GetSpan(plain.Length + ChunkRef.OverheadBytes));
        Advance(chunk.SealedBytes);
        return chunk;
    }

    private void Advance(int bytes)
    {
        _sink.Advance(bytes);
        BundleBytes += bytes;
    }

    /// <summary>Keeps the manifest in the order of the calls although a packed file's chunk is sealed later.</summary>
    private void Keep(Waiting record)
    {
        _waiting.Add(record);
        if (_packBytes == 0 || _waiting.Count == WaitingMax) Flush();
    }

    private void Flush()
    {
        int row = -1;
        if (_packBytes > 0) row = _manifest.Add(Seal(_pack.AsSpan(0, _packBytes)));
        _packBytes = 0;
        foreach (Waiting record in _waiting)
        {
            if (record.Entry is null) _manifest.AddRemoval(record.Name);
            else _manifest.Add(record.IsPacked ? record.Entry with { FirstChunk = row } : record.Entry);
        }

        _waiting.Clear();
    }

    private sealed class OpenFile(EntryName name, EntryAttributes attributes)
    {
        public EntryName Name { get; } = name;

        public EntryAttributes Attributes { get; } = attributes;

        public long Bytes { get; set; }

        public int FirstChunk { get; set; }

        public int Chunks { get; set; }
    }

    private sealed class Ending(BundleFooter footer)
    {
        public BundleFooter Footer { get; } = footer;

        public int NextPiece { get; set; }
    }

    private readonly record struct Waiting(ManifestEntry? Entry, EntryName Name, bool IsPacked);
}
