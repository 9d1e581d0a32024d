using System.Buffers;
using System.Buffers.Text;
using NSec.Cryptography;

namespace Marketplace.Gateway.SignIn;

/// <summary>X25519 public keys in base64url, as messages and tokens carry them.</summary>
public static class SealKeys
{
    /// <summary>Bytes of an X25519 public key.</summary>
    public const int SizeBytes = 32;

    /// <summary>The text of a key.</summary>
    public static string ToText(ReadOnlySpan<byte> key) => Base64Url.EncodeToString(key);

    /// <summary>
    /// Reads a key from a stranger. False unless it is the one base64url text, without padding, of 32 bytes that agree with other keys:
    /// a point of small order would make every secret the same.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<char> text, out byte[]? key)
    {
        byte[] bytes = new byte[SizeBytes];
        bool good = text.Length == Base64Url.GetEncodedLength(SizeBytes) && !text.Contains('=') &&
            Base64Url.DecodeFromChars(text, bytes, out _, out int written) is OperationStatus.Done && written == SizeBytes &&
            text.SequenceEqual(Base64Url.EncodeToString(bytes)) && IsUsable(bytes);
        key = good ? bytes : null;
        return good;
    }

    private static bool IsUsable(byte[] bytes)
    {
        KeyAgreementAlgorithm algorithm = KeyAgreementAlgorithm.X25519;
        if (!PublicKey.TryImport(algorithm, bytes, KeyBlobFormat.RawPublicKey, out PublicKey? other)) return false;
        using Key ours = Key.Create(algorithm);
        using SharedSecret? secret = algorithm.Agree(ours, other!);
        return secret is not null;
    }
}
