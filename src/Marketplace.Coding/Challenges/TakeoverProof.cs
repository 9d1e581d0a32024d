using System.Buffers.Binary;
using Marketplace.Domain;

namespace Marketplace.Coding;

/// <summary>Who takes over which slot, and when: all that the leaves to show depend on.</summary>
/// <param name="ChainId">The chain's id.</param>
/// <param name="Market">The StorageMarket contract.</param>
/// <param name="Node">The node that takes over.</param>
/// <param name="Period">The period in which it does.</param>
/// <param name="Seed">That period's seed as it is hashed: <see cref="Challenges.SeedOf"/>.</param>
/// <param name="Deal">The deal.</param>
/// <param name="Slot">Its slot.</param>
public readonly record struct TakeoverContext(ulong ChainId, Address Market, NodeId Node, PeriodNumber Period, Hash32 Seed, DealId Deal, byte Slot);

/// <summary>
/// What a node shows that claims a slot or that a slot is handed over to: <see cref="Challenges.LiveDraws"/> leaves of the one shard,
/// each with its path. Specified in docs/formats/proof.md.
/// </summary>
public static class TakeoverProof
{
    private const int BaseMessageBytes = 32 + 32 + Address.SizeBytes + 4 + 4 + 32 + 32 + 1;

    private static ReadOnlySpan<byte> Domain => "storage-market takeover v1"u8;

    /// <summary>The leaves to show, in order; one may come twice.</summary>
    public static long[] Leaves(in TakeoverContext context, long shardLeaves)
    {
        Span<byte> message = stackalloc byte[BaseMessageBytes];
        message.Clear();
        Domain.CopyTo(message);
        BinaryPrimitives.WriteUInt64BigEndian(message[(64 - 8)..], context.ChainId);
        context.Market.CopyTo(message[64..]);
        BinaryPrimitives.WriteUInt32BigEndian(message[84..], context.Node.Value);
        BinaryPrimitives.WriteUInt32BigEndian(message[88..], context.Period.Value);
        context.Seed.CopyTo(message[92..]);
        context.Deal.Client.CopyTo(message[124..]);
        BinaryPrimitives.WriteUInt64BigEndian(message[(156 - 8)..], context.Deal.Number);
        message[156] = context.Slot;
        Span<byte> seed = stackalloc byte[Keccak256.HashBytes];
        Keccak256.HashData(message, seed);
        long[] leaves = new long[Challenges.LiveDraws];
        for (int i = 0; i < leaves.Length; i++) leaves[i] = (long)Challenges.Scale(Challenges.Numbers(seed, i).Low, (ulong)shardLeaves);
        return leaves;
    }

    /// <summary>The proof's bytes.</summary>
    public static byte[] Make(in TakeoverContext context, ShardCommitment shard, IShardReader reader)
    {
        int opening = MerkleTree.LeafBytes + (MerkleTree.Depth(shard.Leaves) * MerkleTree.HashBytes);
        byte[] proof = new byte[opening * Challenges.LiveDraws];
        int at = 0;
        foreach (long leaf in Leaves(context, shard.Leaves))
        {
            ChallengeProof.WriteLeafAndPath(reader, shard.Leaves, leaf, proof.AsSpan(at, opening));
            at += opening;
        }

        return proof;
    }

    /// <summary>Checks proof bytes as the contract does.</summary>
    public static bool Verify(in TakeoverContext context, ShardCommitment shard, ReadOnlySpan<byte> proof)
    {
        int opening = MerkleTree.LeafBytes + (MerkleTree.Depth(shard.Leaves) * MerkleTree.HashBytes);
        if (proof.Length != opening * Challenges.LiveDraws) return false;
        foreach (long leaf in Leaves(context, shard.Leaves))
        {
            if (!ChallengeProof.VerifyLeaf(shard, leaf, proof[..opening])) return false;
            proof = proof[opening..];
        }

        return true;
    }
}
