using Marketplace.Domain;

namespace Marketplace.Coding.Tests;

/// <summary>What a chunk costs on its way is time and no garbage: buffers are made once.</summary>
public sealed class AllocationTests
{
    private const int Chunks = 8;
    private const int ChunkBytes = 1 << 20;

    [Fact]
    public void A_chunk_is_cut_compressed_and_sealed_and_opened_again_without_garbage()
    {
        using BundleKey key = SealingTests.NewKey();
        using var sealer = new ChunkSealer(key);
        using var opener = new ChunkOpener(key);
        using var chunker = new Chunker(Sample.Bytes(32, 1));
        byte[] room = new byte[ChunkBytes + ChunkRef.OverheadBytes];
        byte[] opened = new byte[ChunkBytes];
        foreach (byte[] plain in (byte[][])[Sample.Text(ChunkBytes, 1), Sample.Bytes(ChunkBytes, 2)])
        {
            Assert.Equal(0, Garbage(() =>
            {
                chunker.Next(plain, out _);
                ChunkRef chunk = sealer.Seal(plain, 1000, room);
                opener.Open(chunk, room.AsSpan(0, chunk.SealedBytes), opened);
            }));
        }
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(4, 6)]
    [InlineData(10, 30)]
    public void Stripes_are_encoded_and_hashed_without_garbage(int needed, int shards)
    {
        using var encoder = new ShardEncoder(new ErasureCode(new Redundancy(needed, shards)));
        byte[] bytes = Sample.Bytes(ChunkBytes, 3);
        Assert.Equal(0, Garbage(() =>
        {
            for (ReadOnlySpan<byte> left = bytes; !left.IsEmpty;)
            {
                left = left[encoder.Append(left)..];
                if (encoder.HasCells) encoder.Release();
            }
        }));
    }

    /// <summary>Bytes that a chunk leaves to the collector, once all buffers are there.</summary>
    private static long Garbage(Action chunk)
    {
        chunk();
        chunk();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Chunks; i++) chunk();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / Chunks;
    }
}
