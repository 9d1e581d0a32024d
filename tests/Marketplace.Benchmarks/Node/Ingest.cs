using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Benchmarks.Node;

/// <summary>Shards to the node, acknowledged when they are durable, in turns with bodies that bare Kestrel throws away.</summary>
internal static class Ingest
{
    private const int ShardBytesMax = 64 << 20;

    /// <summary>Clients, and what each sends in a turn: shards one after another.</summary>
    private static readonly (int Clients, int ShardBytes, int ShardsEach)[] s_loads = [(1, ShardBytesMax, 4), (8, ShardBytesMax, 1), (64, 8 << 20, 1)];

    public static async Task RunAsync(NodeMarket market, Side node, Side kestrel, Dictionary<string, double?> figures)
    {
        byte[] bytes = new byte[ShardBytesMax];
        new Random(5).NextBytes(bytes);
        foreach ((int clients, int shardBytes, int shardsEach) in s_loads)
        {
            var compared = new Comparison(node, kestrel);
            await compared.RunAsync($"ingest{clients}", async (side, run) =>
            {
                var sent = new ConcurrentBag<(byte[] First, UploadReceipt Receipt)>();
                Load load = await side.RunAsync(clients, async (client, i) =>
                {
                    for (int slot = 0; slot < shardsEach; slot++)
                    {
                        // What was at this place is replaced; other bytes each time, so that it is a new shard.
                        byte[] first = FirstLeaf((((run * clients) + i) * shardsEach) + slot);
                        var place = new DealId(market.ClientAddress(i), 1);
                        sent.Add((first, await UploadAsync(client, place, slot, first, bytes.AsMemory(first.Length, shardBytes - first.Length))));
                    }
                });
                if (side == node) Check(sent, bytes.AsSpan(0, shardBytes));
                return (load, (double)clients * shardsEach * shardBytes / 1e9);
            });
            figures[$"ingest{clients}_of_kestrel"] = compared.OfKestrel;
            figures[$"ingest{clients}_of_kestrel_processor"] = compared.OfKestrelByProcessor;
            figures[$"ingest{clients}GBPerSecond"] = compared.PerSecond;
            figures[$"ingest{clients}GBPerProcessorSecond"] = compared.PerProcessorSecond;
        }
    }

    /// <summary>Sends a shard that is made of two pieces of memory.</summary>
    public static async Task<UploadReceipt> UploadAsync(NodeClient client, DealId deal, int slot, ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> rest)
    {
        var begin = new Piece(first, 0);
        ReadOnlySequence<byte> shard = rest.IsEmpty ? new(first) : new(begin, 0, begin.Then(rest), rest.Length);
        NodeAnswer<UploadReceipt> answer = await client.UploadAsync(deal, slot, shard.Length, null, PipeReader.Create(shard), null, CancellationToken.None);
        return answer.IsOk ? answer.Value! : throw new InvalidOperationException($"{answer.Outcome}: {answer.Refusal?.Message}");
    }

    private static byte[] FirstLeaf(int number)
    {
        byte[] leaf = new byte[MerkleTree.LeafBytes];
        new Random(number).NextBytes(leaf);
        return leaf;
    }

    private static void Check(IEnumerable<(byte[] First, UploadReceipt Receipt)> sent, ReadOnlySpan<byte> bytes)
    {
        foreach ((byte[] first, UploadReceipt receipt) in sent)
        {
            using var tree = new MerkleTreeBuilder();
            tree.Append(first);
            tree.Append(bytes[first.Length..]);
            if (!tree.TryFinish(out ShardCommitment shard) || receipt != new UploadReceipt(shard.Root, shard.Leaves, shard.Bytes)) throw new InvalidDataException("The receipt names other bytes.");
        }
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, long at) => (Memory, RunningIndex) = (memory, at);

        public Piece Then(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
