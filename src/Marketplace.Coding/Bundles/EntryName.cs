using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Marketplace.Coding;

/// <summary>
/// The name of a stored file, folder or link: a slash path that cannot lead out of where it is unpacked.
/// The one gate for names, whether they come from the user, the file system or a manifest.
/// </summary>
public readonly record struct EntryName : IComparable<EntryName>
{
    /// <summary>Bytes of a whole name in UTF-8.</summary>
    public const int BytesMax = 4096;

    /// <summary>Bytes of one part between slashes in UTF-8: what file systems take.</summary>
    public const int PartBytesMax = 255;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private EntryName(string value) => Value = value;

    /// <summary>The name; never empty.</summary>
    public string Value { get => field ?? throw new InvalidOperationException("This name was never given."); }

    /// <summary>Checks and takes a name. False for an absolute path, an empty, <c>.</c> or <c>..</c> part, a NUL, half a surrogate pair, or one too long.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out EntryName name)
    {
        name = default;
        if (string.IsNullOrEmpty(text) || text.Length > BytesMax || text.Contains('\0', StringComparison.Ordinal)) return false;
        int bytes = Measure(text);
        if (bytes is < 0 or > BytesMax) return false;
        foreach (Range range in text.AsSpan().Split('/'))
        {
            ReadOnlySpan<char> part = text.AsSpan(range);
            if (part.IsEmpty || part is "." or ".." || Encoding.UTF8.GetByteCount(part) > PartBytesMax) return false;
        }

        name = new EntryName(text);
        return true;
    }

    /// <summary>Takes a name or says what names are.</summary>
    /// <exception cref="FormatException">Not a name.</exception>
    public static EntryName Parse(string text) => TryParse(text, out EntryName name)
        ? name
        : throw new FormatException($"'{text}' cannot be a name: write parts of 1 to {PartBytesMax} bytes with slashes between them, none of them '.' or '..', " +
            $"at most {BytesMax} bytes, no slash at either end.");

    /// <summary>Reads UTF-8 that may be any bytes.</summary>
    public static bool TryRead(ReadOnlySpan<byte> utf8, out EntryName name)
    {
        name = default;
        return utf8.Length <= BytesMax && TryReadText(utf8, out string? text) && TryParse(text, out name);
    }

    /// <summary>Byte for byte, as UTF-16.</summary>
    public int CompareTo(EntryName other) => string.CompareOrdinal(Value, other.Value);

    public static bool operator <(EntryName left, EntryName right) => left.CompareTo(right) < 0;

    public static bool operator >(EntryName left, EntryName right) => left.CompareTo(right) > 0;

    public static bool operator <=(EntryName left, EntryName right) => left.CompareTo(right) <= 0;

    public static bool operator >=(EntryName left, EntryName right) => left.CompareTo(right) >= 0;

    /// <inheritdoc />
    public override string ToString() => Value;

    /// <summary>Bytes in UTF-8, or −1 when the text is not well formed.</summary>
    internal static int Measure(string text)
    {
        try
        {
            return s_strict.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            return -1;
        }
    }

    internal static bool TryReadText(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out string? text)
    {
        text = System.Text.Unicode.Utf8.IsValid(utf8) ? Encoding.UTF8.GetString(utf8) : null;
        return text is not null;
    }
}
