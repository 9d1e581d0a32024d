using Marketplace.Benchmarks.Coding;

namespace Marketplace.Benchmarks.Transfer;

/// <summary>The mixed corpus to the nodes and back, in turns with restic.</summary>
internal static class CorpusTransfer
{
    private const int Runs = 5;
    private const long CorpusBytes = 1L << 30;

    private static readonly string[] s_ways = ["put_4of6", "put_1of3", "get", "get_4of6", "restic", "resticRestore"];

    public static async Task RunAsync(LocalMarket market, string folder, Dictionary<string, double?> figures)
    {
        string corpus = Path.Combine(folder, "corpus");
        IReadOnlyList<CorpusFile> files = MixedCorpus.Create(CorpusBytes);
        MixedCorpus.Write(corpus, files);
        double gigabytes = files.Sum(file => (long)file.Content.Length) / 1e9;
        Directory.CreateDirectory(Path.Combine(folder, "restic"));
        await using Restic? restic = await Restic.StartAsync(Path.Combine(folder, "restic"));
        Dictionary<string, List<Measured>> seen = s_ways.ToDictionary(way => way, _ => new List<Measured>());
        for (int run = -1; run < Runs; run++)    // the first turn compiles and warms up
        {
            // A file system makes new files slowly where many were just deleted, so all is deleted at the very end.
            string back = Path.Combine(folder, $"back{run}");
            LocalClient client = await market.NewClientAsync();
            LocalClient other = await market.NewClientAsync();
            Note(run, "put_4of6", await client.PutAsync(corpus, "corpus", "4/6"));
            if (restic is not null) Note(run, "restic", await restic.BackupAsync(corpus, $"run{run}"));
            Note(run, "put_1of3", await other.PutAsync(corpus, "corpus", "1/3"));
            Note(run, "get", await other.GetAsync("corpus", back + "one"));
            Check(files, back + "one");
            if (restic is not null) Note(run, "resticRestore", await restic.RestoreAsync($"run{run}", back + "restic"));
            Note(run, "get_4of6", await client.GetAsync("corpus", back + "four"));
            Check(files, back + "four");
        }

        foreach (string way in s_ways) figures[$"{way}GBPerProcessorSecond"] = Speed(way, one => one.ProcessorSeconds);
        Compare("put_4of6", "restic", "put_4of6_vs_restic");
        Compare("put_1of3", "restic", "put_1of3_vs_restic");
        Compare("get", "resticRestore", "get_vs_resticRestore");
        Compare("get_4of6", "resticRestore", "get_4of6_vs_resticRestore");

        void Note(int run, string way, Measured measured)
        {
            Console.Error.WriteLine($"{way,-14} {gigabytes / measured.ProcessorSeconds:0.000} GB a processor second, {gigabytes / measured.Seconds:0.000} GB/s, {measured.PeakMiB:0} MiB");
            if (run >= 0) seen[way].Add(measured);
        }

        double? Speed(string way, Func<Measured, double> seconds) =>
            seen[way].Count == 0 ? null : Math.Round(gigabytes / Interleaved.Median([.. seen[way].Select(seconds)]), 4);

        void Compare(string ours, string theirs, string key)
        {
            figures[key] = Ratio(one => one.ProcessorSeconds);
            figures[key + "_wall"] = Ratio(one => one.Seconds);

            double? Ratio(Func<Measured, double> seconds) =>
                Speed(ours, seconds) is { } fast && Speed(theirs, seconds) is { } slow ? Math.Round(fast / slow, 3) : null;
        }
    }

    /// <summary>Compares every byte that came back.</summary>
    private static void Check(IReadOnlyList<CorpusFile> files, string back)
    {
        foreach (CorpusFile file in files)
        {
            if (!File.ReadAllBytes(Path.Combine(back, file.Name)).AsSpan().SequenceEqual(file.Content)) throw new InvalidDataException($"{file.Name} came back with other bytes.");
        }
    }
}
