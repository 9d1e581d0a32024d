using System.Buffers;
using System.Security.Cryptography;
using ZstdSharp;

namespace Marketplace.Coding;

/// <summary>Opens and decompresses chunks of one bundle. Reuses its contexts; not for several threads, but many may share one key.</summary>
public sealed class ChunkOpener(BundleKey key) : IDisposable
{
    private readonly Decompressor _decompressor = new();
    private byte[]? _work;

    /// <summary>
    /// Opens a chunk into the first <see cref="ChunkRef.PlainBytes"/> bytes of <paramref name="plain"/>.
    /// <paramref name="sealedChunk"/> is exactly the <see cref="ChunkRef.SealedBytes"/> bytes at the chunk's place.
    /// Uses no more memory than the limits of <see cref="ChunkRef"/>.
    /// </summary>
    /// <exception cref="BundleFormatException">
    /// The bytes are not those that were sealed at that place of that bundle, or hold more or fewer bytes than promised.
    /// What <paramref name="plain"/> holds then must not be used.
    /// </exception>
    public void Open(ChunkRef chunk, ReadOnlySpan<byte> sealedChunk, Span<byte> plain)
    {
        if (!chunk.IsWellFormed) throw new BundleFormatException(BundleFault.Malformed, "The chunk's lengths do not go together.");
        if (sealedChunk.Length != chunk.SealedBytes)
            throw new BundleFormatException(BundleFault.Tampered, $"The chunk has {sealedChunk.Length} bytes where {chunk.SealedBytes} were sealed.");
        ArgumentOutOfRangeException.ThrowIfLessThan(plain.Length, chunk.PlainBytes);
        plain = plain[..chunk.PlainBytes];
        if (chunk.Encoding == ChunkEncoding.Raw)
        {
            OpenSealed(chunk, sealedChunk, plain);
            return;
        }

        _work ??= ArrayPool<byte>.Shared.Rent(ChunkRef.PlainBytesMax);
        Span<byte> compressed = _work.AsSpan(0, chunk.SealedBytes - ChunkRef.OverheadBytes);
        OpenSealed(chunk, sealedChunk, compressed);
        try
        {
            if (_decompressor.TryUnwrap(compressed, plain, out int written) && written == plain.Length) return;
        }
        catch (ZstdException e)
        {
            plain.Clear();
            throw new BundleFormatException(BundleFault.Malformed, "The chunk does not decompress.", e);
        }

        plain.Clear();
        throw new BundleFormatException(BundleFault.Malformed, "The chunk holds another number of bytes than promised.");
    }

    /// <summary>Wipes and gives back the buffer.</summary>
    public void Dispose()
    {
        _decompressor.Dispose();
        if (_work is null) return;
        CryptographicOperations.ZeroMemory(_work);
        ArrayPool<byte>.Shared.Return(_work);
        _work = null;
    }

    private void OpenSealed(ChunkRef chunk, ReadOnlySpan<byte> sealedChunk, Span<byte> destination)
    {
        if (!key.Cipher.TryOpen(SealDomain.Chunk, chunk.Offset, sealedChunk, destination))
            throw new BundleFormatException(BundleFault.Tampered, $"The chunk at {chunk.Offset} does not open: it was changed, moved, or belongs to another bundle.");
    }
}
