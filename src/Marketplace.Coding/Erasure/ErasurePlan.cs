using System.Buffers;
using System.Runtime.CompilerServices;
using Marketplace.Domain;

namespace Marketplace.Coding;

/// <summary>
/// Some columns as sums of k given ones: a matrix that is computed once for a choice of columns and applied to any number of bytes.
/// Immutable; may be shared by threads.
/// </summary>
public sealed unsafe class ErasurePlan
{
    private readonly FieldFactors _factors;

    internal ErasurePlan(byte[] coefficients, int inputs)
        : this(new FieldFactors(coefficients, inputs))
    {
    }

    private ErasurePlan(FieldFactors factors) => _factors = factors;

    /// <summary>Columns that go in: k.</summary>
    public int Inputs => _factors.Inputs;

    /// <summary>Columns that come out.</summary>
    public int Outputs => _factors.Outputs;

    /// <summary>
    /// Computes <see cref="Outputs"/> cells from <see cref="Inputs"/> cells, each kind one after another and all of one length.
    /// </summary>
    /// <exception cref="ArgumentException">The lengths do not fit each other.</exception>
    public void Apply(ReadOnlySpan<byte> inputs, Span<byte> outputs) => Apply(FieldProduct.Best, inputs, outputs);

    /// <summary>Computes one output, bytes <paramref name="offset"/> onward of inputs that lie apart.</summary>
    /// <exception cref="ArgumentException">Not <see cref="Inputs"/> inputs, or one too short.</exception>
    public void ApplyRow(int output, ReadOnlySpan<ReadOnlyMemory<byte>> inputs, int offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)output, (uint)Outputs);
        ErasurePlan row = Outputs == 1 ? this : Only([output]);
        byte** from = stackalloc byte*[Inputs];
        var pinned = default(PinnedColumns);
        try
        {
            pinned.Pin(inputs, Inputs, offset, destination.Length, from);
            fixed (byte* to = destination)
            {
                byte* only = to;
                row.Apply(from, &only, destination.Length);
            }
        }
        finally
        {
            pinned.Dispose();
        }
    }

    internal void Apply(FieldKernel kernel, ReadOnlySpan<byte> inputs, Span<byte> outputs)
    {
        int length = inputs.Length / Inputs;
        if (inputs.Length % Inputs != 0 || outputs.Length != (long)length * Outputs)
            throw new ArgumentException($"{Inputs} cells in and {Outputs} out must have one length.", nameof(outputs));

        byte** from = stackalloc byte*[Inputs];
        byte** to = stackalloc byte*[Outputs];
        fixed (byte* firstInput = inputs)
        fixed (byte* firstOutput = outputs)
        {
            for (int i = 0; i < Inputs; i++) from[i] = firstInput + ((nint)i * length);
            for (int i = 0; i < Outputs; i++) to[i] = firstOutput + ((nint)i * length);
            FieldProduct.Run(kernel, _factors, from, to, length);
        }
    }

    /// <summary>Computes all outputs of <paramref name="length"/> bytes from inputs that are pinned.</summary>
    internal void Apply(byte** inputs, byte** outputs, int length) => FieldProduct.Run(FieldProduct.Best, _factors, inputs, outputs, length);

    /// <summary>The same plan for some of its outputs.</summary>
    internal ErasurePlan Only(ReadOnlySpan<int> outputs) => new(_factors.Only(outputs));
}

/// <summary>Keeps columns that lie apart where they are while they are worked on. To be disposed once and never copied.</summary>
internal unsafe ref struct PinnedColumns
{
    private Handles _handles;
    private int _count;

    /// <summary>Writes where byte <paramref name="offset"/> of each column lies; good until this is disposed.</summary>
    /// <exception cref="ArgumentException">Not as many columns as wanted, or one too short.</exception>
    public void Pin(ReadOnlySpan<ReadOnlyMemory<byte>> columns, int wanted, int offset, int length, byte** pointers)
    {
        if (columns.Length != wanted || wanted > Redundancy.ShardsMax) throw new ArgumentException($"{wanted} columns go in.", nameof(columns));
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        foreach (ReadOnlyMemory<byte> column in columns)
        {
            if (column.Length - offset < length) throw new ArgumentException("A column is too short.", nameof(columns));
        }

        for (; _count < columns.Length; _count++)
        {
            _handles[_count] = columns[_count].Pin();
            pointers[_count] = (byte*)_handles[_count].Pointer + offset;
        }
    }

    public void Dispose()
    {
        for (int i = 0; i < _count; i++) _handles[i].Dispose();
        _count = 0;
    }

    [InlineArray(Redundancy.ShardsMax)]
    private struct Handles
    {
        private MemoryHandle _first;
    }
}
