using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Marketplace.Domain;

namespace Marketplace.Gateway.SignIn;

/// <summary>
/// The message of EIP-4361 (Sign-In with Ethereum) that a wallet signs. Reading follows the standard's grammar to the letter:
/// what is read back is written again as exactly the same text.
/// </summary>
/// <param name="Domain">Authority that asks for the sign-in.</param>
/// <param name="Address">The account that signs, written with the checksum of EIP-55.</param>
/// <param name="Uri">What the sign-in is for.</param>
/// <param name="ChainId">The chain, as text of digits without a leading zero.</param>
/// <param name="Nonce">At least eight letters and digits.</param>
/// <param name="IssuedAt">When the message was made.</param>
public sealed partial record SignInMessage(string Domain, Address Address, string Uri, ulong ChainId, string Nonce, SignInTime IssuedAt)
{
    /// <summary>Longer messages are refused unread.</summary>
    public const int CharsMax = 4096;

    /// <summary>More resources than this are refused.</summary>
    public const int ResourcesMax = 16;

    /// <summary>The beginning of the resource that names the X25519 public key to seal to, in base64url.</summary>
    public const string SealToPrefix = "urn:market:seal-to:";

    private const string Intent = " wants you to sign in with your Ethereum account:";
    private const int NonceCharsMin = 8;

    /// <summary>Scheme before the domain; null if there is none.</summary>
    public string? Scheme { get; init; }

    /// <summary>One line for people; null if there is none.</summary>
    public string? Statement { get; init; }

    /// <summary>From when on the message is no longer valid.</summary>
    public SignInTime? ExpirationTime { get; init; }

    /// <summary>From when on the message is valid.</summary>
    public SignInTime? NotBefore { get; init; }

    /// <summary>An id of the client's choice.</summary>
    public string? RequestId { get; init; }

    /// <summary>URIs that the signature vouches for; null if the section is absent.</summary>
    public IReadOnlyList<string>? Resources { get; init; }

