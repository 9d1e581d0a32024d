namespace Marketplace.Benchmarks.Coding;

/// <summary>Runs several ways to do one thing in turns, so that a machine that slows down slows all of them alike.</summary>
internal static class Interleaved
{
    /// <summary>Turns of each that count; two before them compile and warm up.</summary>
    public const int Runs = 7;

    /// <summary>The median seconds of each action.</summary>
    public static double[] Seconds(params ReadOnlySpan<Action> actions)
    {
        double[][] times = new double[actions.Length][];
        for (int i = 0; i < actions.Length; i++)
        {
            actions[i]();
            times[i] = new double[Runs];
        }

        // The runtime replaces hot methods by better ones a moment after they became hot; only the last ones count.
        Thread.Sleep(TimeSpan.FromMilliseconds(300));
        for (int i = 0; i < actions.Length; i++) actions[i]();
        for (int run = 0; run < Runs; run++)
        {
            for (int i = 0; i < actions.Length; i++) times[i][run] = ProcessorTime.Of(actions[i]);
        }

        return [.. times.Select(Median)];
    }

    /// <summary>The middle value.</summary>
    public static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
