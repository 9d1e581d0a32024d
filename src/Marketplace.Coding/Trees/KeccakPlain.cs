using System.Buffers.Binary;
using System.Numerics;

namespace Marketplace.Coding;

/// <summary>
/// Keccak-256 for the tree's messages, one at a time, straight from leaf to 20 bytes: no buffer is copied or padded.
/// Runs anywhere; what the vector kernels are tested against.
/// </summary>
internal static class KeccakPlain
{
    private const int LeafBytes = MerkleTree.LeafBytes;
    private const int HashBytes = MerkleTree.HashBytes;

    public static void HashLeaves(ReadOnlySpan<byte> leaves, Span<byte> hashes)
    {
        Span<ulong> state = stackalloc ulong[Keccak.StateWords];
        while (leaves.Length >= LeafBytes)
        {
            for (int i = 0; i < Keccak.RateWords; i++) state[i] = Word(leaves, i);
            state[Keccak.RateWords..].Clear();
            Permute(state);
            for (int i = Keccak.RateWords; i < LeafBytes / 8; i++) state[i - Keccak.RateWords] ^= Word(leaves, i);
            state[(LeafBytes / 8) - Keccak.RateWords] ^= Keccak.LeafEnd;
            state[Keccak.RateWords - 1] ^= Keccak.LastBit;
            Permute(state);
            Squeeze(state, hashes);
            leaves = leaves[LeafBytes..];
            hashes = hashes[HashBytes..];
        }
    }

    public static void HashNodes(ReadOnlySpan<byte> children, Span<byte> parents)
    {
        Span<ulong> state = stackalloc ulong[Keccak.StateWords];
        while (children.Length >= 2 * HashBytes)
        {
            state.Clear();
            for (int i = 0; i < 2 * HashBytes / 8; i++) state[i] = Word(children, i);
            state[2 * HashBytes / 8] = Keccak.NodeEnd;
            state[Keccak.RateWords - 1] = Keccak.LastBit;
            Permute(state);
            Squeeze(state, parents);
            children = children[(2 * HashBytes)..];
            parents = parents[HashBytes..];
        }
    }

    private static ulong Word(ReadOnlySpan<byte> source, int index) => BinaryPrimitives.ReadUInt64LittleEndian(source[(index * 8)..]);

    private static void Squeeze(ReadOnlySpan<ulong> state, Span<byte> hash)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(hash, state[0]);
        BinaryPrimitives.WriteUInt64LittleEndian(hash[8..], state[1]);
        BinaryPrimitives.WriteUInt32LittleEndian(hash[16..], (uint)state[2]);
    }

    /// <summary>
    /// Keccak-f[1600], a row of the new state at a time, so that few words are alive at once and most stay in registers.
    /// Two rounds a turn: from the state to a copy and back.
    /// </summary>
    private static unsafe void Permute(Span<ulong> state)
    {
        ulong* copy = stackalloc ulong[Keccak.StateWords];
        fixed (ulong* words = state)
        fixed (ulong* constants = Keccak.RoundConstants)
        {
            for (int round = 0; round < 24; round += 2)
            {
                Round(words, copy, constants[round]);
                Round(copy, words, constants[round + 1]);
            }
        }
    }

    private static unsafe void Round(ulong* a, ulong* to, ulong constant)
    {
        ulong c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
        ulong c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
        ulong c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
        ulong c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
        ulong c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
        ulong d0 = c4 ^ BitOperations.RotateLeft(c1, 1);
        ulong d1 = c0 ^ BitOperations.RotateLeft(c2, 1);
        ulong d2 = c1 ^ BitOperations.RotateLeft(c3, 1);
        ulong d3 = c2 ^ BitOperations.RotateLeft(c4, 1);
        ulong d4 = c3 ^ BitOperations.RotateLeft(c0, 1);

        ulong b0 = a[0] ^ d0;
        ulong b1 = BitOperations.RotateLeft(a[6] ^ d1, 44);
        ulong b2 = BitOperations.RotateLeft(a[12] ^ d2, 43);
        ulong b3 = BitOperations.RotateLeft(a[18] ^ d3, 21);
        ulong b4 = BitOperations.RotateLeft(a[24] ^ d4, 14);
        to[0] = b0 ^ (~b1 & b2) ^ constant;
        to[1] = b1 ^ (~b2 & b3);
        to[2] = b2 ^ (~b3 & b4);
        to[3] = b3 ^ (~b4 & b0);
        to[4] = b4 ^ (~b0 & b1);

        b0 = BitOperations.RotateLeft(a[3] ^ d3, 28);
        b1 = BitOperations.RotateLeft(a[9] ^ d4, 20);
        b2 = BitOperations.RotateLeft(a[10] ^ d0, 3);
        b3 = BitOperations.RotateLeft(a[16] ^ d1, 45);
        b4 = BitOperations.RotateLeft(a[22] ^ d2, 61);
        to[5] = b0 ^ (~b1 & b2);
        to[6] = b1 ^ (~b2 & b3);
        to[7] = b2 ^ (~b3 & b4);
        to[8] = b3 ^ (~b4 & b0);
        to[9] = b4 ^ (~b0 & b1);

        b0 = BitOperations.RotateLeft(a[1] ^ d1, 1);
        b1 = BitOperations.RotateLeft(a[7] ^ d2, 6);
        b2 = BitOperations.RotateLeft(a[13] ^ d3, 25);
        b3 = BitOperations.RotateLeft(a[19] ^ d4, 8);
        b4 = BitOperations.RotateLeft(a[20] ^ d0, 18);
        to[10] = b0 ^ (~b1 & b2);
        to[11] = b1 ^ (~b2 & b3);
        to[12] = b2 ^ (~b3 & b4);
        to[13] = b3 ^ (~b4 & b0);
        to[14] = b4 ^ (~b0 & b1);

        b0 = BitOperations.RotateLeft(a[4] ^ d4, 27);
        b1 = BitOperations.RotateLeft(a[5] ^ d0, 36);
        b2 = BitOperations.RotateLeft(a[11] ^ d1, 10);
        b3 = BitOperations.RotateLeft(a[17] ^ d2, 15);
        b4 = BitOperations.RotateLeft(a[23] ^ d3, 56);
        to[15] = b0 ^ (~b1 & b2);
        to[16] = b1 ^ (~b2 & b3);
        to[17] = b2 ^ (~b3 & b4);
        to[18] = b3 ^ (~b4 & b0);
        to[19] = b4 ^ (~b0 & b1);

        b0 = BitOperations.RotateLeft(a[2] ^ d2, 62);
        b1 = BitOperations.RotateLeft(a[8] ^ d3, 55);
        b2 = BitOperations.RotateLeft(a[14] ^ d4, 39);
        b3 = BitOperations.RotateLeft(a[15] ^ d0, 41);
        b4 = BitOperations.RotateLeft(a[21] ^ d1, 2);
        to[20] = b0 ^ (~b1 & b2);
        to[21] = b1 ^ (~b2 & b3);
        to[22] = b2 ^ (~b3 & b4);
        to[23] = b3 ^ (~b4 & b0);
        to[24] = b4 ^ (~b0 & b1);
    }
}
