using NSec.Cryptography;

namespace Marketplace.Coding;

/// <summary>HKDF-SHA256 and the names of all keys, so that no two uses share one.</summary>
internal static class KeyDerivation
{
    /// <summary>Bytes of every symmetric key.</summary>
    public const int KeyBytes = 32;

    public static ReadOnlySpan<byte> MasterInfo => "storage-market master key v1"u8;

    public static ReadOnlySpan<byte> BundleInfo => "storage-market bundle key v1"u8;

    public static ReadOnlySpan<byte> CheckInfo => "storage-market key check v1"u8;

    public static ReadOnlySpan<byte> ChunkerInfo => "storage-market chunker v1"u8;

    public static ReadOnlySpan<byte> GearInfo => "storage-market gear v1"u8;

    public static ReadOnlySpan<byte> IndexInfo => "storage-market index v1"u8;

    public static ReadOnlySpan<byte> RecipientInfo => "storage-market x25519 v1"u8;

    public static ReadOnlySpan<byte> EphemeralInfo => "storage-market ephemeral v1"u8;

    public static ReadOnlySpan<byte> WrapInfo => "storage-market wrap v1"u8;

    public static void Derive(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, Span<byte> destination) =>
        KeyDerivationAlgorithm.HkdfSha256.DeriveBytes(secret, salt, info, destination);
}
