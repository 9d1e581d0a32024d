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

    [Fact]
    public void A_range_is_verified_without_garbage()
    {
        const int First = 3, Leaves = 1000;
        var shard = new MemoryShard(Sample.Bytes(ChunkBytes, 4));
        long all = ChunkBytes / MerkleTree.LeafBytes;
        byte[] proof = new byte[RangeProof.SizeBytes(all, First, Leaves)];
        RangeProof.Write(shard, all, First, Leaves, proof);
        Assert.Equal(0, Garbage(() => Assert.True(RangeProof.Verify(
            shard.Commitment, First, shard.Bytes.AsSpan(First * MerkleTree.LeafBytes, Leaves * MerkleTree.LeafBytes), proof))));
    }

    [Theory]
    [InlineData(4, 6)]
    [InlineData(10, 30)]
    public void Columns_are_decoded_without_garbage_and_a_choice_of_them_is_worked_out_once(int needed, int shards)
    {
        var redundancy = new Redundancy(needed, shards);
        var geometry = new ShardGeometry(redundancy, (long)needed * ShardGeometry.CellBytes * 4);
        var decoders = new ShardDecoders(new ErasureCode(redundancy), geometry);
        int[] chosen = [.. Enumerable.Range(1, needed)];
        ReadOnlyMemory<byte>[] columns = [.. chosen.Select(column => (ReadOnlyMemory<byte>)Sample.Bytes((int)geometry.ShardBytes, column))];
        byte[] bundle = new byte[geometry.BundleBytes];
        Assert.Equal(0, Garbage(() => decoders.For(chosen).Decode(0, columns, bundle)));

        // Another order is another choice, and however many there are, few are kept.
        ShardDecoder first = decoders.For(chosen);
        Assert.NotSame(first, decoders.For([.. chosen.Reverse()]));
        Assert.Same(first, decoders.For(chosen));
        for (int turn = 1; turn < ShardDecoders.DecodersMax; turn++) decoders.For([.. chosen.Skip(turn % needed), .. chosen.Take(turn % needed)]);
        Assert.Same(decoders.For(chosen), decoders.For(chosen));
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
