using System.Text.Json;

namespace Marketplace.EndToEnd.Tests;

[Collection(nameof(ElevenNodes))]
public sealed class FailureTests(ElevenNodes devnet)
{
    [Theory]
    [InlineData("1/3")]
    [InlineData("4/6")]
    [InlineData("4/10")]
    public async Task Any_k_nodes_give_an_object_back_and_one_fewer_says_so_and_leaves_nothing(string redundancy)
    {
        int needed = int.Parse(redundancy.Split('/')[0], System.Globalization.CultureInfo.InvariantCulture);
        string name = "lossy-" + redundancy.Replace('/', '-');
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, name), 7_654_321);
        (await devnet.MarketAsync("put", file, "--redundancy", redundancy, "--for", "1h")).Expect(0);
        int[] holders = await HoldersAsync(name);
        int[] dead = holders[needed..];
        foreach (int node in dead) devnet.KillNode(node);
        try
        {
            string back = file + ".back";
            (await devnet.MarketAsync("get", name, "-o", back)).Expect(0);
            TestFiles.AssertSameFile(file, back);

            devnet.KillNode(holders[0]);
            dead = [.. dead, holders[0]];
            string partial = file + ".partial";
            Finished get = (await devnet.MarketAsync("get", name, "-o", partial, "--json")).Expect(5);
            Assert.Equal("incomplete", get.Json.GetProperty("error").GetProperty("code").GetString());
            Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(devnet.Scratch), path => path.Contains("partial", StringComparison.Ordinal));
        }
        finally
        {
            foreach (int node in dead) await devnet.StartAsync($"node:{node}");
        }
    }

    [Theory]
    [InlineData("1/3")]
    [InlineData("4/6")]
    public async Task A_node_that_serves_a_flipped_bit_is_named_and_routed_around(string redundancy)
    {
        string name = "flipped-" + redundancy.Replace('/', '-');
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, name), 5_000_000);
        (await devnet.MarketAsync("put", file, "--redundancy", redundancy, "--for", "1h")).Expect(0);
        JsonElement stat = (await devnet.MarketAsync("stat", name, "--json")).Expect(0).Json;
        JsonElement slot = stat.GetProperty("deals")[0].GetProperty("slots")[0];
        int node = slot.GetProperty("node").GetInt32();
        long shardBytes = slot.GetProperty("shardBytes").GetInt64();
        FlipABit(devnet.Node(node).GetProperty("dataDir").GetString()!, shardBytes);

        // The bad shard may lie on a node that a reader does not ask first: then verify --deep finds it.
        Finished verify = (await devnet.MarketAsync("verify", name, "--deep", "--json")).Expect(6);
        Assert.Equal("wrongBytes", verify.Json.GetProperty("error").GetProperty("code").GetString());
        JsonElement bad = verify.Json.GetProperty("deals")[0].GetProperty("slots").EnumerateArray().Single(entry => entry.GetProperty("node").GetInt32() == node);
        Assert.Contains(bad.GetProperty("state").GetString(), new[] { "wrongRoot", "wrongBytes" });

        string back = file + ".back";
        JsonElement get = (await devnet.MarketAsync("get", name, "-o", back, "--json")).Expect(0).Json;
        TestFiles.AssertSameFile(file, back);
        foreach (JsonElement fault in get.GetProperty("faults").EnumerateArray())
        {
            Assert.Equal(node, fault.GetProperty("node").GetInt32());
            Assert.Equal("wrongBytes", fault.GetProperty("reason").GetString());
        }

        // With the honest spare nodes gone, the reader has to meet the bad one, and must name it.
        int needed = redundancy == "1/3" ? 1 : 4;
        int[] others = [.. (await HoldersAsync(name)).Where(holder => holder != node)];
        int[] dead = others[needed..];
        foreach (int other in dead) devnet.KillNode(other);
        try
        {
            string again = file + ".again";
            get = (await devnet.MarketAsync("get", name, "-o", again, "--json")).Expect(0).Json;
            TestFiles.AssertSameFile(file, again);
        }
        finally
        {
            foreach (int other in dead) await devnet.StartAsync($"node:{other}");
        }
    }

    [Fact]
    public async Task Twelve_words_and_an_rpc_endpoint_give_everything_back_without_a_keeper()
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "remembered"), 2_000_000);
        (await devnet.MarketAsync("put", file, "--for", "1h")).Expect(0);
        JsonElement[] keepers = [.. devnet.Description.GetProperty("keepers").EnumerateArray()];
        foreach (JsonElement keeper in keepers) Processes.Kill(keeper.GetProperty("pid").GetInt32());
        try
        {
            string words = devnet.Description.GetProperty("accounts")[0].GetProperty("mnemonic").GetString()!;
            string home = Path.Combine(devnet.Scratch, "new machine");
            var environment = new Dictionary<string, string?>
            {
                ["MARKET_WALLET"] = Path.Combine(home, "wallet.json"),
                ["MARKET_HOME"] = home,
                ["MARKET_PASSPHRASE"] = "another passphrase",
            };
            (await devnet.MarketWithAsync(environment, words + "\n", "wallet", "import")).Expect(0);
            JsonElement ls = (await devnet.MarketWithAsync(environment, null, "ls", "--json")).Expect(0).Json;
            Assert.Contains("remembered", ls.GetProperty("objects").EnumerateArray().Select(entry => entry.GetProperty("name").GetString()));
            string back = file + ".back";
            (await devnet.MarketWithAsync(environment, null, "get", "remembered", "-o", back)).Expect(0);
            TestFiles.AssertSameFile(file, back);
        }
        finally
        {
            foreach (JsonElement keeper in keepers) await devnet.StartAsync($"keeper:{keeper.GetProperty("id").GetInt32()}");
        }
    }

    private async Task<int[]> HoldersAsync(string name)
    {
        JsonElement stat = (await devnet.MarketAsync("stat", name, "--json")).Expect(0).Json;
        return [.. stat.GetProperty("deals")[0].GetProperty("slots").EnumerateArray().Select(slot => slot.GetProperty("node").GetInt32())];
    }

    /// <summary>Flips one bit in the middle of every file of the node that has the shard's length.</summary>
    private static void FlipABit(string dataDir, long shardBytes)
    {
        string[] files = [.. Directory.EnumerateFiles(dataDir, "*", SearchOption.AllDirectories).Where(path => new FileInfo(path).Length == shardBytes)];
        Assert.NotEmpty(files);
        foreach (string path in files)
        {
            using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            file.Position = shardBytes / 2;
            int value = file.ReadByte();
            file.Position = shardBytes / 2;
            file.WriteByte((byte)(value ^ 1));
        }
    }
}
