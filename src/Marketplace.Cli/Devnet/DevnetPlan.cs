using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>What <c>devnet up</c> is asked for.</summary>
/// <param name="Nodes">Storage nodes, each with an owner of its own.</param>
/// <param name="Keepers">Record keepers.</param>
/// <param name="BlockSeconds">Seconds between two blocks.</param>
/// <param name="PeriodBlocks">Blocks in a period.</param>
internal sealed record DevnetPlan(int Nodes, int Keepers, uint BlockSeconds, uint PeriodBlocks)
{
    /// <summary>More processes than this are not a devnet but a burden.</summary>
    public const int NodesMax = 50;

    /// <summary>Keepers at most.</summary>
    public const int KeepersMax = 10;

    /// <summary>A node must see the seed and have blocks left to prove in.</summary>
    public const uint PeriodBlocksMin = 6;

    /// <summary>The chain answers for 256 blocks what a block's hash was; a seed must not be older.</summary>
    public const uint PeriodBlocksMax = 250;

    /// <summary>What a node asks: tokens per GiB and 30 days.</summary>
    public static TokenAmount NodePrice { get; } = TokenAmount.Parse("0.5");

    /// <summary>What a node locks.</summary>
    public static TokenAmount NodeStake { get; } = TokenAmount.Parse("100");

    /// <summary>What a node's hot key has free for the bonds of repairs.</summary>
    public static TokenAmount NodeBonds { get; } = TokenAmount.Parse("10");

    /// <summary>What a node offers at most; less if the disk has less.</summary>
    public const long NodeCapacityBytesMax = 20 * ByteSize.Gibibyte;

    /// <summary>The client's tokens, all in its wallet.</summary>
    public static TokenAmount ClientTokens { get; } = TokenAmount.Parse("1000000");

    /// <summary>The chain's own coin that every account gets for gas.</summary>
    public static TokenAmount Coins { get; } = TokenAmount.Parse("10000");

    /// <summary>Refuses what cannot work.</summary>
    /// <exception cref="MarketException">A number is out of range.</exception>
    public void Check()
    {
        CheckRange("--nodes", Nodes, 1, NodesMax);
        CheckRange("--keepers", Keepers, 0, KeepersMax);
        CheckRange("--block-time", BlockSeconds, 1, 60);
        CheckRange("--period", PeriodBlocks, PeriodBlocksMin, PeriodBlocksMax);
    }

    /// <summary>What each node offers, so that all together leave the disk some room.</summary>
    /// <param name="freeBytes">What the disk has.</param>
    public long CapacityOfNode(long freeBytes) => Math.Min(NodeCapacityBytesMax, freeBytes / 10 * 9 / Nodes);

    private static void CheckRange(string option, long value, long min, long max)
    {
        if (value < min || value > max) throw new MarketException(MarketErrorCode.Usage, $"{option} is {value}", $"a number from {min} to {max} is possible");
    }
}
