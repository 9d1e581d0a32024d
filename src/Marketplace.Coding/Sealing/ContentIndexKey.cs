using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Marketplace.Coding;

/// <summary>
/// Short names for contents, by which a client finds again what it stored. Only whoever has the master key can compute them, so a list of
/// them tells a thief nothing. Equal contents have equal names, and different ones different names but for a chance of about 2⁻¹⁰⁰.
/// Safe for many threads. Wiped when disposed.
/// </summary>
public sealed class ContentIndexKey : IDisposable
{
    private const int NameBytes = 16;

    private readonly byte[] _key = GC.AllocateArray<byte>(2 * KeyDerivation.KeyBytes, pinned: true);
    private readonly AesGcm _hash;
    private readonly Lock _hashLock = new();

    internal ContentIndexKey(ReadOnlySpan<byte> secret)
    {
        KeyDerivation.Derive(secret, default, KeyDerivation.IndexInfo, _key);
        _hash = new AesGcm(_key.AsSpan(0, KeyDerivation.KeyBytes), BundleCipher.TagBytes);
    }

    /// <summary>
    /// The name of a chunk. Its bytes pass a fast keyed hash (GMAC); the result is hashed again under another key, because GMAC's key
    /// could be had from several of its results.
    /// </summary>
    public UInt128 NameOf(ReadOnlySpan<byte> chunk)
    {
        Span<byte> message = stackalloc byte[BundleCipher.TagBytes + sizeof(int)];
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        lock (_hashLock) _hash.Encrypt(nonce, default, default, message[..BundleCipher.TagBytes], chunk);
        BinaryPrimitives.WriteInt32BigEndian(message[BundleCipher.TagBytes..], chunk.Length);
        return Final(message);
    }

    /// <summary>The name of a path.</summary>
    public UInt128 NameOf(string path) => Final(Encoding.UTF8.GetBytes(path));

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        _hash.Dispose();
        CryptographicOperations.ZeroMemory(_key);
    }

    private UInt128 Final(ReadOnlySpan<byte> message)
    {
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key.AsSpan(KeyDerivation.KeyBytes), message, digest);
        return BinaryPrimitives.ReadUInt128BigEndian(digest[..NameBytes]);
    }
}
