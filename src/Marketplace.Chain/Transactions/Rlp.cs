using System.Buffers.Binary;
using System.Numerics;

namespace Marketplace.Chain.Transactions;

/// <summary>Recursive length prefix: the byte format of Ethereum's transactions. Source: yellow paper, appendix B.</summary>
public static class Rlp
{
    private const int ShortLengthMax = 55;
    private const byte StringBase = 0x80;
    private const byte ListBase = 0xc0;

    /// <summary>Encodes a byte string.</summary>
    public static byte[] EncodeBytes(ReadOnlySpan<byte> bytes) =>
        bytes.Length == 1 && bytes[0] < StringBase ? bytes.ToArray() : [.. Prefix(StringBase, bytes.Length), .. bytes];

    /// <summary>Encodes a whole number that is not negative, without leading zeros.</summary>
    public static byte[] EncodeInteger(BigInteger value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        return EncodeBytes(value.IsZero ? [] : value.ToByteArray(isUnsigned: true, isBigEndian: true));
    }

    /// <summary>Encodes a list of items that are encoded already.</summary>
    public static byte[] EncodeList(params ReadOnlySpan<byte[]> items)
    {
        int length = 0;
        foreach (byte[] item in items) length = checked(length + item.Length);
        byte[] prefix = Prefix(ListBase, length);
        byte[] encoded = new byte[prefix.Length + length];
        prefix.CopyTo(encoded, 0);
        int at = prefix.Length;
        foreach (byte[] item in items)
        {
            item.CopyTo(encoded, at);
            at += item.Length;
        }

        return encoded;
    }

    private static byte[] Prefix(byte start, int length)
    {
        if (length <= ShortLengthMax) return [(byte)(start + length)];
        Span<byte> size = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(size, length);
        size = size[size.IndexOfAnyExcept((byte)0)..];
        return [(byte)(start + ShortLengthMax + size.Length), .. size];
    }
}
