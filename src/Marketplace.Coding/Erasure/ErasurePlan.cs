using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Marketplace.Coding;

/// <summary>
/// Some columns as sums of k given ones: a matrix that is computed once for a choice of columns and applied to any number of bytes.
/// Immutable; may be shared by threads.
/// </summary>
public sealed class ErasurePlan
{
    /// <summary>Bytes of each column that are worked on at a time, so that all of them stay in the cache.</summary>
    private const int StepBytes = 4096;

    private readonly byte[] _coefficients;

    internal ErasurePlan(byte[] coefficients, int inputs)
    {
        _coefficients = coefficients;
        Inputs = inputs;
        Outputs = coefficients.Length / inputs;
    }

    /// <summary>Columns that go in: k.</summary>
    public int Inputs { get; }

    /// <summary>Columns that come out.</summary>
    public int Outputs { get; }

    /// <summary>
    /// Computes <see cref="Outputs"/> cells from <see cref="Inputs"/> cells, each kind one after another and all of one length.
    /// </summary>
    /// <exception cref="ArgumentException">The lengths do not fit each other.</exception>
    public void Apply(ReadOnlySpan<byte> inputs, Span<byte> outputs)
    {
        int length = inputs.Length / Inputs;
        if (inputs.Length % Inputs != 0 || outputs.Length != (long)length * Outputs)
            throw new ArgumentException($"{Inputs} cells in and {Outputs} out must have one length.", nameof(outputs));

        for (int from = 0; from < length; from += StepBytes)
        {
            int step = Math.Min(StepBytes, length - from);
            for (int i = 0; i < Outputs; i++)
            {
                Span<byte> sum = outputs.Slice((i * length) + from, step);
                sum.Clear();
                for (int j = 0; j < Inputs; j++) MultiplyAdd(_coefficients[(i * Inputs) + j], inputs.Slice((j * length) + from, step), sum);
            }
        }
    }

    /// <summary>Computes one output, bytes <paramref name="offset"/> onward of inputs that lie apart.</summary>
    /// <exception cref="ArgumentException">Not <see cref="Inputs"/> inputs, or one too short.</exception>
    public void ApplyRow(int output, ReadOnlySpan<ReadOnlyMemory<byte>> inputs, int offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)output, (uint)Outputs);
        if (inputs.Length != Inputs) throw new ArgumentException($"{Inputs} columns go in.", nameof(inputs));
        for (int from = 0; from < destination.Length; from += StepBytes)
        {
            int step = Math.Min(StepBytes, destination.Length - from);
            Span<byte> sum = destination.Slice(from, step);
            sum.Clear();
            for (int j = 0; j < Inputs; j++) MultiplyAdd(_coefficients[(output * Inputs) + j], inputs[j].Span.Slice(offset + from, step), sum);
        }
    }

    /// <summary>The same plan for some of its outputs.</summary>
    internal ErasurePlan Only(ReadOnlySpan<int> outputs)
    {
        byte[] rows = new byte[outputs.Length * Inputs];
        for (int i = 0; i < outputs.Length; i++) _coefficients.AsSpan(outputs[i] * Inputs, Inputs).CopyTo(rows.AsSpan(i * Inputs));
        return new ErasurePlan(rows, Inputs);
    }

    /// <summary>sum += factor · source, in the field.</summary>
    internal static void MultiplyAdd(byte factor, ReadOnlySpan<byte> source, Span<byte> sum)
    {
        if (factor == 0) return;
        int i = 0;
        if (factor == 1)
        {
            for (; i <= source.Length - Vector256<byte>.Count; i += Vector256<byte>.Count)
                (Vector256.Create(source[i..]) ^ Vector256.Create<byte>(sum[i..])).CopyTo(sum[i..]);
            for (; i < source.Length; i++) sum[i] ^= source[i];
            return;
        }

        // A product is the sum of those of the two halves of a byte, each looked up sixteen at a time.
        ReadOnlySpan<byte> products = GaloisField.ProductsOf(factor);
        if (Vector128.IsHardwareAccelerated)
        {
            Vector128<byte> low = Vector128.Create(products);
            Span<byte> highProducts = stackalloc byte[Vector128<byte>.Count];
            for (int high = 0; high < highProducts.Length; high++) highProducts[high] = products[high << 4];
            Vector128<byte> upper = Vector128.Create<byte>(highProducts);
            Vector128<byte> mask = Vector128.Create((byte)0x0F);
            ref byte from = ref MemoryMarshal.GetReference(source);
            ref byte to = ref MemoryMarshal.GetReference(sum[..source.Length]);
            for (; i <= source.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
            {
                Vector128<byte> bytes = Vector128.LoadUnsafe(ref from, (nuint)i);
                Vector128<byte> product = Vector128.ShuffleNative(low, bytes & mask) ^ Vector128.ShuffleNative(upper, (bytes >> 4) & mask);
                (product ^ Vector128.LoadUnsafe(ref to, (nuint)i)).StoreUnsafe(ref to, (nuint)i);
            }
        }

        for (; i < source.Length; i++) sum[i] ^= products[source[i]];
    }
}
