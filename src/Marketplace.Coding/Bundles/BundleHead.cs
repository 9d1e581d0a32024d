namespace Marketplace.Coding;

/// <summary>How a bundle's key is had.</summary>
public enum BundleKeyKind : byte
{
    /// <summary>HKDF of the client's master key and the bundle's salt.</summary>
    Derived = 1,

    /// <summary>Random, and wrapped in the head to one or two X25519 public keys.</summary>
    Wrapped = 2,
}

/// <summary>
/// The first leaf of a bundle, in the clear: version, kind of key, salt, key-check value, wrapped keys.
/// Tells nothing of the content. Specified in docs/formats/bundle.md.
/// </summary>
public sealed class BundleHead
{
    /// <summary>Bytes in a head: one leaf.</summary>
    public const int SizeBytes = MerkleTree.LeafBytes;

    /// <summary>The format's version.</summary>
    public const byte Version = 1;

    /// <summary>Bytes of a bundle's random salt.</summary>
    public const int SaltBytes = 32;

    /// <summary>Bytes of the value that tells a wrong key.</summary>
    public const int KeyCheckBytes = 16;

    /// <summary>Recipients to which a key can be wrapped.</summary>
    public const int WrappedKeysMax = 2;

    internal const int WrappedKeyBytes = RecipientKeyPair.PublicBytes + KeyDerivation.KeyBytes + BundleCipher.TagBytes;

    private const int SaltOffset = 8;
    private const int KeyCheckOffset = SaltOffset + SaltBytes;
    private const int WrappedOffset = KeyCheckOffset + KeyCheckBytes;
    private const int UsedBytes = WrappedOffset + (WrappedKeysMax * WrappedKeyBytes);

    private readonly byte[] _bytes;

    private BundleHead(byte[] bytes) => _bytes = bytes;

    private static ReadOnlySpan<byte> Magic => "MKTB"u8;

    /// <summary>How the key is had.</summary>
    public BundleKeyKind KeyKind => (BundleKeyKind)_bytes[5];

    /// <summary>The random salt of the bundle's key.</summary>
    public ReadOnlySpan<byte> Salt => _bytes.AsSpan(SaltOffset, SaltBytes);

    /// <summary>The head as it stands in the bundle.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Keys wrapped in the head: 0 for a derived key.</summary>
    public int WrappedKeys => _bytes[6];

    internal ReadOnlySpan<byte> KeyCheck => _bytes.AsSpan(KeyCheckOffset, KeyCheckBytes);

    internal ReadOnlySpan<byte> WrappedKey(int index) => _bytes.AsSpan(WrappedOffset + (index * WrappedKeyBytes), WrappedKeyBytes);

    /// <summary>Reads the first <see cref="SizeBytes"/> bytes of a bundle, which may be any bytes.</summary>
    /// <exception cref="BundleFormatException">Not a bundle, or of a version or kind that is not known.</exception>
    public static BundleHead Read(ReadOnlySpan<byte> source)
    {
        if (source.Length < SizeBytes || !source.StartsWith(Magic))
            throw new BundleFormatException(BundleFault.NotABundle, "These bytes are no bundle.");
        if (source[4] != Version)
            throw new BundleFormatException(BundleFault.UnknownVersion, $"The bundle is of version {source[4]}; this program knows version {Version}.");
        int wrapped = source[6];
        bool fits = (BundleKeyKind)source[5] switch
        {
            BundleKeyKind.Derived => wrapped == 0,
            BundleKeyKind.Wrapped => wrapped is >= 1 and <= WrappedKeysMax,
            _ => throw new BundleFormatException(BundleFault.UnknownVersion, $"The bundle's key is of a kind ({source[5]}) that this program does not know."),
        };
        bool zeros = source[7] == 0 && !source[(WrappedOffset + (Math.Min(wrapped, WrappedKeysMax) * WrappedKeyBytes))..SizeBytes].ContainsAnyExcept((byte)0);
        if (!fits || !zeros) throw new BundleFormatException(BundleFault.Malformed, "The bundle's head is malformed.");
        return new BundleHead(source[..SizeBytes].ToArray());
    }

    internal static BundleHead Create(BundleKeyKind kind, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> keyCheck, ReadOnlySpan<byte> wrappedKeys)
    {
        byte[] bytes = new byte[SizeBytes];
        Magic.CopyTo(bytes);
        bytes[4] = Version;
        bytes[5] = (byte)kind;
        bytes[6] = (byte)(wrappedKeys.Length / WrappedKeyBytes);
        salt[..SaltBytes].CopyTo(bytes.AsSpan(SaltOffset));
        keyCheck[..KeyCheckBytes].CopyTo(bytes.AsSpan(KeyCheckOffset));
        wrappedKeys.CopyTo(bytes.AsSpan(WrappedOffset, UsedBytes - WrappedOffset));
        return new BundleHead(bytes);
    }
}
