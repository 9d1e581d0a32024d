using System.Runtime.CompilerServices;

namespace Marketplace.Coding;

/// <summary>
/// Room for one stripe: a cell for each column, each at the start of a cache line. With many columns the cells do not lie at multiples
/// of 4 KiB from each other, so that the same place of all columns fits the first-level cache, whose sets are chosen by the lowest 12 bits.
/// </summary>
internal sealed unsafe class StripeCells
{
    private const int LineBytes = 64;

    /// <summary>Lines that a set of the first-level cache holds; fewer columns lie close without harm.</summary>
    private const int WaysMin = 12;

    private readonly byte[] _bytes;
    private readonly int _start;
    private readonly int _stride;

    public StripeCells(int columns)
    {
        Columns = columns;
        _stride = ShardGeometry.CellBytes + (columns > WaysMin ? LineBytes : 0);
        _bytes = GC.AllocateUninitializedArray<byte>((columns * _stride) + LineBytes, pinned: true);
        _start = (int)(-(nint)Unsafe.AsPointer(ref _bytes[0]) & (LineBytes - 1));
    }

    public int Columns { get; }

    /// <summary>The first bytes of a column's cell.</summary>
    public Memory<byte> Cell(int column, int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, ShardGeometry.CellBytes);
        return _bytes.AsMemory(_start + (column * _stride), bytes);
    }

    /// <summary>Where the cells of columns from <paramref name="first"/> on begin. They do not move.</summary>
    public void Pointers(int first, Span<nint> pointers)
    {
        byte* start = (byte*)Unsafe.AsPointer(ref _bytes[_start]);
        for (int i = 0; i < pointers.Length; i++) pointers[i] = (nint)(start + ((nint)(first + i) * _stride));
    }

    /// <summary>Copies bytes into whole cells as if these were one stretch, from <paramref name="offset"/> on.</summary>
    public void Write(int offset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int column = offset / ShardGeometry.CellBytes;
            int inCell = offset % ShardGeometry.CellBytes;
            int take = Math.Min(bytes.Length, ShardGeometry.CellBytes - inCell);
            bytes[..take].CopyTo(_bytes.AsSpan(_start + (column * _stride) + inCell));
            bytes = bytes[take..];
            offset += take;
        }
    }

    /// <summary>Lays <paramref name="columns"/> shorter cells out, which were written as one stretch.</summary>
    public void Shorten(int columns, int cellBytes)
    {
        byte[] stretch = new byte[columns * cellBytes];
        for (int at = 0; at < stretch.Length; at += ShardGeometry.CellBytes)
        {
            int take = Math.Min(ShardGeometry.CellBytes, stretch.Length - at);
            Cell(at / ShardGeometry.CellBytes, take).Span.CopyTo(stretch.AsSpan(at));
        }

        for (int i = 0; i < columns; i++) stretch.AsSpan(i * cellBytes, cellBytes).CopyTo(Cell(i, cellBytes).Span);
    }
}
