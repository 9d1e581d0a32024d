namespace Marketplace.Benchmarks.Coding;

/// <summary>The coding kernels and the chain that they make, in memory, by processor time, beside other people's code.</summary>
internal static class CodingBenchmark
{
    public static Task<IReadOnlyDictionary<string, double?>> RunAsync()
    {
        var figures = new Dictionary<string, double?>();
        TreeBenchmark.Run(figures);
        ErasureBenchmark.Run(figures);
        ChainBenchmark.Run(figures);
        return Task.FromResult<IReadOnlyDictionary<string, double?>>(figures);
    }
}
