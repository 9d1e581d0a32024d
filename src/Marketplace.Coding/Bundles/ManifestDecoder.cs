using System.Buffers;
using System.Security.Cryptography;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Marketplace.Coding;

/// <summary>
/// Opens a bundle's manifest piece by piece, in order, and reads its records as they come:
/// <code>for (i = 0; i != footer.Pieces; i++) decoder.Append(bytes at footer.Piece(i)); Manifest manifest = decoder.Complete();</code>
/// Needs memory for what is read and some MiB besides; never more than the limits of <see cref="Manifest"/> allow.
/// </summary>
public sealed class ManifestDecoder : IDisposable
{
    /// <summary>A frame may not ask for more memory than this power of two.</summary>
    private const int WindowLogMax = 23;

    private const int BufferBytes = 128 * 1024;

    private readonly BundleKey _key;
    private readonly BundleFooter _footer;
    private readonly Decompressor _decompressor = new();
    private readonly byte[] _piece = ArrayPool<byte>.Shared.Rent(BundleFooter.PieceBytesMax);
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private readonly List<ManifestRecord> _records = [];
    private readonly ChunkTable _chunks = new();
    private int _nextPiece;
    private int _buffered;
    private long _plainBytes;
    private long _rowsNamed;
    private bool _versionRead;
    private bool _ended;
    private bool _disposed;

