using Marketplace.Benchmarks.Coding;

namespace Marketplace.Benchmarks.Transfer;

/// <summary>A folder of 10,000 files is stored; a hundredth of them change; it is stored again. Wall clock.</summary>
internal static class FolderAgain
{
    private const int Runs = 5;
    private const int Files = 10_000;
    private const int ChangedEach = 100;

    /// <summary>The files have a length of about 110 KB on average, as those of the SDK have.</summary>
    private const long Bytes = 1L << 30;

    /// <summary>Longer than the time steps of any file system, so that what was written before is known by its times.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(500);

    public static async Task RunAsync(LocalMarket market, string folder, Dictionary<string, double?> figures)
    {
        string path = Path.Combine(folder, "folder");
        Write(path);
        double[] first = new double[Runs];
        double[] again = new double[Runs];
        var random = new Random(3);
        for (int run = -1; run < Runs; run++)
        {
            LocalClient client = await market.NewClientAsync();
            await Task.Delay(s_settle);
            Measured one = await client.PutAsync(path, "folder", "1/3");
            for (int i = random.Next(ChangedEach); i < Files; i += ChangedEach) Change(PathOf(path, i), random);
            await Task.Delay(s_settle);
            Measured two = await client.PutAsync(path, "folder", "1/3");
            Console.Error.WriteLine($"putSame        {one.Seconds:0.00} s, again {two.Seconds:0.00} s");
            if (run >= 0) (first[run], again[run]) = (one.Seconds, two.Seconds);
        }

        figures["putSame_vs_put"] = Math.Round(Interleaved.Median(first) / Interleaved.Median(again), 2);
        figures["putSameSeconds"] = Math.Round(Interleaved.Median(again), 3);
    }

    /// <summary>The corpus, cut into files of different lengths.</summary>
    private static void Write(string path)
    {
        byte[][] kinds = [.. MixedCorpus.Create(Bytes).GroupBy(file => file.Name.Split('/')[0]).Select(kind => kind.SelectMany(file => file.Content).ToArray())];
        int number = 0;
        foreach (byte[] kind in kinds)
        {
            int files = Files / kinds.Length;
            for (int i = 0; i < files; i++)
            {
                // Between a quarter and seven quarters of the mean, so that all of the kind is used.
                long from = Edge(kind.Length, files, i);
                long to = Edge(kind.Length, files, i + 1);
                string file = PathOf(path, number++);
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                File.WriteAllBytes(file, kind[(int)from..(int)to]);
            }
        }

        static long Edge(long bytes, int files, int i) =>
            i == 0 || i == files ? bytes * i / files : ((bytes * i) + (bytes * ((i * 7 % 5) - 2) * 3 / 16)) / files;
    }

    private static void Change(string path, Random random)
    {
        byte[] content = File.ReadAllBytes(path);
        if (content.Length == 0) content = new byte[1];
        content[random.Next(content.Length)] ^= 0x55;
        File.WriteAllBytes(path, content);
    }

    private static string PathOf(string folder, int number) => Path.Combine(folder, $"{number / 100:D3}", $"{number:D5}");
}
