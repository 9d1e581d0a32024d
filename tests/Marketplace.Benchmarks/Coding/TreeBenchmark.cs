using Marketplace.Coding;

namespace Marketplace.Benchmarks.Coding;

/// <summary>The root of 64 MiB in memory: ours beside the same tree over other hash functions.</summary>
internal static class TreeBenchmark
{
    private const int ShardBytes = 64 << 20;

    public static void Run(IDictionary<string, double?> figures)
    {
        byte[] shard = new byte[ShardBytes];
        new Random(1).NextBytes(shard);
        var bouncy = new BouncyCastleTree();
        var sha = new Sha256Tree();
        byte[] theirs = [];
        byte[] ours = [];
        double[] seconds = Interleaved.Seconds(
            () => ours = MerkleTree.Commit(shard).Root.ToArray(),
            () => theirs = bouncy.Root(shard),
            () => sha.Root(shard));
        if (!ours.SequenceEqual(theirs)) throw new InvalidDataException("The two Keccak trees differ.");
        figures["keccakTree_vs_bouncyCastle"] = seconds[1] / seconds[0];
        figures["keccakTree_vs_sha256Tree"] = seconds[2] / seconds[0];
        figures["keccakTree_GBps"] = ShardBytes / seconds[0] / 1e9;
    }
}
