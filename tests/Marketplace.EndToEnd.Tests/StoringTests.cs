using System.Text.Json;

namespace Marketplace.EndToEnd.Tests;

[Collection(nameof(FiveNodes))]
public sealed class StoringTests(FiveNodes devnet)
{
    private const int LeafBytes = 256;
    private const int CellBytes = 16 * 1024;
    private const int ChunkBytesMin = 256 * 1024;
    private const int ChunkBytesMax = 4 * 1024 * 1024;

    public static TheoryData<long> SizesThatMatter => [0, 1, LeafBytes + 1, ChunkBytesMin - 1, ChunkBytesMax + 1];

    [Theory]
    [MemberData(nameof(SizesThatMatter))]
    public async Task A_file_of_its_own_comes_back(long bytes)
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, $"own-{bytes}"), bytes);
        JsonElement put = (await devnet.MarketAsync("put", file, "--for", "1h", "--json")).Expect(0).Json;
        Assert.Equal(3, put.GetProperty("deals")[0].GetProperty("slots").GetProperty("filled").GetInt32());
        string back = file + ".back";
        JsonElement get = (await devnet.MarketAsync("get", $"own-{bytes}", "-o", back, "--json")).Expect(0).Json;
        Assert.Equal(bytes, get.GetProperty("bytes").GetInt64());
        TestFiles.AssertSameFile(file, back);
    }

    [Fact]
    public async Task Sizes_around_every_boundary_come_back_together()
    {
        string folder = Path.Combine(devnet.Scratch, "sizes");
        foreach (int boundary in new[] { LeafBytes, CellBytes, 64 * 1024, ChunkBytesMin, 1 << 20, ChunkBytesMax })
        {
            foreach (int near in new[] { -1, 0, 1 })
            {
                TestFiles.Write(Path.Combine(folder, $"{boundary + near}"), boundary + near);
            }
        }

        (await devnet.MarketAsync("put", folder, "--for", "1h")).Expect(0);
        string back = Path.Combine(devnet.Scratch, "sizes.back");
        (await devnet.MarketAsync("get", "sizes", "-o", back)).Expect(0);
        TestFiles.AssertSameFolder(folder, back);
    }

    [Fact]
    public async Task A_gibibyte_comes_back()
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "gibibyte"), 1L << 30);
        (await devnet.MarketAsync("put", file, "--for", "1h")).Expect(0);
        string back = file + ".back";
        (await devnet.MarketAsync("get", "gibibyte", "-o", back)).Expect(0);
        TestFiles.AssertSameFile(file, back);
        File.Delete(file);
        File.Delete(back);
    }

    [Fact]
    public async Task A_range_reads_only_what_is_asked_both_ends_included()
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "ranged"), 9_000_000);
        (await devnet.MarketAsync("put", file, "--for", "1h")).Expect(0);
        byte[] all = await File.ReadAllBytesAsync(file);
        foreach ((int from, int to) in new[] { (0, 0), (255, 256), (4_000_000, 4_999_999), (8_999_999, 8_999_999), (0, 8_999_999) })
        {
            string back = Path.Combine(devnet.Scratch, $"range-{from}-{to}");
            (await devnet.MarketAsync("get", "ranged", "--range", $"{from}-{to}", "-o", back)).Expect(0);
            Assert.Equal(all[from..(to + 1)], await File.ReadAllBytesAsync(back));
        }

        (await devnet.MarketAsync("get", "ranged", "--range", "9000000-9000001", "-o", Path.Combine(devnet.Scratch, "beyond"))).Expect(2);
    }

    [Fact]
    public async Task A_folder_of_five_thousand_files_of_every_kind_comes_back()
    {
        string folder = Path.Combine(devnet.Scratch, "every kind");
        var random = new Random(7);
        string[] scripts = ["plain", "früh", "日本語", "русский", "العربية", "emoji 🚀", "with space", "quote'\"", "-dash", "dot.", "%41", "a\\b"];
        for (int i = 0; i < 5_000; i++)
        {
            string path = Path.Combine(folder, $"d{i % 40}", scripts[i % scripts.Length], $"{scripts[(i / 7) % scripts.Length]}-{i}.txt");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, string.Concat(Enumerable.Repeat($"file {i} ", random.Next(0, 300))));
        }

        string deep = folder;
        for (int i = 0; i < 60; i++) deep = Path.Combine(deep, $"deep-{i}");
        TestFiles.Write(Path.Combine(deep, "bottom"), 1234);
        Directory.CreateDirectory(Path.Combine(folder, "empty", "also empty"));
        File.CreateSymbolicLink(Path.Combine(folder, "link"), "d1/plain");
        File.CreateSymbolicLink(Path.Combine(folder, "dangling"), "nowhere");
        string program = Path.Combine(folder, "program.sh");
        await File.WriteAllTextAsync(program, "#!/bin/sh\necho hello\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using (FileStream sparse = File.Create(Path.Combine(folder, "sparse"))) sparse.SetLength(64 << 20);
        TestFiles.Write(Path.Combine(folder, "incompressible"), 8 << 20);

        JsonElement put = (await devnet.MarketAsync("put", folder, "--as", "kinds", "--for", "1h", "--json")).Expect(0).Json;
        Assert.Equal(5_004, put.GetProperty("objects")[0].GetProperty("files").GetInt32());
        string back = Path.Combine(devnet.Scratch, "kinds.back");
        (await devnet.MarketAsync("get", "kinds", "-o", back, "--json")).Expect(0);
        TestFiles.AssertSameFolder(folder, back);

        JsonElement listed = (await devnet.MarketAsync("ls", "kinds", "-r", "--json")).Expect(0).Json;
        string[] names = [.. listed.GetProperty("objects").EnumerateArray().Select(entry => entry.GetProperty("name").GetString()!)];
        Assert.Contains("kinds/empty/also empty", names);
        Assert.Contains("kinds/dangling", names);
    }

    [Fact]
    public async Task What_cannot_be_stored_is_refused_with_its_name_and_nothing_is_paid()
    {
        string folder = Path.Combine(devnet.Scratch, "odd");
        TestFiles.Write(Path.Combine(folder, "fine"), 10);
        (await Processes.RunAsync("mkfifo", [Path.Combine(folder, "a-pipe")])).Expect(0);
        string before = (await devnet.MarketAsync("balance", "--json")).Expect(0).Json.GetProperty("locked").GetString()!;
        Finished put = await devnet.MarketAsync("put", folder, "--json");
        Assert.NotEqual(0, put.ExitCode);
        Assert.Contains("a-pipe", put.Json.GetProperty("error").GetProperty("message").GetString());
        Assert.Equal(before, (await devnet.MarketAsync("balance", "--json")).Json.GetProperty("locked").GetString());
    }

    [Fact]
    public async Task A_second_put_makes_a_new_version_and_rm_makes_it_unknown()
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "versioned"), 1000, seed: 1);
        (await devnet.MarketAsync("put", file, "--for", "1h")).Expect(0);
        TestFiles.Write(file, 2000, seed: 2);
        JsonElement second = (await devnet.MarketAsync("put", file, "--for", "1h", "--json")).Expect(0).Json;
        Assert.Equal(2, second.GetProperty("objects")[0].GetProperty("version").GetInt32());
        string back = file + ".back";
        (await devnet.MarketAsync("get", "versioned", "-o", back)).Expect(0);
        TestFiles.AssertSameFile(file, back);
        (await devnet.MarketAsync("get", "versioned", "-o", back)).Expect(2);
        (await devnet.MarketAsync("get", "versioned", "-o", back, "--force")).Expect(0);

        (await devnet.MarketAsync("rm", "versioned")).Expect(0);
        Finished gone = await devnet.MarketAsync("get", "versioned", "-o", Path.Combine(devnet.Scratch, "gone"), "--json");
        gone.Expect(4);
        Assert.Equal("notFound", gone.Json.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_quote_locks_nothing_and_names_the_price()
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "quoted"), 5_000_000);
        string before = (await devnet.MarketAsync("balance", "--json")).Json.GetProperty("locked").GetString()!;
        JsonElement quote = (await devnet.MarketAsync("put", file, "--quote", "--for", "1h", "--json")).Expect(0).Json;
        Assert.Empty(quote.GetProperty("deals").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, quote.GetProperty("locked").ValueKind);
        Assert.NotEqual("0", quote.GetProperty("price").GetString());
        Assert.Equal(before, (await devnet.MarketAsync("balance", "--json")).Json.GetProperty("locked").GetString());
    }

    [Fact]
    public async Task Without_money_put_refuses_and_says_how_much_is_missing()
    {
        string wallet = Path.Combine(devnet.Scratch, "poor", "wallet.json");
        var environment = new Dictionary<string, string?>
        {
            ["MARKET_WALLET"] = wallet,
            ["MARKET_HOME"] = Path.GetDirectoryName(wallet),
            ["MARKET_PASSPHRASE"] = "correct horse",
        };
        (await devnet.MarketWithAsync(environment, null, "wallet", "create")).Expect(0);
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "unpaid"), 1_000_000);
        Finished put = (await devnet.MarketWithAsync(environment, null, "put", file, "--json")).Expect(3);
        JsonElement error = put.Json.GetProperty("error");
        Assert.Equal("insufficientFunds", error.GetProperty("code").GetString());
        Assert.True(decimal.Parse(error.GetProperty("missing").GetString()!, System.Globalization.CultureInfo.InvariantCulture) > 0);
        JsonElement balance = (await devnet.MarketWithAsync(environment, null, "balance", "--json")).Expect(0).Json;
        Assert.Equal("0", balance.GetProperty("locked").GetString());
        Assert.Empty((await devnet.MarketWithAsync(environment, null, "ls", "--json")).Expect(0).Json.GetProperty("objects").EnumerateArray());
    }
}
