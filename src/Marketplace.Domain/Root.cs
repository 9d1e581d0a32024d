using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Marketplace.Domain;

/// <summary>The Merkle root of a shard: 20 bytes that commit to its content and its number of leaves.</summary>
[JsonConverter(typeof(ParsableJsonConverter<Root>))]
public readonly struct Root : IEquatable<Root>, IComparable<Root>, ISpanParsable<Root>
{
    /// <summary>Bytes in a root.</summary>
    public const int SizeBytes = Bytes20.Length;

    private readonly Bytes20 _bytes;

    /// <summary>Copies exactly <see cref="SizeBytes"/> bytes.</summary>
    public Root(ReadOnlySpan<byte> bytes) => _bytes = Bytes20.From(bytes);

    private Root(in Bytes20 bytes) => _bytes = bytes;

    /// <summary>The bytes, in a new array.</summary>
    public byte[] ToArray() => ((ReadOnlySpan<byte>)_bytes).ToArray();

    /// <summary>Copies the bytes to the start of <paramref name="destination"/>.</summary>
    public void CopyTo(Span<byte> destination) => ((ReadOnlySpan<byte>)_bytes).CopyTo(destination);

    /// <inheritdoc />
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Root result)
    {
        bool good = Bytes20.TryParseHex(s, out Bytes20 bytes);
        result = new Root(bytes);
        return good;
    }

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Root result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc />
    public static Root Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) => TryParse(s, provider, out Root result)
        ? result
        : throw new FormatException($"'{s}' is not a root: 0x and 40 hexadecimal digits.");

    /// <inheritdoc />
    public static Root Parse(string s, IFormatProvider? provider = null) => Parse(s.AsSpan(), provider);

    /// <summary>Lower-case hexadecimal with the prefix <c>0x</c>.</summary>
    public override string ToString() => Hex.Encode(_bytes);

    /// <inheritdoc />
    public bool Equals(Root other) => Bytes20.Equal(_bytes, other._bytes);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is Root other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => _bytes.Hash();

    /// <inheritdoc />
    public int CompareTo(Root other) => Bytes20.Compare(_bytes, other._bytes);

    public static bool operator ==(Root left, Root right) => left.Equals(right);

    public static bool operator !=(Root left, Root right) => !left.Equals(right);
}
