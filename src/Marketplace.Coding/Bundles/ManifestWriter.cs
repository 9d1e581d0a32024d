using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using ZstdSharp;

namespace Marketplace.Coding;

/// <summary>Writes a manifest's records into one zstd frame that grows in pieces of <see cref="BundleFooter.PieceBytesMax"/>.</summary>
internal sealed class ManifestWriter : IDisposable
{
    /// <summary>Names compress well, and manifests are small beside what they describe.</summary>
    private const int Level = 3;

    private readonly Compressor _compressor = new(Level);
    private readonly byte[] _record = new byte[Manifest.RecordBytesMax + VarInt.BytesMax];
    private readonly List<byte[]> _pieces = [];
    private int _lastPieceBytes;
    private int _at;

    public ManifestWriter()
    {
        _record[0] = Manifest.Version;
        Compress(_record.AsSpan(0, 1), isFinal: false);
    }

    /// <summary>Bytes before compression.</summary>
    public long PlainBytes { get; private set; }

    /// <summary>Rows in the chunk table so far.</summary>
    public int Chunks { get; private set; }

    /// <summary>Entries and removals so far.</summary>
    public int Records { get; private set; }

    /// <summary>Finished pieces, all full but the last.</summary>
    public int Pieces => _pieces.Count;

    /// <summary>Bytes of all pieces.</summary>
    public long CompressedBytes => ((long)(_pieces.Count - 1) * BundleFooter.PieceBytesMax) + _lastPieceBytes;

    public ReadOnlySpan<byte> Piece(int index) =>
        _pieces[index].AsSpan(0, index == _pieces.Count - 1 ? _lastPieceBytes : BundleFooter.PieceBytesMax);

    /// <summary>Adds a row to the chunk table and says which.</summary>
    public int Add(ChunkRef chunk)
    {
        if (Chunks == Manifest.ChunksMax) throw Full();
        Begin(ManifestRecordType.Chunk);
        Number(chunk.Deal);
        Number((ulong)chunk.Offset);
        Number((ulong)chunk.SealedBytes);
        Number((ulong)chunk.PlainBytes);
        Number((ulong)chunk.Encoding);
        End();
        return Chunks++;
    }

    public void Add(ManifestEntry entry)
    {
        BeginCounted(ManifestRecordType.Entry);
        Number((ulong)entry.Kind);
        Number(entry.Attributes.Executable ? 1u : 0u);
        Number(entry.Attributes.Version);
        Number(VarInt.ZigZag(entry.Attributes.ModifiedAt.UtcTicks - DateTimeOffset.UnixEpoch.Ticks));
        Text(entry.Name.Value);
        if (entry.Kind == EntryKind.File)
        {
            Number((ulong)entry.Bytes);
            if (entry.Bytes > 0)
            {
                Number((ulong)entry.FirstChunk);
                Number((ulong)entry.Chunks);
                Number((ulong)entry.Skip);
            }
        }
        else if (entry.Kind == EntryKind.Symlink)
        {
            Text(entry.LinkTarget!);
        }

        End();
    }

    public void AddRemoval(EntryName name)
    {
        BeginCounted(ManifestRecordType.Removal);
        Text(name.Value);
        End();
    }

    /// <summary>Writes the closing record and ends the frame.</summary>
    public void Complete()
    {
        Begin(ManifestRecordType.End);
        Number((ulong)Chunks);
        Number((ulong)Records);
        End();
        Compress(default, isFinal: true);
    }

    public void Dispose()
    {
        _compressor.Dispose();
        foreach (byte[] piece in _pieces)
        {
            CryptographicOperations.ZeroMemory(piece);
            ArrayPool<byte>.Shared.Return(piece);
        }

        CryptographicOperations.ZeroMemory(_record);
        _pieces.Clear();
    }

    private static InvalidOperationException Full() =>
        new($"A bundle holds at most {Manifest.RecordsMax} entries, {Manifest.ChunksMax} chunks, and {Manifest.PlainBytesMax} bytes to name them: put the rest into another.");

    private void BeginCounted(ManifestRecordType type)
    {
        if (Records == Manifest.RecordsMax) throw Full();
        Records++;
        Begin(type);
    }

    private void Begin(ManifestRecordType type)
    {
        _at = VarInt.BytesMax;    // room for the record's length before it
        _record[_at++] = (byte)type;
    }

    private void Number(ulong value) => _at += VarInt.Write(value, _record.AsSpan(_at));

    private void Text(string text)
    {
        int bytes = Encoding.UTF8.GetByteCount(text);
        Number((ulong)bytes);
        _at += Encoding.UTF8.GetBytes(text, _record.AsSpan(_at));
    }

    private void End()
    {
        Span<byte> length = stackalloc byte[VarInt.BytesMax];
        int bytes = VarInt.Write((ulong)(_at - VarInt.BytesMax), length);
        int start = VarInt.BytesMax - bytes;
        length[..bytes].CopyTo(_record.AsSpan(start));
        Compress(_record.AsSpan(start, _at - start), isFinal: false);
    }

    private void Compress(ReadOnlySpan<byte> plain, bool isFinal)
    {
        if (plain.Length > Manifest.PlainBytesMax - PlainBytes) throw Full();
        PlainBytes += plain.Length;
        OperationStatus status;
        do
        {
            if (_pieces.Count == 0 || _lastPieceBytes == BundleFooter.PieceBytesMax)
            {
                _pieces.Add(ArrayPool<byte>.Shared.Rent(BundleFooter.PieceBytesMax));
                _lastPieceBytes = 0;
            }

            Span<byte> room = _pieces[^1].AsSpan(_lastPieceBytes, BundleFooter.PieceBytesMax - _lastPieceBytes);
            status = _compressor.WrapStream(plain, room, out int consumed, out int written, isFinal);
            plain = plain[consumed..];
            _lastPieceBytes += written;
        }
        while (!plain.IsEmpty || (isFinal && status == OperationStatus.DestinationTooSmall));
    }
}

/// <summary>The kinds of records, as they are written.</summary>
internal enum ManifestRecordType : byte
{
    Chunk = 1,
    Entry = 2,
    Removal = 3,
    End = 4,
}

/// <summary>Unsigned numbers in groups of seven bits, the lowest first; only the shortest form is read.</summary>
internal static class VarInt
{
    public const int BytesMax = 10;

    public static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    public static long UnZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    public static int Write(ulong value, Span<byte> destination)
    {
        int i = 0;
        for (; value >= 0x80; value >>= 7) destination[i++] = (byte)(value | 0x80);
        destination[i++] = (byte)value;
        return i;
    }

    /// <summary>0: more bytes are needed; −1: no number can begin so; else the bytes read.</summary>
    public static int Read(ReadOnlySpan<byte> source, out ulong value)
    {
        value = 0;
        for (int i = 0; i < source.Length; i++)
        {
            byte next = source[i];
            if (i == BytesMax - 1 && next > 1) return -1;
            value |= (ulong)(next & 0x7F) << (7 * i);
            if (next < 0x80) return next == 0 && i > 0 ? -1 : i + 1;
        }

        return source.Length >= BytesMax ? -1 : 0;
    }
}
