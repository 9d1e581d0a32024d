using System.Buffers;
using System.Buffers.Binary;
using Marketplace.Domain;

namespace Marketplace.Coding.Tests;

/// <summary>Reproducible bytes.</summary>
internal static class Sample
{
    public static byte[] Bytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Bytes that compress well: words of a small vocabulary.</summary>
    public static byte[] Text(int count, int seed)
    {
        byte[] words = Bytes(64 * 8, 7);
        var random = new Random(seed);
        byte[] text = new byte[count];
        for (int at = 0; at < count; at += 8)
        {
            ReadOnlySpan<byte> word = words.AsSpan(random.Next(64) * 8, Math.Min(8, count - at));
            word.CopyTo(text.AsSpan(at));
        }

        return text;
    }

    public static byte[] FlipBit(ReadOnlySpan<byte> bytes, int bit)
    {
        byte[] copy = bytes.ToArray();
        copy[bit / 8] ^= (byte)(1 << (bit % 8));
        return copy;
    }
}

/// <summary>The tree as its page defines it, word for word, with Domain's Keccak: slow and obvious.</summary>
internal static class PlainTree
{
    public static Root Root(ReadOnlySpan<byte> shard)
    {
        long leaves = shard.Length / MerkleTree.LeafBytes;
        int depth = 0;
        while (1L << depth < leaves) depth++;
        byte[] message = [.. Node(shard, depth, 0), .. new byte[8], 2];
        BinaryPrimitives.WriteInt64BigEndian(message.AsSpan(20), leaves);
        return new Root(Keccak256.HashData(message).AsSpan(0, 20));
    }

    public static byte[] Node(ReadOnlySpan<byte> shard, int level, long index)
    {
        if (level == 0)
        {
            long from = index * MerkleTree.LeafBytes;
            if (from >= shard.Length) return new byte[20];
            return Keccak256.HashData([.. shard.Slice((int)from, MerkleTree.LeafBytes), 0])[..20];
        }

        return Keccak256.HashData([.. Node(shard, level - 1, 2 * index), .. Node(shard, level - 1, (2 * index) + 1), 1])[..20];
    }
}

/// <summary>A shard and its sidecar in memory.</summary>
internal sealed class MemoryShard : IShardReader
{
    private readonly byte[] _sidecar;

    public MemoryShard(byte[] bytes)
    {
        Bytes = bytes;
        var sidecar = new ArrayBufferWriter<byte>();
        using var builder = new MerkleTreeBuilder(sidecar);
        builder.Append(bytes);
        Assert.True(builder.TryFinish(out ShardCommitment commitment));
        Commitment = commitment;
        _sidecar = sidecar.WrittenSpan.ToArray();
    }

    public byte[] Bytes { get; }

    public ShardCommitment Commitment { get; }

    public void ReadShard(long offset, Span<byte> destination) => Bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);

    public void ReadSidecar(long offset, Span<byte> destination) => _sidecar.AsSpan((int)offset, destination.Length).CopyTo(destination);
}
