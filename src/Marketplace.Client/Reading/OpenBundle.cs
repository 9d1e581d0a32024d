using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Marketplace.Client.Keys;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Reading;

/// <summary>A bundle that can be read: its nodes, and the key that opens it. Safe for many threads.</summary>
internal sealed class OpenBundle : IDisposable
{
    private readonly BundleKey _key;
    private readonly ConcurrentBag<ChunkOpener> _openers = [];

    private OpenBundle(BundleReader reader, BundleKey key)
    {
        Reader = reader;
        _key = key;
    }

    public BundleReader Reader { get; }

    /// <summary>Reads the head and has the key.</summary>
    /// <exception cref="MarketException">The keys do not open it.</exception>
    public static async Task<OpenBundle> OpenAsync(BundleReader reader, BundleKeys keys, CancellationToken token)
    {
        byte[] head = new byte[BundleHead.SizeBytes];
        await reader.ReadAsync(0, head, token);
        BundleKey key = keys.TryOpen(BundleHead.Read(head))
            ?? throw new MarketException(MarketErrorCode.Failed, "A part of this object is sealed to another key.", "use the words or the gateway that stored it");
        return new OpenBundle(reader, key);
    }

    /// <summary>Fetches neighbouring chunks in one read and gives each, opened, to <paramref name="use"/>. What it gets is good until it returns.</summary>
    /// <exception cref="BundleFormatException">A chunk lies outside of the bundle, or is not what was sealed there.</exception>
    public async Task ReadChunksAsync<T>(IReadOnlyList<T> chunks, Func<T, ChunkRef> chunkOf, Func<T, ReadOnlyMemory<byte>, ValueTask> use, CancellationToken token)
    {
        foreach (T chunk in chunks)
        {
            if (!chunkOf(chunk).IsWithin(Reader.Geometry.BundleBytes))
                throw new BundleFormatException(BundleFault.Malformed, "A manifest names a chunk that lies outside of its bundle.");
        }

        ChunkRef first = chunkOf(chunks[0]);
        ChunkRef last = chunkOf(chunks[^1]);
        int bytes = checked((int)(last.Offset + last.SealedBytes - first.Offset));
        byte[] sealedBytes = ArrayPool<byte>.Shared.Rent(bytes);
        byte[] plain = ArrayPool<byte>.Shared.Rent(chunks.Max(chunk => chunkOf(chunk).PlainBytes));
        ChunkOpener opener = _openers.TryTake(out ChunkOpener? idle) ? idle : new ChunkOpener(_key);
        try
        {
            await Reader.ReadAsync(first.Offset, sealedBytes.AsMemory(0, bytes), token);
            foreach (T chunk in chunks)
            {
                ChunkRef place = chunkOf(chunk);
                opener.Open(place, sealedBytes.AsSpan((int)(place.Offset - first.Offset), place.SealedBytes), plain);
                await use(chunk, plain.AsMemory(0, place.PlainBytes));
            }
        }
        finally
        {
            _openers.Add(opener);
            CryptographicOperations.ZeroMemory(plain);
            ArrayPool<byte>.Shared.Return(plain);
            ArrayPool<byte>.Shared.Return(sealedBytes);
        }
    }

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        foreach (ChunkOpener opener in _openers) opener.Dispose();
        _key.Dispose();
    }
}
