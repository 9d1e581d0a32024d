using System.Globalization;
using System.Text.Json;

namespace Marketplace.Benchmarks.Transfer;

/// <summary>A devnet of its own, and the built command line. What it measures counts the client and all nodes.</summary>
internal sealed class LocalMarket : IAsyncDisposable
{
    private readonly string _devnet;
    private readonly string _script;
    private readonly string _program;
    private readonly Dictionary<string, string> _environment;
    private int[] _nodes = [];

    private LocalMarket(string folder)
    {
        _devnet = Path.Combine(folder, "devnet");
        _script = Path.Combine(Directory.GetCurrentDirectory(), "scripts", "devnet.sh");
        string configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!);
        _program = Path.Combine(Directory.GetCurrentDirectory(), "src", "Marketplace.Cli", "bin", configuration, "net10.0", "market.dll");
        _environment = new Dictionary<string, string> { ["MARKET_DEVNET"] = Path.Combine(_devnet, "devnet.json") };
    }

    public static async Task<LocalMarket> StartAsync(string folder, int nodes)
    {
        var market = new LocalMarket(folder);
        try
        {
            await Measured.RunAsync(market._script, ["up", "--dir", market._devnet, "--nodes", nodes.ToString(CultureInfo.InvariantCulture), "--detach"], market._environment);
            using JsonDocument devnet = JsonDocument.Parse(await File.ReadAllBytesAsync(market._environment["MARKET_DEVNET"]));
            market._nodes = [.. devnet.RootElement.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("pid").GetInt32())];
            await market.RunAsync("deposit", "1000");
            return market;
        }
        catch
        {
            await market.DisposeAsync();
            throw;
        }
    }

    public Task<Measured> PutAsync(string path, string name, string redundancy, string home) =>
        RunAsync("put", path, "--as", name, "--redundancy", redundancy, "--for", "1h", "--home", home, "--json");

    public Task<Measured> GetAsync(string name, string path, string home) => RunAsync("get", name, "-o", path, "--home", home, "--json");

    public async ValueTask DisposeAsync() => await Measured.RunAsync(_script, ["down", "--dir", _devnet], _environment);

    private async Task<Measured> RunAsync(params string[] arguments)
    {
        double before = Measured.SecondsOf(_nodes);
        Measured client = await Measured.RunAsync("dotnet", [_program, .. arguments], _environment);
        return client with { ProcessorSeconds = client.ProcessorSeconds + Measured.SecondsOf(_nodes) - before };
    }
}
