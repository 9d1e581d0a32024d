using System.Buffers.Binary;

namespace Marketplace.Coding;

/// <summary>
/// A matrix of factors in the forms that vectors multiply by, column after column: those of input 0 for every output, then those of input 1.
/// Immutable.
/// </summary>
internal sealed class FieldFactors
{
    /// <summary>A factor as an 8×8 matrix of bits, as GF2P8AFFINEQB takes it.</summary>
    public const int MatrixBytes = 8;

    /// <summary>A factor as its products with 0 … 15 and with 0, 16 … 240.</summary>
    public const int TableBytes = 2 * HalfTableBytes;

    public const int HalfTableBytes = 16;

    private readonly byte[] _coefficients;
    private readonly byte[] _matrices;
    private readonly byte[] _tables;

    /// <param name="coefficients">Row after row, <paramref name="inputs"/> to a row.</param>
    /// <param name="inputs">Factors in a row.</param>
    public FieldFactors(byte[] coefficients, int inputs)
    {
        _coefficients = coefficients;
        Inputs = inputs;
        Outputs = coefficients.Length / inputs;
        _matrices = new byte[coefficients.Length * MatrixBytes];
        _tables = new byte[coefficients.Length * TableBytes];
        for (int input = 0; input < inputs; input++)
        {
            for (int output = 0; output < Outputs; output++)
            {
                byte factor = this[output, input];
                int place = (input * Outputs) + output;
                BinaryPrimitives.WriteUInt64LittleEndian(_matrices.AsSpan(place * MatrixBytes), MatrixOf(factor));
                WriteTable(factor, _tables.AsSpan(place * TableBytes, TableBytes));
            }
        }
    }

    public int Inputs { get; }

    public int Outputs { get; }

    public byte this[int output, int input] => _coefficients[(output * Inputs) + input];

    /// <summary>All factors in the form with this many bytes each.</summary>
    public ReadOnlySpan<byte> InForm(int factorBytes) => factorBytes == MatrixBytes ? _matrices : _tables;

    /// <summary>The same for some of the outputs.</summary>
    public FieldFactors Only(ReadOnlySpan<int> outputs)
    {
        byte[] rows = new byte[outputs.Length * Inputs];
        for (int i = 0; i < outputs.Length; i++) _coefficients.AsSpan(outputs[i] * Inputs, Inputs).CopyTo(rows.AsSpan(i * Inputs));
        return new FieldFactors(rows, Inputs);
    }

    /// <summary>Byte 7 − i of the matrix tells which bits of the operand make up bit i of the product.</summary>
    private static ulong MatrixOf(byte factor)
    {
        ulong matrix = 0;
        for (int from = 0; from < 8; from++)
        {
            byte product = GaloisField.Multiply(factor, (byte)(1 << from));
            for (int to = 0; to < 8; to++)
            {
                if ((product >> to & 1) != 0) matrix |= 1UL << ((8 * (7 - to)) + from);
            }
        }

        return matrix;
    }

    private static void WriteTable(byte factor, Span<byte> table)
    {
        for (int i = 0; i < HalfTableBytes; i++)
        {
            table[i] = GaloisField.Multiply(factor, (byte)i);
            table[HalfTableBytes + i] = GaloisField.Multiply(factor, (byte)(i << 4));
        }
    }
}
