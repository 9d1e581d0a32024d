using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Marketplace.Network;

/// <summary>
/// Where a node or a keeper listens, as it stands on chain: <c>https://HOST:PORT</c> and nothing behind it.
/// The text was written by a stranger; this parser is the only way into the type.
/// </summary>
public sealed record PeerEndpoint : IParsable<PeerEndpoint>
{
    /// <summary>Longest endpoint text that is read.</summary>
    public const int TextCharsMax = 255;

    private PeerEndpoint(Uri uri)
    {
        Uri = uri;
    }

    /// <summary>The address with scheme and port, ending in a slash.</summary>
    public Uri Uri { get; }

    /// <summary>An IP address or a DNS name, without brackets.</summary>
    public string Host => Uri.IdnHost.Trim('[', ']');

    /// <summary>The TCP port.</summary>
    public int Port => Uri.Port;

    /// <summary>Whether the peer speaks TLS. Nodes always do.</summary>
    public bool IsSecure => Uri.Scheme == Uri.UriSchemeHttps;

    /// <summary>The endpoint of an address of this machine or one that its operator named.</summary>
    public static PeerEndpoint Https(IPEndPoint address) => Parse($"https://{address}");

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out PeerEndpoint result)
    {
        result = null;
        if (s is null or { Length: > TextCharsMax } || s.AsSpan().ContainsAnyExceptInRange('!', '~') || s.Contains('%', StringComparison.Ordinal)) return false;
        if (!Uri.TryCreate(s, UriKind.Absolute, out Uri? uri)) return false;
        bool good = (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp) &&
            uri.UserInfo.Length == 0 && uri.PathAndQuery == "/" && uri.Fragment.Length == 0 &&
            uri.Port is > 0 and <= ushort.MaxValue && uri.HostNameType is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6;
        if (good) result = new PeerEndpoint(uri);
        return good;
    }

    /// <inheritdoc cref="TryParse(string?, IFormatProvider?, out PeerEndpoint)" />
    public static bool TryParse([NotNullWhen(true)] string? s, [MaybeNullWhen(false)] out PeerEndpoint result) => TryParse(s, null, out result);

    /// <summary>
    /// The first address in an entry of the registry, which may hold several with a space between, of any transport: what is not
    /// <c>https</c> or, unless <paramref name="secure"/>, <c>http</c> is passed over. <c>null</c> if there is none.
    /// </summary>
    /// <param name="entry">The text on chain, written by a stranger.</param>
    /// <param name="secure">Whether the peer must speak TLS: nodes must, keepers sign their answers.</param>
    public static PeerEndpoint? FirstIn(string entry, bool secure)
    {
        foreach (string text in entry.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (TryParse(text, out PeerEndpoint? endpoint) && (endpoint.IsSecure || !secure)) return endpoint;
        }

        return null;
    }

    /// <inheritdoc />
    public static PeerEndpoint Parse(string s, IFormatProvider? provider = null) => TryParse(s, provider, out PeerEndpoint? result)
        ? result
        : throw new FormatException("An endpoint is https://HOST:PORT with nothing behind it.");

    /// <summary>The text without a trailing slash, the port always written.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Uri.Scheme}://{Uri.Host}:{Uri.Port}");
}
