using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json.Serialization;

namespace Marketplace.Domain;

/// <summary>An account or contract on an EVM chain: 20 bytes, written with the checksum of EIP-55.</summary>
[JsonConverter(typeof(ParsableJsonConverter<Address>))]
public readonly struct Address : IEquatable<Address>, IComparable<Address>, ISpanParsable<Address>
{
    /// <summary>Bytes in an address.</summary>
    public const int SizeBytes = Bytes20.Length;

    private readonly Bytes20 _bytes;

    /// <summary>Copies exactly <see cref="SizeBytes"/> bytes.</summary>
    public Address(ReadOnlySpan<byte> bytes) => _bytes = Bytes20.From(bytes);

    private Address(in Bytes20 bytes) => _bytes = bytes;

    /// <summary>The address of twenty zero bytes, which nobody owns.</summary>
    public static Address Zero => default;

    /// <summary>Whether this is <see cref="Zero"/>.</summary>
    public bool IsZero => Equals(Zero);

    /// <summary>The bytes, in a new array.</summary>
    public byte[] ToArray() => ((ReadOnlySpan<byte>)_bytes).ToArray();

    /// <summary>Copies the bytes to the start of <paramref name="destination"/>.</summary>
    public void CopyTo(Span<byte> destination) => ((ReadOnlySpan<byte>)_bytes).CopyTo(destination);

    /// <summary>The account that an uncompressed public key (64 bytes, without the leading 0x04) belongs to.</summary>
    public static Address FromPublicKey(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey.Length != 64) throw new ArgumentException("An uncompressed public key has 64 bytes.", nameof(publicKey));
        return new Address(Keccak256.HashData(publicKey).AsSpan(12));
    }

    /// <inheritdoc />
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Address result)
    {
        result = default;
        if (!s.StartsWith("0x", StringComparison.Ordinal) || !Bytes20.TryParseHex(s, out Bytes20 bytes)) return false;
        var parsed = new Address(bytes);
        ReadOnlySpan<char> digits = s[2..];
        bool oneCase = !digits.ContainsAnyInRange('a', 'f') || !digits.ContainsAnyInRange('A', 'F');
        if (!oneCase && !s.SequenceEqual(parsed.ToString())) return false;
        result = parsed;
        return true;
    }

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Address result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out Address)" />
    public static bool TryParse(ReadOnlySpan<char> s, out Address result) => TryParse(s, null, out result);

    /// <inheritdoc />
    public static Address Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) => TryParse(s, provider, out Address result)
        ? result
        : throw new FormatException($"'{s}' is not an address: 0x and 40 hexadecimal digits, in one case or with a right checksum.");

    /// <inheritdoc />
    public static Address Parse(string s, IFormatProvider? provider = null) => Parse(s.AsSpan(), provider);

    /// <summary>The text with the checksum of EIP-55.</summary>
    public override string ToString()
    {
        string lower = Convert.ToHexStringLower(_bytes);
        Span<byte> hash = stackalloc byte[Keccak256.HashBytes];
        Keccak256.HashData(Encoding.ASCII.GetBytes(lower), hash);
        var text = new StringBuilder("0x", 42);
        for (int i = 0; i < lower.Length; i++)
        {
            int nibble = (i & 1) == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15;
            text.Append(nibble >= 8 ? char.ToUpperInvariant(lower[i]) : lower[i]);
        }

        return text.ToString();
    }

    /// <inheritdoc />
    public bool Equals(Address other) => Bytes20.Equal(_bytes, other._bytes);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is Address other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => _bytes.Hash();

    /// <inheritdoc />
    public int CompareTo(Address other) => Bytes20.Compare(_bytes, other._bytes);

    public static bool operator ==(Address left, Address right) => left.Equals(right);

    public static bool operator !=(Address left, Address right) => !left.Equals(right);
}
