using System.Text.Json;

namespace Marketplace.EndToEnd.Tests;

/// <summary>A running local network of real processes, and the command line pointed at it.</summary>
public abstract class Devnet(int nodes, int periodBlocks = 20) : IAsyncLifetime
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "market-e2e-" + Guid.NewGuid().ToString("N")[..8]);

    /// <summary>Room for the test's files; gone at the end.</summary>
    public string Scratch => Directory.CreateDirectory(Path.Combine(_folder, "scratch")).FullName;

    public string Folder => Path.Combine(_folder, "devnet");

    public JsonElement Description => JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "devnet.json"))).RootElement;

    public string RpcUrl => Description.GetProperty("rpcUrl").GetString()!;

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(_folder);
        (await DevnetAsync("up", "--nodes", $"{nodes}", "--keepers", "2", "--block-time", "1", "--period", $"{periodBlocks}", "--detach")).Expect(0);
        (await MarketAsync("deposit", "1000", "--json")).Expect(0);
    }

    public async Task DisposeAsync()
    {
        Finished down = await DevnetAsync("down");
        if (Environment.GetEnvironmentVariable("MARKET_KEEP") is null) Directory.Delete(_folder, recursive: true);
        down.Expect(0);
    }

    public Task<Finished> DevnetAsync(params string[] arguments) =>
        Processes.RunAsync(Processes.Script("devnet.sh"), [.. arguments, "--dir", Folder]);

    public Task<Finished> MarketAsync(params string[] arguments) => MarketWithAsync(new Dictionary<string, string?>(), null, arguments);

    public Task<Finished> MarketWithAsync(Dictionary<string, string?> environment, string? input, params string[] arguments)
    {
        environment["MARKET_DEVNET"] = Path.Combine(Folder, "devnet.json");
        return Processes.RunAsync(Processes.Script("market"), arguments, environment, input, Scratch);
    }

    public JsonElement Node(int id) => Description.GetProperty("nodes").EnumerateArray().Single(node => node.GetProperty("id").GetInt32() == id);

    public void KillNode(int id) => Processes.Kill(Node(id).GetProperty("pid").GetInt32());

    public async Task StartAsync(string who) => (await DevnetAsync("start", who)).Expect(0);

    /// <summary>Waits, a second at a time, until something is seen; a failed test after <paramref name="seconds"/>.</summary>
    public static async Task<JsonElement> EventuallyAsync(string what, int seconds, Func<Task<JsonElement?>> look)
    {
        for (int i = 0; i < seconds; i++)
        {
            if (await look() is { } seen) return seen;
            await Task.Delay(TimeSpan.FromSeconds(1));
        }

        throw new TimeoutException($"Within {seconds} seconds there was not seen: {what}");
    }
}

/// <summary>Five nodes: enough for three replicas and spares.</summary>
public sealed class FiveNodes() : Devnet(5);

/// <summary>Eleven nodes: enough for 4/10 and a spare.</summary>
public sealed class ElevenNodes() : Devnet(11);

/// <summary>Three nodes, so that each holds a replica of everything.</summary>
public sealed class ThreeNodes() : Devnet(3, periodBlocks: 10);

[CollectionDefinition(nameof(FiveNodes))]
public sealed class FiveNodesCollection : ICollectionFixture<FiveNodes>;

[CollectionDefinition(nameof(ThreeNodes))]
public sealed class ThreeNodesCollection : ICollectionFixture<ThreeNodes>;

[CollectionDefinition(nameof(ElevenNodes))]
public sealed class ElevenNodesCollection : ICollectionFixture<ElevenNodes>;
