namespace Marketplace.Coding;

/// <summary>Compresses and seals chunks. Reuses its contexts; not for several threads, but many may share one key.</summary>
public sealed class ChunkSealer(BundleKey key, int level = ChunkCompressor.LevelDefault) : IDisposable
{
    private readonly ChunkCompressor _compressor = new(level);

    /// <summary>
    /// Seals a chunk that will stand at <paramref name="offset"/> of the bundle. <paramref name="destination"/> needs
    /// <see cref="ChunkRef.OverheadBytes"/> more than <paramref name="plain"/>; the result says how many were used.
    /// </summary>
    public ChunkRef Seal(ReadOnlySpan<byte> plain, long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(plain.Length, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(plain.Length, ChunkRef.PlainBytesMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(offset, BundleHead.SizeBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, plain.Length + ChunkRef.OverheadBytes);
        if (_compressor.TryCompress(plain, destination, out int compressed))
        {
            key.Cipher.Seal(SealDomain.Chunk, offset, destination[..compressed], destination);
            return new ChunkRef(0, offset, compressed + ChunkRef.OverheadBytes, plain.Length, ChunkEncoding.Zstd);
        }

        key.Cipher.Seal(SealDomain.Chunk, offset, plain, destination);
        return new ChunkRef(0, offset, plain.Length + ChunkRef.OverheadBytes, plain.Length, ChunkEncoding.Raw);
    }

    /// <inheritdoc />
    public void Dispose() => _compressor.Dispose();
}
