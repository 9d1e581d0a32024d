using System.Collections.Concurrent;
using System.Diagnostics;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Benchmarks.Node;

/// <summary>Shards read and verified by eight clients, in turns with the same bytes from bare Kestrel's memory; then ranges of 1 MiB anywhere.</summary>
internal static class Reads
{
    public const int Shards = 8;

    /// <summary>What a client asks for at a time when it reads a shard.</summary>
    public const int RangeBytes = NodeClientOptions.RangeBytesMax;

    private const int ShardBytes = 32 << 20;
    private const int Rounds = 2;
    private const int SmallRangeBytes = 1 << 20;
    private const int SmallRangesEach = 400;
    private const ulong Place = 1 << 10;

    /// <summary>The bytes of one of the shards, the same in every process.</summary>
    public static byte[] ShardOf(int number)
    {
        byte[] shard = new byte[ShardBytes];
        new Random(100 + number).NextBytes(shard);
        return shard;
    }

    public static async Task RunAsync(NodeMarket market, Side node, Side kestrel, Dictionary<string, double?> figures)
    {
        var shards = new ShardCommitment[Shards];
        for (int i = 0; i < Shards; i++)
        {
            UploadReceipt receipt = await Ingest.UploadAsync(node.Clients(Shards)[i], new DealId(market.ClientAddress(i), Place), 0, ShardOf(i), default);
            shards[i] = new ShardCommitment(receipt.Root, receipt.Leaves);
        }

        var compared = new Comparison(node, kestrel);
        await compared.RunAsync("read8", async (side, _) =>
        {
            Load load = await side.RunAsync(Shards, async (client, i) =>
            {
                byte[] buffer = new byte[RangeBytes];
                for (int round = 0; round < Rounds; round++)
                {
                    for (long offset = 0; offset < ShardBytes; offset += RangeBytes) await ReadAsync(client, shards[i], market.ClientAddress(i), offset, buffer);
                }
            });
            return (load, (double)Shards * Rounds * ShardBytes / 1e9);
        });
        figures["read8_of_kestrel"] = compared.OfKestrel;
        figures["read8_of_kestrel_processor"] = compared.OfKestrelByProcessor;
        figures["read8GBPerSecond"] = compared.PerSecond;
        figures["read8GBPerProcessorSecond"] = compared.PerProcessorSecond;

        var times = new ConcurrentBag<double>();
        await node.RunAsync(Shards, async (client, i) =>
        {
            byte[] buffer = new byte[SmallRangeBytes];
            var random = new Random(i);
            for (int j = 0; j < SmallRangesEach; j++)
            {
                long began = Stopwatch.GetTimestamp();
                await ReadAsync(client, shards[i], market.ClientAddress(i), random.Next((ShardBytes - SmallRangeBytes) / MerkleTree.LeafBytes) * (long)MerkleTree.LeafBytes, buffer);
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        });
        double[] sorted = [.. times.Order()];
        figures["rangeRead1MiB_p50ms"] = Math.Round(sorted[sorted.Length / 2], 2);
        figures["rangeRead1MiB_p99ms"] = Math.Round(sorted[sorted.Length * 99 / 100], 2);
    }

    /// <summary>One verified range.</summary>
    public static async Task ReadAsync(NodeClient client, ShardCommitment shard, Address owner, long offset, Memory<byte> buffer)
    {
        NodeAnswer<int> answer = await client.ReadAsync(shard, offset, buffer, owner, CancellationToken.None);
        if (!answer.IsOk) throw new InvalidOperationException($"{answer.Outcome}: {answer.Refusal?.Message}");
    }
}
