using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lanes = System.Runtime.Intrinsics.Vector512<ulong>;

namespace Marketplace.Coding;

/// <summary>
/// Keccak-256 for eight of the tree's messages side by side: word i of message j is lane j of vector i.
/// The state's 25 vectors stay in registers: a row of the new state takes the places of the words that it was made of,
/// which after four rounds are the old places again.
/// </summary>
internal static unsafe class KeccakAvx512
{
    private const int LanesCount = 8;
    private const int LeafBytes = MerkleTree.LeafBytes;
    private const int LeafWords = LeafBytes / 8;
    private const int HashBytes = MerkleTree.HashBytes;
    private const int PairBytes = 2 * HashBytes;
    private const int PairWords = PairBytes / 8;

    /// <summary>Fewer messages than this are hashed faster one by one.</summary>
    private const int WorthwhileFrom = 2;

    /// <summary>Three-operand logic: a ⊕ b ⊕ c.</summary>
    private const byte XorXor = 0x96;

    /// <summary>Three-operand logic: a ⊕ (¬b ∧ c).</summary>
    private const byte XorAndNot = 0xD2;

    private static readonly ulong[] s_pairWords = BuildPairIndices();

    /// <summary>Hashes leaves and says how many; a rest that does not pay is left.</summary>
    public static int HashLeaves(ReadOnlySpan<byte> leaves, Span<byte> hashes)
    {
        int count = leaves.Length / LeafBytes;
        int done = 0;
        fixed (byte* from = leaves)
        fixed (byte* to = hashes)
        {
            while (count - done >= WorthwhileFrom)
            {
                int take = Math.Min(LanesCount, count - done);
                HashEightLeaves(from + (done * LeafBytes), take, to + (done * HashBytes));
                done += take;
            }
        }

        return done;
    }

