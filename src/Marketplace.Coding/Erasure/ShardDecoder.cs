using System.Runtime.CompilerServices;

namespace Marketplace.Coding;

/// <summary>
/// Turns ranges of any k columns back into the bundle's bytes. Made for one choice of columns; data columns among them are only copied.
/// The columns' bytes must have been verified (<see cref="RangeProof"/>) before: a code repairs losses, not lies.
/// Holds no state between calls; may be shared by threads.
/// </summary>
public sealed unsafe class ShardDecoder
{
    private readonly ShardGeometry _geometry;
    private readonly ErasurePlan _missing;
    private readonly int[] _missingColumns;
    private readonly int[] _sourceOf;

    /// <param name="code">The code of the bundle's redundancy.</param>
    /// <param name="geometry">The bundle's geometry.</param>
    /// <param name="columns">The k different columns that <see cref="Decode"/> will get, in that order.</param>
    public ShardDecoder(ErasureCode code, ShardGeometry geometry, ReadOnlySpan<int> columns)
    {
        ArgumentNullException.ThrowIfNull(code);
        if ((code.Needed, code.Shards) != (geometry.Redundancy.Needed, geometry.Redundancy.Shards)) throw new ArgumentException("The geometry is of another redundancy.", nameof(geometry));
        _geometry = geometry;
        int k = code.Needed;
        _sourceOf = new int[k];
        for (int i = 0; i < k; i++) _sourceOf[i] = k == 1 ? 0 : columns.IndexOf(i);
        _missingColumns = [.. Enumerable.Range(0, k).Where(i => _sourceOf[i] < 0)];
        _missing = code.PlanDecode(columns).Only(_missingColumns);
    }

    /// <summary>
    /// Decodes a range of the columns: <paramref name="offset"/> is the start of a cell (of a leaf with k = 1), each of
    /// <paramref name="columns"/> holds the same number of bytes from there, whole cells, and <paramref name="bundle"/> gets k times as many:
    /// the bundle's bytes from <c>offset · k</c> on.
    /// </summary>
    /// <exception cref="ArgumentException">The range is not one of whole cells, or the lengths differ.</exception>
    public void Decode(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> columns, Span<byte> bundle)
    {
        int k = _sourceOf.Length;
        if (columns.Length != k) throw new ArgumentException($"{k} columns are needed, not {columns.Length}.", nameof(columns));
        int bytes = columns[0].Length;
        foreach (ReadOnlyMemory<byte> column in columns)
        {
            if (column.Length != bytes) throw new ArgumentException("The columns' ranges differ in length.", nameof(columns));
        }

        int unit = k == 1 ? MerkleTree.LeafBytes : ShardGeometry.CellBytes;
        bool whole = offset >= 0 && offset % unit == 0 && offset <= _geometry.ShardBytes - bytes &&
                     (bytes % unit == 0 || offset + bytes == _geometry.ShardBytes);
        if (!whole || bundle.Length != (long)bytes * k) throw new ArgumentException("Only whole cells are decoded.", nameof(bundle));

        if (k == 1)
        {
            columns[0].Span.CopyTo(bundle);
            return;
        }

        byte** sources = stackalloc byte*[k];
        byte** missing = stackalloc byte*[_missingColumns.Length];
        var pinned = default(PinnedColumns);
        try
        {
            pinned.Pin(columns, k, 0, bytes, sources);
            fixed (byte* start = bundle) Decode(sources, missing, bytes, start);
        }
        finally
        {
            pinned.Dispose();
        }
    }

    private void Decode(byte** sources, byte** missing, int bytes, byte* bundle)
    {
        int k = _sourceOf.Length;
        for (int from = 0; from < bytes; from += ShardGeometry.CellBytes)
        {
            int cell = Math.Min(ShardGeometry.CellBytes, bytes - from);
            byte* stripe = bundle + ((nint)from * k);
            for (int i = 0; i < k; i++)
            {
                if (_sourceOf[i] >= 0) Unsafe.CopyBlockUnaligned(stripe + ((nint)i * cell), sources[_sourceOf[i]], (uint)cell);
            }

            for (int i = 0; i < _missingColumns.Length; i++) missing[i] = stripe + ((nint)_missingColumns[i] * cell);
            if (_missingColumns.Length > 0) _missing.Apply(sources, missing, cell);
            for (int i = 0; i < k; i++) sources[i] += cell;
        }
    }
}
