using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Marketplace.Chain.Accounts;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node;

/// <summary>The two keys that live on a node, both encrypted at rest: the hot key, and the key of its certificate. The owner's key never does.</summary>
internal sealed class NodeKeys(Account hot, X509Certificate2 certificate) : IDisposable
{
    private const int CertificateYears = 50;
    private const int KeyIterations = 210_000;

    /// <summary>Signs proofs, acceptances and beats.</summary>
    public Account Hot { get; } = hot;

    /// <summary>The certificate with its key.</summary>
    public X509Certificate2 Certificate { get; } = certificate;

    /// <summary>What is registered of the certificate.</summary>
    public CertificateFingerprint Fingerprint => CertificateFingerprint.Of(Certificate);

    /// <summary>Makes new keys in a folder.</summary>
    public static void Create(string dataDir, string passphrase, KeyStoreStrength strength)
    {
        using var hot = Account.Create();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        // Nobody reads name or dates: the fingerprint on chain is what makes the certificate right.
        var request = new CertificateRequest("CN=storage-market node", key, HashAlgorithmName.SHA256);
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1);
        using X509Certificate2 certificate = request.CreateSelfSigned(from, from.AddYears(CertificateYears));
        var sealing = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, KeyIterations);
        NodeFiles.Write(Path.Combine(dataDir, NodeFiles.HotKey), KeyStore.Encrypt(hot, passphrase, strength));
        NodeFiles.Write(Path.Combine(dataDir, NodeFiles.TlsKey), key.ExportEncryptedPkcs8PrivateKeyPem(passphrase, sealing));
        NodeFiles.Write(Path.Combine(dataDir, NodeFiles.TlsCertificate), certificate.ExportCertificatePem());
    }

    /// <summary>The hot key that is to follow, made now if it is not there.</summary>
    public static Address PrepareNextHot(string dataDir, string passphrase, KeyStoreStrength strength)
    {
        // Whoever cannot open the present key is not to make its successor.
        using (Open(dataDir, passphrase)) { }
        string next = Path.Combine(dataDir, NodeFiles.NextHotKey);
        if (!File.Exists(next))
        {
            using var hot = Account.Create();
            NodeFiles.Write(next, KeyStore.Encrypt(hot, passphrase, strength));
        }

        return AddressIn(next);
    }

    /// <summary>Puts the next hot key in the place of the present one.</summary>
    public static void TakeNextHot(string dataDir) =>
        File.Move(Path.Combine(dataDir, NodeFiles.NextHotKey), Path.Combine(dataDir, NodeFiles.HotKey), overwrite: true);

    /// <summary>Opens the keys of a folder.</summary>
    /// <exception cref="MarketException">They are absent, or the passphrase is wrong.</exception>
    public static NodeKeys Open(string dataDir, string passphrase)
    {
        try
        {
            var hot = Account.FromKeyStore(File.ReadAllText(Path.Combine(dataDir, NodeFiles.HotKey)), passphrase);
            string certificate = File.ReadAllText(Path.Combine(dataDir, NodeFiles.TlsCertificate));
            string key = File.ReadAllText(Path.Combine(dataDir, NodeFiles.TlsKey));
            return new NodeKeys(hot, X509Certificate2.CreateFromEncryptedPem(certificate, key, passphrase));
        }
        catch (FileNotFoundException e)
        {
            throw new MarketException(MarketErrorCode.NotFound, $"There are no keys of a node in {dataDir}.", "Make them: market node init", e);
        }
        catch (WrongPassphraseException e)
        {
            throw new MarketException(MarketErrorCode.Usage, "The passphrase does not open the node's keys.", "Set MARKET_PASSPHRASE_FILE.", e);
        }
    }

    /// <summary>The hot key's address and the certificate's fingerprint, without any passphrase.</summary>
    public static (Address Hot, CertificateFingerprint Fingerprint) ReadPublic(string dataDir)
    {
        using X509Certificate2 certificate = X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(dataDir, NodeFiles.TlsCertificate)));
        return (AddressIn(Path.Combine(dataDir, NodeFiles.HotKey)), CertificateFingerprint.Of(certificate));
    }

    private static Address AddressIn(string path)
    {
        using var file = System.Text.Json.JsonDocument.Parse(File.ReadAllText(path));
        return Address.Parse("0x" + file.RootElement.GetProperty("address").GetString());
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Hot.Dispose();
        Certificate.Dispose();
    }
}
