using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace Marketplace.Domain;

/// <summary>
/// An amount of the market's token, in base units of 10⁻¹⁸ tokens. Text is decimal tokens: <c>1.25</c>.
/// The contracts count in <em>units</em> of 10⁹ base units (<see cref="BaseUnitsPerUnit"/>).
/// </summary>
[JsonConverter(typeof(ParsableJsonConverter<TokenAmount>))]
public readonly record struct TokenAmount(UInt128 BaseUnits) : IParsable<TokenAmount>, IComparable<TokenAmount>
{
    /// <summary>Decimal places of a token.</summary>
    public const int Decimals = 18;

    /// <summary>Base units in one unit u of the contracts.</summary>
    public const ulong BaseUnitsPerUnit = 1_000_000_000;

    /// <summary>Units u of the contracts in one token.</summary>
    public const ulong UnitsPerToken = 1_000_000_000;

    private const ulong BaseUnitsPerToken = 1_000_000_000_000_000_000;

    /// <summary>Nothing.</summary>
    public static TokenAmount Zero => default;

    /// <summary>The amount of so many units u of the contracts.</summary>
    public static TokenAmount FromUnits(UInt128 units) => new(checked(units * BaseUnitsPerUnit));

    /// <summary>Whole units u, a rest below one unit dropped.</summary>
    public UInt128 Units => BaseUnits / BaseUnitsPerUnit;

    /// <summary>Whole units u, a rest below one unit counted as one.</summary>
    public UInt128 UnitsUp => (BaseUnits + (BaseUnitsPerUnit - 1)) / BaseUnitsPerUnit;

    public static TokenAmount operator +(TokenAmount left, TokenAmount right) => new(checked(left.BaseUnits + right.BaseUnits));

    /// <summary>Throws <see cref="OverflowException"/> if the result were below zero.</summary>
    public static TokenAmount operator -(TokenAmount left, TokenAmount right) => new(checked(left.BaseUnits - right.BaseUnits));

    public static TokenAmount operator *(TokenAmount amount, ulong factor) => new(checked(amount.BaseUnits * factor));

    public static bool operator <(TokenAmount left, TokenAmount right) => left.BaseUnits < right.BaseUnits;

    public static bool operator >(TokenAmount left, TokenAmount right) => left.BaseUnits > right.BaseUnits;

    public static bool operator <=(TokenAmount left, TokenAmount right) => left.BaseUnits <= right.BaseUnits;

    public static bool operator >=(TokenAmount left, TokenAmount right) => left.BaseUnits >= right.BaseUnits;

    /// <inheritdoc />
    public int CompareTo(TokenAmount other) => BaseUnits.CompareTo(other.BaseUnits);

    /// <summary>Reads decimal tokens: digits, and up to 18 more behind a point. No sign, no exponent, no separators.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out TokenAmount result)
    {
        result = default;
        if (string.IsNullOrEmpty(s)) return false;
        int point = s.IndexOf('.', StringComparison.Ordinal);
        string whole = point < 0 ? s : s[..point];
        string part = point < 0 ? "" : s[(point + 1)..];
        if (whole.Length == 0 || (point >= 0 && part.Length == 0) || part.Length > Decimals) return false;
        if (!UInt128.TryParse(whole, NumberStyles.None, CultureInfo.InvariantCulture, out UInt128 tokens)) return false;
        ulong rest = 0;
        if (part.Length > 0 && !ulong.TryParse(part.PadRight(Decimals, '0'), NumberStyles.None, CultureInfo.InvariantCulture, out rest)) return false;
        if (tokens > (UInt128.MaxValue - rest) / BaseUnitsPerToken) return false;
        result = new TokenAmount((tokens * BaseUnitsPerToken) + rest);
        return true;
    }

    /// <inheritdoc />
    public static TokenAmount Parse(string s, IFormatProvider? provider = null) => TryParse(s, provider, out TokenAmount result)
        ? result
        : throw new FormatException($"'{s}' is not an amount: write tokens as 12 or 0.05, with at most {Decimals} decimals.");

    /// <summary>Decimal tokens without trailing zeros.</summary>
    public override string ToString()
    {
        (UInt128 tokens, UInt128 rest) = UInt128.DivRem(BaseUnits, BaseUnitsPerToken);
        string text = tokens.ToString(CultureInfo.InvariantCulture);
        return rest == 0 ? text : text + "." + ((ulong)rest).ToString("D18", CultureInfo.InvariantCulture).TrimEnd('0');
    }
}
