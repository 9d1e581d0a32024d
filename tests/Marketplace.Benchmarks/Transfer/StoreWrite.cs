using System.Diagnostics;
using Marketplace.Benchmarks.Coding;
using Marketplace.Coding;
using Marketplace.Storage;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Benchmarks.Transfer;

/// <summary>The node's shard store alone beside the disk's own sequential write: the same bytes, the same flushes. Wall clock.</summary>
internal static class StoreWrite
{
    private const int Runs = 7;
    private const int PieceBytes = 256 * 1024;
    private const int ShardBytes = 256 << 20;
    private const int ShardsEach = 2;

    public static async Task RunAsync(string folder, Dictionary<string, double?> figures)
    {
        byte[] bytes = new byte[ShardBytes];
        new Random(4).NextBytes(bytes);
        double[] disk = new double[Runs];
        double[] store = new double[Runs];
        for (int run = -1; run < Runs; run++)
        {
            double plain = await TimeAsync(Path.Combine(folder, "plain"), bytes, PlainAsync);
            double ours = await TimeAsync(Path.Combine(folder, "store"), bytes, StoreAsync);
            await Console.Error.WriteLineAsync($"store          {ours:0.00} s, disk alone {plain:0.00} s");
            if (run >= 0) (disk[run], store[run]) = (plain, ours);
        }

        const double Gigabytes = (double)ShardBytes * ShardsEach / 1e9;
        figures["storeWrite_of_diskWrite"] = Math.Round(Interleaved.Median(disk) / Interleaved.Median(store), 3);
        figures["storeWriteGBPerSecond"] = Math.Round(Gigabytes / Interleaved.Median(store), 3);
    }

    private static async Task<double> TimeAsync(string folder, byte[] bytes, Func<string, byte[], Task> write)
    {
        Directory.CreateDirectory(folder);
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < ShardsEach; i++)
        {
            bytes[0] = (byte)i;
            await write(folder, bytes);
        }

        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Directory.Delete(folder, recursive: true);
        return seconds;
    }

    private static Task PlainAsync(string folder, byte[] bytes)
    {
        using SafeFileHandle file = File.OpenHandle(Path.Combine(folder, $"{bytes[0]}"), FileMode.CreateNew, FileAccess.Write);
        for (int at = 0; at < bytes.Length; at += PieceBytes) RandomAccess.Write(file, bytes.AsSpan(at, PieceBytes), at);
        RandomAccess.FlushToDisk(file);
        return Task.CompletedTask;
    }

    private static async Task StoreAsync(string folder, byte[] bytes)
    {
        var store = new FileShardStore(folder);
        await store.RecoverAsync(_ => false, CancellationToken.None);
        await using IShardIntake intake = await store.BeginAsync(CancellationToken.None);
        for (int at = 0; at < bytes.Length; at += PieceBytes) await intake.AppendAsync(bytes.AsMemory(at, PieceBytes), CancellationToken.None);
        ShardCommitment? shard = await intake.SealAsync(CancellationToken.None);
        if (shard?.Bytes != bytes.Length) throw new InvalidDataException("The store took something else.");
        await intake.KeepAsync(CancellationToken.None);
    }
}
