namespace Marketplace.Coding;

/// <summary>What an entry is.</summary>
public enum EntryKind : byte
{
    /// <summary>A regular file.</summary>
    File = 1,

    /// <summary>A folder that has to exist, be it empty.</summary>
    Folder = 2,

    /// <summary>A symbolic link.</summary>
    Symlink = 3,
}

/// <summary>What is kept of a file system's attributes.</summary>
/// <param name="Version">The name's version, from 1; each put of an existing name adds one.</param>
/// <param name="ModifiedAt">UTC, kept to 100 ns.</param>
/// <param name="Executable">The executable bit; files only.</param>
public readonly record struct EntryAttributes(uint Version, DateTimeOffset ModifiedAt, bool Executable = false);

/// <summary>One step of a manifest, applied to the catalogue in the manifest's order.</summary>
public abstract record ManifestRecord(EntryName Name);

/// <summary>A name is removed; a folder's name removes what is under it.</summary>
public sealed record ManifestRemoval(EntryName Name) : ManifestRecord(Name);

/// <summary>A name gets a (new) content.</summary>
/// <param name="Name">The name.</param>
/// <param name="Kind">File, folder or symbolic link.</param>
/// <param name="Attributes">Version, time, executable bit.</param>
/// <param name="Bytes">A file's length.</param>
/// <param name="FirstChunk">The row of the chunk table where a file begins.</param>
/// <param name="Chunks">How many rows, one after another, it takes; 0 for an empty file.</param>
/// <param name="Skip">Bytes of the first chunk that belong to other files (small files share chunks).</param>
/// <param name="LinkTarget">Where a symbolic link points: any text without NUL, at most <see cref="Manifest.LinkTargetBytesMax"/> bytes. To be mistrusted when unpacking.</param>
public sealed record ManifestEntry(
    EntryName Name, EntryKind Kind, EntryAttributes Attributes, long Bytes, int FirstChunk, int Chunks, int Skip, string? LinkTarget) : ManifestRecord(Name);

/// <summary>How a bundle is to be read: what was put and removed, in order, and where the chunks lie. Specified in docs/formats/manifest.md.</summary>
public sealed class Manifest
{
    /// <summary>The format's version.</summary>
    public const byte Version = 1;

    /// <summary>Entries and removals in one manifest.</summary>
    public const int RecordsMax = 1 << 22;

    /// <summary>Rows in one chunk table: 16 TiB of full chunks.</summary>
    public const int ChunksMax = 1 << 24;

    /// <summary>Rows that all files together may name beyond one time each, for each entry or removal: small files share rows.</summary>
    public const int RowsSharedPerRecord = 4;

    /// <summary>Rows that all files together may name again however few there are. What readers do is bounded by what they read.</summary>
    public const int RowsSharedFree = 1 << 20;

    /// <summary>Bytes of a manifest before compression.</summary>
    public const long PlainBytesMax = 1L << 29;

    /// <summary>Bytes of a symbolic link's target in UTF-8.</summary>
    public const int LinkTargetBytesMax = 4095;

    /// <summary>Bytes of one record: a name, a link target, and numbers.</summary>
    internal const int RecordBytesMax = EntryName.BytesMax + LinkTargetBytesMax + 128;

    private readonly List<ManifestRecord> _records;
    private readonly ChunkTable _chunks;

    internal Manifest(List<ManifestRecord> records, ChunkTable chunks)
    {
        _records = records;
        _chunks = chunks;
    }

    /// <summary>Entries and removals in the order in which they were made.</summary>
    public IReadOnlyList<ManifestRecord> Records => _records;

    /// <summary>The entries alone.</summary>
    public IEnumerable<ManifestEntry> Entries => _records.OfType<ManifestEntry>();

    /// <summary>The chunk table.</summary>
    public IReadOnlyList<ChunkRef> Chunks => _chunks.Rows;

    /// <summary>Which bytes of which chunks make up a range of a file, in order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not in the file.</exception>
    public IEnumerable<ChunkSlice> Slices(ManifestEntry entry, long from, long bytes)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, entry.Bytes - from);
        return bytes == 0 ? [] : SlicesOf(entry, from, bytes);
    }

    /// <summary>Which bytes of which chunks make up a whole file, in order.</summary>
    public IEnumerable<ChunkSlice> Slices(ManifestEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return Slices(entry, 0, entry.Bytes);
    }

    private IEnumerable<ChunkSlice> SlicesOf(ManifestEntry entry, long from, long bytes)
    {
        long at = _chunks.PlainStart(entry.FirstChunk) + entry.Skip + from;
        long end = at + bytes;
        for (int row = _chunks.RowAt(at); at < end; row++)
        {
            ChunkRef chunk = _chunks.Rows[row];
            long start = _chunks.PlainStart(row);
            int take = (int)Math.Min(end - at, start + chunk.PlainBytes - at);
            yield return new ChunkSlice(chunk, (int)(at - start), take);
            at += take;
        }
    }
}

/// <summary>Rows of chunks, and the sum of the plain lengths before each.</summary>
internal sealed class ChunkTable
{
    private readonly List<ChunkRef> _rows = [];
    private readonly List<long> _starts = [0];

    public IReadOnlyList<ChunkRef> Rows => _rows;

    public int Count => _rows.Count;

    public long PlainStart(int row) => _starts[row];

    public void Add(ChunkRef chunk)
    {
        _rows.Add(chunk);
        _starts.Add(_starts[^1] + chunk.PlainBytes);
    }

    /// <summary>The row that holds a plain position.</summary>
    public int RowAt(long plain)
    {
        int found = _starts.BinarySearch(plain);
        return found >= 0 ? found : ~found - 1;
    }

    /// <summary>Whether a file may take these rows: all exist, and the file begins in the first and ends in the last.</summary>
    public bool Holds(int first, int count, int skip, long bytes)
    {
        if (count < 1 || first < 0 || first > Count - count || skip >= _rows[first].PlainBytes) return false;
        long start = _starts[first] + skip;
        long end = _starts[first + count];
        return bytes <= end - start && start + bytes > _starts[first + count - 1];
    }
}
