using System.Diagnostics;
using System.Globalization;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage.Tests;

/// <summary>A child process takes and drops shards until it is killed at a random moment; whatever it acknowledged must then be there.</summary>
public sealed class KillTests
{
    private const int Kills = 8;
    private const int LifeMillisecondsMax = 400;
    private static readonly TimeSpan s_startTimeout = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task What_was_acknowledged_survives_kill_9_and_nothing_else_stays()
    {
        using var folder = new TempFolder();
        var expected = new Dictionary<ulong, Root>();
        for (int kill = 0; kill < Kills; kill++)
        {
            foreach (string line in await RunAndKill(folder.Path, kill))
            {
                string[] words = line.Split(' ');
                if (words[0] == "kept") expected[ulong.Parse(words[1], CultureInfo.InvariantCulture)] = Root.Parse(words[2]);
                else if (words[0] == "dropping") expected.Remove(ulong.Parse(words[1], CultureInfo.InvariantCulture));
            }

            await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(folder.Path, 1 << 30), TimeProvider.System, default);
            foreach ((ulong number, Root root) in expected)
            {
                Assert.Equal(root, depot.Catalogue.FindUpload(StorageChild.Place(number))?.Shard.Root);
                using IShardContent content = (await depot.OpenAsync(root, default))!;
                Assert.Equal(content.Commitment, await content.RehashAsync(default));
            }

            AssertNoGarbage(folder.Path, depot);
        }

        Assert.NotEmpty(expected);
    }

    private static void AssertNoGarbage(string folder, ShardDepot depot)
    {
        Assert.Empty(Directory.GetFiles(Path.Combine(folder, "arriving")));
        var recorded = depot.Catalogue.All().Select(shard => shard.Root.ToString()[2..]).ToHashSet();
        string[] files = Directory.GetFiles(Path.Combine(folder, "shards"), "*", SearchOption.AllDirectories);
        Assert.All(files, file => Assert.Contains(Path.GetFileNameWithoutExtension(file), recorded));
        Assert.Equal(2 * recorded.Count, files.Length);
    }

    private static async Task<List<string>> RunAndKill(string folder, int seed)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (string argument in new[] { typeof(KillTests).Assembly.Location, StorageChild.Verb, folder, seed.ToString(CultureInfo.InvariantCulture) })
        {
            start.ArgumentList.Add(argument);
        }

        using Process child = Process.Start(start)!;
        var lines = new List<string>();
        Assert.Equal("ready", await child.StandardOutput.ReadLineAsync().WaitAsync(s_startTimeout));
        var life = Stopwatch.StartNew();
        int lifeMilliseconds = Random.Shared.Next(20, LifeMillisecondsMax);
        while (life.ElapsedMilliseconds < lifeMilliseconds && await child.StandardOutput.ReadLineAsync() is { } line) lines.Add(line);
        child.Kill();
        while (await child.StandardOutput.ReadLineAsync() is { } line) lines.Add(line);
        await child.WaitForExitAsync();
        // The last line may have been cut by the kill.
        lines.RemoveAll(line => !line.EndsWith('.'));
        return [.. lines.Select(line => line[..^1])];
    }
}

/// <summary>The child's side: this assembly started as a program.</summary>
internal static class StorageChild
{
    public const string Verb = "storage-child";

    public static UploadPlace Place(ulong number) => new(new DealId(Address.Parse("0x00000000000000000000000000000000000000aa"), number), 0);

    public static async Task<int> Main(string[] args)
    {
        if (args is not [Verb, string folder, string seed]) return 2;
        var random = new Random(int.Parse(seed, CultureInfo.InvariantCulture));
        await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(folder, 1 << 30), TimeProvider.System, default);
        await Say("ready");
        var kept = new List<ulong>();
        ulong number = ((ulong)random.Next() << 8) + 1;
        while (true)
        {
            byte[] content = new byte[256 * random.Next(1, 1500)];
            random.NextBytes(content);
            await using ShardUpload upload = (await depot.BeginAsync(Place(number), content.Length, default))!;
            await upload.TryAppendAsync(content, default);
            (_, ShardCommitment shard) = await upload.CompleteAsync(DateTimeOffset.UtcNow.AddHours(1), default);
            await Say($"kept {number} {shard.Root}.");
            kept.Add(number++);
            if (kept.Count < 4 || random.Next(3) != 0) continue;

            ulong victim = kept[random.Next(kept.Count)];
            kept.Remove(victim);
            await Say($"dropping {victim}.");
            depot.Catalogue.RemoveUpload(Place(victim));
            await depot.DropUnneededAsync(new PeriodNumber(0), default);
        }
    }

    private static async Task Say(string line)
    {
        await Console.Out.WriteLineAsync(line);
        await Console.Out.FlushAsync();
    }
}
