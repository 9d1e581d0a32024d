using System.Runtime.Intrinsics.X86;

namespace Marketplace.Coding;

/// <summary>The ways to hash a tree, all with the same result.</summary>
internal enum TreeKernel
{
    /// <summary>One message at a time; runs anywhere.</summary>
    Plain,

    /// <summary>Four side by side.</summary>
    Avx2,

    /// <summary>Eight side by side.</summary>
    Avx512,
}

/// <summary>Hashes many leaves or nodes of a tree with the widest vectors that the machine has.</summary>
internal static class TreeHasher
{
    public const byte LeafTag = 0x00;
    public const byte NodeTag = 0x01;
    public const byte RootTag = 0x02;

    private const int LeafBytes = MerkleTree.LeafBytes;
    private const int HashBytes = MerkleTree.HashBytes;

    /// <summary>The fastest kernel here.</summary>
    public static TreeKernel Best { get; } = Avx512F.IsSupported ? TreeKernel.Avx512 : Avx2.IsSupported ? TreeKernel.Avx2 : TreeKernel.Plain;

    /// <summary>leaf = keccak256(256 bytes ‖ 0x00)[0..20), for each leaf of <paramref name="leaves"/>.</summary>
    public static void HashLeaves(ReadOnlySpan<byte> leaves, Span<byte> hashes) => HashLeaves(Best, leaves, hashes);

    /// <summary>
    /// node = keccak256(left ‖ right ‖ 0x01)[0..20), for each pair of <paramref name="children"/>.
    /// <paramref name="parents"/> may be the start of <paramref name="children"/>.
    /// </summary>
    public static void HashNodes(ReadOnlySpan<byte> children, Span<byte> parents) => HashNodes(Best, children, parents);

    public static void HashLeaves(TreeKernel kernel, ReadOnlySpan<byte> leaves, Span<byte> hashes)
    {
        int count = leaves.Length / LeafBytes;
        leaves = leaves[..(count * LeafBytes)];
        hashes = hashes[..(count * HashBytes)];
        int done = kernel switch
        {
            TreeKernel.Avx512 => KeccakAvx512.HashLeaves(leaves, hashes),
            TreeKernel.Avx2 => KeccakAvx2.HashLeaves(leaves, hashes),
            _ => 0,
        };
        KeccakPlain.HashLeaves(leaves[(done * LeafBytes)..], hashes[(done * HashBytes)..]);
    }

    public static void HashNodes(TreeKernel kernel, ReadOnlySpan<byte> children, Span<byte> parents)
    {
        int count = children.Length / (2 * HashBytes);
        children = children[..(count * 2 * HashBytes)];
        parents = parents[..(count * HashBytes)];
        int done = kernel switch
        {
            TreeKernel.Avx512 => KeccakAvx512.HashNodes(children, parents),
            TreeKernel.Avx2 => KeccakAvx2.HashNodes(children, parents),
            _ => 0,
        };
        KeccakPlain.HashNodes(children[(done * 2 * HashBytes)..], parents[(done * HashBytes)..]);
    }

    /// <summary>
    /// The node at <paramref name="level"/> over the leaves given, at most 2^level of them, the missing ones absent.
    /// <paramref name="scratch"/> needs <see cref="MerkleTree.HashBytes"/> for each leaf and one more; its start becomes the result.
    /// </summary>
    public static void HashSubtree(ReadOnlySpan<byte> leaves, int level, Span<byte> scratch)
    {
        HashLeaves(leaves, scratch);
        HashUp(scratch, leaves.Length / LeafBytes, 0, level);
    }

    /// <summary>
    /// Replaces <paramref name="count"/> neighbouring nodes of level <paramref name="from"/>, the first of them even at every level on the way,
    /// by those of level <paramref name="to"/> above them, the missing ones absent. Needs room for one node more.
    /// </summary>
    public static void HashUp(Span<byte> nodes, int count, int from, int to)
    {
        for (int level = from; level < to; level++)
        {
            if (count % 2 != 0) MerkleTree.AbsentNode(level).CopyTo(nodes[(count++ * HashBytes)..]);
            HashNodes(nodes[..(count * HashBytes)], nodes);
            count /= 2;
        }
    }
}
