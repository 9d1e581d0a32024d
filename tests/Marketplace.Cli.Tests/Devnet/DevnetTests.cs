using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Marketplace.Cli.Devnet;

namespace Marketplace.Cli.Tests.Devnet;

public sealed class DevnetTests : IDisposable
{
    /// <summary>SCHED_BATCH: Marketplace.Hosting/BatchScheduling.cs.</summary>
    private const string BatchPolicy = "3";

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_devnet_starts_shows_itself_survives_a_kill_and_goes_away()
    {
        string dir = _scratch.File("a devnet");
        Finished up = await Market.RunAsync("devnet", "up", "--nodes", "2", "--keepers", "1", "--dir", dir, "--detach", "--json");
        try
        {
            up.Expect(0);
            JsonElement file = Read(dir);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(dir, "devnet.json")));
            Assert.Equal("client", file.GetProperty("accounts")[0].GetProperty("name").GetString());
            Assert.Equal(12, file.GetProperty("accounts")[0].GetProperty("mnemonic").GetString()!.Split(' ').Length);
            Assert.Equal([1, 2], file.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("id").GetInt32()));
            Assert.All(Pids(file), pid => Assert.True(IsRunning(pid)));
            Assert.All(Alive(await StatusAsync(dir)), Assert.True);
            Assert.All(Roles(file), role => Assert.All(PoliciesOf(role), policy => Assert.Equal(BatchPolicy, policy)));

            (await Market.RunAsync("devnet", "up", "--dir", dir, "--detach")).Expect(1);
            Assert.Equal(Pids(file), Pids(Read(dir)));

            await TheClientIsRichAsync(dir);
            await AKilledNodeStartsAgainAsync(dir);
        }
        finally
        {
            int[] pids = File.Exists(Path.Combine(dir, "devnet.json")) ? Pids(Read(dir)) : [];
            (await Market.RunAsync("devnet", "down", "--dir", dir)).Expect(0);
            Assert.All(pids, pid => Assert.False(IsRunning(pid)));
        }

        Assert.False(File.Exists(Path.Combine(dir, "devnet.json")));
        (await Market.RunAsync("devnet", "status", "--dir", dir)).Expect(4);
    }

    [Fact]
    public async Task Two_devnets_run_side_by_side_and_Ctrl_C_ends_one()
    {
        string first = _scratch.File("first");
        string second = _scratch.File("second");
        using Process attached = Market.Start([], "devnet", "up", "--nodes", "1", "--keepers", "0", "--dir", first);
        try
        {
            (await Market.RunAsync("devnet", "up", "--nodes", "1", "--keepers", "0", "--period", "10", "--dir", second, "--detach")).Expect(0);
            await UntilAsync(() => File.Exists(Path.Combine(first, "devnet.json")));
            JsonElement[] both = [Read(first), Read(second)];
            Assert.NotEqual(both[0].GetProperty("rpcUrl").GetString(), both[1].GetProperty("rpcUrl").GetString());
            Assert.NotEqual(both[0].GetProperty("accounts")[0].GetProperty("address").GetString(), both[1].GetProperty("accounts")[0].GetProperty("address").GetString());
            Assert.Equal(10, both[1].GetProperty("periodBlocks").GetInt32());

            using (Process interrupt = Process.Start("kill", ["-INT", attached.Id.ToString(CultureInfo.InvariantCulture)])) await interrupt.WaitForExitAsync();
            await attached.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
            Assert.Equal(0, attached.ExitCode);
            Assert.All(Pids(both[0]), pid => Assert.False(IsRunning(pid)));
            Assert.All(Alive(await StatusAsync(second)), Assert.True);
        }
        finally
        {
            if (!attached.HasExited) attached.Kill();
            await Market.RunAsync("devnet", "down", "--dir", first);
            await Market.RunAsync("devnet", "down", "--dir", second);
        }
    }

    [Fact]
    public async Task A_folder_that_holds_something_else_is_not_emptied()
    {
        await File.WriteAllTextAsync(_scratch.File("mine.txt"), "mine");
        (await Market.RunAsync("devnet", "up", "--dir", _scratch.Path, "--detach")).Expect(2);
        Assert.Equal(["mine.txt"], Directory.EnumerateFileSystemEntries(_scratch.Path).Select(path => Path.GetFileName(path)));
    }

    [Theory]
    [InlineData("--nodes", "0")]
    [InlineData("--nodes", "many")]
    [InlineData("--period", "3")]
    [InlineData("--block-time", "-1")]
    public async Task Numbers_that_cannot_work_are_refused(string option, string value)
    {
        (await Market.RunAsync("devnet", "up", option, value, "--dir", _scratch.File("none"), "--detach")).Expect(2);
        Assert.False(Directory.Exists(_scratch.File("none")));
    }

    [Fact]
    public async Task A_process_that_only_has_the_same_number_is_left_alone()
    {
        using Process bystander = Process.Start("sleep", ["60"]);
        try
        {
            var mistaken = new LocalProcess(bystander.Id, StartTicks: 1);
            Assert.False(mistaken.IsAlive);
            await mistaken.StopAsync(TimeSpan.Zero);
            Assert.False(bystander.HasExited);
        }
        finally
        {
            bystander.Kill();
        }
    }

    private async Task TheClientIsRichAsync(string dir)
    {
        Dictionary<string, string> devnet = new() { ["MARKET_DEVNET"] = Path.Combine(dir, "devnet.json") };
        JsonElement balance = (await Market.RunAsync(devnet, null, "balance", "--json")).Expect(0).Json;
        Assert.Equal("1000000", balance.GetProperty("wallet").GetString());
        Assert.Equal("0", balance.GetProperty("free").GetString());

        JsonElement deposit = (await Market.RunAsync(devnet, null, "deposit", "10.5", "--json")).Expect(0).Json;
        Assert.Equal("10.5", deposit.GetProperty("free").GetString());
        JsonElement tooMuch = (await Market.RunAsync(devnet, null, "withdraw", "11", "--json")).Expect(3).Json;
        Assert.Equal("0.5", tooMuch.GetProperty("error").GetProperty("missing").GetString());
        (await Market.RunAsync(devnet, null, "withdraw", "0.5")).Expect(0);

        string gateway = Read(dir).GetProperty("gateway").GetProperty("address").GetString()!;
        (await Market.RunAsync(devnet, null, "allow", gateway, "5", "--for", "10m")).Expect(0);
        balance = (await Market.RunAsync(devnet, null, "balance", "--json")).Expect(0).Json;
        Assert.Equal("10", balance.GetProperty("free").GetString());
        JsonElement allowance = Assert.Single(balance.GetProperty("allowances").EnumerateArray());
        Assert.Equal((gateway, "5"), (allowance.GetProperty("operator").GetString(), allowance.GetProperty("left").GetString()));

        JsonElement login = (await Market.RunAsync(devnet, null, "login", Read(dir).GetProperty("gateway").GetProperty("url").GetString()!, "--json")).Expect(0).Json;
        Assert.Equal(3, login.GetProperty("token").GetString()!.Split('.').Length);

        // A stranger with a wallet of its own, made rich by the treasury.
        Dictionary<string, string> stranger = new(devnet)
        {
            ["MARKET_WALLET"] = _scratch.File("stranger.json"),
            ["MARKET_HOME"] = _scratch.File("stranger"),
            ["MARKET_PASSPHRASE"] = "correct horse",
        };
        JsonElement wallet = (await Market.RunAsync(stranger, null, "wallet", "create", "--json")).Expect(0).Json;
        (await Market.RunAsync(stranger, null, "deposit", "1")).Expect(3);
        (await Market.RunAsync(stranger, null, "devnet", "fund", wallet.GetProperty("address").GetString()!, "--tokens", "2")).Expect(0);
        (await Market.RunAsync(stranger, null, "deposit", "1")).Expect(0);
    }

    private static async Task AKilledNodeStartsAgainAsync(string dir)
    {
        JsonElement node = Read(dir).GetProperty("nodes")[1];
        using (Process victim = Process.GetProcessById(node.GetProperty("pid").GetInt32())) victim.Kill();
        await UntilAsync(() => !IsRunning(node.GetProperty("pid").GetInt32()));
        Assert.Single(Alive(await StatusAsync(dir)), alive => !alive);

        (await Market.RunAsync("devnet", "start", "node:2", "--dir", dir)).Expect(0);
        JsonElement again = Read(dir).GetProperty("nodes")[1];
        Assert.NotEqual(node.GetProperty("pid").GetInt32(), again.GetProperty("pid").GetInt32());
        Assert.Equal(node.GetProperty("url").GetString(), again.GetProperty("url").GetString());
        Assert.Equal(node.GetProperty("dataDir").GetString(), again.GetProperty("dataDir").GetString());
        Assert.All(Alive(await StatusAsync(dir)), Assert.True);

        (await Market.RunAsync("devnet", "start", "node:2", "--dir", dir)).Expect(1);
        (await Market.RunAsync("devnet", "start", "node:7", "--dir", dir)).Expect(4);
        (await Market.RunAsync("devnet", "start", "chain", "--dir", dir)).Expect(2);
    }

    private static JsonElement Read(string dir) => JsonDocument.Parse(File.ReadAllText(Path.Combine(dir, "devnet.json"))).RootElement;

    private static async Task<JsonElement> StatusAsync(string dir) => (await Market.RunAsync("devnet", "status", "--dir", dir, "--json")).Expect(0).Json;

    private static IEnumerable<JsonElement> Processes(JsonElement file) =>
    [
        file.GetProperty("chain"), .. file.GetProperty("nodes").EnumerateArray(), .. file.GetProperty("keepers").EnumerateArray(), file.GetProperty("gateway"),
    ];

    private static int[] Pids(JsonElement file) => [.. Processes(file).Select(process => process.GetProperty("pid").GetInt32())];

    private static int[] Roles(JsonElement file) =>
        [.. file.GetProperty("nodes").EnumerateArray().Concat(file.GetProperty("keepers").EnumerateArray()).Append(file.GetProperty("gateway")).Select(role => role.GetProperty("pid").GetInt32())];

    /// <summary>How the system schedules each thread of a process: the 41st word of its state, of which the second, in parentheses, is its name.</summary>
    private static List<string> PoliciesOf(int pid)
    {
        List<string> policies = [];
        foreach (string thread in Directory.EnumerateDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task")))
        {
            try
            {
                string state = File.ReadAllText(Path.Combine(thread, "stat"));
                policies.Add(state[(state.LastIndexOf(')') + 2)..].Split(' ')[38]);
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }

        Assert.NotEmpty(policies);
        return policies;
    }

    private static IEnumerable<bool> Alive(JsonElement status) => [.. Processes(status).Select(process => process.GetProperty("alive").GetBoolean())];

    private static bool IsRunning(int pid) => new LocalProcess(pid, StartTicks: null).IsAlive;

    private static async Task UntilAsync(Func<bool> seen)
    {
        for (int i = 0; i < 600 && !seen(); i++) await Task.Delay(100);
        Assert.True(seen());
    }
}
