using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

namespace Marketplace.Keeper.Api;

/// <summary>
/// Where a list goes on, as text that callers hand back and do not read: a version byte, what is listed, and the last number given.
/// It holds nothing secret and may be forged: every number is a good place to go on from.
/// </summary>
public static class PageCursor
{
    private const byte Version = 1;
    private const int SizeBytes = 10;
    private const int TextCharsMax = 16;

    /// <summary>The cursor behind a number.</summary>
    /// <param name="list">A letter for the kind of list.</param>
    /// <param name="last">The last number given.</param>
    public static string Write(char list, ulong last)
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        bytes[0] = Version;
        bytes[1] = (byte)list;
        BinaryPrimitives.WriteUInt64BigEndian(bytes[2..], last);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Reads a cursor; no text is the beginning. False for what is no cursor of such a list.</summary>
    public static bool TryRead(char list, string? text, out ulong last)
    {
        last = 0;
        if (string.IsNullOrEmpty(text)) return true;
        Span<byte> bytes = stackalloc byte[TextCharsMax];
        if (text.Length > TextCharsMax || !Ascii.IsValid(text) || !Base64Url.IsValid(text)) return false;
        if (!Base64Url.TryDecodeFromChars(text, bytes, out int written) || written != SizeBytes || bytes[0] != Version || bytes[1] != (byte)list) return false;
        last = BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]);
        return last <= long.MaxValue;
    }
}
