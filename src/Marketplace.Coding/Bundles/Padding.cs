using System.Numerics;

namespace Marketplace.Coding;

/// <summary>
/// Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", 2019): lengths keep about half of their bits,
/// so that a length tells little and at most 12 % are added, less the longer it is.
/// </summary>
public static class Padding
{
    /// <summary>The length that a bundle of at least <paramref name="bytes"/> bytes gets: Padmé, rounded up to a multiple of <paramref name="unit"/>.</summary>
    public static long PaddedBytes(long bytes, int unit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(unit, 1);
        int exponent = BitOperations.Log2((ulong)bytes);
        int kept = BitOperations.Log2((ulong)exponent) + 1;
        long mask = (1L << (exponent - kept)) - 1;
        long padded = checked(bytes + mask) & ~mask;
        return checked((padded + unit - 1) / unit * unit);
    }
}
