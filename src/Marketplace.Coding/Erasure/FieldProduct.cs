using System.Runtime.CompilerServices;

namespace Marketplace.Coding;

/// <summary>The ways to multiply by a matrix over GF(2⁸), all with the same result.</summary>
internal enum FieldKernel
{
    /// <summary>Byte by byte; runs anywhere.</summary>
    Plain,

    /// <summary>Lookups of sixteen.</summary>
    Lookup128,

    /// <summary>Lookups of 32 (AVX2).</summary>
    Lookup256,

    /// <summary>Affine transformations of 32 (GFNI with AVX2).</summary>
    Gfni256,

    /// <summary>Affine transformations of 64 (GFNI with AVX-512).</summary>
    Gfni512,
}

/// <summary>
/// Multiplies columns of bytes by a matrix over GF(2⁸): each output is the sum of the inputs times its row of factors.
/// Works in tiles of some outputs and some vectors, whose sums stay in registers while all inputs pass, two at a time.
/// </summary>
internal static unsafe class FieldProduct
{
    /// <summary>The fastest kernel here.</summary>
    public static FieldKernel Best { get; } = Enum.GetValues<FieldKernel>().Where(IsSupported).Max();

    public static bool IsSupported(FieldKernel kernel) => kernel switch
    {
        FieldKernel.Gfni512 => GfniVector512.IsSupported,
        FieldKernel.Gfni256 => GfniVector256.IsSupported,
        FieldKernel.Lookup256 => LookupVector256.IsSupported,
        FieldKernel.Lookup128 => LookupVector128.IsSupported,
        _ => true,
    };

    /// <summary>Computes <paramref name="length"/> bytes of each output. Outputs must not overlap inputs.</summary>
    public static void Run(FieldKernel kernel, FieldFactors factors, byte** inputs, byte** outputs, int length)
    {
        int done = kernel switch
        {
            FieldKernel.Gfni512 => RunTiles<GfniVector512>(factors, inputs, outputs, length),
            FieldKernel.Gfni256 => RunTiles<GfniVector256>(factors, inputs, outputs, length),
            FieldKernel.Lookup256 => RunTiles<LookupVector256>(factors, inputs, outputs, length),
            FieldKernel.Lookup128 => RunTiles<LookupVector128>(factors, inputs, outputs, length),
            _ => 0,
        };
        for (int output = 0; output < factors.Outputs && done < length; output++)
        {
            var sum = new Span<byte>(outputs[output] + done, length - done);
            sum.Clear();
            for (int input = 0; input < factors.Inputs; input++)
                GaloisField.MultiplyAdd(factors[output, input], new ReadOnlySpan<byte>(inputs[input] + done, sum.Length), sum);
        }
    }

