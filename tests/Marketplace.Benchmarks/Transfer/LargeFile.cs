using System.Security.Cryptography;

namespace Marketplace.Benchmarks.Transfer;

/// <summary>Peak memory of storing and reading one large file of random bytes.</summary>
internal static class LargeFile
{
    private const double MiB = 1 << 20;

    public static async Task<(Measured Put, Measured Get)> RunAsync(LocalMarket market, string folder, int gibibytes)
    {
        string name = $"large{gibibytes}";
        string file = Path.Combine(folder, name);
        string back = file + ".back";
        LocalClient client = await market.NewClientAsync();
        byte[] hash = await WriteRandomAsync(file, (long)gibibytes << 30);
        Measured put = await client.PutAsync(file, name, "1/3");
        File.Delete(file);
        Measured get = await client.GetAsync(name, back);
        await using (FileStream returned = File.OpenRead(back))
        {
            byte[] hashBack = await SHA256.HashDataAsync(returned);
            if (!hash.SequenceEqual(hashBack)) throw new InvalidDataException("Other bytes came back.");
        }

        File.Delete(back);
        await Console.Error.WriteLineAsync($"{gibibytes} GiB: put {put.PeakMiB:0} MiB, get {get.PeakMiB:0} MiB");
        return (put, get);
    }

    /// <summary>Mebibytes a second.</summary>
    public static double Speed(int gibibytes, Measured measured) => Math.Round((double)((long)gibibytes << 30) / MiB / measured.Seconds, 1);

    private static async Task<byte[]> WriteRandomAsync(string path, long bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using FileStream file = File.Create(path);
        byte[] buffer = new byte[1 << 20];
        for (long left = bytes; left > 0; left -= buffer.Length)
        {
            RandomNumberGenerator.Fill(buffer);
            hash.AppendData(buffer);
            await file.WriteAsync(buffer);
        }

        return hash.GetHashAndReset();
    }
}
