using System.Buffers.Binary;

namespace Marketplace.Coding;

/// <summary>The last bytes of a bundle: where its manifest lies. Sealed together with the bundle's length and its whole head.</summary>
/// <param name="BundleBytes">Length of the bundle, padding included.</param>
/// <param name="ChunksEnd">Where the sealed chunks end and the padding begins.</param>
/// <param name="ManifestOffset">Where the sealed manifest begins.</param>
/// <param name="ManifestBytes">Its length, sealed.</param>
/// <param name="ManifestPlainBytes">Its length, opened and decompressed.</param>
/// <param name="Pieces">Pieces it is sealed in.</param>
public sealed record BundleFooter(long BundleBytes, long ChunksEnd, long ManifestOffset, long ManifestBytes, long ManifestPlainBytes, int Pieces)
{
    /// <summary>Bytes of the footer in the bundle.</summary>
    public const int SizeBytes = PlainBytes + BundleCipher.TagBytes;

    /// <summary>Bytes of a manifest piece before sealing; the last piece may be shorter.</summary>
    public const int PieceBytesMax = 1024 * 1024;

    /// <summary>Bytes of a sealed manifest piece; the last may be shorter.</summary>
    public const int SealedPieceBytesMax = PieceBytesMax + BundleCipher.TagBytes;

    /// <summary>Plain bytes of a manifest that a bundle of any length may have.</summary>
    public const long ManifestPlainBytesFree = 4L << 20;

    /// <summary>
    /// Beyond these, a bundle has a byte for so many plain bytes of its manifest, if need be as padding: what costs a reader memory
    /// costs its sender storage.
    /// </summary>
    public const int ManifestPlainBytesPerByte = 32;

    /// <summary>zstd adds at most one part in this many to what it cannot shrink.</summary>
    private const int GrowthPart = 256;

    /// <summary>And no more than this for the frame itself.</summary>
    private const int FrameBytesMax = 1024;

    private const int PlainBytes = 48;
    private const byte Version = 1;

    /// <summary>Where the footer of a bundle begins.</summary>
    public static long OffsetIn(long bundleBytes) => bundleBytes - SizeBytes;

    /// <summary>Opens the last <see cref="SizeBytes"/> bytes of a bundle.</summary>
    /// <exception cref="BundleFormatException">They are not the footer of a bundle of this length and head, or say what cannot be.</exception>
    public static BundleFooter Open(BundleKey key, long bundleBytes, ReadOnlySpan<byte> sealedFooter)
    {
        ArgumentNullException.ThrowIfNull(key);
        Span<byte> plain = stackalloc byte[PlainBytes];
        if (sealedFooter.Length != SizeBytes || !key.Cipher.TryOpen(SealDomain.Footer, bundleBytes, sealedFooter, plain, key.Head.Bytes))
            throw new BundleFormatException(BundleFault.Tampered, "The bundle's footer does not open: the bundle was changed, cut, or is not whole.");
        if (plain[0] != Version) throw new BundleFormatException(BundleFault.UnknownVersion, $"The bundle's footer is of version {plain[0]}.");
        var footer = new BundleFooter(
            bundleBytes,
            BinaryPrimitives.ReadInt64BigEndian(plain[8..]),
            BinaryPrimitives.ReadInt64BigEndian(plain[16..]),
            BinaryPrimitives.ReadInt64BigEndian(plain[24..]),
            BinaryPrimitives.ReadInt64BigEndian(plain[32..]),
            BinaryPrimitives.ReadInt32BigEndian(plain[4..]));
        if (!footer.IsWellFormed) throw new BundleFormatException(BundleFault.Malformed, "The bundle's footer says what cannot be.");
        return footer;
    }

    /// <summary>Where a sealed piece of the manifest lies in the bundle.</summary>
    public (long Offset, int Bytes) Piece(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Pieces);
        long from = (long)index * SealedPieceBytesMax;
        return (ManifestOffset + from, (int)Math.Min(SealedPieceBytesMax, ManifestBytes - from));
    }

    /// <summary>No bundle with a manifest of so many plain bytes is shorter.</summary>
    internal static long BundleBytesMin(long manifestPlainBytes) =>
        (Math.Max(0, manifestPlainBytes - ManifestPlainBytesFree) + ManifestPlainBytesPerByte - 1) / ManifestPlainBytesPerByte;

    internal void Seal(BundleKey key, Span<byte> destination)
    {
        Span<byte> plain = stackalloc byte[PlainBytes];
        plain.Clear();
        plain[0] = Version;
        BinaryPrimitives.WriteInt32BigEndian(plain[4..], Pieces);
        BinaryPrimitives.WriteInt64BigEndian(plain[8..], ChunksEnd);
        BinaryPrimitives.WriteInt64BigEndian(plain[16..], ManifestOffset);
        BinaryPrimitives.WriteInt64BigEndian(plain[24..], ManifestBytes);
        BinaryPrimitives.WriteInt64BigEndian(plain[32..], ManifestPlainBytes);
        key.Cipher.Seal(SealDomain.Footer, BundleBytes, plain, destination, key.Head.Bytes);
    }

    private bool IsWellFormed =>
        ChunksEnd >= BundleHead.SizeBytes && ManifestOffset >= ChunksEnd && ManifestOffset <= OffsetIn(BundleBytes) &&
        ManifestBytes == OffsetIn(BundleBytes) - ManifestOffset && Pieces >= 1 &&
        ManifestBytes > (long)(Pieces - 1) * SealedPieceBytesMax + BundleCipher.TagBytes && ManifestBytes <= (long)Pieces * SealedPieceBytesMax &&
        ManifestPlainBytes is >= 1 and <= Manifest.PlainBytesMax && BundleBytes >= BundleBytesMin(ManifestPlainBytes) &&
        ManifestBytes - ((long)Pieces * BundleCipher.TagBytes) <= ManifestPlainBytes + (ManifestPlainBytes / GrowthPart) + FrameBytesMax;
}
