using Marketplace.Benchmarks.Coding;

namespace Marketplace.Benchmarks.Node;

/// <summary>The same work for the node and for bare Kestrel in turns, and what the medians say.</summary>
internal sealed class Comparison(Side node, Side kestrel)
{
    private const int Runs = 7;

    private readonly List<Load> _node = [];
    private readonly List<Load> _kestrel = [];

    /// <summary>Runs the turns; the first, which compiles and warms up, is not counted.</summary>
    /// <param name="name">What the lines on standard error call it.</param>
    /// <param name="turn">One turn of one side; says how much was done in it.</param>
    public async Task RunAsync(string name, Func<Side, int, Task<(Load Load, double Done)>> turn)
    {
        for (int run = -1; run < Runs; run++)
        {
            foreach ((Side side, List<Load> seen) in ((Side, List<Load>)[])[(node, _node), (kestrel, _kestrel)])
            {
                (Load load, double done) = await turn(side, run);
                await Console.Error.WriteLineAsync($"{name,-10} {side.Name,-8} {done / load.Seconds,9:0.000} a second, {done / load.ServerSeconds,9:0.000} a processor second of the server, {done / load.ProcessorSeconds,9:0.000} of both");
                if (run >= 0) seen.Add(new Load(load.Seconds / done, load.ServerSeconds / done, load.ClientSeconds / done));
            }
        }
    }

    /// <summary>Node over Kestrel by the clock.</summary>
    public double OfKestrel => Ratio(load => load.Seconds);

    /// <summary>Node over Kestrel by processor time of server and clients.</summary>
    public double OfKestrelByProcessor => Ratio(load => load.ProcessorSeconds);

    /// <summary>Done in a second by the node.</summary>
    public double PerSecond => Math.Round(1 / Median(_node, load => load.Seconds), 3);

    /// <summary>Done in a processor second of the node.</summary>
    public double PerProcessorSecond => Math.Round(1 / Median(_node, load => load.ServerSeconds), 3);

    private double Ratio(Func<Load, double> seconds) => Math.Round(Median(_kestrel, seconds) / Median(_node, seconds), 3);

    private static double Median(List<Load> loads, Func<Load, double> value) => Interleaved.Median([.. loads.Select(value)]);
}
