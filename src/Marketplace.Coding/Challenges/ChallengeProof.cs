using System.Buffers;
using System.Buffers.Binary;
using Marketplace.Domain;

namespace Marketplace.Coding;

/// <summary>
/// The bytes that answer a period's draws, for the contract: for each draw the start of its range (5 bytes, big-endian) and,
/// when it is live, the leaf (256) and its path (20 bytes a level, from the bottom). Specified in docs/formats/proof.md.
/// </summary>
public static class ChallengeProof
{
    /// <summary>Bytes of a range's start: 38 bits, big-endian.</summary>
    public const int StartBytes = 5;

    /// <summary>Bytes that a draw adds to the proof.</summary>
    public static int SizeBytesOf(Draw draw) =>
        StartBytes + (draw.IsLive ? MerkleTree.LeafBytes + (MerkleTree.Depth(draw.Range.Shard.Leaves) * MerkleTree.HashBytes) : 0);

    /// <summary>
    /// Writes the proof of <paramref name="draws"/> (<see cref="Challenges.Draw"/>). For each live draw one block and one node a level
    /// above it are read; <paramref name="open"/> is asked for the shard of each live draw in turn.
    /// </summary>
    public static void Write(IReadOnlyList<Draw> draws, Func<Draw, IShardReader> open, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(draws);
        ArgumentNullException.ThrowIfNull(open);
        ArgumentNullException.ThrowIfNull(destination);
        foreach (Draw draw in draws)
        {
            int size = SizeBytesOf(draw);
            Span<byte> bytes = destination.GetSpan(size)[..size];
            WriteStart(draw.Range.Start, bytes);
            if (draw.IsLive) WriteLeafAndPath(open(draw), draw.Range.Shard.Leaves, draw.Leaf, bytes[StartBytes..]);
            destination.Advance(size);
        }
    }

    /// <summary>One leaf and its path to the top, as the contract takes them; also the answer to a directed challenge.</summary>
    public static void WriteLeafAndPath(IShardReader shard, long shardLeaves, long leaf, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(shard);
        ArgumentOutOfRangeException.ThrowIfNegative(leaf);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(leaf, shardLeaves);
        var nodes = new TreeNodes(shard, shardLeaves);
        nodes.Leaf(leaf).CopyTo(destination);
        destination = destination[MerkleTree.LeafBytes..];
        for (int level = 0; level < MerkleTree.Depth(shardLeaves); level++)
        {
            nodes.Read(level, (leaf >> level) ^ 1, destination);
            destination = destination[MerkleTree.HashBytes..];
        }
    }

    /// <summary>
    /// Checks proof bytes as the contract does: it draws anew, reads the range that the prover names, and wants nothing left over.
    /// </summary>
    /// <param name="context">Who and when.</param>
    /// <param name="rangeAt">The ledger's range that starts at a position, or null when none starts there.</param>
    /// <param name="proof">Any bytes.</param>
    public static bool Verify(in ChallengeContext context, Func<ulong, LedgerRange?> rangeAt, ReadOnlySpan<byte> proof)
    {
        ArgumentNullException.ThrowIfNull(rangeAt);
        if (context.FrozenLength == 0) return false;
        Span<byte> seed = stackalloc byte[Keccak256.HashBytes];
        Challenges.WriteBase(context, seed);
        int live = 0;
        var leftOut = new LeftOut();
        for (int number = 0; live < Challenges.LiveDraws; number++)
        {
            if (number >= Challenges.DrawsMax) return false;
            (UInt128 high, UInt128 low) = Challenges.Numbers(seed, number);
            if (leftOut.Total >= context.FrozenLength) return false;
            ulong position = leftOut.ToLedger(Challenges.Scale(high, context.FrozenLength - leftOut.Total));
            if (proof.Length < StartBytes) return false;
            ulong start = ((ulong)proof[0] << 32) | BinaryPrimitives.ReadUInt32BigEndian(proof[1..]);
            proof = proof[StartBytes..];
            if (rangeAt(start) is not { } range || range.Start != start || !range.Holds(position)) return false;
            if (!range.IsLive(context.Period))
            {
                leftOut.Add(range);
                continue;
            }

            long leaf = (long)Challenges.Scale(low, (ulong)range.Shard.Leaves);
            int size = MerkleTree.LeafBytes + (MerkleTree.Depth(range.Shard.Leaves) * MerkleTree.HashBytes);
            if (proof.Length < size || !VerifyLeaf(range.Shard, leaf, proof[..size])) return false;
            proof = proof[size..];
            live++;
        }

        return proof.IsEmpty;
    }

    /// <summary>Whether bytes are the leaf at this place and its path (<see cref="WriteLeafAndPath"/>).</summary>
    public static bool VerifyLeaf(ShardCommitment shard, long leaf, ReadOnlySpan<byte> leafAndPath)
    {
        if (shard.Leaves is < 1 or > MerkleTree.LeavesMax || leaf < 0 || leaf >= shard.Leaves) return false;
        int depth = MerkleTree.Depth(shard.Leaves);
        if (leafAndPath.Length != MerkleTree.LeafBytes + (depth * MerkleTree.HashBytes)) return false;
        Span<byte> hash = stackalloc byte[MerkleTree.HashBytes];
        MerkleTree.HashLeaves(leafAndPath[..MerkleTree.LeafBytes], hash);
        ReadOnlySpan<byte> path = leafAndPath[MerkleTree.LeafBytes..];
        for (int level = 0; level < depth; level++)
        {
            ReadOnlySpan<byte> sibling = path.Slice(level * MerkleTree.HashBytes, MerkleTree.HashBytes);
            if ((leaf >> level & 1) == 0) MerkleTree.HashNode(hash, sibling, hash);
            else MerkleTree.HashNode(sibling, hash, hash);
        }

        return MerkleTree.RootOf(hash, shard.Leaves) == shard.Root;
    }

    private static void WriteStart(ulong start, Span<byte> destination)
    {
        destination[0] = (byte)(start >> 32);
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)start);
    }
}
