using System.Buffers.Binary;
using System.Security.Cryptography;
using NSec.Cryptography;

namespace Marketplace.Coding;

/// <summary>What a sealed part is; the first byte of its nonce, so that parts of different kinds never share one.</summary>
internal enum SealDomain : byte
{
    Chunk = 1,
    ManifestPiece = 2,
    Footer = 3,
    WrappedKey = 4,
}

/// <summary>
/// AES-256-GCM with the nonce made of a part's kind and place, which are authenticated together with the format's version.
/// libsodium's implementation (NSec) where the processor has AES instructions, else the platform's; the bytes are the same.
/// May be shared by threads.
/// </summary>
internal sealed class BundleCipher : IDisposable
{
    public const int TagBytes = 16;

    private const int NonceBytes = 12;
    private const int AssociatedBytes = 10;

    private readonly Key? _key;
    private readonly AesGcm? _platform;
    private readonly Lock _platformLock = new();

    public BundleCipher(ReadOnlySpan<byte> key, bool? byNSec = null)
    {
        if (byNSec ?? Aes256Gcm.IsSupported) _key = Key.Import(AeadAlgorithm.Aes256Gcm, key, KeyBlobFormat.RawSymmetricKey);
        else _platform = new AesGcm(key, TagBytes);
    }

    /// <summary>Writes plaintext.Length + 16 bytes. <paramref name="destination"/> may begin where <paramref name="plaintext"/> does.</summary>
    public void Seal(SealDomain domain, long position, ReadOnlySpan<byte> plaintext, Span<byte> destination, ReadOnlySpan<byte> context = default)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        Span<byte> associated = stackalloc byte[AssociatedBytes + context.Length];
        WritePlace(domain, position, context, nonce, associated);
        destination = destination[..(plaintext.Length + TagBytes)];
        if (_key is not null)
        {
            AeadAlgorithm.Aes256Gcm.Encrypt(_key, nonce, associated, plaintext, destination);
            return;
        }

        lock (_platformLock) _platform!.Encrypt(nonce, plaintext, destination[..plaintext.Length], destination[plaintext.Length..], associated);
    }

    /// <summary>Opens into the first source.Length − 16 bytes. False, and nothing is given out, when the part was not sealed so.</summary>
    public bool TryOpen(SealDomain domain, long position, ReadOnlySpan<byte> source, Span<byte> destination, ReadOnlySpan<byte> context = default)
    {
        if (source.Length < TagBytes) return false;
        Span<byte> nonce = stackalloc byte[NonceBytes];
        Span<byte> associated = stackalloc byte[AssociatedBytes + context.Length];
        WritePlace(domain, position, context, nonce, associated);
        int length = source.Length - TagBytes;
        destination = destination[..length];
        if (_key is not null) return AeadAlgorithm.Aes256Gcm.Decrypt(_key, nonce, associated, source, destination);

        try
        {
            lock (_platformLock) _platform!.Decrypt(nonce, source[..length], source[length..], destination, associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            destination.Clear();
            return false;
        }
    }

    public void Dispose()
    {
        _key?.Dispose();
        _platform?.Dispose();
    }

    private static void WritePlace(SealDomain domain, long position, ReadOnlySpan<byte> context, Span<byte> nonce, Span<byte> associated)
    {
        nonce.Clear();
        nonce[0] = (byte)domain;
        BinaryPrimitives.WriteInt64BigEndian(nonce[4..], position);
        associated[0] = BundleHead.Version;
        associated[1] = (byte)domain;
        BinaryPrimitives.WriteInt64BigEndian(associated[2..], position);
        context.CopyTo(associated[AssociatedBytes..]);
    }
}
