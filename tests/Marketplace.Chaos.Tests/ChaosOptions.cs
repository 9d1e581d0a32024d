using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Marketplace.Domain;

namespace Marketplace.Chaos.Tests;

/// <summary>What a run of chaos is asked for.</summary>
internal sealed record ChaosOptions
{
    public const string Usage = """
        usage: ./scripts/chaos.sh [--seed S] [--minutes M] [--nodes N] [--pace P] [--period B] [--keep DIR]

        Real nodes on a real chain whose blocks come fast, a client that stores and reads, and one seed that kills nodes, brings them
        back, breaks their disks and changes their prices. The last line says what was seen; exit code 0 only if every promise held.

          --seed S      what happens, to whom, when and with which bytes (1)
          --minutes M   minutes of network time, that is of the blocks' timestamps (120)
          --nodes N     storage nodes, 7 to 20 (8)
          --pace P      seconds of network time that pass in a second, 1 to 20 (4)
          --period B    blocks in a period, 10 to 200 (40: 80 seconds of network time)
          --keep DIR    a new folder for data and logs, that stays; without it they are gone at the end

        ./scripts/chaos.sh --seed 7                       two hours of network time in half an hour
        ./scripts/chaos.sh --seed 7 --minutes 6 --pace 8  less than two minutes, to see what it does
        ./scripts/chaos.sh --seed 7 --keep run7           leaves every log in run7
        """;

    /// <summary>Nominal seconds between two blocks, and what each block's timestamp advances by.</summary>
    public const uint BlockSeconds = 2;

    private const uint SeedDelayBlocks = 2;

    /// <summary>The widest deals take six nodes, and one must be left to repair them.</summary>
    private const int NodesMin = 7;

    public int Seed { get; init; } = 1;

    public int Minutes { get; init; } = 120;

    public int Nodes { get; init; } = 8;

    public int Pace { get; init; } = 4;

    public uint PeriodBlocks { get; init; } = 40;

    public string? Keep { get; init; }

    public static bool TryParse(ReadOnlySpan<string> args, [NotNullWhen(true)] out ChaosOptions? options)
    {
        options = new ChaosOptions();
        while (args is [var name, var value, .. var rest])
        {
            bool isNumber = int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number);
            options = (name, isNumber) switch
            {
                ("--seed", true) => options! with { Seed = number },
                ("--minutes", true) when number is > 0 and <= 10_000 => options! with { Minutes = number },
                ("--nodes", true) when number is >= NodesMin and <= 20 => options! with { Nodes = number },
                ("--pace", true) when number is > 0 and <= 20 => options! with { Pace = number },
                ("--period", true) when number is >= 10 and <= 200 => options! with { PeriodBlocks = (uint)number },
                ("--keep", _) when !Path.Exists(value) => options! with { Keep = Path.GetFullPath(value) },
                _ => null,
            };
            if (options is null) return false;
            args = rest;
        }

        return args.IsEmpty;
    }

    /// <summary>A span of network time in blocks.</summary>
    public static ulong BlocksIn(double seconds) => (ulong)Math.Ceiling(seconds / BlockSeconds);

    /// <summary>The market's clock.</summary>
    public Schedule Schedule => new(PeriodBlocks, SeedDelayBlocks, BlockSeconds);
}
