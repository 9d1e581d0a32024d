using System.Buffers;
using CsCheck;
using Marketplace.Domain;

namespace Marketplace.Coding.Tests;

public sealed class TreeTests
{
    private const int LeafBytes = MerkleTree.LeafBytes;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(129)]
    [InlineData(200)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(640)]
    [InlineData(1024)]
    [InlineData(1600)]
    public void The_root_is_that_of_the_plain_recursive_definition(int leaves)
    {
        byte[] shard = Sample.Bytes(leaves * LeafBytes, leaves);
        Assert.Equal(PlainTree.Root(shard), MerkleTree.Commit(shard).Root);
    }

    [Fact]
    public void A_builder_gives_the_same_root_and_sidecar_however_the_bytes_are_split() =>
        Gen.Select(Gen.OneOf(Gen.Int[1, 700], Gen.Int[1000, 2500]), Gen.Int[1, 40_000].Array[1, 20], Gen.Int).Sample((leaves, pieces, seed) =>
        {
            byte[] shard = Sample.Bytes(leaves * LeafBytes, seed);
            var sidecar = new ArrayBufferWriter<byte>();
            using var builder = new MerkleTreeBuilder(sidecar);
            int at = 0;
            for (int i = 0; at < shard.Length; i++)
            {
                int take = Math.Min(pieces[i % pieces.Length], shard.Length - at);
                builder.Append(shard.AsSpan(at, take));
                at += take;
            }

            Assert.True(builder.TryFinish(out ShardCommitment commitment));
            Assert.Equal(PlainTree.Root(shard), commitment.Root);
            Assert.Equal(leaves, commitment.Leaves);
            AssertSidecar(shard, sidecar.WrittenSpan);
        }, iter: 200);

    [Fact]
    public void Every_kernel_hashes_leaves_and_nodes_as_the_definition_says()
    {
        foreach (TreeKernel kernel in Enum.GetValues<TreeKernel>().Where(one => one <= TreeHasher.Best))
        {
            Gen.Select(Gen.Int[0, 40], Gen.Int).Sample((count, seed) =>
            {
                byte[] leaves = Sample.Bytes(count * LeafBytes, seed);
                byte[] hashes = new byte[count * MerkleTree.HashBytes];
                TreeHasher.HashLeaves(kernel, leaves, hashes);
                Assert.Equal(leaves.Chunk(LeafBytes).SelectMany(leaf => Keccak256.HashData([.. leaf, 0])[..20]), hashes);

                byte[] children = Sample.Bytes(count * 40, seed);
                byte[] expected = [.. children.Chunk(40).SelectMany(pair => Keccak256.HashData([.. pair, 1])[..20])];
                TreeHasher.HashNodes(kernel, children, hashes);
                Assert.Equal(expected, hashes);
                TreeHasher.HashNodes(kernel, children, children);
                Assert.Equal(expected, children[..expected.Length]);
            }, iter: 500);
        }
    }

    [Fact]
    public void A_length_that_is_not_whole_leaves_is_not_a_shard()
    {
        using var builder = new MerkleTreeBuilder();
        Assert.False(builder.TryFinish(out _));
        builder.Append(new byte[LeafBytes - 1]);
        Assert.False(builder.TryFinish(out _));
        builder.Append(new byte[1]);
        Assert.True(builder.TryFinish(out ShardCommitment commitment));
        Assert.Equal(1, commitment.Leaves);
    }

    [Fact]
    public void The_root_binds_the_number_of_leaves()
    {
        byte[] shard = Sample.Bytes(3 * LeafBytes, 1);
        byte[] longer = [.. shard, .. new byte[LeafBytes]];
        Assert.NotEqual(MerkleTree.Commit(shard).Root, MerkleTree.Commit(longer).Root);
    }

    [Theory]
    [InlineData(1L)]
    [InlineData(64L)]
    [InlineData(65L)]
    [InlineData(4097L)]
    [InlineData((1L << 32) + 12345)]
    [InlineData(MerkleTree.LeavesMax)]
    public void The_places_of_a_sidecar_lie_within_its_size_and_the_top_is_last(long leaves)
    {
        var layout = new SidecarLayout(leaves);
        if (layout.Depth < MerkleTree.BlockLevel)
        {
            Assert.Equal(SidecarLayout.HeaderBytes, layout.SizeBytes);
            return;
        }

        Assert.Equal(layout.SizeBytes - MerkleTree.HashBytes, layout.OffsetOf(layout.Depth, 0));
        Assert.Equal(SidecarLayout.HeaderBytes, layout.OffsetOf(MerkleTree.BlockLevel, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.OffsetOf(MerkleTree.BlockLevel, MerkleTree.NodesAt(MerkleTree.BlockLevel, leaves)));
    }

    [Fact]
    public void A_range_proof_verifies_and_any_flipped_bit_is_refused() =>
        Gen.Select(Gen.OneOf(Gen.Int[1, 400], Gen.Int[500, 2500]), Gen.Double.Unit, Gen.Double.Unit, Gen.Int).Sample((leaves, a, b, seed) =>
        {
            var shard = new MemoryShard(Sample.Bytes(leaves * LeafBytes, seed));
            int first = (int)(a * leaves);
            int count = 1 + (int)(b * (leaves - first - 1));
            byte[] proof = new byte[RangeProof.SizeBytes(leaves, first, count)];
            Assert.Equal(proof.Length, RangeProof.Write(shard, leaves, first, count, proof));
            Assert.True(proof.Length <= RangeProof.SizeBytesMax);
            byte[] data = shard.Bytes.AsSpan(first * LeafBytes, count * LeafBytes).ToArray();
            Assert.True(RangeProof.Verify(shard.Commitment, first, data, proof));

            var random = new Random(seed);
            int bit = random.Next(proof.Length * 8);
            proof[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(RangeProof.Verify(shard.Commitment, first, data, proof));
            proof[bit / 8] ^= (byte)(1 << (bit % 8));
            bit = random.Next(data.Length * 8);
            data[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(RangeProof.Verify(shard.Commitment, first, data, proof));
            data[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(RangeProof.Verify(shard.Commitment, first + 1, data, proof));
            Assert.False(RangeProof.Verify(shard.Commitment with { Leaves = leaves + 1 }, first, data, proof));
            Assert.False(RangeProof.Verify(shard.Commitment, first, data, proof.AsSpan(..^1)));
            Assert.False(RangeProof.Verify(shard.Commitment, first, data, [.. proof, 0]));
            Assert.False(RangeProof.Verify(shard.Commitment, first, data.AsSpan(..^1), proof));
            Assert.False(RangeProof.Verify(shard.Commitment, first, default, proof));
        }, iter: 500);

    [Fact]
    public void Random_bytes_are_no_range_proof_and_do_no_harm() =>
        Gen.Select(Gen.Byte.Array[0, 1500], Gen.Long, Gen.Long, Gen.Int[0, 5]).Sample((proof, leaves, first, count) =>
            Assert.False(RangeProof.Verify(new ShardCommitment(default, leaves), first, new byte[count * LeafBytes], proof)));

    private static void AssertSidecar(ReadOnlySpan<byte> shard, ReadOnlySpan<byte> sidecar)
    {
        long leaves = shard.Length / LeafBytes;
        var layout = new SidecarLayout(leaves);
        Assert.Equal(layout.SizeBytes, sidecar.Length);
        Assert.True(sidecar[..SidecarLayout.HeaderBytes].SequenceEqual(SidecarLayout.Header));
        for (int level = MerkleTree.BlockLevel; level <= layout.Depth; level++)
        {
            for (long index = 0; index < MerkleTree.NodesAt(level, leaves); index++)
            {
                byte[] expected = PlainTree.Node(shard, level, index);
                Assert.Equal(expected, sidecar.Slice((int)layout.OffsetOf(level, index), MerkleTree.HashBytes).ToArray());
            }
        }
    }
}
