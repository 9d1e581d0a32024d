using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace Marketplace.Domain;

/// <summary>How a bundle is kept: <see cref="Shards"/> shards, any <see cref="Needed"/> of which give it back. Text: <c>1/3</c>.</summary>
[JsonConverter(typeof(ParsableJsonConverter<Redundancy>))]
public readonly record struct Redundancy : IParsable<Redundancy>
{
    /// <summary>Fewer shards than this do not survive the nodes of strangers, and are refused.</summary>
    public const int ShardsMin = 3;

    /// <summary>The field GF(2⁸) has no more columns than this.</summary>
    public const int ShardsMax = 255;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> unless 1 ≤ needed &lt; shards and 3 ≤ shards ≤ 255.</summary>
    public Redundancy(int needed, int shards)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, ShardsMin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shards, ShardsMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(needed, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(needed, shards);
        Needed = needed;
        Shards = shards;
    }

    /// <summary>Three whole replicas: the default.</summary>
    public static Redundancy Default { get; } = new(1, 3);

    /// <summary>k: how many shards give the bundle back.</summary>
    public int Needed { get; }

    /// <summary>n: how many shards there are.</summary>
    public int Shards { get; }

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Redundancy result)
    {
        result = default;
        int slash = s?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash < 0 ||
            !int.TryParse(s.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out int needed) ||
            !int.TryParse(s.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int shards) ||
            shards is < ShardsMin or > ShardsMax || needed < 1 || needed >= shards)
        {
            return false;
        }

        result = new Redundancy(needed, shards);
        return true;
    }

    /// <inheritdoc />
    public static Redundancy Parse(string s, IFormatProvider? provider = null) => TryParse(s, provider, out Redundancy result)
        ? result
        : throw new FormatException($"'{s}' is not a redundancy: write k/n, any k of n shards giving the data back, n from {ShardsMin} to {ShardsMax}, k below n.");

    /// <inheritdoc />
    public override string ToString() => $"{Needed}/{Shards}";
}
