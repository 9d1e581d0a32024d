using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Marketplace.Domain;

/// <summary>A storage node's name: the small number that NodeRegistry gave it. Written as a plain number.</summary>
[JsonConverter(typeof(NumberJsonConverter<NodeId>))]
public readonly record struct NodeId(uint Value) : INumbered<NodeId>, IComparable<NodeId>
{
    /// <summary>The largest number that fits the chain's 24 bits.</summary>
    public const uint ValueMax = (1 << 24) - 1;

    static ulong INumbered<NodeId>.Max => ValueMax;

    ulong INumbered<NodeId>.Number => Value;

    static NodeId INumbered<NodeId>.From(ulong number) => new((uint)number);

    /// <inheritdoc />
    public static NodeId Parse(string s, IFormatProvider? provider = null) => Numbered.Parse<NodeId>(s);

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out NodeId result) => Numbered.TryParse(s, out result);

    /// <inheritdoc />
    public int CompareTo(NodeId other) => Value.CompareTo(other.Value);

    /// <inheritdoc />
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A period of the market's clock: the time in which a node proves once.</summary>
[JsonConverter(typeof(NumberJsonConverter<PeriodNumber>))]
public readonly record struct PeriodNumber(uint Value) : INumbered<PeriodNumber>, IComparable<PeriodNumber>
{
    /// <summary>The largest number that fits the chain's 22 bits.</summary>
    public const uint ValueMax = (1 << 22) - 1;

    static ulong INumbered<PeriodNumber>.Max => ValueMax;

    ulong INumbered<PeriodNumber>.Number => Value;

    static PeriodNumber INumbered<PeriodNumber>.From(ulong number) => new((uint)number);

    /// <inheritdoc />
    public static PeriodNumber Parse(string s, IFormatProvider? provider = null) => Numbered.Parse<PeriodNumber>(s);

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out PeriodNumber result) => Numbered.TryParse(s, out result);

    /// <summary>The period that is <paramref name="periods"/> later.</summary>
    public static PeriodNumber operator +(PeriodNumber period, uint periods) => new(checked(period.Value + periods));

    public static bool operator <(PeriodNumber left, PeriodNumber right) => left.Value < right.Value;

    public static bool operator >(PeriodNumber left, PeriodNumber right) => left.Value > right.Value;

    public static bool operator <=(PeriodNumber left, PeriodNumber right) => left.Value <= right.Value;

    public static bool operator >=(PeriodNumber left, PeriodNumber right) => left.Value >= right.Value;

    /// <inheritdoc />
    public int CompareTo(PeriodNumber other) => Value.CompareTo(other.Value);

    /// <inheritdoc />
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A block's height.</summary>
[JsonConverter(typeof(NumberJsonConverter<BlockNumber>))]
public readonly record struct BlockNumber(ulong Value) : INumbered<BlockNumber>, IComparable<BlockNumber>
{
    static ulong INumbered<BlockNumber>.Max => ulong.MaxValue;

    ulong INumbered<BlockNumber>.Number => Value;

    static BlockNumber INumbered<BlockNumber>.From(ulong number) => new(number);

    /// <inheritdoc />
    public static BlockNumber Parse(string s, IFormatProvider? provider = null) => Numbered.Parse<BlockNumber>(s);

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out BlockNumber result) => Numbered.TryParse(s, out result);

    public static bool operator <(BlockNumber left, BlockNumber right) => left.Value < right.Value;

    public static bool operator >(BlockNumber left, BlockNumber right) => left.Value > right.Value;

    public static bool operator <=(BlockNumber left, BlockNumber right) => left.Value <= right.Value;

    public static bool operator >=(BlockNumber left, BlockNumber right) => left.Value >= right.Value;

    /// <inheritdoc />
    public int CompareTo(BlockNumber other) => Value.CompareTo(other.Value);

    /// <inheritdoc />
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>
/// A deal: its client and the client's own number for it, from 1. On chain both are one word,
/// <c>client ≪ 96 | number</c>; in text <c>0xCLIENT-NUMBER</c>; where the client is known, JSON shows the number alone.
/// </summary>
[JsonConverter(typeof(ParsableJsonConverter<DealId>))]
public readonly record struct DealId(Address Client, ulong Number) : IParsable<DealId>
{
    /// <summary>The largest number that fits the chain's 48 bits.</summary>
    public const ulong NumberMax = (1UL << 48) - 1;

    private const int NumberBits = 96;

    /// <summary>The word that names the deal on chain.</summary>
    public BigInteger ToWord() => (new BigInteger(Client.ToArray(), isUnsigned: true, isBigEndian: true) << NumberBits) | Number;

    /// <summary>Reads the word that names a deal on chain.</summary>
    public static DealId FromWord(BigInteger word)
    {
        if (word.Sign < 0 || word >> 256 != 0) throw new ArgumentOutOfRangeException(nameof(word), "A deal's word has 256 bits.");
        BigInteger number = word & ((BigInteger.One << NumberBits) - 1);
        if (number > NumberMax) throw new ArgumentOutOfRangeException(nameof(word), "A deal's number has 48 bits.");
        byte[] client = (word >> NumberBits).ToByteArray(isUnsigned: true, isBigEndian: true);
        Span<byte> padded = stackalloc byte[Address.SizeBytes];
        padded.Clear();
        client.CopyTo(padded[(padded.Length - client.Length)..]);
        return new DealId(new Address(padded), (ulong)number);
    }

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out DealId result)
    {
        result = default;
        int dash = s?.IndexOf('-', StringComparison.Ordinal) ?? -1;
        if (dash < 0 || !Address.TryParse(s.AsSpan(0, dash), out Address client)) return false;
        if (!ulong.TryParse(s.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) || number > NumberMax) return false;
        result = new DealId(client, number);
        return true;
    }

    /// <inheritdoc />
    public static DealId Parse(string s, IFormatProvider? provider = null) => TryParse(s, provider, out DealId result)
        ? result
        : throw new FormatException($"'{s}' is not a deal: the client's address, a dash and the deal's number.");

    /// <inheritdoc />
    public override string ToString() => $"{Client}-{Number}";
}

/// <summary>A number with a name of its own, so that a period is never taken for a block.</summary>
public interface INumbered<TSelf> : IParsable<TSelf>
    where TSelf : INumbered<TSelf>
{
    /// <summary>The largest number allowed.</summary>
    static abstract ulong Max { get; }

    /// <summary>The number.</summary>
    ulong Number { get; }

    /// <summary>The value of a number not above <see cref="Max"/>.</summary>
    static abstract TSelf From(ulong number);
}

internal static class Numbered
{
    public static bool TryParse<T>(string? text, out T value)
        where T : INumbered<T>
    {
        bool good = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number <= T.Max;
        value = T.From(good ? number : 0);
        return good;
    }

    public static T Parse<T>(string text)
        where T : INumbered<T> =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number <= T.Max
            ? T.From(number)
            : throw new FormatException($"'{text}' is not a number from 0 to {T.Max}.");
}

/// <summary>Writes a numbered value as a JSON number.</summary>
public sealed class NumberJsonConverter<T> : JsonConverter<T>
    where T : INumbered<T>
{
    /// <inheritdoc />
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out ulong number) && number <= T.Max
            ? T.From(number)
            : throw new JsonException($"A number from 0 to {T.Max} is needed.");

    /// <inheritdoc />
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteNumberValue(value.Number);
}
