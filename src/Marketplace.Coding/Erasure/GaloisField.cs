namespace Marketplace.Coding;

/// <summary>The field GF(2⁸) with the polynomial 0x11D, by tables.</summary>
internal static class GaloisField
{
    private const int Polynomial = 0x11D;
    private const int Order = 255;
    private const int Elements = 256;

    private static readonly byte[] s_exp = new byte[2 * Order];
    private static readonly byte[] s_log = new byte[Elements];
    private static readonly byte[] s_products = BuildProducts();

    /// <summary>a · b.</summary>
    public static byte Multiply(byte a, byte b) => s_products[(a * Elements) + b];

    /// <summary>1 / a, for a ≠ 0.</summary>
    public static byte Invert(byte a) => a != 0 ? s_exp[Order - s_log[a]] : throw new DivideByZeroException();

    /// <summary>The products of <paramref name="a"/> with every element.</summary>
    public static ReadOnlySpan<byte> ProductsOf(byte a) => s_products.AsSpan(a * Elements, Elements);

    /// <summary>sum += factor · source.</summary>
    public static void MultiplyAdd(byte factor, ReadOnlySpan<byte> source, Span<byte> sum)
    {
        if (factor == 0) return;
        ReadOnlySpan<byte> products = ProductsOf(factor);
        for (int i = 0; i < source.Length; i++) sum[i] ^= products[source[i]];
    }

    private static byte[] BuildProducts()
    {
        int value = 1;
        for (int power = 0; power < Order; power++)
        {
            s_exp[power] = s_exp[power + Order] = (byte)value;
            s_log[value] = (byte)power;
            value <<= 1;
            if (value >= Elements) value ^= Polynomial;
        }

        byte[] products = new byte[Elements * Elements];
        for (int a = 1; a < Elements; a++)
        {
            for (int b = 1; b < Elements; b++) products[(a * Elements) + b] = s_exp[s_log[a] + s_log[b]];
        }

        return products;
    }
}
