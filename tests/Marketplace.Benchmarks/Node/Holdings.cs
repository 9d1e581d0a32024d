using Marketplace.Benchmarks.Coding;
using Marketplace.Coding;
using Marketplace.Network;
using Marketplace.Node;

namespace Marketplace.Benchmarks.Node;

/// <summary>What a node costs by what it holds: the time to start, and the memory. Whole processes, in turns.</summary>
internal static class Holdings
{
    private const int Runs = 5;
    private const int ManyShards = 100_000;
    private const long LargeLeaves = (100L << 20) / MerkleTree.LeafBytes;
    private const int LargeShards = 1_024;
    private const int FewShards = 10;
    private const int ReadsBefore = 200;
    private const int ReadBytes = 64 << 10;
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(3);

    public static async Task StartAsync(NodeMarket market, string folder, Dictionary<string, double?> figures)
    {
        string many = Path.Combine(folder, "many");
        string one = Path.Combine(folder, "one");
        await SparseDepot.MakeAsync(many, ManyShards, 1, market.ClientAddress(0));
        await SparseDepot.MakeAsync(one, 1, 1, market.ClientAddress(0));
        double[] manySeconds = new double[Runs];
        double[] oneSeconds = new double[Runs];
        for (int run = -1; run < Runs; run++)
        {
            double large = await WithNodeAsync(market, many, node => Task.FromResult(node.StartTime.TotalSeconds));
            double small = await WithNodeAsync(market, one, node => Task.FromResult(node.StartTime.TotalSeconds));
            await Console.Error.WriteLineAsync($"start      {large:0.000} s with {ManyShards} shards, {small:0.000} s with one");
            if (run >= 0) (manySeconds[run], oneSeconds[run]) = (large, small);
        }

        figures["startSeconds_100000shards_of_1shard"] = Math.Round(Interleaved.Median(manySeconds) / Interleaved.Median(oneSeconds), 3);
        figures["startSeconds_100000shards"] = Math.Round(Interleaved.Median(manySeconds), 3);
    }

    public static async Task MemoryAsync(NodeMarket market, string folder, Dictionary<string, double?> figures)
    {
        string large = Path.Combine(folder, "large");
        string few = Path.Combine(folder, "few");
        IReadOnlyList<ShardCommitment> largeShards = await SparseDepot.MakeAsync(large, LargeShards, LargeLeaves, market.ClientAddress(0));
        IReadOnlyList<ShardCommitment> fewShards = await SparseDepot.MakeAsync(few, FewShards, LargeLeaves, market.ClientAddress(0));
        double[] largeMiB = new double[Runs];
        double[] fewMiB = new double[Runs];
        for (int run = 0; run < Runs; run++)
        {
            largeMiB[run] = await WithNodeAsync(market, large, node => ResidentAsync(market, node, largeShards));
            fewMiB[run] = await WithNodeAsync(market, few, node => ResidentAsync(market, node, fewShards));
            await Console.Error.WriteLineAsync($"memory     {largeMiB[run]:0} MiB with 100 GiB, {fewMiB[run]:0} MiB with 1 GiB");
        }

        figures["memoryMiB_100GiB_of_1GiB"] = Math.Round(Interleaved.Median(largeMiB) / Interleaved.Median(fewMiB), 3);
        figures["memoryMiB_100GiB"] = Math.Round(Interleaved.Median(largeMiB), 1);
    }

    /// <summary>Memory after some reading all over what it holds.</summary>
    private static async Task<double> ResidentAsync(NodeMarket market, ChildProcess node, IReadOnlyList<ShardCommitment> shards)
    {
        using NodeClient client = market.ConnectToNode(0);
        byte[] buffer = new byte[ReadBytes];
        var random = new Random(7);
        for (int i = 0; i < ReadsBefore; i++)
        {
            ShardCommitment shard = shards[random.Next(shards.Count)];
            await Reads.ReadAsync(client, shard, market.ClientAddress(0), random.NextInt64((shard.Bytes - ReadBytes) / MerkleTree.LeafBytes) * MerkleTree.LeafBytes, buffer);
        }

        await Task.Delay(s_settle);
        return node.ResidentMiB;
    }

    /// <summary>Runs the node over one of the depots.</summary>
    private static async Task<double> WithNodeAsync(NodeMarket market, string depot, Func<ChildProcess, Task<double>> measure)
    {
        string place = Path.Combine(market.DataDir, NodeFiles.Depot);
        Directory.Move(depot, place);
        try
        {
            await using ChildProcess node = await market.StartNodeAsync();
            return await measure(node);
        }
        finally
        {
            Directory.Move(place, depot);
        }
    }
}
