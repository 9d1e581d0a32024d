using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Chain.Accounts;

namespace Marketplace.Benchmarks.Transfer;

/// <summary>A devnet of its own, and the command line as the scripts run it.</summary>
internal sealed class LocalMarket : IAsyncDisposable
{
    private static readonly Dictionary<string, string> s_nothing = [];

    private readonly string _devnet;
    private readonly string _script;
    private int[] _nodes = [];
    private int _clients;

    private LocalMarket(string folder)
    {
        _devnet = Path.Combine(folder, "devnet");
        _script = Path.Combine(Directory.GetCurrentDirectory(), "scripts", "devnet.sh");
        string configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!);
        Program = Path.Combine(Directory.GetCurrentDirectory(), "src", "Marketplace.Cli", "bin", configuration, "market", "market");
    }

    private string Program { get; }

    private string File => Path.Combine(_devnet, "devnet.json");

    public static async Task<LocalMarket> StartAsync(string folder, int nodes)
    {
        var market = new LocalMarket(folder);
        try
        {
            await Measured.RunAsync(market._script, ["up", "--dir", market._devnet, "--nodes", nodes.ToString(CultureInfo.InvariantCulture), "--detach"], s_nothing);
            using JsonDocument devnet = JsonDocument.Parse(await System.IO.File.ReadAllBytesAsync(market.File));
            market._nodes = [.. devnet.RootElement.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("pid").GetInt32())];
            return market;
        }
        catch
        {
            await market.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client with money and an empty catalogue, as each backup of restic goes into a new repository. Not measured.</summary>
    public async Task<LocalClient> NewClientAsync()
    {
        Mnemonic words = Mnemonic.Create();
        using Account account = Account.FromMnemonic(words);
        JsonNode devnet = JsonNode.Parse(await System.IO.File.ReadAllBytesAsync(File))!;
        devnet["accounts"] = new JsonArray(new JsonObject
        {
            ["name"] = "client",
            ["address"] = account.Address.ToString(),
            ["privateKey"] = account.UsePrivateKey(key => "0x" + Convert.ToHexStringLower(key)),
            ["mnemonic"] = words.Words,
        });
        string file = Path.Combine(_devnet, $"client{_clients++}.json");
        await System.IO.File.WriteAllTextAsync(file, devnet.ToJsonString());
        await RunAsync(File, "devnet", "fund", account.Address.ToString());
        await RunAsync(file, "deposit", "1000");
        return new LocalClient(this, file);
    }

    /// <summary>Runs the command line; what it measures counts the client and all nodes.</summary>
    public async Task<Measured> RunAsync(string devnet, params string[] arguments)
    {
        double before = Measured.SecondsOf(_nodes);
        Measured client = await Measured.RunAsync(Program, arguments, new Dictionary<string, string> { ["MARKET_DEVNET"] = devnet });
        return client with { ProcessorSeconds = client.ProcessorSeconds + Measured.SecondsOf(_nodes) - before };
    }

    public async ValueTask DisposeAsync() => await Measured.RunAsync(_script, ["down", "--dir", _devnet], s_nothing);
}

/// <summary>A client of the devnet.</summary>
internal sealed class LocalClient(LocalMarket market, string devnet)
{
    public Task<Measured> PutAsync(string path, string name, string redundancy) =>
        market.RunAsync(devnet, "put", path, "--as", name, "--redundancy", redundancy, "--for", "1h", "--json");

    public Task<Measured> GetAsync(string name, string path) => market.RunAsync(devnet, "get", name, "-o", path, "--json");
}
