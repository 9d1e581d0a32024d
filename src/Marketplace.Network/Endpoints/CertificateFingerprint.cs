using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Serialization;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>SHA-256 of a certificate in DER, as a node registers it on chain. Text: <c>sha256:</c> and 64 hexadecimal digits.</summary>
[JsonConverter(typeof(ParsableJsonConverter<CertificateFingerprint>))]
public readonly record struct CertificateFingerprint(Hash32 Sha256) : IParsable<CertificateFingerprint>
{
    private const string Prefix = "sha256:";

    /// <summary>The fingerprint of a certificate.</summary>
    public static CertificateFingerprint Of(X509Certificate certificate) => new(new Hash32(SHA256.HashData(certificate.GetRawCertData())));

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out CertificateFingerprint result)
    {
        result = default;
        if (s is null || !s.StartsWith(Prefix, StringComparison.Ordinal) || !Hash32.TryParse("0x" + s[Prefix.Length..], provider, out Hash32 hash)) return false;
        result = new CertificateFingerprint(hash);
        return true;
    }

    /// <inheritdoc />
    public static CertificateFingerprint Parse(string s, IFormatProvider? provider = null) => TryParse(s, provider, out CertificateFingerprint result)
        ? result
        : throw new FormatException("A fingerprint is sha256: and 64 hexadecimal digits.");

    /// <inheritdoc />
    public override string ToString() => Prefix + Sha256.ToString()[2..];
}
