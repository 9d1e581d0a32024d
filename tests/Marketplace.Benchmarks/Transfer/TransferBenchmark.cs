namespace Marketplace.Benchmarks.Transfer;

/// <summary>Whole processes on a devnet of its own, through the command line as people use it, beside restic on the same machine.</summary>
internal static class TransferBenchmark
{
    private const int CorpusNodes = 6;

    /// <summary>Few, so that each has the room that a node lends for one upload of 4 GiB.</summary>
    private const int LargeNodes = 3;

    /// <summary>Runs one part, or all: store, large, corpus, again.</summary>
    public static async Task<IReadOnlyDictionary<string, double?>> RunAsync(string? only)
    {
        string folder = Directory.CreateTempSubdirectory("market-bench-").FullName;
        var figures = new Dictionary<string, double?>();
        try
        {
            if (only is null or "store") await StoreWrite.RunAsync(folder, figures);
            if (only is null or "large") await LargeAsync(Path.Combine(folder, "large"), figures);
            if (only is "store" or "large") return figures;
            await using LocalMarket market = await LocalMarket.StartAsync(folder, CorpusNodes);
            if (only is null or "corpus") await CorpusTransfer.RunAsync(market, folder, figures);
            if (only is null or "again") await FolderAgain.RunAsync(market, folder, figures);
            return figures;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task LargeAsync(string folder, Dictionary<string, double?> figures)
    {
        Directory.CreateDirectory(folder);
        await using (LocalMarket market = await LocalMarket.StartAsync(folder, LargeNodes))
        {
            (Measured put1, Measured get1) = await LargeFile.RunAsync(market, folder, 1);
            (Measured put4, Measured get4) = await LargeFile.RunAsync(market, folder, 4);
            figures["put1GiBPeakMiB"] = Math.Round(put1.PeakMiB, 1);
            figures["get1GiBPeakMiB"] = Math.Round(get1.PeakMiB, 1);
            figures["put1GiBMiBPerSecond"] = LargeFile.Speed(1, put1);
            figures["get1GiBMiBPerSecond"] = LargeFile.Speed(1, get1);
            figures["putPeakMiB"] = Math.Round(put4.PeakMiB, 1);
            figures["getPeakMiB"] = Math.Round(get4.PeakMiB, 1);
        }

        Directory.Delete(folder, recursive: true);
    }
}
