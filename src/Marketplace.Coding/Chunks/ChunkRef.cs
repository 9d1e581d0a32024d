namespace Marketplace.Coding;

/// <summary>How a chunk's bytes stand in it.</summary>
public enum ChunkEncoding : byte
{
    /// <summary>As they are.</summary>
    Raw = 0,

    /// <summary>One zstd frame.</summary>
    Zstd = 1,
}

/// <summary>Where a sealed chunk lies.</summary>
/// <param name="Deal">The number of the client's deal whose bundle holds it; 0 for the bundle of the manifest itself.</param>
/// <param name="Offset">Its first byte in that bundle.</param>
/// <param name="SealedBytes">Its length there.</param>
/// <param name="PlainBytes">The length of what comes out.</param>
/// <param name="Encoding">How.</param>
public readonly record struct ChunkRef(ulong Deal, long Offset, int SealedBytes, int PlainBytes, ChunkEncoding Encoding)
{
    /// <summary>No chunk holds more; more is promised only by a liar.</summary>
    public const int PlainBytesMax = Chunker.ChunkBytesMax;

    /// <summary>No sealed chunk is longer.</summary>
    public const int SealedBytesMax = PlainBytesMax + OverheadBytes;

    /// <summary>Bytes that sealing adds.</summary>
    public const int OverheadBytes = BundleCipher.TagBytes;

    /// <summary>The chunk as it is named outside of the bundle of this deal, whose manifest names it.</summary>
    public ChunkRef SeenFrom(ulong deal) => Deal == 0 ? this with { Deal = deal } : this;

    /// <summary>Whether it lies in a bundle of this length.</summary>
    public bool IsWithin(long bundleBytes) => Offset <= bundleBytes - SealedBytes;

    /// <summary>Whether lengths and encoding go together and keep the limits.</summary>
    public bool IsWellFormed => PlainBytes is >= 1 and <= PlainBytesMax && Offset >= BundleHead.SizeBytes && Encoding switch
    {
        ChunkEncoding.Raw => SealedBytes == PlainBytes + OverheadBytes,
        ChunkEncoding.Zstd => SealedBytes > OverheadBytes && SealedBytes < PlainBytes + OverheadBytes,
        _ => false,
    };
}

/// <summary>Some bytes of a chunk's plaintext.</summary>
public readonly record struct ChunkSlice(ChunkRef Chunk, int From, int Bytes);
