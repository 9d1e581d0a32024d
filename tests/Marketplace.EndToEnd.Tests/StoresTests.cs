using System.Text.Json;
using Marketplace.Peers;

namespace Marketplace.EndToEnd.Tests;

/// <summary>Files, a real IPFS node and a real S3 server, each behind a node of one network, in the same run.</summary>
[Collection(nameof(ThreeNodes))]
public sealed class StoresTests(ThreeNodes devnet, IpfsServer ipfs, S3Server s3) : IClassFixture<IpfsServer>, IClassFixture<S3Server>
{
    private const int ProofSeconds = 120;
    private static readonly int[] s_nodes = [1, 2, 3];

    [Fact]
    public async Task A_node_on_each_of_the_three_stores_passes_the_same_run()
    {
        string early = TestFiles.Write(Path.Combine(devnet.Scratch, "early"), 3_000_000, seed: 5);
        (await devnet.MarketAsync("put", early, "--for", "2h")).Expect(0);

        // Each moves with all it holds to its store while it runs and proves.
        await File.WriteAllTextAsync(Path.Combine(FolderOf(3), "key"), "[default]\naws_access_key_id = S3RVER\naws_secret_access_key = S3RVER\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Path.Combine(FolderOf(3), "key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await MoveAsync(1, "files:" + Path.Combine(FolderOf(1), "disk2"));
        await MoveAsync(2, "ipfs:" + ipfs.Url.GetLeftPart(UriPartial.Authority));
        await MoveAsync(3, $"s3:{s3.Url.GetLeftPart(UriPartial.Authority)}/shards/node3", "--credentials", "key");
        string late = TestFiles.Write(Path.Combine(devnet.Scratch, "late"), 2_000_000, seed: 6);
        (await devnet.MarketAsync("put", late, "--for", "2h")).Expect(0);

        await ProvedAndRightAsync(early, late);
        foreach (int node in s_nodes) devnet.KillNode(node);
        foreach (int node in s_nodes) await devnet.StartAsync($"node:{node}");
        await ProvedAndRightAsync(early, late);

        foreach (int node in s_nodes)
        {
            // Whether a busy machine proves in time is not the question here.
            JsonElement doctor = (await devnet.MarketAsync("node", "doctor", "--data", FolderOf(node), "--json")).Json;
            JsonElement[] checks = [.. doctor.GetProperty("checks").EnumerateArray().Where(check => check.GetProperty("name").GetString() != "proof")];
            Assert.Contains(checks, check => check.GetProperty("name").GetString() == "volume.1");
            Assert.All(checks, check => Assert.NotEqual("failed", check.GetProperty("state").GetString()));
        }

        await ipfs.DisposeAsync();
        JsonElement gone = (await devnet.MarketAsync("node", "doctor", "--data", FolderOf(2), "--json")).Expect(1).Json;
        Assert.Equal("failed", gone.GetProperty("checks").EnumerateArray().Single(check => check.GetProperty("name").GetString() == "volume.1").GetProperty("state").GetString());
    }

    private string FolderOf(int node) => devnet.Node(node).GetProperty("dataDir").GetString()!;

    private async Task MoveAsync(int node, string store, params string[] more)
    {
        JsonElement added = (await devnet.MarketAsync(["node", "volume", "add", store, "--capacity", "1GiB", .. more, "--data", FolderOf(node), "--json"])).Expect(0).Json;
        Assert.Equal(1, added.GetProperty("id").GetInt32());
        JsonElement drained = (await devnet.MarketAsync("node", "volume", "drain", "0", "--data", FolderOf(node), "--json")).Expect(0).Json;
        Assert.Equal("drained", drained.GetProperty("state").GetString());
        (await devnet.MarketAsync("node", "volume", "remove", "0", "--data", FolderOf(node))).Expect(0);
        JsonElement left = (await devnet.MarketAsync("node", "volume", "list", "--data", FolderOf(node), "--json")).Expect(0).Json;
        JsonElement only = Assert.Single(left.GetProperty("volumes").EnumerateArray());
        Assert.Equal((store, 1), (only.GetProperty("store").GetString(), only.GetProperty("shards").GetInt32()));
        Assert.Empty(Directory.GetFiles(Path.Combine(FolderOf(node), "depot", "shards"), "*", SearchOption.AllDirectories));
    }

    /// <summary>Every node proves a period that began after this call, gives every byte back, and still has what it promised.</summary>
    private async Task ProvedAndRightAsync(params string[] files)
    {
        uint? since = null;
        foreach (string file in files)
        {
            await Devnet.EventuallyAsync($"{Path.GetFileName(file)} proved by all", ProofSeconds, async () =>
            {
                JsonElement stat = (await devnet.MarketAsync("stat", Path.GetFileName(file), "--json")).Expect(0).Json;
                since ??= stat.GetProperty("period").GetUInt32();
                return stat.GetProperty("deals")[0].GetProperty("slots").EnumerateArray().All(slot =>
                    slot.GetProperty("lastProvedPeriod") is { ValueKind: JsonValueKind.Number } last && last.GetUInt32() > since) ? stat : null;
            });
            string back = Path.Combine(devnet.Scratch, $"back-{Guid.NewGuid():N}");
            (await devnet.MarketAsync("get", Path.GetFileName(file), "-o", back)).Expect(0);
            TestFiles.AssertSameFile(file, back);
            JsonElement verified = (await devnet.MarketAsync("verify", Path.GetFileName(file), "--deep", "--json")).Expect(0).Json;
            Assert.True(verified.GetProperty("ok").GetBoolean());
        }
    }
}
