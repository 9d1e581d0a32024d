namespace Marketplace.Chaos.Tests;

/// <summary>What may happen to a node.</summary>
internal enum Trouble
{
    ShortAbsence,
    LongAbsence,
    DamagedShard,
    FullDisk,
    ReadOnlyDisk,
    PriceChange,
}

/// <summary>One thing that is to happen.</summary>
/// <param name="AtSeconds">When, in seconds of network time since the start.</param>
/// <param name="Trouble">What.</param>
/// <param name="Order">To whom: the first of these places at which it does not break more than the redundancy permits.</param>
/// <param name="Share">How long or how much, from 0 to 1.</param>
/// <param name="Seed">For all else that is chosen.</param>
internal sealed record ChaosEvent(double AtSeconds, Trouble Trouble, IReadOnlyList<int> Order, double Share, int Seed);

/// <summary>Makes all events of a run from its seed. Pure.</summary>
internal static class ChaosPlan
{
    private const double QuietPeriods = 0.5;
    private const double GapPeriodsMin = 0.15;
    private const double GapPeriodsMax = 0.75;

    // A long absence takes its node's slots with it, and each needs repairs: not more than one in so many periods.
    private const double LongAbsenceEveryPeriods = 11.25;

    private static readonly (Trouble Trouble, int Weight)[] s_weights =
    [
        (Trouble.ShortAbsence, 38), (Trouble.LongAbsence, 8), (Trouble.DamagedShard, 28), (Trouble.FullDisk, 7), (Trouble.ReadOnlyDisk, 7), (Trouble.PriceChange, 12),
    ];

    public static IReadOnlyList<ChaosEvent> Make(ChaosOptions options)
    {
        var random = new Random(options.Seed);
        var events = new List<ChaosEvent>();
        double period = options.Schedule.PeriodLength.TotalSeconds;
        double end = options.Minutes * 60 / period;
        double longAfter = 0;
        for (double at = QuietPeriods; at < end; at += GapPeriodsMin + (random.NextDouble() * (GapPeriodsMax - GapPeriodsMin)))
        {
            Trouble trouble = Choose(random);
            if (trouble is Trouble.LongAbsence)
            {
                if (at < longAfter) trouble = Trouble.ShortAbsence;
                else longAfter = at + LongAbsenceEveryPeriods;
            }

            int[] order = [.. Enumerable.Range(0, options.Nodes)];
            random.Shuffle(order);
            events.Add(new ChaosEvent(at * period, trouble, order, random.NextDouble(), random.Next()));
        }

        return events;
    }

    private static Trouble Choose(Random random)
    {
        int drawn = random.Next(s_weights.Sum(one => one.Weight));
        foreach ((Trouble trouble, int weight) in s_weights)
        {
            if ((drawn -= weight) < 0) return trouble;
        }

        throw new InvalidOperationException("The weights do not add up.");
    }
}
