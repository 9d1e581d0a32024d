using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Marketplace.Chain.Crypto;
using Marketplace.Chain.TypedData;
using Marketplace.Domain;

namespace Marketplace.Chain.Accounts;

/// <summary>
/// A private key and its address. Signs digests, messages (EIP-191), typed data (EIP-712) and transactions.
/// The key is copied in, never given out as text by accident, and wiped by <see cref="Dispose"/>. Safe for use by many threads.
/// </summary>
public sealed class Account : IDisposable
{
    private readonly byte[] _privateKey;

    /// <summary>Copies 32 bytes of a private key; the caller wipes its own.</summary>
    /// <exception cref="ArgumentException">The bytes are no private key.</exception>
    public Account(ReadOnlySpan<byte> privateKey)
    {
        Address = Address.FromPublicKey(Secp256k1.GetPublicKey(privateKey));
        _privateKey = privateKey.ToArray();
    }

    /// <summary>Takes a private key of 64 hexadecimal digits, with or without <c>0x</c>.</summary>
    /// <exception cref="FormatException">The text is no private key; the message does not repeat it.</exception>
    public Account(string privateKey)
    {
        if (!TryReadKey(privateKey, out byte[]? key)) throw new FormatException("Not a private key: 64 hexadecimal digits are wanted.");
        _privateKey = key;
        Address = Address.FromPublicKey(Secp256k1.GetPublicKey(key));
    }

    /// <summary>The address that the key controls.</summary>
    public Address Address { get; }

    /// <summary>A new random account.</summary>
    public static Account Create()
    {
        Span<byte> key = stackalloc byte[Secp256k1.PrivateKeyBytes];
        do RandomNumberGenerator.Fill(key);
        while (!Secp256k1.IsPrivateKey(key));
        Account account = new(key);
        CryptographicOperations.ZeroMemory(key);
        return account;
    }

    /// <summary>The account of a recovery phrase at <c>m/44'/60'/0'/0/index</c>.</summary>
    public static Account FromMnemonic(Mnemonic mnemonic, uint index = 0)
    {
        byte[] seed = mnemonic.ToSeed();
        try
        {
            using HdKey root = HdKey.FromSeed(seed);
            using HdKey key = root.Derive($"m/44'/60'/0'/0/{index.ToString(CultureInfo.InvariantCulture)}");
            return new Account(key.PrivateKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>The account in a key store file's text; see <see cref="KeyStore.Decrypt"/> for what can go wrong.</summary>
    public static Account FromKeyStore(string json, string passphrase) => KeyStore.Decrypt(json, passphrase);

    /// <summary>Signs a digest as it is. Sign only digests whose making you know.</summary>
    public EthSignature SignDigest(Hash32 digest) => Secp256k1.Sign(digest, _privateKey);

    /// <summary>Signs bytes by EIP-191 (<c>personal_sign</c>).</summary>
    public EthSignature SignMessage(ReadOnlySpan<byte> message) => SignDigest(SignedMessage.Digest(message));

    /// <summary>Signs the UTF-8 bytes of a text by EIP-191 (<c>personal_sign</c>).</summary>
    public EthSignature SignMessage(string message) => SignMessage(Encoding.UTF8.GetBytes(message));

    /// <summary>Signs typed data by EIP-712.</summary>
    public EthSignature SignTypedData(TypedMessage message) => SignDigest(message.Digest());

    /// <summary>Lends the private key, for sealing it; it must not be kept.</summary>
    public T UsePrivateKey<T>(Func<ReadOnlySpan<byte>, T> use) => use(_privateKey);

    /// <summary>Wipes the private key.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_privateKey);

    /// <summary>The address.</summary>
    public override string ToString() => Address.ToString();

    private static bool TryReadKey(string text, [NotNullWhen(true)] out byte[]? key)
    {
        key = new byte[Secp256k1.PrivateKeyBytes];
        return Hex.TryDecode(text.Trim(), key) && Secp256k1.IsPrivateKey(key);
    }
}
