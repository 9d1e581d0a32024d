using System.Security.Cryptography;

namespace Marketplace.Benchmarks;

/// <summary>Stores and reads 1 GiB of random bytes on a devnet of its own, through the command line as people use it.</summary>
internal static class TransferBenchmark
{
    private const long FileBytes = 1L << 30;
    private const double MiB = 1 << 20;

    public static async Task<IReadOnlyDictionary<string, double?>> RunAsync()
    {
        string folder = Directory.CreateTempSubdirectory("market-bench-").FullName;
        string devnet = Path.Combine(folder, "devnet");
        var environment = new Dictionary<string, string> { ["MARKET_DEVNET"] = Path.Combine(devnet, "devnet.json") };
        string scripts = Path.Combine(Directory.GetCurrentDirectory(), "scripts");
        string market = Path.Combine(scripts, "market");
        try
        {
            await Measured.RunAsync(Path.Combine(scripts, "devnet.sh"), ["up", "--dir", devnet, "--detach"], environment);
            await Measured.RunAsync(market, ["deposit", "100"], environment);
            string file = Path.Combine(folder, "gibibyte");
            byte[] hash = await WriteRandomAsync(file);
            Measured put = await Measured.RunAsync(market, ["put", file, "--for", "1h", "--json"], environment);
            string back = file + ".back";
            Measured get = await Measured.RunAsync(market, ["get", "gibibyte", "-o", back, "--json"], environment);
            await using (FileStream returned = File.OpenRead(back))
            {
                byte[] hashBack = await SHA256.HashDataAsync(returned);
                if (!hash.SequenceEqual(hashBack)) throw new InvalidDataException("Other bytes came back.");
            }

            return new Dictionary<string, double?>
            {
                ["put1GiBPeakMiB"] = Math.Round(put.PeakMiB, 1),
                ["get1GiBPeakMiB"] = Math.Round(get.PeakMiB, 1),
                ["put1GiBMiBPerSecond"] = Math.Round(FileBytes / MiB / put.Seconds, 1),
                ["get1GiBMiBPerSecond"] = Math.Round(FileBytes / MiB / get.Seconds, 1),
            };
        }
        finally
        {
            await Measured.RunAsync(Path.Combine(scripts, "devnet.sh"), ["down", "--dir", devnet], environment);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<byte[]> WriteRandomAsync(string path)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using FileStream file = File.Create(path);
        byte[] buffer = new byte[1 << 20];
        for (long left = FileBytes; left > 0; left -= buffer.Length)
        {
            RandomNumberGenerator.Fill(buffer);
            hash.AppendData(buffer);
            await file.WriteAsync(buffer);
        }

        return hash.GetHashAndReset();
    }
}
