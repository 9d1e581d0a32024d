using System.Security.Cryptography;

namespace Marketplace.Coding;

/// <summary>
/// The one secret of a client that all others come from: 32 bytes, HKDF-SHA256 of the BIP-39 seed. Wiped when disposed.
/// </summary>
public sealed class MasterKey : IDisposable
{
    /// <summary>Bytes in a master key.</summary>
    public const int SizeBytes = KeyDerivation.KeyBytes;

    /// <summary>Bytes in a BIP-39 seed.</summary>
    public const int SeedBytes = 64;

    private readonly byte[] _key = GC.AllocateArray<byte>(SizeBytes, pinned: true);
    private bool _disposed;

    /// <summary>Copies 32 bytes that <see cref="CopyTo"/> once gave.</summary>
    public MasterKey(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, SizeBytes);
        key.CopyTo(_key);
    }

    /// <summary>The master key of twelve words: <paramref name="seed"/> is their 64-byte BIP-39 seed.</summary>
    public static MasterKey FromSeed(ReadOnlySpan<byte> seed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.Length, SeedBytes);
        Span<byte> key = stackalloc byte[SizeBytes];
        KeyDerivation.Derive(seed, default, KeyDerivation.MasterInfo, key);
        var master = new MasterKey(key);
        CryptographicOperations.ZeroMemory(key);
        return master;
    }

    /// <summary>Copies the key out, to be kept in an encrypted keystore. The caller wipes the copy.</summary>
    public void CopyTo(Span<byte> destination) => Key.CopyTo(destination);

    /// <summary>The key pair to which others may seal bundles for this client.</summary>
    public RecipientKeyPair CreateRecipientKeyPair()
    {
        Span<byte> secret = stackalloc byte[RecipientKeyPair.PrivateBytes];
        KeyDerivation.Derive(Key, default, KeyDerivation.RecipientInfo, secret);
        var pair = new RecipientKeyPair(secret);
        CryptographicOperations.ZeroMemory(secret);
        return pair;
    }

    /// <summary>What tells this client's chunks and paths from each other at home, and tells nobody else anything.</summary>
    public ContentIndexKey CreateIndexKey()
    {
        Span<byte> secret = stackalloc byte[KeyDerivation.KeyBytes];
        KeyDerivation.Derive(Key, default, KeyDerivation.IndexInfo, secret);
        var key = new ContentIndexKey(secret);
        CryptographicOperations.ZeroMemory(secret);
        return key;
    }

    internal ReadOnlySpan<byte> Key
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _key;
        }
    }

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        _disposed = true;
    }
}