    /// <summary>The bytes done: as many as whole tiles take.</summary>
    private static int RunTiles<T>(FieldFactors factors, byte** inputs, byte** outputs, int length)
        where T : unmanaged, IFieldVector<T>
    {
        int whole = length - (length % (4 * T.Count));
        nint stride = factors.Outputs * T.FactorBytes;
        fixed (byte* all = factors.InForm(T.FactorBytes))
        {
            for (int output = 0; output < factors.Outputs;)
            {
                byte* row = all + (output * T.FactorBytes);
                byte** to = outputs + output;
                switch (factors.Outputs - output)
                {
                    case >= 10 when T.HasManyRegisters:
                        Tile10x2<T>(inputs, factors.Inputs, to, whole, row, stride);
                        output += 10;
                        break;
                    case >= 4:
                        Tile4x2<T>(inputs, factors.Inputs, to, whole, row, stride);
                        output += 4;
                        break;
                    case >= 2:
                        Tile2x4<T>(inputs, factors.Inputs, to, whole, row, stride);
                        output += 2;
                        break;
                    default:
                        Tile1x4<T>(inputs, factors.Inputs, to, whole, row, stride);
                        output++;
                        break;
                }
            }
        }

        return whole;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile10x2<T>(byte** inputs, int count, byte** outputs, int length, byte* factors, nint stride)
        where T : unmanaged, IFieldVector<T>
    {
        for (nint at = 0; at < length; at += 2 * T.Count)
        {
            T s0a = T.Zero, s0b = T.Zero;
            T s1a = T.Zero, s1b = T.Zero;
            T s2a = T.Zero, s2b = T.Zero;
            T s3a = T.Zero, s3b = T.Zero;
            T s4a = T.Zero, s4b = T.Zero;
            T s5a = T.Zero, s5b = T.Zero;
            T s6a = T.Zero, s6b = T.Zero;
            T s7a = T.Zero, s7b = T.Zero;
            T s8a = T.Zero, s8b = T.Zero;
            T s9a = T.Zero, s9b = T.Zero;
            byte* column = factors;
            int input = 0;
            for (; input < count - 1; input += 2, column += 2 * stride)
            {
                byte* first = inputs[input] + at;
                byte* second = inputs[input + 1] + at;
                T xa = T.Load(first), xb = T.Load(first + T.Count);
                T ya = T.Load(second), yb = T.Load(second + T.Count);
                s0a = T.Add(s0a, T.Multiply(xa, column), T.Multiply(ya, column + stride));
                s0b = T.Add(s0b, T.Multiply(xb, column), T.Multiply(yb, column + stride));
                s1a = T.Add(s1a, T.Multiply(xa, column + T.FactorBytes), T.Multiply(ya, column + T.FactorBytes + stride));
                s1b = T.Add(s1b, T.Multiply(xb, column + T.FactorBytes), T.Multiply(yb, column + T.FactorBytes + stride));
                s2a = T.Add(s2a, T.Multiply(xa, column + (2 * T.FactorBytes)), T.Multiply(ya, column + (2 * T.FactorBytes) + stride));
                s2b = T.Add(s2b, T.Multiply(xb, column + (2 * T.FactorBytes)), T.Multiply(yb, column + (2 * T.FactorBytes) + stride));
                s3a = T.Add(s3a, T.Multiply(xa, column + (3 * T.FactorBytes)), T.Multiply(ya, column + (3 * T.FactorBytes) + stride));
                s3b = T.Add(s3b, T.Multiply(xb, column + (3 * T.FactorBytes)), T.Multiply(yb, column + (3 * T.FactorBytes) + stride));
                s4a = T.Add(s4a, T.Multiply(xa, column + (4 * T.FactorBytes)), T.Multiply(ya, column + (4 * T.FactorBytes) + stride));
                s4b = T.Add(s4b, T.Multiply(xb, column + (4 * T.FactorBytes)), T.Multiply(yb, column + (4 * T.FactorBytes) + stride));
                s5a = T.Add(s5a, T.Multiply(xa, column + (5 * T.FactorBytes)), T.Multiply(ya, column + (5 * T.FactorBytes) + stride));
                s5b = T.Add(s5b, T.Multiply(xb, column + (5 * T.FactorBytes)), T.Multiply(yb, column + (5 * T.FactorBytes) + stride));
                s6a = T.Add(s6a, T.Multiply(xa, column + (6 * T.FactorBytes)), T.Multiply(ya, column + (6 * T.FactorBytes) + stride));
                s6b = T.Add(s6b, T.Multiply(xb, column + (6 * T.FactorBytes)), T.Multiply(yb, column + (6 * T.FactorBytes) + stride));
                s7a = T.Add(s7a, T.Multiply(xa, column + (7 * T.FactorBytes)), T.Multiply(ya, column + (7 * T.FactorBytes) + stride));
                s7b = T.Add(s7b, T.Multiply(xb, column + (7 * T.FactorBytes)), T.Multiply(yb, column + (7 * T.FactorBytes) + stride));
                s8a = T.Add(s8a, T.Multiply(xa, column + (8 * T.FactorBytes)), T.Multiply(ya, column + (8 * T.FactorBytes) + stride));
                s8b = T.Add(s8b, T.Multiply(xb, column + (8 * T.FactorBytes)), T.Multiply(yb, column + (8 * T.FactorBytes) + stride));
                s9a = T.Add(s9a, T.Multiply(xa, column + (9 * T.FactorBytes)), T.Multiply(ya, column + (9 * T.FactorBytes) + stride));
                s9b = T.Add(s9b, T.Multiply(xb, column + (9 * T.FactorBytes)), T.Multiply(yb, column + (9 * T.FactorBytes) + stride));
            }

            if (input < count)
            {
                byte* last = inputs[input] + at;
                T xa = T.Load(last), xb = T.Load(last + T.Count);
                s0a = T.Add(s0a, T.Multiply(xa, column));
                s0b = T.Add(s0b, T.Multiply(xb, column));
                s1a = T.Add(s1a, T.Multiply(xa, column + T.FactorBytes));
                s1b = T.Add(s1b, T.Multiply(xb, column + T.FactorBytes));
                s2a = T.Add(s2a, T.Multiply(xa, column + (2 * T.FactorBytes)));
                s2b = T.Add(s2b, T.Multiply(xb, column + (2 * T.FactorBytes)));
                s3a = T.Add(s3a, T.Multiply(xa, column + (3 * T.FactorBytes)));
                s3b = T.Add(s3b, T.Multiply(xb, column + (3 * T.FactorBytes)));
                s4a = T.Add(s4a, T.Multiply(xa, column + (4 * T.FactorBytes)));
                s4b = T.Add(s4b, T.Multiply(xb, column + (4 * T.FactorBytes)));
                s5a = T.Add(s5a, T.Multiply(xa, column + (5 * T.FactorBytes)));
                s5b = T.Add(s5b, T.Multiply(xb, column + (5 * T.FactorBytes)));
                s6a = T.Add(s6a, T.Multiply(xa, column + (6 * T.FactorBytes)));
                s6b = T.Add(s6b, T.Multiply(xb, column + (6 * T.FactorBytes)));
                s7a = T.Add(s7a, T.Multiply(xa, column + (7 * T.FactorBytes)));
                s7b = T.Add(s7b, T.Multiply(xb, column + (7 * T.FactorBytes)));
                s8a = T.Add(s8a, T.Multiply(xa, column + (8 * T.FactorBytes)));
                s8b = T.Add(s8b, T.Multiply(xb, column + (8 * T.FactorBytes)));
                s9a = T.Add(s9a, T.Multiply(xa, column + (9 * T.FactorBytes)));
                s9b = T.Add(s9b, T.Multiply(xb, column + (9 * T.FactorBytes)));
            }

            T.Store(s0a, outputs[0] + at);
            T.Store(s0b, outputs[0] + at + T.Count);
            T.Store(s1a, outputs[1] + at);
            T.Store(s1b, outputs[1] + at + T.Count);
            T.Store(s2a, outputs[2] + at);
            T.Store(s2b, outputs[2] + at + T.Count);
            T.Store(s3a, outputs[3] + at);
            T.Store(s3b, outputs[3] + at + T.Count);
            T.Store(s4a, outputs[4] + at);
            T.Store(s4b, outputs[4] + at + T.Count);
            T.Store(s5a, outputs[5] + at);
            T.Store(s5b, outputs[5] + at + T.Count);
            T.Store(s6a, outputs[6] + at);
            T.Store(s6b, outputs[6] + at + T.Count);
            T.Store(s7a, outputs[7] + at);
            T.Store(s7b, outputs[7] + at + T.Count);
            T.Store(s8a, outputs[8] + at);
            T.Store(s8b, outputs[8] + at + T.Count);
            T.Store(s9a, outputs[9] + at);
            T.Store(s9b, outputs[9] + at + T.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x2<T>(byte** inputs, int count, byte** outputs, int length, byte* factors, nint stride)
        where T : unmanaged, IFieldVector<T>
    {
        for (nint at = 0; at < length; at += 2 * T.Count)
        {
            T s0a = T.Zero, s0b = T.Zero;
            T s1a = T.Zero, s1b = T.Zero;
            T s2a = T.Zero, s2b = T.Zero;
            T s3a = T.Zero, s3b = T.Zero;
            byte* column = factors;
            int input = 0;
            for (; input < count - 1; input += 2, column += 2 * stride)
            {
                byte* first = inputs[input] + at;
                byte* second = inputs[input + 1] + at;
                T xa = T.Load(first), xb = T.Load(first + T.Count);
                T ya = T.Load(second), yb = T.Load(second + T.Count);
                s0a = T.Add(s0a, T.Multiply(xa, column), T.Multiply(ya, column + stride));
                s0b = T.Add(s0b, T.Multiply(xb, column), T.Multiply(yb, column + stride));
                s1a = T.Add(s1a, T.Multiply(xa, column + T.FactorBytes), T.Multiply(ya, column + T.FactorBytes + stride));
                s1b = T.Add(s1b, T.Multiply(xb, column + T.FactorBytes), T.Multiply(yb, column + T.FactorBytes + stride));
                s2a = T.Add(s2a, T.Multiply(xa, column + (2 * T.FactorBytes)), T.Multiply(ya, column + (2 * T.FactorBytes) + stride));
                s2b = T.Add(s2b, T.Multiply(xb, column + (2 * T.FactorBytes)), T.Multiply(yb, column + (2 * T.FactorBytes) + stride));
                s3a = T.Add(s3a, T.Multiply(xa, column + (3 * T.FactorBytes)), T.Multiply(ya, column + (3 * T.FactorBytes) + stride));
                s3b = T.Add(s3b, T.Multiply(xb, column + (3 * T.FactorBytes)), T.Multiply(yb, column + (3 * T.FactorBytes) + stride));
            }

            if (input < count)
            {
                byte* last = inputs[input] + at;
                T xa = T.Load(last), xb = T.Load(last + T.Count);
                s0a = T.Add(s0a, T.Multiply(xa, column));
                s0b = T.Add(s0b, T.Multiply(xb, column));
                s1a = T.Add(s1a, T.Multiply(xa, column + T.FactorBytes));
                s1b = T.Add(s1b, T.Multiply(xb, column + T.FactorBytes));
                s2a = T.Add(s2a, T.Multiply(xa, column + (2 * T.FactorBytes)));
                s2b = T.Add(s2b, T.Multiply(xb, column + (2 * T.FactorBytes)));
                s3a = T.Add(s3a, T.Multiply(xa, column + (3 * T.FactorBytes)));
                s3b = T.Add(s3b, T.Multiply(xb, column + (3 * T.FactorBytes)));
            }

            T.Store(s0a, outputs[0] + at);
            T.Store(s0b, outputs[0] + at + T.Count);
            T.Store(s1a, outputs[1] + at);
            T.Store(s1b, outputs[1] + at + T.Count);
            T.Store(s2a, outputs[2] + at);
            T.Store(s2b, outputs[2] + at + T.Count);
            T.Store(s3a, outputs[3] + at);
            T.Store(s3b, outputs[3] + at + T.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile2x4<T>(byte** inputs, int count, byte** outputs, int length, byte* factors, nint stride)
        where T : unmanaged, IFieldVector<T>
    {
        for (nint at = 0; at < length; at += 4 * T.Count)
        {
            T s0a = T.Zero, s0b = T.Zero, s0c = T.Zero, s0d = T.Zero;
            T s1a = T.Zero, s1b = T.Zero, s1c = T.Zero, s1d = T.Zero;
            byte* column = factors;
            int input = 0;
            for (; input < count - 1; input += 2, column += 2 * stride)
            {
                byte* first = inputs[input] + at;
                byte* second = inputs[input + 1] + at;
                T xa = T.Load(first), xb = T.Load(first + T.Count), xc = T.Load(first + (2 * T.Count)), xd = T.Load(first + (3 * T.Count));
                T ya = T.Load(second), yb = T.Load(second + T.Count), yc = T.Load(second + (2 * T.Count)), yd = T.Load(second + (3 * T.Count));
                s0a = T.Add(s0a, T.Multiply(xa, column), T.Multiply(ya, column + stride));
                s0b = T.Add(s0b, T.Multiply(xb, column), T.Multiply(yb, column + stride));
                s0c = T.Add(s0c, T.Multiply(xc, column), T.Multiply(yc, column + stride));
                s0d = T.Add(s0d, T.Multiply(xd, column), T.Multiply(yd, column + stride));
                s1a = T.Add(s1a, T.Multiply(xa, column + T.FactorBytes), T.Multiply(ya, column + T.FactorBytes + stride));
                s1b = T.Add(s1b, T.Multiply(xb, column + T.FactorBytes), T.Multiply(yb, column + T.FactorBytes + stride));
                s1c = T.Add(s1c, T.Multiply(xc, column + T.FactorBytes), T.Multiply(yc, column + T.FactorBytes + stride));
                s1d = T.Add(s1d, T.Multiply(xd, column + T.FactorBytes), T.Multiply(yd, column + T.FactorBytes + stride));
            }

            if (input < count)
            {
                byte* last = inputs[input] + at;
                T xa = T.Load(last), xb = T.Load(last + T.Count), xc = T.Load(last + (2 * T.Count)), xd = T.Load(last + (3 * T.Count));
                s0a = T.Add(s0a, T.Multiply(xa, column));
                s0b = T.Add(s0b, T.Multiply(xb, column));
                s0c = T.Add(s0c, T.Multiply(xc, column));
                s0d = T.Add(s0d, T.Multiply(xd, column));
                s1a = T.Add(s1a, T.Multiply(xa, column + T.FactorBytes));
                s1b = T.Add(s1b, T.Multiply(xb, column + T.FactorBytes));
                s1c = T.Add(s1c, T.Multiply(xc, column + T.FactorBytes));
                s1d = T.Add(s1d, T.Multiply(xd, column + T.FactorBytes));
            }

            T.Store(s0a, outputs[0] + at);
            T.Store(s0b, outputs[0] + at + T.Count);
            T.Store(s0c, outputs[0] + at + (2 * T.Count));
            T.Store(s0d, outputs[0] + at + (3 * T.Count));
            T.Store(s1a, outputs[1] + at);
            T.Store(s1b, outputs[1] + at + T.Count);
            T.Store(s1c, outputs[1] + at + (2 * T.Count));
            T.Store(s1d, outputs[1] + at + (3 * T.Count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x4<T>(byte** inputs, int count, byte** outputs, int length, byte* factors, nint stride)
        where T : unmanaged, IFieldVector<T>
    {
        for (nint at = 0; at < length; at += 4 * T.Count)
        {
            T s0a = T.Zero, s0b = T.Zero, s0c = T.Zero, s0d = T.Zero;
            byte* column = factors;
            int input = 0;
            for (; input < count - 1; input += 2, column += 2 * stride)
            {
                byte* first = inputs[input] + at;
                byte* second = inputs[input + 1] + at;
                T xa = T.Load(first), xb = T.Load(first + T.Count), xc = T.Load(first + (2 * T.Count)), xd = T.Load(first + (3 * T.Count));
                T ya = T.Load(second), yb = T.Load(second + T.Count), yc = T.Load(second + (2 * T.Count)), yd = T.Load(second + (3 * T.Count));
                s0a = T.Add(s0a, T.Multiply(xa, column), T.Multiply(ya, column + stride));
                s0b = T.Add(s0b, T.Multiply(xb, column), T.Multiply(yb, column + stride));
                s0c = T.Add(s0c, T.Multiply(xc, column), T.Multiply(yc, column + stride));
                s0d = T.Add(s0d, T.Multiply(xd, column), T.Multiply(yd, column + stride));
            }

            if (input < count)
            {
                byte* last = inputs[input] + at;
                T xa = T.Load(last), xb = T.Load(last + T.Count), xc = T.Load(last + (2 * T.Count)), xd = T.Load(last + (3 * T.Count));
                s0a = T.Add(s0a, T.Multiply(xa, column));
                s0b = T.Add(s0b, T.Multiply(xb, column));
                s0c = T.Add(s0c, T.Multiply(xc, column));
                s0d = T.Add(s0d, T.Multiply(xd, column));
            }

            T.Store(s0a, outputs[0] + at);
            T.Store(s0b, outputs[0] + at + T.Count);
            T.Store(s0c, outputs[0] + at + (2 * T.Count));
            T.Store(s0d, outputs[0] + at + (3 * T.Count));
        }
    }
}