    /// <param name="key">The bundle's key.</param>
    /// <param name="footer">The bundle's footer.</param>
    public ManifestDecoder(BundleKey key, BundleFooter footer)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(footer);
        _key = key;
        _footer = footer;
        _decompressor.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, WindowLogMax);
    }

    /// <summary>Takes the next sealed piece.</summary>
    /// <exception cref="BundleFormatException">It does not open at its place, or holds what no manifest holds.</exception>
    public void Append(ReadOnlySpan<byte> sealedPiece)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        (long offset, int bytes) = _footer.Piece(_nextPiece);
        if (sealedPiece.Length != bytes || !_key.Cipher.TryOpen(SealDomain.ManifestPiece, offset, sealedPiece, _piece))
            throw new BundleFormatException(BundleFault.Tampered, $"Piece {_nextPiece} of the manifest does not open: it was changed, moved, or belongs to another bundle.");
        _nextPiece++;
        Decompress(_piece.AsSpan(0, bytes - BundleCipher.TagBytes));
    }

    /// <summary>The whole manifest, after the last piece.</summary>
    /// <exception cref="BundleFormatException">The manifest is not complete.</exception>
    public Manifest Complete() => _nextPiece == _footer.Pieces && _ended && _buffered == 0 && _plainBytes == _footer.ManifestPlainBytes
        ? new Manifest(_records, _chunks)
        : throw Malformed("it is not complete");

    /// <summary>Wipes and gives back the buffers.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _decompressor.Dispose();
        foreach (byte[] buffer in (byte[][])[_piece, _buffer])
        {
            CryptographicOperations.ZeroMemory(buffer);
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static BundleFormatException Malformed(string what) => new(BundleFault.Malformed, $"The manifest is malformed: {what}.");

    private void Decompress(ReadOnlySpan<byte> compressed)
    {
        while (true)
        {
            Span<byte> room = _buffer.AsSpan(_buffered, BufferBytes - _buffered);
            int consumed, written;
            try
            {
                _decompressor.UnwrapStream(compressed, room, out consumed, out written);
            }
            catch (ZstdException e)
            {
                throw new BundleFormatException(BundleFault.Malformed, "The manifest does not decompress.", e);
            }

            compressed = compressed[consumed..];
            _plainBytes += written;
            if (_plainBytes > _footer.ManifestPlainBytes) throw Malformed("it is longer than promised");
            _buffered += written;
            ReadRecords();
            if (written < room.Length && compressed.IsEmpty) return;
            if (written == 0 && consumed == 0) throw Malformed("it does not decompress");
        }
    }

    private void ReadRecords()
    {
        ReadOnlySpan<byte> left = _buffer.AsSpan(0, _buffered);
        if (!_versionRead && !left.IsEmpty)
        {
            if (left[0] != Manifest.Version)
                throw new BundleFormatException(BundleFault.UnknownVersion, $"The manifest is of version {left[0]}; this program knows version {Manifest.Version}.");
            _versionRead = true;
            left = left[1..];
        }

        while (!left.IsEmpty)
        {
            if (_ended) throw Malformed("something follows its end");
            int prefix = VarInt.Read(left, out ulong length);
            if (prefix == 0) break;
            if (prefix < 0 || length is 0 or > Manifest.RecordBytesMax) throw Malformed("a record's length");
            if (left.Length - prefix < (int)length) break;
            ReadRecord(new RecordReader(left.Slice(prefix, (int)length)));
            left = left[(prefix + (int)length)..];
        }

        left.CopyTo(_buffer);
        _buffered = left.Length;
    }

    private void ReadRecord(RecordReader record)
    {
        switch ((ManifestRecordType)record.Byte())
        {
            case ManifestRecordType.Chunk:
                AddChunk(ref record);
                break;
            case ManifestRecordType.Entry:
                AddRecord(ReadEntry(ref record));
                break;
            case ManifestRecordType.Removal:
                AddRecord(new ManifestRemoval(record.Name()));
                break;
            case ManifestRecordType.End:
                if (record.Number() != (ulong)_chunks.Count || record.Number() != (ulong)_records.Count) throw Malformed("its counts");
                long rowsNamedMax = _chunks.Count + ((long)Manifest.RowsSharedPerRecord * _records.Count) + Manifest.RowsSharedFree;
                if (_rowsNamed > rowsNamedMax) throw Malformed("its files name the same chunks again and again");
                _ended = true;
                break;
            default:
                throw new BundleFormatException(BundleFault.UnknownVersion, "The manifest holds a kind of record that this program does not know.");
        }

        record.MustBeAtEnd();
    }

    private void AddChunk(ref RecordReader record)
    {
        if (_chunks.Count == Manifest.ChunksMax) throw new BundleFormatException(BundleFault.TooLarge, "The manifest has too many chunks.");
        var chunk = new ChunkRef(record.Number(), record.Signed(), record.Int(), record.Int(), (ChunkEncoding)record.Byte());
        bool inside = chunk.IsWithin(chunk.Deal == 0 ? _footer.ChunksEnd : ShardGeometry.BundleBytesMax);
        if (!chunk.IsWellFormed || !inside) throw Malformed("a chunk's place or lengths");
        _chunks.Add(chunk);
    }

    private void AddRecord(ManifestRecord record)
    {
        if (_records.Count == Manifest.RecordsMax) throw new BundleFormatException(BundleFault.TooLarge, "The manifest has too many entries.");
        _records.Add(record);
    }

    private ManifestEntry ReadEntry(ref RecordReader record)
    {
        var kind = (EntryKind)record.Byte();
        byte flags = record.Byte();
        bool executable = flags == 1;
        ulong version = record.Number();
        DateTimeOffset modifiedAt = record.Time();
        EntryName name = record.Name();
        if (flags > 1 || (executable && kind != EntryKind.File) || version is 0 or > uint.MaxValue) throw Malformed("an entry's attributes");
        var attributes = new EntryAttributes((uint)version, modifiedAt, executable);
        switch (kind)
        {
            case EntryKind.File:
                long bytes = record.Signed();
                if (bytes == 0) return new ManifestEntry(name, kind, attributes, 0, 0, 0, 0, null);
                int first = record.Int();
                int count = record.Int();
                int skip = record.Int();
                if (!_chunks.Holds(first, count, skip, bytes)) throw Malformed("a file's chunks");
                _rowsNamed += count;
                return new ManifestEntry(name, kind, attributes, bytes, first, count, skip, null);
            case EntryKind.Folder:
                return new ManifestEntry(name, kind, attributes, 0, 0, 0, 0, null);
            case EntryKind.Symlink:
                return new ManifestEntry(name, kind, attributes, 0, 0, 0, 0, record.LinkTarget());
            default:
                throw new BundleFormatException(BundleFault.UnknownVersion, "The manifest holds a kind of entry that this program does not know.");
        }
    }
}
