using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lanes = System.Runtime.Intrinsics.Vector256<ulong>;

namespace Marketplace.Coding;

/// <summary>Keccak-256 for four of the tree's messages side by side: word i of message j is lane j of vector i.</summary>
internal static unsafe class KeccakAvx2
{
    private const int LanesCount = 4;
    private const int LeafBytes = MerkleTree.LeafBytes;
    private const int LeafWords = LeafBytes / 8;
    private const int HashBytes = MerkleTree.HashBytes;
    private const int PairBytes = 2 * HashBytes;
    private const int PairWords = PairBytes / 8;

    /// <summary>Hashes leaves four at a time and says how many; the rest is left.</summary>
    public static int HashLeaves(ReadOnlySpan<byte> leaves, Span<byte> hashes)
    {
        int count = leaves.Length / LeafBytes / LanesCount * LanesCount;
        fixed (byte* from = leaves)
        fixed (byte* to = hashes)
        {
            for (int done = 0; done < count; done += LanesCount) HashFourLeaves(from + (done * LeafBytes), to + (done * HashBytes));
        }

        return count;
    }

    /// <summary>Hashes pairs of nodes four at a time and says how many; the rest is left. The parents may overwrite the children.</summary>
    public static int HashNodes(ReadOnlySpan<byte> children, Span<byte> parents)
    {
        int count = children.Length / PairBytes / LanesCount * LanesCount;
        fixed (byte* from = children)
        fixed (byte* to = parents)
        {
            for (int done = 0; done < count; done += LanesCount) HashFourPairs(from + (done * PairBytes), to + (done * HashBytes));
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HashFourLeaves(byte* leaves, byte* hashes)
    {
        Lanes* words = stackalloc Lanes[LeafWords];
        Lanes* state = stackalloc Lanes[Keccak.StateWords];
        for (int word = 0; word < LeafWords; word += LanesCount) Transpose(leaves + (word * 8), words + word);
        for (int i = 0; i < Keccak.RateWords; i++) state[i] = words[i];
        for (int i = Keccak.RateWords; i < Keccak.StateWords; i++) state[i] = Lanes.Zero;
        Permute(state);
        for (int i = Keccak.RateWords; i < LeafWords; i++) state[i - Keccak.RateWords] ^= words[i];
        state[LeafWords - Keccak.RateWords] ^= Vector256.Create(Keccak.LeafEnd);
        state[Keccak.RateWords - 1] ^= Vector256.Create(Keccak.LastBit);
        Permute(state);
        Squeeze((ulong*)state, hashes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HashFourPairs(byte* pairs, byte* hashes)
    {
        Lanes* state = stackalloc Lanes[Keccak.StateWords];
        ulong* words = (ulong*)pairs;
        for (int i = 0; i < PairWords; i++)
            state[i] = Vector256.Create(words[i], words[PairWords + i], words[(2 * PairWords) + i], words[(3 * PairWords) + i]);
        for (int i = PairWords; i < Keccak.StateWords; i++) state[i] = Lanes.Zero;
        state[PairWords] = Vector256.Create(Keccak.NodeEnd);
        state[Keccak.RateWords - 1] = Vector256.Create(Keccak.LastBit);
        Permute(state);
        Squeeze((ulong*)state, hashes);
    }

    private static void Squeeze(ulong* state, byte* hashes)
    {
        for (int i = 0; i < LanesCount; i++, hashes += HashBytes)
        {
            Unsafe.WriteUnaligned(hashes, state[i]);
            Unsafe.WriteUnaligned(hashes + 8, state[LanesCount + i]);
            Unsafe.WriteUnaligned(hashes + 16, (uint)state[(2 * LanesCount) + i]);
        }
    }

    /// <summary>Four words of each leaf, so that word i of all lies in vector i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(byte* leaves, Lanes* words)
    {
        const byte LowHalves = 0x20;
        const byte HighHalves = 0x31;
        Lanes r0 = Vector256.Load((ulong*)leaves);
        Lanes r1 = Vector256.Load((ulong*)(leaves + LeafBytes));
        Lanes r2 = Vector256.Load((ulong*)(leaves + (2 * LeafBytes)));
        Lanes r3 = Vector256.Load((ulong*)(leaves + (3 * LeafBytes)));
        Lanes even01 = Avx2.UnpackLow(r0, r1), odd01 = Avx2.UnpackHigh(r0, r1);
        Lanes even23 = Avx2.UnpackLow(r2, r3), odd23 = Avx2.UnpackHigh(r2, r3);
        words[0] = Avx2.Permute2x128(even01, even23, LowHalves);
        words[1] = Avx2.Permute2x128(odd01, odd23, LowHalves);
        words[2] = Avx2.Permute2x128(even01, even23, HighHalves);
        words[3] = Avx2.Permute2x128(odd01, odd23, HighHalves);
    }

    /// <summary>Two rounds a turn, from the state to a copy and back: sixteen registers do not hold the state anyway.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Permute(Lanes* state)
    {
        Lanes* copy = stackalloc Lanes[Keccak.StateWords];
        ReadOnlySpan<ulong> constants = Keccak.RoundConstants;
        for (int round = 0; round < Keccak.Rounds; round += 2)
        {
            Round(state, copy, constants[round]);
            Round(copy, state, constants[round + 1]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes RotateLeft(Lanes value, int bits) => (value << bits) | (value >>> (64 - bits));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Round(Lanes* a, Lanes* to, ulong constant)
    {
        Lanes c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
        Lanes c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
        Lanes c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
        Lanes c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
        Lanes c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
        Lanes d0 = c4 ^ RotateLeft(c1, 1);
        Lanes d1 = c0 ^ RotateLeft(c2, 1);
        Lanes d2 = c1 ^ RotateLeft(c3, 1);
        Lanes d3 = c2 ^ RotateLeft(c4, 1);
        Lanes d4 = c3 ^ RotateLeft(c0, 1);

        Lanes b0 = a[0] ^ d0;
        Lanes b1 = RotateLeft(a[6] ^ d1, 44);
        Lanes b2 = RotateLeft(a[12] ^ d2, 43);
        Lanes b3 = RotateLeft(a[18] ^ d3, 21);
        Lanes b4 = RotateLeft(a[24] ^ d4, 14);
        to[0] = b0 ^ Vector256.AndNot(b2, b1) ^ Vector256.Create(constant);
        to[1] = b1 ^ Vector256.AndNot(b3, b2);
        to[2] = b2 ^ Vector256.AndNot(b4, b3);
        to[3] = b3 ^ Vector256.AndNot(b0, b4);
        to[4] = b4 ^ Vector256.AndNot(b1, b0);

        b0 = RotateLeft(a[3] ^ d3, 28);
        b1 = RotateLeft(a[9] ^ d4, 20);
        b2 = RotateLeft(a[10] ^ d0, 3);
        b3 = RotateLeft(a[16] ^ d1, 45);
        b4 = RotateLeft(a[22] ^ d2, 61);
        to[5] = b0 ^ Vector256.AndNot(b2, b1);
        to[6] = b1 ^ Vector256.AndNot(b3, b2);
        to[7] = b2 ^ Vector256.AndNot(b4, b3);
        to[8] = b3 ^ Vector256.AndNot(b0, b4);
        to[9] = b4 ^ Vector256.AndNot(b1, b0);

        b0 = RotateLeft(a[1] ^ d1, 1);
        b1 = RotateLeft(a[7] ^ d2, 6);
        b2 = RotateLeft(a[13] ^ d3, 25);
        b3 = RotateLeft(a[19] ^ d4, 8);
        b4 = RotateLeft(a[20] ^ d0, 18);
        to[10] = b0 ^ Vector256.AndNot(b2, b1);
        to[11] = b1 ^ Vector256.AndNot(b3, b2);
        to[12] = b2 ^ Vector256.AndNot(b4, b3);
        to[13] = b3 ^ Vector256.AndNot(b0, b4);
        to[14] = b4 ^ Vector256.AndNot(b1, b0);

        b0 = RotateLeft(a[4] ^ d4, 27);
        b1 = RotateLeft(a[5] ^ d0, 36);
        b2 = RotateLeft(a[11] ^ d1, 10);
        b3 = RotateLeft(a[17] ^ d2, 15);
        b4 = RotateLeft(a[23] ^ d3, 56);
        to[15] = b0 ^ Vector256.AndNot(b2, b1);
        to[16] = b1 ^ Vector256.AndNot(b3, b2);
        to[17] = b2 ^ Vector256.AndNot(b4, b3);
        to[18] = b3 ^ Vector256.AndNot(b0, b4);
        to[19] = b4 ^ Vector256.AndNot(b1, b0);

        b0 = RotateLeft(a[2] ^ d2, 62);
        b1 = RotateLeft(a[8] ^ d3, 55);
        b2 = RotateLeft(a[14] ^ d4, 39);
        b3 = RotateLeft(a[15] ^ d0, 41);
        b4 = RotateLeft(a[21] ^ d1, 2);
        to[20] = b0 ^ Vector256.AndNot(b2, b1);
        to[21] = b1 ^ Vector256.AndNot(b3, b2);
        to[22] = b2 ^ Vector256.AndNot(b4, b3);
        to[23] = b3 ^ Vector256.AndNot(b0, b4);
        to[24] = b4 ^ Vector256.AndNot(b1, b0);
    }
}