    /// <summary>The text that is signed.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(512);
        if (Scheme is not null) text.Append(Scheme).Append("://");
        text.Append(Domain).Append(Intent).Append('\n').Append(Address).Append("\n\n");
        if (Statement is not null) text.Append(Statement).Append('\n');
        text.Append("\nURI: ").Append(Uri).Append("\nVersion: 1\nChain ID: ").Append(ChainId).Append("\nNonce: ").Append(Nonce);
        text.Append("\nIssued At: ").Append(IssuedAt.Text);
        if (ExpirationTime is { } expiration) text.Append("\nExpiration Time: ").Append(expiration.Text);
        if (NotBefore is { } notBefore) text.Append("\nNot Before: ").Append(notBefore.Text);
        if (RequestId is not null) text.Append("\nRequest ID: ").Append(RequestId);
        if (Resources is null) return text.ToString();
        text.Append("\nResources:");
        foreach (string resource in Resources) text.Append("\n- ").Append(resource);
        return text.ToString();
    }

    /// <summary>Reads a message from anyone. False for whatever the grammar does not allow.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SignInMessage? message)
    {
        message = null;
        if (text is null || text.Length > CharsMax) return false;
        var lines = new Lines(text);

        if (!lines.TryTake(out string? first) || !first.EndsWith(Intent, StringComparison.Ordinal)) return false;
        if (!TryReadOrigin(first[..^Intent.Length], out string? scheme, out string? domain)) return false;
        if (!lines.TryTake(out string? account) || !Address.TryParse(account, out Address address) || address.ToString() != account) return false;
        if (!lines.TryTake(out string? empty) || empty.Length > 0 || !lines.TryTake(out string? statement)) return false;
        if (statement.Length > 0)
        {
            if (!UriGrammar.IsStatement(statement) || !lines.TryTake(out empty) || empty.Length > 0) return false;
        }

        if (!lines.TryTake("URI: ", out string? uri) || !UriGrammar.IsUri(uri)) return false;
        if (!lines.TryTake("Version: ", out string? version) || version != "1") return false;
        if (!lines.TryTake("Chain ID: ", out string? chain) || !TryReadChainId(chain, out ulong chainId)) return false;
        if (!lines.TryTake("Nonce: ", out string? nonce) || nonce.Length < NonceCharsMin || !nonce.All(char.IsAsciiLetterOrDigit)) return false;
        if (!lines.TryTake("Issued At: ", out string? issued) || !SignInTime.TryParse(issued, out SignInTime issuedAt)) return false;
        if (!TryTakeTime(ref lines, "Expiration Time: ", out SignInTime? expiration)) return false;
        if (!TryTakeTime(ref lines, "Not Before: ", out SignInTime? notBefore)) return false;
        if (lines.TryTake("Request ID: ", out string? requestId) && !UriGrammar.IsRequestId(requestId)) return false;
        if (!TryTakeResources(ref lines, out List<string>? resources) || !lines.AtEnd) return false;

        message = new SignInMessage(domain, address, uri, chainId, nonce, issuedAt)
        {
            Scheme = scheme,
            Statement = statement.Length > 0 ? statement : null,
            ExpirationTime = expiration,
            NotBefore = notBefore,
            RequestId = requestId,
            Resources = resources,
        };
        return true;
    }

    private static bool TryReadOrigin(string text, out string? scheme, [NotNullWhen(true)] out string? domain)
    {
        int mark = text.IndexOf("://", StringComparison.Ordinal);
        scheme = mark < 0 ? null : text[..mark];
        domain = mark < 0 ? text : text[(mark + 3)..];
        return (scheme is null || UriGrammar.IsScheme(scheme)) && UriGrammar.IsAuthority(domain);
    }

    /// <summary>The grammar allows leading zeros; they are refused, because a text must have one meaning and a meaning one text.</summary>
    private static bool TryReadChainId(string text, out ulong chainId) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out chainId) && (text[0] != '0' || text.Length == 1);

    private static bool TryTakeTime(ref Lines lines, string label, out SignInTime? time)
    {
        time = null;
        if (!lines.TryTake(label, out string? text)) return true;
        if (!SignInTime.TryParse(text, out SignInTime read)) return false;
        time = read;
        return true;
    }

    private static bool TryTakeResources(ref Lines lines, out List<string>? resources)
    {
        resources = null;
        if (!lines.TryTake("Resources:", out string? rest)) return true;
        if (rest.Length > 0) return false;
        resources = [];
        while (lines.TryTake("- ", out string? resource))
        {
            if (resources.Count == ResourcesMax || !UriGrammar.IsUri(resource)) return false;
            resources.Add(resource);
        }

        return true;
    }

    /// <summary>Walks over lines that end with a single LF, the last one with nothing.</summary>
    private struct Lines(string text)
    {
        private int _at;

        public readonly bool AtEnd => _at > text.Length;

        public bool TryTake([NotNullWhen(true)] out string? line)
        {
            line = null;
            if (AtEnd) return false;
            int end = text.IndexOf('\n', _at);
            if (end < 0) end = text.Length;
            line = text[_at..end];
            _at = end + 1;
            return true;
        }

        /// <summary>Takes the next line if it begins with the label, and leaves the label out.</summary>
        public bool TryTake(string label, [NotNullWhen(true)] out string? value)
        {
            value = null;
            if (AtEnd || string.CompareOrdinal(text, _at, label, 0, label.Length) != 0 || !TryTake(out string? line)) return false;
            value = line[label.Length..];
            return true;
        }
    }
}

/// <summary>A time of RFC 3339, with the text it was written as, because that text is what was signed.</summary>
public readonly partial record struct SignInTime
{
    private SignInTime(string text, DateTimeOffset value)
    {
        Text = text;
        Value = value;
    }

    /// <summary>A time, to the second, in UTC.</summary>
    public SignInTime(DateTimeOffset value)
        : this(value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture), value)
    {
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>The moment it names; what is finer than 100 ns is dropped.</summary>
    public DateTimeOffset Value { get; }

    /// <summary>Reads <c>date-time</c> of RFC 3339. A leap second is refused.</summary>
    public static bool TryParse(string text, out SignInTime time)
    {
        time = default;
        Match match = Grammar().Match(text);
        if (!match.Success) return false;
        string fraction = match.Groups["fraction"].Value;
        if (fraction.Length > 7) fraction = fraction[..7];
        string zone = match.Groups["zone"].Value;
        string exact = $"{match.Groups["date"].Value}T{match.Groups["time"].Value}.{fraction.PadRight(7, '0')}{(zone is "Z" or "z" ? "+00:00" : zone)}";
        if (!DateTimeOffset.TryParseExact(exact, "yyyy-MM-dd'T'HH:mm:ss.fffffffzzz", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset value))
            return false;
        time = new SignInTime(text, value);
        return true;
    }

    [GeneratedRegex(
        @"\A(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(\.(?<fraction>[0-9]{1,12}))?(?<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 100)]
    private static partial Regex Grammar();
}
