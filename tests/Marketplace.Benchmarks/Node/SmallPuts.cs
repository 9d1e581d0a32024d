using System.Diagnostics;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Benchmarks.Node;

/// <summary>4 KiB a time, authenticated and durable, in turns with requests that an empty handler answers.</summary>
internal static class SmallPuts
{
    private const int Clients = NodeMarket.ClientsMax;
    private const int ShardBytes = 4 << 10;
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(2);

    public static async Task RunAsync(NodeMarket market, Side node, Side empty, Dictionary<string, double?> figures)
    {
        long number = 1 << 20;    // places that nothing else here uses
        var compared = new Comparison(node, empty);
        await compared.RunAsync("smallPut", async (side, run) =>
        {
            long done = 0;
            Load load = await side.RunAsync(Clients, async (client, i) =>
            {
                long began = Stopwatch.GetTimestamp();
                while (Stopwatch.GetElapsedTime(began) < s_turn)
                {
                    ulong place = (ulong)Interlocked.Increment(ref number);
                    byte[] shard = new byte[ShardBytes];
                    BitConverter.TryWriteBytes(shard, place);
                    await Ingest.UploadAsync(client, new DealId(market.ClientAddress(i), place), 0, shard, default);
                    Interlocked.Increment(ref done);
                }
            });
            return (load, done);
        });
        figures["smallPut_of_empty"] = compared.OfKestrel;
        figures["smallPut_of_empty_processor"] = compared.OfKestrelByProcessor;
        figures["smallPutsPerSecond"] = compared.PerSecond;
    }
}
