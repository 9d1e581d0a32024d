namespace Marketplace.Coding;

/// <summary>What the kernels of Keccak-256 share: constants of the permutation, and the last words of the tree's messages.</summary>
internal static class Keccak
{
    /// <summary>64-bit words of the state.</summary>
    public const int StateWords = 25;

    /// <summary>Words that a block of the message fills.</summary>
    public const int RateWords = 17;

    /// <summary>Rounds of the permutation.</summary>
    public const int Rounds = 24;

    /// <summary>The word behind a leaf's bytes: its tag and the padding's first bit.</summary>
    public const ulong LeafEnd = TreeHasher.LeafTag | (Padding << 8);

    /// <summary>The word behind a node's children: its tag and the padding's first bit.</summary>
    public const ulong NodeEnd = TreeHasher.NodeTag | (Padding << 8);

    /// <summary>The padding's last bit, in the last word of the block.</summary>
    public const ulong LastBit = 1UL << 63;

    private const ulong Padding = 0x01;

    /// <summary>What each round adds to the first word.</summary>
    public static ReadOnlySpan<ulong> RoundConstants =>
    [
        0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000,
        0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
        0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
        0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
        0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
    ];
}
