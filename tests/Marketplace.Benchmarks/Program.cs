using System.Text.Json;
using Marketplace.Benchmarks;
using Marketplace.Benchmarks.Node;

switch (args)
{
    case [BareKestrel.Verb]:
        await BareKestrel.RunAsync();
        return 0;
    case [NodeMarket.NodeVerb, string dataDir, string deployment]:
        await NodeMarket.RunNodeAsync(dataDir, deployment);
        return 0;
}

string? only = args.SkipWhile(arg => arg != "--only").ElementAtOrDefault(1);
Dictionary<string, Func<Task<IReadOnlyDictionary<string, double?>>>> benchmarks = new()
{
    ["coding"] = Marketplace.Benchmarks.Coding.CodingBenchmark.RunAsync,
    ["node"] = () => NodeBenchmark.RunAsync(only),
    ["transfer"] = () => Marketplace.Benchmarks.Transfer.TransferBenchmark.RunAsync(only),
};

if (args.Length == 0 || !benchmarks.TryGetValue(args[0], out Func<Task<IReadOnlyDictionary<string, double?>>>? run))
{
    Console.Error.WriteLine($"error: name a benchmark: {string.Join(", ", benchmarks.Keys)} — ./scripts/bench.sh NAME [--json]");
    return 2;
}

IReadOnlyDictionary<string, double?> figures = await run();
if (args.Contains("--json"))
{
    Console.WriteLine(JsonSerializer.Serialize(figures));
}
else
{
    foreach ((string name, double? figure) in figures) Console.WriteLine($"{name,-28} {figure?.ToString("0.###") ?? "–"}");
}

return 0;