    /// <summary>Hashes pairs of nodes and says how many; a rest that does not pay is left. The parents may overwrite the children.</summary>
    public static int HashNodes(ReadOnlySpan<byte> children, Span<byte> parents)
    {
        int count = children.Length / PairBytes;
        int done = 0;
        byte* rest = stackalloc byte[LanesCount * PairBytes];
        fixed (byte* from = children)
        fixed (byte* to = parents)
        {
            while (count - done >= WorthwhileFrom)
            {
                int take = Math.Min(LanesCount, count - done);
                byte* pairs = from + (done * PairBytes);
                if (take < LanesCount)
                {
                    Unsafe.InitBlockUnaligned(rest, 0, LanesCount * PairBytes);
                    Unsafe.CopyBlockUnaligned(rest, pairs, (uint)(take * PairBytes));
                    pairs = rest;
                }

                HashEightPairs(pairs, take, to + (done * HashBytes));
                done += take;
            }
        }

        return done;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HashEightLeaves(byte* leaves, int count, byte* hashes)
    {
        Lanes* words = stackalloc Lanes[LeafWords];
        Lanes* state = stackalloc Lanes[Keccak.StateWords];

        // Lanes without a leaf repeat the last one.
        for (int word = 0; word < LeafWords; word += LanesCount) Transpose(leaves + (word * 8), count - 1, words + word);
        for (int i = 0; i < Keccak.RateWords; i++) state[i] = words[i];
        for (int i = Keccak.RateWords; i < Keccak.StateWords; i++) state[i] = Lanes.Zero;
        Permute(state);
        for (int i = Keccak.RateWords; i < LeafWords; i++) state[i - Keccak.RateWords] ^= words[i];
        state[LeafWords - Keccak.RateWords] ^= Vector512.Create(Keccak.LeafEnd);
        state[Keccak.RateWords - 1] ^= Vector512.Create(Keccak.LastBit);
        Permute(state);
        Squeeze((ulong*)state, count, hashes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HashEightPairs(byte* pairs, int count, byte* hashes)
    {
        Lanes* state = stackalloc Lanes[Keccak.StateWords];
        Lanes v0 = Vector512.Load((ulong*)pairs);
        Lanes v1 = Vector512.Load((ulong*)pairs + 8);
        Lanes v2 = Vector512.Load((ulong*)pairs + 16);
        Lanes v3 = Vector512.Load((ulong*)pairs + 24);
        Lanes v4 = Vector512.Load((ulong*)pairs + 32);
        fixed (ulong* indices = s_pairWords)
        {
            ulong* at = indices;
            for (int word = 0; word < PairWords; word++, at += 4 * LanesCount)
            {
                Lanes picked = Avx512F.PermuteVar8x64x2(v0, Vector512.Load(at), v1);
                picked = Avx512F.PermuteVar8x64x2(picked, Vector512.Load(at + LanesCount), v2);
                picked = Avx512F.PermuteVar8x64x2(picked, Vector512.Load(at + (2 * LanesCount)), v3);
                state[word] = Avx512F.PermuteVar8x64x2(picked, Vector512.Load(at + (3 * LanesCount)), v4);
            }
        }

        for (int i = PairWords; i < Keccak.StateWords; i++) state[i] = Lanes.Zero;
        state[PairWords] = Vector512.Create(Keccak.NodeEnd);
        state[Keccak.RateWords - 1] = Vector512.Create(Keccak.LastBit);
        Permute(state);
        Squeeze((ulong*)state, count, hashes);
    }

    private static void Squeeze(ulong* state, int count, byte* hashes)
    {
        for (int i = 0; i < count; i++, hashes += HashBytes)
        {
            Unsafe.WriteUnaligned(hashes, state[i]);
            Unsafe.WriteUnaligned(hashes + 8, state[LanesCount + i]);
            Unsafe.WriteUnaligned(hashes + 16, (uint)state[(2 * LanesCount) + i]);
        }
    }

    /// <summary>
    /// For each of a pair's words four times eight indices: word w of lane i is word 5i + w of the five vectors that hold eight pairs.
    /// The first step takes from vectors 0 and 1, each later one keeps what is there or takes from one vector more.
    /// </summary>
    private static ulong[] BuildPairIndices()
    {
        ulong[] indices = new ulong[PairWords * 4 * LanesCount];
        for (int word = 0; word < PairWords; word++)
        {
            for (int lane = 0; lane < LanesCount; lane++)
            {
                int source = (PairWords * lane) + word;
                int vector = source / LanesCount;
                for (int step = 0; step < 4; step++)
                {
                    int index = step == 0 && vector == 0 ? source : vector == step + 1 ? LanesCount + (source % LanesCount) : lane;
                    indices[(((word * 4) + step) * LanesCount) + lane] = (ulong)index;
                }
            }
        }

        return indices;
    }

    /// <summary>Eight words of each leaf, so that word i of all lies in vector i. Rows past the last leaf repeat it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(byte* leaves, int last, Lanes* words)
    {
        Lanes r0 = Row(leaves, 0, last), r1 = Row(leaves, 1, last), r2 = Row(leaves, 2, last), r3 = Row(leaves, 3, last);
        Lanes r4 = Row(leaves, 4, last), r5 = Row(leaves, 5, last), r6 = Row(leaves, 6, last), r7 = Row(leaves, 7, last);
        Merge(Avx512F.UnpackLow(r0, r1), Avx512F.UnpackLow(r2, r3), Avx512F.UnpackLow(r4, r5), Avx512F.UnpackLow(r6, r7), words);
        Merge(Avx512F.UnpackHigh(r0, r1), Avx512F.UnpackHigh(r2, r3), Avx512F.UnpackHigh(r4, r5), Avx512F.UnpackHigh(r6, r7), words + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes Row(byte* leaves, int leaf, int last) => Vector512.Load((ulong*)(leaves + (Math.Min(leaf, last) * LeafBytes)));

    /// <summary>From pairs of leaves with words 0, 2, 4, 6 (or 1, 3, 5, 7) to one vector a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Merge(Lanes p01, Lanes p23, Lanes p45, Lanes p67, Lanes* words)
    {
        const byte EvenQuarters = 0x88;
        const byte OddQuarters = 0xDD;
        Lanes low04 = Avx512F.Shuffle4x128(p01, p23, EvenQuarters);
        Lanes high04 = Avx512F.Shuffle4x128(p45, p67, EvenQuarters);
        Lanes low26 = Avx512F.Shuffle4x128(p01, p23, OddQuarters);
        Lanes high26 = Avx512F.Shuffle4x128(p45, p67, OddQuarters);
        words[0] = Avx512F.Shuffle4x128(low04, high04, EvenQuarters);
        words[2] = Avx512F.Shuffle4x128(low26, high26, EvenQuarters);
        words[4] = Avx512F.Shuffle4x128(low04, high04, OddQuarters);
        words[6] = Avx512F.Shuffle4x128(low26, high26, OddQuarters);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Permute(Lanes* state)
    {
        Lanes s0 = state[0], s1 = state[1], s2 = state[2], s3 = state[3], s4 = state[4];
        Lanes s5 = state[5], s6 = state[6], s7 = state[7], s8 = state[8], s9 = state[9];
        Lanes s10 = state[10], s11 = state[11], s12 = state[12], s13 = state[13], s14 = state[14];
        Lanes s15 = state[15], s16 = state[16], s17 = state[17], s18 = state[18], s19 = state[19];
        Lanes s20 = state[20], s21 = state[21], s22 = state[22], s23 = state[23], s24 = state[24];
        ReadOnlySpan<ulong> constants = Keccak.RoundConstants;
        for (int round = 0; round < Keccak.Rounds; round += 4)
        {
            // Each round finds word i of the state where the last one left it.
            Round(
                ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7, ref s8, ref s9, ref s10, ref s11, ref s12,
                ref s13, ref s14, ref s15, ref s16, ref s17, ref s18, ref s19, ref s20, ref s21, ref s22, ref s23, ref s24,
                constants[round + 0]);
            Round(
                ref s0, ref s6, ref s12, ref s18, ref s24, ref s10, ref s16, ref s22, ref s3, ref s9, ref s20, ref s1, ref s7,
                ref s13, ref s19, ref s5, ref s11, ref s17, ref s23, ref s4, ref s15, ref s21, ref s2, ref s8, ref s14,
                constants[round + 1]);
            Round(
                ref s0, ref s16, ref s7, ref s23, ref s14, ref s20, ref s11, ref s2, ref s18, ref s9, ref s15, ref s6, ref s22,
                ref s13, ref s4, ref s10, ref s1, ref s17, ref s8, ref s24, ref s5, ref s21, ref s12, ref s3, ref s19,
                constants[round + 2]);
            Round(
                ref s0, ref s11, ref s22, ref s8, ref s19, ref s15, ref s1, ref s12, ref s23, ref s9, ref s5, ref s16, ref s2,
                ref s13, ref s24, ref s20, ref s6, ref s17, ref s3, ref s14, ref s10, ref s21, ref s7, ref s18, ref s4,
                constants[round + 3]);
        }

        state[0] = s0; state[1] = s1; state[2] = s2; state[3] = s3; state[4] = s4;
        state[5] = s5; state[6] = s6; state[7] = s7; state[8] = s8; state[9] = s9;
        state[10] = s10; state[11] = s11; state[12] = s12; state[13] = s13; state[14] = s14;
        state[15] = s15; state[16] = s16; state[17] = s17; state[18] = s18; state[19] = s19;
        state[20] = s20; state[21] = s21; state[22] = s22; state[23] = s23; state[24] = s24;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        ref Lanes a0, ref Lanes a1, ref Lanes a2, ref Lanes a3, ref Lanes a4,
        ref Lanes a5, ref Lanes a6, ref Lanes a7, ref Lanes a8, ref Lanes a9,
        ref Lanes a10, ref Lanes a11, ref Lanes a12, ref Lanes a13, ref Lanes a14,
        ref Lanes a15, ref Lanes a16, ref Lanes a17, ref Lanes a18, ref Lanes a19,
        ref Lanes a20, ref Lanes a21, ref Lanes a22, ref Lanes a23, ref Lanes a24,
        ulong constant)
    {
        Lanes c0 = Avx512F.TernaryLogic(Avx512F.TernaryLogic(a0, a5, a10, XorXor), a15, a20, XorXor);
        Lanes c1 = Avx512F.TernaryLogic(Avx512F.TernaryLogic(a1, a6, a11, XorXor), a16, a21, XorXor);
        Lanes c2 = Avx512F.TernaryLogic(Avx512F.TernaryLogic(a2, a7, a12, XorXor), a17, a22, XorXor);
        Lanes c3 = Avx512F.TernaryLogic(Avx512F.TernaryLogic(a3, a8, a13, XorXor), a18, a23, XorXor);
        Lanes c4 = Avx512F.TernaryLogic(Avx512F.TernaryLogic(a4, a9, a14, XorXor), a19, a24, XorXor);
        Lanes d0 = c4 ^ Avx512F.RotateLeft(c1, 1);
        Lanes d1 = c0 ^ Avx512F.RotateLeft(c2, 1);
        Lanes d2 = c1 ^ Avx512F.RotateLeft(c3, 1);
        Lanes d3 = c2 ^ Avx512F.RotateLeft(c4, 1);
        Lanes d4 = c3 ^ Avx512F.RotateLeft(c0, 1);

        Lanes b0, b1, b2, b3, b4;
        b0 = a0 ^ d0;
        b1 = Avx512F.RotateLeft(a6 ^ d1, 44);
        b2 = Avx512F.RotateLeft(a12 ^ d2, 43);
        b3 = Avx512F.RotateLeft(a18 ^ d3, 21);
        b4 = Avx512F.RotateLeft(a24 ^ d4, 14);
        a0 = Chi(b0, b1, b2) ^ Vector512.Create(constant);
        a6 = Chi(b1, b2, b3);
        a12 = Chi(b2, b3, b4);
        a18 = Chi(b3, b4, b0);
        a24 = Chi(b4, b0, b1);

        b0 = Avx512F.RotateLeft(a3 ^ d3, 28);
        b1 = Avx512F.RotateLeft(a9 ^ d4, 20);
        b2 = Avx512F.RotateLeft(a10 ^ d0, 3);
        b3 = Avx512F.RotateLeft(a16 ^ d1, 45);
        b4 = Avx512F.RotateLeft(a22 ^ d2, 61);
        a10 = Chi(b0, b1, b2);
        a16 = Chi(b1, b2, b3);
        a22 = Chi(b2, b3, b4);
        a3 = Chi(b3, b4, b0);
        a9 = Chi(b4, b0, b1);

        b0 = Avx512F.RotateLeft(a1 ^ d1, 1);
        b1 = Avx512F.RotateLeft(a7 ^ d2, 6);
        b2 = Avx512F.RotateLeft(a13 ^ d3, 25);
        b3 = Avx512F.RotateLeft(a19 ^ d4, 8);
        b4 = Avx512F.RotateLeft(a20 ^ d0, 18);
        a20 = Chi(b0, b1, b2);
        a1 = Chi(b1, b2, b3);
        a7 = Chi(b2, b3, b4);
        a13 = Chi(b3, b4, b0);
        a19 = Chi(b4, b0, b1);

        b0 = Avx512F.RotateLeft(a4 ^ d4, 27);
        b1 = Avx512F.RotateLeft(a5 ^ d0, 36);
        b2 = Avx512F.RotateLeft(a11 ^ d1, 10);
        b3 = Avx512F.RotateLeft(a17 ^ d2, 15);
        b4 = Avx512F.RotateLeft(a23 ^ d3, 56);
        a5 = Chi(b0, b1, b2);
        a11 = Chi(b1, b2, b3);
        a17 = Chi(b2, b3, b4);
        a23 = Chi(b3, b4, b0);
        a4 = Chi(b4, b0, b1);

        b0 = Avx512F.RotateLeft(a2 ^ d2, 62);
        b1 = Avx512F.RotateLeft(a8 ^ d3, 55);
        b2 = Avx512F.RotateLeft(a14 ^ d4, 39);
        b3 = Avx512F.RotateLeft(a15 ^ d0, 41);
        b4 = Avx512F.RotateLeft(a21 ^ d1, 2);
        a15 = Chi(b0, b1, b2);
        a21 = Chi(b1, b2, b3);
        a2 = Chi(b2, b3, b4);
        a8 = Chi(b3, b4, b0);
        a14 = Chi(b4, b0, b1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes Chi(Lanes a, Lanes b, Lanes c) => Avx512F.TernaryLogic(a, b, c, XorAndNot);
}
