using System.Diagnostics.CodeAnalysis;
using System.Text;
using Marketplace.Client.Names;

namespace Marketplace.Gateway.Objects;

/// <summary>
/// The one gate for object names in addresses. It reads the request line as it was sent, because a server's decoded path has lost the
/// difference between <c>%2F</c> and <c>%252F</c> and has dropped <c>..</c>.
/// </summary>
public static class ObjectPath
{
    /// <summary>What stands before the name.</summary>
    public const string Prefix = "/v1/objects/";

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the name out of a request target; the reason why not is a part of a sentence.</summary>
    public static bool TryRead(string target, [NotNullWhen(true)] out string? name, [NotNullWhen(false)] out string? reason)
    {
        name = null;
        ReadOnlySpan<char> path = PathOf(target);
        if (!path.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            reason = "the address is not one of an object";
            return false;
        }

        if (!TryDecode(path[Prefix.Length..], out string? decoded))
        {
            reason = "a name is percent-encoded UTF-8";
            return false;
        }

        return ObjectName.TryParse(decoded, out name, out reason);
    }

    /// <summary>The path of an origin-form or absolute-form target, without its query.</summary>
    private static ReadOnlySpan<char> PathOf(ReadOnlySpan<char> target)
    {
        int query = target.IndexOf('?');
        if (query >= 0) target = target[..query];
        if (target.StartsWith("/", StringComparison.Ordinal)) return target;
        int authority = target.IndexOf("://", StringComparison.Ordinal);
        if (authority < 0) return [];
        target = target[(authority + 3)..];
        int slash = target.IndexOf('/');
        return slash < 0 ? [] : target[slash..];
    }

    private static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out string? decoded)
    {
        decoded = null;
        byte[] bytes = new byte[s_strict.GetMaxByteCount(text.Length)];
        int length = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                // Kestrel refuses request lines that are not ASCII; whatever else gets here is no encoded name.
                if (!char.IsAscii(text[i])) return false;
                bytes[length++] = (byte)text[i];
                continue;
            }

            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2])) return false;
            bytes[length++] = Convert.ToByte(text.Slice(i + 1, 2).ToString(), 16);
            i += 2;
        }

        try
        {
            decoded = s_strict.GetString(bytes, 0, length);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
