using Marketplace.Network;
using Marketplace.Node;

namespace Marketplace.Benchmarks.Node;

/// <summary>A whole node on a real chain, its process beside bare Kestrel's, both over TLS on this machine.</summary>
internal static class NodeBenchmark
{
    private static readonly string[] s_keys =
    [
        "ingest1_of_kestrel", "ingest8_of_kestrel", "ingest64_of_kestrel", "read8_of_kestrel", "smallPut_of_empty", "rangeRead1MiB_p50ms", "rangeRead1MiB_p99ms",
        "proofMs_10000shards", "proofReadMiB_10000shards", "startSeconds_100000shards_of_1shard", "memoryMiB_100GiB_of_1GiB",
    ];

    /// <summary>Runs all parts, or one: ingest, read, smallPut, proof, start, memory. The keys of the others are null then.</summary>
    public static async Task<IReadOnlyDictionary<string, double?>> RunAsync(string? only)
    {
        string folder = Directory.CreateTempSubdirectory("market-bench-").FullName;
        Dictionary<string, double?> figures = s_keys.ToDictionary(key => key, _ => (double?)null);
        try
        {
            await using NodeMarket market = await NodeMarket.StartAsync(folder);
            if (only is null or "ingest" or "read" or "smallPut") await TransportAsync(market, only, figures);
            if (only is null or "proof") await Proofs.RunAsync(Path.Combine(folder, "proofs"), figures);
            if (only is null or "start") await Holdings.StartAsync(market, folder, figures);
            if (only is null or "memory") await Holdings.MemoryAsync(market, folder, figures);
            if (only is not null) await Console.Error.WriteLineAsync($"Only {only} was measured — the other figures are missing.");
            return figures;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task TransportAsync(NodeMarket market, string? only, Dictionary<string, double?> figures)
    {
        await using (ChildProcess nodeProcess = await market.StartNodeAsync())
        await using (ChildProcess kestrelProcess = await ChildProcess.StartAsync(BareKestrel.Verb))
        {
            string[] said = kestrelProcess.Line.Split(' ');
            CertificateFingerprint fingerprint = CertificateFingerprint.Parse(said[0]);
            using var node = new Side("node", nodeProcess, market.ConnectToNode);
            using var kestrel = new Side("kestrel", kestrelProcess, client => market.Connect(client, PeerEndpoint.Parse(said[1]), fingerprint));
            using var empty = new Side("empty", kestrelProcess, client => market.Connect(client, PeerEndpoint.Parse(said[2]), fingerprint));
            if (only is null or "ingest") await Ingest.RunAsync(market, node, kestrel, figures);
            if (only is null or "read") await Reads.RunAsync(market, node, kestrel, figures);
            if (only is null or "smallPut") await SmallPuts.RunAsync(market, node, empty, figures);
        }

        Directory.Delete(Path.Combine(market.DataDir, NodeFiles.Depot), recursive: true);
    }
}
