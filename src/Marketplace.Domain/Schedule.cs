using System.Globalization;

namespace Marketplace.Domain;

/// <summary>
/// The market's clock: which blocks make a period and when its seed is known.
/// Period p is blocks [p·L, (p+1)·L); its seed is the hash of block p·L + D; proofs are taken after that block until the period ends.
/// </summary>
/// <param name="PeriodBlocks">L, blocks in a period.</param>
/// <param name="SeedDelayBlocks">D, blocks from a period's first block to the one whose hash is its seed.</param>
/// <param name="BlockSeconds">Nominal seconds between blocks: turns durations into periods, decides nothing else.</param>
public readonly record struct Schedule(uint PeriodBlocks, uint SeedDelayBlocks, uint BlockSeconds)
{
    /// <summary>Nominal length of a period.</summary>
    public TimeSpan PeriodLength => TimeSpan.FromSeconds((double)PeriodBlocks * BlockSeconds);

    /// <summary>The period that a block belongs to.</summary>
    public PeriodNumber PeriodOf(BlockNumber block) => new(checked((uint)(block.Value / PeriodBlocks)));

    /// <summary>Whether a block lies in a period that the chain's 22 bits can count. One that does not is nobody's: who tells of it is mistaken.</summary>
    public bool Counts(BlockNumber block) => block.Value / PeriodBlocks <= PeriodNumber.ValueMax;

    /// <summary>The first block of a period.</summary>
    public BlockNumber FirstBlock(PeriodNumber period) => new((ulong)period.Value * PeriodBlocks);

    /// <summary>The block whose hash is the period's seed.</summary>
    public BlockNumber SeedBlock(PeriodNumber period) => new(((ulong)period.Value * PeriodBlocks) + SeedDelayBlocks);

    /// <summary>The last block that may carry a proof of the period.</summary>
    public BlockNumber LastBlock(PeriodNumber period) => new((((ulong)period.Value + 1) * PeriodBlocks) - 1);

    /// <summary>Whole periods that cover a duration, at least one.</summary>
    public uint PeriodsIn(TimeSpan duration)
    {
        double seconds = (double)PeriodBlocks * BlockSeconds;
        double periods = Math.Ceiling(duration.TotalSeconds / seconds);
        return periods > PeriodNumber.ValueMax
            ? throw new OverflowException($"{duration} is longer than the chain can count in periods of {PeriodLength}.")
            : Math.Max(1, (uint)periods);
    }
}

/// <summary>Durations as people write them: <c>90s</c>, <c>10m</c>, <c>12h</c>, <c>30d</c>.</summary>
public static class Duration
{
    /// <summary>Reads a whole number with s, m, h or d behind it. False for anything else, and for nothing at all.</summary>
    public static bool TryParse(string? text, out TimeSpan duration)
    {
        duration = default;
        if (text is not { Length: >= 2 } ||
            !uint.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out uint number) || number == 0)
        {
            return false;
        }

        double seconds = text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        if (seconds == 0 || seconds * number > TimeSpan.MaxValue.TotalSeconds / 2) return false;
        duration = TimeSpan.FromSeconds(seconds * number);
        return true;
    }

    /// <inheritdoc cref="TryParse" />
    /// <exception cref="FormatException">The text is not a duration.</exception>
    public static TimeSpan Parse(string text) => TryParse(text, out TimeSpan duration)
        ? duration
        : throw new FormatException($"'{text}' is not a duration: write 90s, 10m, 12h or 30d.");

    /// <summary>The shortest text that <see cref="Parse"/> reads back to whole seconds.</summary>
    public static string Format(TimeSpan duration)
    {
        long seconds = (long)Math.Ceiling(duration.TotalSeconds);
        return seconds switch
        {
            _ when seconds % 86400 == 0 => $"{seconds / 86400}d",
            _ when seconds % 3600 == 0 => $"{seconds / 3600}h",
            _ when seconds % 60 == 0 => $"{seconds / 60}m",
            _ => $"{seconds}s",
        };
    }
}
