using System.Numerics;

namespace Marketplace.Domain;

/// <summary>
/// What one slot earns in one period, in units u, as the 18-bit float that the chain keeps:
/// five bits of exponent over thirteen bits of mantissa, value = mantissa ≪ exponent.
/// Only canonical encodings exist (exponent 0, or the mantissa's top bit set), and none is zero.
/// </summary>
public readonly record struct Rate : IComparable<Rate>
{
    /// <summary>Bits of the mantissa.</summary>
    public const int MantissaBits = 13;

    /// <summary>Values stay below two to this power, the length of a node's ledger.</summary>
    public const int ValueBits = 38;

    private const uint MantissaMask = (1 << MantissaBits) - 1;

    private Rate(uint encoded) => Encoded = encoded;

    /// <summary>The 18 bits as the chain keeps them.</summary>
    public uint Encoded { get; }

    /// <summary>Units u per period.</summary>
    public ulong Units => (ulong)(Encoded & MantissaMask) << (int)(Encoded >> MantissaBits);

    /// <summary>Reads the chain's 18 bits. False for zero, a value that is not canonical, or one too large.</summary>
    public static bool TryDecode(uint encoded, out Rate rate)
    {
        uint mantissa = encoded & MantissaMask;
        uint exponent = encoded >> MantissaBits;
        bool good = mantissa != 0 && exponent <= ValueBits - MantissaBits && (exponent == 0 || mantissa >> (MantissaBits - 1) == 1);
        rate = good ? new Rate(encoded) : default;
        return good;
    }

    /// <summary>The smallest rate that is not below <paramref name="units"/>, and at least one unit.</summary>
    /// <exception cref="OverflowException">The amount does not fit a ledger.</exception>
    public static Rate FromUnitsUp(UInt128 units) =>
        TryFromUnitsUp(units, out Rate rate) ? rate : throw new OverflowException($"A rate of {units} units a period is more than the chain can keep.");

    /// <summary>As <see cref="FromUnitsUp"/>; false for an amount that does not fit a ledger.</summary>
    public static bool TryFromUnitsUp(UInt128 units, out Rate rate)
    {
        rate = default;
        if (units >> ValueBits != 0) return false;
        if (units == 0) units = 1;
        int bits = 128 - (int)UInt128.LeadingZeroCount(units);
        int exponent = Math.Max(0, bits - MantissaBits);
        UInt128 mantissa = (units + ((UInt128.One << exponent) - 1)) >> exponent;
        if (mantissa >> MantissaBits != 0)
        {
            mantissa >>= 1;
            exponent++;
        }

        if (exponent > ValueBits - MantissaBits) return false;
        rate = new Rate(((uint)exponent << MantissaBits) | (uint)mantissa);
        return true;
    }

    /// <inheritdoc />
    public int CompareTo(Rate other) => Units.CompareTo(other.Units);

    /// <inheritdoc />
    public override string ToString() => $"{Units} u";
}

/// <summary>What a node asks: tokens for a GiB and thirty days.</summary>
/// <param name="PerGibibyteMonth">Tokens per 2³⁰ bytes and 30 days.</param>
public readonly record struct Price(TokenAmount PerGibibyteMonth) : IComparable<Price>
{
    private const ulong SecondsPerMonth = 30 * 24 * 3600;

    /// <summary>
    /// The lowest rate at which a shard of <paramref name="shardBytes"/> may be kept for this price, rounded up. For a price and a length
    /// of our own; those of strangers go to <see cref="TryRateFor"/>.
    /// </summary>
    /// <exception cref="OverflowException">The rate does not fit a ledger.</exception>
    public Rate RateFor(ulong shardBytes, uint periodBlocks, uint blockSeconds) => Rate.FromUnitsUp(UnitsFor(shardBytes, periodBlocks, blockSeconds));

    /// <summary>As <see cref="RateFor"/>; false if the chain cannot keep such a rate, so that no deal can be made at this price.</summary>
    public bool TryRateFor(ulong shardBytes, uint periodBlocks, uint blockSeconds, out Rate rate) =>
        Rate.TryFromUnitsUp(UnitsFor(shardBytes, periodBlocks, blockSeconds), out rate);

    /// <summary>What so many bytes cost a period, rounded up, be it of one shard or of many: no rate, so that nothing is too much.</summary>
    public UInt128 UnitsFor(ulong bytes, uint periodBlocks, uint blockSeconds)
    {
        // Units u per GiB and month × bytes × seconds needs more than 128 bits for the largest inputs.
        BigInteger product = (BigInteger)PerGibibyteMonth.Units * bytes * periodBlocks * blockSeconds;
        BigInteger divisor = (BigInteger)ByteSize.Gibibyte * SecondsPerMonth;
        BigInteger units = (product + divisor - 1) / divisor;
        return units > UInt128.MaxValue ? UInt128.MaxValue : (UInt128)units;
    }

    /// <inheritdoc />
    public int CompareTo(Price other) => PerGibibyteMonth.CompareTo(other.PerGibibyteMonth);

    /// <inheritdoc />
    public override string ToString() => PerGibibyteMonth.ToString();
}
