namespace Marketplace.Node;

/// <summary>Every limit of a node that is policy and not protocol, by name.</summary>
public sealed record NodeLimits
{
    /// <summary>Uploads that are read at once; more are told to come back.</summary>
    public int UploadsAtOnceMax { get; init; } = 64;

    /// <summary>Range reads at once, each with up to 4 MiB of memory; more wait.</summary>
    public int ReadsAtOnceMax { get; init; } = 32;

    /// <summary>Open connections.</summary>
    public long ConnectionsMax { get; init; } = 2_000;

    /// <summary>Requests a second of one remote address, lasting.</summary>
    public int RequestsPerSecondMax { get; init; } = 500;

    /// <summary>Requests of one remote address at once after a pause.</summary>
    public int RequestBurstMax { get; init; } = 2_000;

    /// <summary>How long an upload that nobody asked a promise for is kept.</summary>
    public TimeSpan UploadLife { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Slowest pace of an upload, in bytes a second, after <see cref="UploadGrace"/>. Clients feed many nodes at the pace of the slowest.</summary>
    public double UploadBytesPerSecondMin { get; init; } = 512;

    /// <summary>How long an upload may stand still.</summary>
    public TimeSpan UploadGrace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>An upload that did not reserve all of its room at the start gets more in steps of at least this much, or of a quarter of what it has.</summary>
    public long UploadGrowthBytesMin { get; init; } = 16L << 20;

    /// <summary>Share of the capacity that uploads without a deal may take together.</summary>
    public double UnopenedShareMax { get; init; } = 0.05;

    /// <summary>Uploads without a deal may take this much whatever the share says, up to half of what no deal holds, so that small nodes can take large shards.</summary>
    public long UnopenedBytesFloor { get; init; } = 8L << 30;

    /// <summary>Longest time that a promise may reach into the future.</summary>
    public TimeSpan HorizonMax { get; init; } = TimeSpan.FromDays(366);

    /// <summary>Blocks that a reorganisation may take back: nothing is dropped before what frees it is this deep.</summary>
    public uint ReorgBlocks { get; init; } = 64;

    /// <summary>On a development chain there are no such reorganisations.</summary>
    public uint DevelopmentReorgBlocks { get; init; } = 2;

    /// <summary>The blocks that a reorganisation of a chain may take back.</summary>
    public uint ReorgBlocksOn(ulong chainId) => chainId == Network.EndpointGate.DevelopmentChainId ? DevelopmentReorgBlocks : ReorgBlocks;

    /// <summary>Blocks behind the seed's after which anyone pins it, before the chain forgets its hash (256).</summary>
    public uint PinAfterBlocks { get; init; } = 128;

    /// <summary>Blocks that a node looks back for vacant slots when it starts.</summary>
    public ulong RepairLookBackBlocks { get; init; } = 10_000;

    /// <summary>Vacant slots that are kept in mind at once.</summary>
    public int RepairSlotsMax { get; init; } = 1_000;

    /// <summary>How often everything that is held is read and compared with its root.</summary>
    public TimeSpan ScrubEvery { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Slowest pace of that reading.</summary>
    public double ScrubBytesPerSecondMin { get; init; } = 1 << 20;

    /// <summary>Periods between two collections of what was earned.</summary>
    public uint CollectEveryPeriods { get; init; } = 4;

    /// <summary>The node takes no promises when its newest block was read longer ago than this.</summary>
    public TimeSpan ChainSilenceMax { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Longest pause between two tries of something that failed.</summary>
    public TimeSpan RetryPauseMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an uploader's free money is believed to be what the chain said.</summary>
    public TimeSpan FundsCheckLife { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Tokens whose check is remembered.</summary>
    public int TokensRememberedMax { get; init; } = 4_096;

    /// <summary>How long the check of a token that an operator signed is believed: the client may take the allowance back.</summary>
    public TimeSpan OperatorCheckLife { get; init; } = TimeSpan.FromMinutes(1);
}
