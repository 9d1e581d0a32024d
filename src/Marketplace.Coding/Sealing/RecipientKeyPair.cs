using System.Security.Cryptography;
using NSec.Cryptography;

namespace Marketplace.Coding;

/// <summary>
/// An X25519 key pair to which a bundle's key can be wrapped (key kind 2), so that whoever stores for others can be read by them.
/// </summary>
public sealed class RecipientKeyPair : IDisposable
{
    /// <summary>Bytes of the private key.</summary>
    public const int PrivateBytes = 32;

    /// <summary>Bytes of the public key.</summary>
    public const int PublicBytes = 32;

    private readonly Key _key;
    private readonly byte[] _public;

    /// <param name="privateKey">32 secret bytes.</param>
    public RecipientKeyPair(ReadOnlySpan<byte> privateKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(privateKey.Length, PrivateBytes);
        _key = Key.Import(KeyAgreementAlgorithm.X25519, privateKey, KeyBlobFormat.RawPrivateKey);
        _public = _key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
    }

    /// <summary>The 32 bytes that may be shown to anyone.</summary>
    public ReadOnlyMemory<byte> PublicKey => _public;

    /// <summary>
    /// The key that wraps a bundle key between this pair and another's public key. False for a public key of low order,
    /// which only an attacker has.
    /// </summary>
    internal bool TryAgree(ReadOnlySpan<byte> other, ReadOnlySpan<byte> ephemeral, ReadOnlySpan<byte> recipient, ReadOnlySpan<byte> salt, Span<byte> wrappingKey)
    {
        if (!NSec.Cryptography.PublicKey.TryImport(KeyAgreementAlgorithm.X25519, other, KeyBlobFormat.RawPublicKey, out PublicKey? publicKey) || publicKey is null) return false;
        using SharedSecret? shared = KeyAgreementAlgorithm.X25519.Agree(_key, publicKey);
        if (shared is null) return false;
        KeyDerivationAlgorithm.HkdfSha256.DeriveBytes(shared, salt, [.. KeyDerivation.WrapInfo, .. ephemeral, .. recipient], wrappingKey);
        return true;
    }

    /// <summary>Wipes the private key.</summary>
    public void Dispose() => _key.Dispose();
}
