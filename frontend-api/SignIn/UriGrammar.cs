using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace Marketplace.Gateway.SignIn;

/// <summary>
/// The rules of RFC 3986 that EIP-4361 refers to, as they are written there. <see cref="Uri"/> is not used for this, because it repairs
/// what it reads (spaces, backslashes, upper case), and what was signed must not be repaired.
/// </summary>
internal static class UriGrammar
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const string Digits = "0123456789";
    private const string Unreserved = Letters + Digits + "-._~";
    private const string SubDelimiters = "!$&'()*+,;=";
    private const int PortMax = 65535;

    private static readonly SearchValues<char> s_schemeTail = SearchValues.Create(Letters + Digits + "+-.");
    private static readonly SearchValues<char> s_pathSegment = SearchValues.Create(Unreserved + SubDelimiters + ":@");
    private static readonly SearchValues<char> s_path = SearchValues.Create(Unreserved + SubDelimiters + ":@/");
    private static readonly SearchValues<char> s_query = SearchValues.Create(Unreserved + SubDelimiters + ":@/?");
    private static readonly SearchValues<char> s_userInfo = SearchValues.Create(Unreserved + SubDelimiters + ":");
    private static readonly SearchValues<char> s_registeredName = SearchValues.Create(Unreserved + SubDelimiters);
    private static readonly SearchValues<char> s_statement = SearchValues.Create(Unreserved + SubDelimiters + ":/?#[]@ ");

    /// <summary><c>URI</c>: a scheme, a colon, and the rest.</summary>
    public static bool IsUri(ReadOnlySpan<char> text)
    {
        int colon = text.IndexOf(':');
        if (colon < 0 || !IsScheme(text[..colon])) return false;
        ReadOnlySpan<char> rest = text[(colon + 1)..];
        if (!TakeTail(ref rest, '#') || !TakeTail(ref rest, '?')) return false;
        if (!rest.StartsWith("//", StringComparison.Ordinal)) return IsMadeOf(rest, s_path);
        rest = rest[2..];
        int slash = rest.IndexOf('/');
        ReadOnlySpan<char> authority = slash < 0 ? rest : rest[..slash];
        return IsAuthority(authority) && (slash < 0 || IsMadeOf(rest[slash..], s_path));
    }

    /// <summary><c>authority</c> with a host: <c>[ userinfo "@" ] host [ ":" port ]</c>.</summary>
    public static bool IsAuthority(ReadOnlySpan<char> text)
    {
        int at = text.IndexOf('@');
        if (at >= 0)
        {
            if (!IsMadeOf(text[..at], s_userInfo)) return false;
            text = text[(at + 1)..];
        }

        int close = text.IndexOf(']');
        int colon = text.LastIndexOf(':');
        ReadOnlySpan<char> host = colon > close ? text[..colon] : text;
        return (colon <= close || IsPort(text[(colon + 1)..])) && IsHost(host);
    }

    /// <summary><c>scheme</c>: a letter, then letters, digits, <c>+ - .</c></summary>
    public static bool IsScheme(ReadOnlySpan<char> text) =>
        text.Length > 0 && char.IsAsciiLetter(text[0]) && !text.ContainsAnyExcept(s_schemeTail);

    /// <summary>A statement of EIP-4361: reserved and unreserved characters and spaces, no line break, not empty.</summary>
    public static bool IsStatement(ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExcept(s_statement);

    /// <summary>A request id of EIP-4361: any number of <c>pchar</c>.</summary>
    public static bool IsRequestId(ReadOnlySpan<char> text) => IsMadeOf(text, s_pathSegment);

    private static bool IsHost(ReadOnlySpan<char> host)
    {
        if (host.Length == 0) return false;
        if (host[0] != '[') return IsMadeOf(host, s_registeredName);
        if (host.Length < 4 || host[^1] != ']') return false;
        ReadOnlySpan<char> inside = host[1..^1];
        return !inside.Contains('%') && IPAddress.TryParse(inside, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6;
    }

    private static bool IsPort(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= 5 && !text.ContainsAnyExceptInRange('0', '9') && int.Parse(text) <= PortMax;

    /// <summary>Cuts off what follows the mark, if it is there, and checks it.</summary>
    private static bool TakeTail(ref ReadOnlySpan<char> text, char mark)
    {
        int at = text.IndexOf(mark);
        if (at < 0) return true;
        ReadOnlySpan<char> tail = text[(at + 1)..];
        text = text[..at];
        return IsMadeOf(tail, s_query);
    }

    /// <summary>Every character is allowed, or is part of a percent sign with two hexadecimal digits.</summary>
    private static bool IsMadeOf(ReadOnlySpan<char> text, SearchValues<char> allowed)
    {
        while (true)
        {
            int odd = text.IndexOfAnyExcept(allowed);
            if (odd < 0) return true;
            if (text[odd] != '%' || text.Length < odd + 3 || !char.IsAsciiHexDigit(text[odd + 1]) || !char.IsAsciiHexDigit(text[odd + 2])) return false;
            text = text[(odd + 3)..];
        }
    }
}
