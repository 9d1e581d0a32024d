using System.Globalization;

namespace Marketplace.Domain;

/// <summary>Sizes as people write them: <c>1.5 GiB</c>, <c>100MiB</c>, <c>4096</c>.</summary>
public static class ByteSize
{
    /// <summary>2³⁰ bytes.</summary>
    public const long Gibibyte = 1L << 30;

    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>Text with the largest unit that leaves at least one, with at most two decimals.</summary>
    public static string Format(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (Math.Abs(value) >= 1024 && unit < s_units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes} B")
            : string.Create(CultureInfo.InvariantCulture, $"{value:0.##} {s_units[unit]}");
    }

    /// <summary>Reads a size: a number, then B, KiB, MiB, GiB, TiB or PiB (powers of 1024) or KB, MB, GB, TB, PB (powers of 1000).</summary>
    public static bool TryParse(string? text, out long bytes)
    {
        bytes = 0;
        text = text?.Trim() ?? "";
        int digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.')) digits++;
        if (!decimal.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)) return false;
        string unit = text[digits..].Trim();
        if (unit.Length == 0) unit = "B";
        int power = Array.FindIndex(s_units, known => known.Equals(unit, StringComparison.OrdinalIgnoreCase));
        decimal factor = 1024;
        if (power < 0)
        {
            factor = 1000;
            power = Array.FindIndex(s_units, known => known.Replace("i", "", StringComparison.Ordinal).Equals(unit, StringComparison.OrdinalIgnoreCase));
        }

        if (power < 0) return false;
        try
        {
            for (int i = 0; i < power; i++) number *= factor;
            bytes = (long)number;
        }
        catch (OverflowException)
        {
            return false;
        }

        return true;
    }

    /// <inheritdoc cref="TryParse" />
    /// <exception cref="FormatException">The text is not a size.</exception>
    public static long Parse(string text) => TryParse(text, out long bytes)
        ? bytes
        : throw new FormatException($"'{text}' is not a size: write 4096, 100MiB or 1.5 GiB.");
}
