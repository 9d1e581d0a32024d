using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Marketplace.Domain;

/// <summary>Thirty-two bytes that name something: a block, a transaction, an event topic, a certificate.</summary>
[JsonConverter(typeof(ParsableJsonConverter<Hash32>))]
public readonly struct Hash32 : IEquatable<Hash32>, ISpanParsable<Hash32>
{
    /// <summary>Bytes in a hash.</summary>
    public const int SizeBytes = Bytes32.Length;

    private readonly Bytes32 _bytes;

    /// <summary>Copies exactly <see cref="SizeBytes"/> bytes.</summary>
    public Hash32(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != SizeBytes) throw new ArgumentException($"{SizeBytes} bytes are needed, not {bytes.Length}.", nameof(bytes));
        bytes.CopyTo(_bytes);
    }

    /// <summary>Keccak-256 of <paramref name="source"/>.</summary>
    public static Hash32 Keccak(ReadOnlySpan<byte> source) => new(Keccak256.HashData(source));

    /// <summary>Whether all bytes are zero.</summary>
    public bool IsZero => !((ReadOnlySpan<byte>)_bytes).ContainsAnyExcept((byte)0);

    /// <summary>The bytes, in a new array.</summary>
    public byte[] ToArray() => ((ReadOnlySpan<byte>)_bytes).ToArray();

    /// <summary>Copies the bytes to the start of <paramref name="destination"/>.</summary>
    public void CopyTo(Span<byte> destination) => ((ReadOnlySpan<byte>)_bytes).CopyTo(destination);

    /// <inheritdoc />
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Hash32 result)
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        bool good = Hex.TryDecode(s, bytes);
        result = good ? new Hash32(bytes) : default;
        return good;
    }

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Hash32 result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc />
    public static Hash32 Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) => TryParse(s, provider, out Hash32 result)
        ? result
        : throw new FormatException($"'{s}' is not a hash: 0x and 64 hexadecimal digits.");

    /// <inheritdoc />
    public static Hash32 Parse(string s, IFormatProvider? provider = null) => Parse(s.AsSpan(), provider);

    /// <summary>Lower-case hexadecimal with the prefix <c>0x</c>.</summary>
    public override string ToString() => Hex.Encode(_bytes);

    /// <inheritdoc />
    public bool Equals(Hash32 other) => ((ReadOnlySpan<byte>)_bytes).SequenceEqual(other._bytes);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is Hash32 other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => BinaryPrimitives.ReadInt32LittleEndian(_bytes);

    public static bool operator ==(Hash32 left, Hash32 right) => left.Equals(right);

    public static bool operator !=(Hash32 left, Hash32 right) => !left.Equals(right);
}
