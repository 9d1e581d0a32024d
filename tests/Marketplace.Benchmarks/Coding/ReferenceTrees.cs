using System.Buffers.Binary;
using System.Security.Cryptography;
using Marketplace.Coding;
using Org.BouncyCastle.Crypto.Digests;

namespace Marketplace.Benchmarks.Coding;

/// <summary>The tree of docs/formats/tree.md as one would write it over a library's hash function. Whole trees of a power of two of leaves.</summary>
internal abstract class ReferenceTree
{
    private const int HashBytes = MerkleTree.HashBytes;

    private readonly byte[] _leaf = new byte[MerkleTree.LeafBytes + 1];
    private readonly byte[] _node = new byte[(2 * HashBytes) + 1];
    private readonly byte[] _digest = new byte[32];

    /// <summary>Root of a shard in memory.</summary>
    public byte[] Root(ReadOnlySpan<byte> shard)
    {
        int nodes = shard.Length / MerkleTree.LeafBytes;
        byte[] hashes = new byte[nodes * HashBytes];
        for (int i = 0; i < nodes; i++)
        {
            shard.Slice(i * MerkleTree.LeafBytes, MerkleTree.LeafBytes).CopyTo(_leaf);
            Hash(_leaf, _digest);
            _digest.AsSpan(0, HashBytes).CopyTo(hashes.AsSpan(i * HashBytes));
        }

        _node[^1] = 1;
        for (int count = nodes; count > 1; count /= 2)
        {
            for (int i = 0; i < count / 2; i++)
            {
                hashes.AsSpan(i * 2 * HashBytes, 2 * HashBytes).CopyTo(_node);
                Hash(_node, _digest);
                _digest.AsSpan(0, HashBytes).CopyTo(hashes.AsSpan(i * HashBytes));
            }
        }

        byte[] top = new byte[HashBytes + 9];
        hashes.AsSpan(0, HashBytes).CopyTo(top);
        BinaryPrimitives.WriteInt64BigEndian(top.AsSpan(HashBytes), nodes);
        top[^1] = 2;
        Hash(top, _digest);
        return _digest[..HashBytes];
    }

    protected abstract void Hash(ReadOnlySpan<byte> message, Span<byte> digest);
}

/// <summary>Over BouncyCastle's Keccak.</summary>
internal sealed class BouncyCastleTree : ReferenceTree
{
    private readonly KeccakDigest _keccak = new(256);

    protected override void Hash(ReadOnlySpan<byte> message, Span<byte> digest)
    {
        _keccak.BlockUpdate(message);
        _keccak.DoFinal(digest);
    }
}

/// <summary>Over the platform's SHA-256.</summary>
internal sealed class Sha256Tree : ReferenceTree
{
    protected override void Hash(ReadOnlySpan<byte> message, Span<byte> digest) => SHA256.HashData(message, digest);
}
