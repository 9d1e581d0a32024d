using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Marketplace.Domain;

/// <summary>Twenty bytes in place: what an address and a Merkle root are made of.</summary>
[InlineArray(Length)]
[StructLayout(LayoutKind.Sequential)]
internal struct Bytes20
{
    public const int Length = 20;
    private byte _first;

    public static Bytes20 From(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length) throw new ArgumentException($"{Length} bytes are needed, not {bytes.Length}.", nameof(bytes));
        Bytes20 value = default;
        bytes.CopyTo(value);
        return value;
    }

    public static bool TryParseHex(ReadOnlySpan<char> text, out Bytes20 value)
    {
        value = default;
        return Hex.TryDecode(text, value);
    }

    public static bool Equal(in Bytes20 a, in Bytes20 b) => ((ReadOnlySpan<byte>)a).SequenceEqual(b);

    public static int Compare(in Bytes20 a, in Bytes20 b) => ((ReadOnlySpan<byte>)a).SequenceCompareTo(b);

    public readonly int Hash() => BinaryPrimitives.ReadInt32LittleEndian(((ReadOnlySpan<byte>)this)[8..]) ^
        BinaryPrimitives.ReadInt32LittleEndian(((ReadOnlySpan<byte>)this)[16..]);
}

/// <summary>Thirty-two bytes in place.</summary>
[InlineArray(Length)]
[StructLayout(LayoutKind.Sequential)]
internal struct Bytes32
{
    public const int Length = 32;
    private byte _first;
}

/// <summary>Hexadecimal text with the prefix <c>0x</c>.</summary>
public static class Hex
{
    /// <summary>Lower-case text with the prefix <c>0x</c>.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => "0x" + Convert.ToHexStringLower(bytes);

    /// <summary>Fills <paramref name="destination"/> exactly. False if the text is not hexadecimal or has another length.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, Span<byte> destination)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)) text = text[2..];
        return text.Length == destination.Length * 2 &&
            Convert.FromHexString(text, destination, out _, out int written) == System.Buffers.OperationStatus.Done &&
            written == destination.Length;
    }

    /// <summary>The bytes of text of any even length. Throws <see cref="FormatException"/> on anything else.</summary>
    public static byte[] Decode(ReadOnlySpan<char> text) =>
        Convert.FromHexString(text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text);
}
