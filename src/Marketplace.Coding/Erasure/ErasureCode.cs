using Marketplace.Domain;

namespace Marketplace.Coding;

/// <summary>
/// A systematic Reed–Solomon code over GF(2⁸): columns 0 to k−1 are the data, column i ≥ k is Σ data_j / (i ⊕ j).
/// Any k columns give the data back. With k = 1 every column is the data itself.
/// Works byte by byte, so any stretch of equal length of the columns may be coded by itself. Specified in docs/formats/erasure-code.md.
/// Immutable; may be shared by threads.
/// </summary>
public sealed class ErasureCode
{
    private readonly ErasurePlan _parity;

    /// <param name="needed">k.</param>
    /// <param name="shards">n.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not 1 ≤ k ≤ n ≤ 255.</exception>
    public ErasureCode(int needed, int shards)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(needed, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(needed, shards);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shards, Redundancy.ShardsMax);
        Needed = needed;
        Shards = shards;
        byte[] rows = new byte[ParityColumns * needed];
        for (int i = 0; i < ParityColumns; i++) FillRow(needed + i, rows.AsSpan(i * needed, needed));
        _parity = new ErasurePlan(rows, needed);
    }

    /// <summary>The code of what the market takes, which is less than what can be coded.</summary>
    /// <param name="redundancy">k of n.</param>
    public ErasureCode(Redundancy redundancy)
        : this(redundancy.Needed, redundancy.Shards)
    {
    }

    /// <summary>k: columns that give all others.</summary>
    public int Needed { get; }

    /// <summary>n: columns in all.</summary>
    public int Shards { get; }

    /// <summary>n − k.</summary>
    public int ParityColumns => Shards - Needed;

    /// <summary>
    /// Computes the parity cells of one stripe. <paramref name="stripe"/> holds k cells of equal length, one after another;
    /// <paramref name="parity"/> gets n − k of them.
    /// </summary>
    public void Encode(ReadOnlySpan<byte> stripe, Span<byte> parity) => _parity.Apply(stripe, parity);

    /// <summary>The same with the cells of a stripe in their columns.</summary>
    internal unsafe void Encode(StripeCells stripe, int cellBytes)
    {
        Span<nint> cells = stackalloc nint[Shards];
        stripe.Pointers(0, cells);
        fixed (nint* pointers = cells) _parity.Apply((byte**)pointers, (byte**)pointers + Needed, cellBytes);
    }

    /// <summary>How to compute data columns 0 to k−1 from the k columns given, in the order given.</summary>
    /// <exception cref="ArgumentException">Not k different columns of this code.</exception>
    public ErasurePlan PlanDecode(ReadOnlySpan<int> columns) => new(InverseOf(columns), Needed);

    /// <summary>How to compute one column from the k columns given, in the order given, without decoding the others.</summary>
    /// <exception cref="ArgumentException">Not k different columns of this code.</exception>
    public ErasurePlan PlanRebuild(ReadOnlySpan<int> columns, int wanted)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(wanted);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(wanted, Shards);
        int k = Needed;
        byte[] inverse = InverseOf(columns);
        Span<byte> row = stackalloc byte[k];
        FillRow(wanted, row);
        byte[] product = new byte[k];
        for (int j = 0; j < k; j++)
        {
            for (int i = 0; i < k; i++) product[j] ^= GaloisField.Multiply(row[i], inverse[(i * k) + j]);
        }

        return new ErasurePlan(product, k);
    }

    private void FillRow(int column, Span<byte> row)
    {
        int k = Needed;
        for (int j = 0; j < k; j++)
        {
            if (k == 1) row[j] = 1;
            else if (column < k) row[j] = column == j ? (byte)1 : (byte)0;
            else row[j] = GaloisField.Invert((byte)(column ^ j));
        }
    }

    private byte[] InverseOf(ReadOnlySpan<int> columns)
    {
        int k = Needed;
        if (columns.Length != k) throw new ArgumentException($"{k} columns are needed, not {columns.Length}.", nameof(columns));
        byte[] matrix = new byte[k * k];
        for (int i = 0; i < k; i++)
        {
            int column = columns[i];
            if (column < 0 || column >= Shards || columns[..i].Contains(column))
                throw new ArgumentException($"Column {column} is not in the code {Needed}/{Shards}, or is given twice.", nameof(columns));
            FillRow(column, matrix.AsSpan(i * k, k));
        }

        return Invert(matrix, k);
    }

    /// <summary>Gauss and Jordan. Any k rows of the code are independent, so a pivot is always found.</summary>
    private static byte[] Invert(byte[] matrix, int size)
    {
        byte[] inverse = new byte[size * size];
        for (int i = 0; i < size; i++) inverse[(i * size) + i] = 1;
        for (int column = 0; column < size; column++)
        {
            int pivot = column;
            while (matrix[(pivot * size) + column] == 0) pivot++;
            SwapRows(matrix, size, pivot, column);
            SwapRows(inverse, size, pivot, column);

            byte scale = GaloisField.Invert(matrix[(column * size) + column]);
            ScaleRow(matrix.AsSpan(column * size, size), scale);
            ScaleRow(inverse.AsSpan(column * size, size), scale);

            for (int row = 0; row < size; row++)
            {
                byte factor = matrix[(row * size) + column];
                if (row == column || factor == 0) continue;
                GaloisField.MultiplyAdd(factor, matrix.AsSpan(column * size, size), matrix.AsSpan(row * size, size));
                GaloisField.MultiplyAdd(factor, inverse.AsSpan(column * size, size), inverse.AsSpan(row * size, size));
            }
        }

        return inverse;
    }

    private static void SwapRows(byte[] matrix, int size, int a, int b)
    {
        if (a == b) return;
        for (int i = 0; i < size; i++) (matrix[(a * size) + i], matrix[(b * size) + i]) = (matrix[(b * size) + i], matrix[(a * size) + i]);
    }

    private static void ScaleRow(Span<byte> row, byte factor)
    {
        ReadOnlySpan<byte> products = GaloisField.ProductsOf(factor);
        foreach (ref byte value in row) value = products[value];
    }
}
