namespace Marketplace.Node;

/// <summary>Every limit of a node that is policy and not protocol, by name.</summary>
public sealed record NodeLimits
{
    /// <summary>Uploads that are read at once; more are told to come back.</summary>
    public int UploadsAtOnceMax { get; init; } = 64;

    /// <summary>Range reads at once, each with up to 4 MiB of memory; more wait.</summary>
    public int ReadsAtOnceMax { get; init; } = 32;

    /// <summary>Uploads of one client at once.</summary>
    public int UploadsPerClientMax { get; init; } = 32;

    /// <summary>Promises that one client may ask for at once; more are told to come back.</summary>
    public int PromisesPerClientMax { get; init; } = 32;

    /// <summary>Range reads of one address at once; more of them wait, and others do not.</summary>
    public int ReadsPerAddressMax { get; init; } = 16;

    /// <summary>Slowest pace at which a reader may take what it asked for, in bytes a second, after <see cref="ReadGrace"/>. Readers of this market give up far earlier.</summary>
    public double ReadBytesPerSecondMin { get; init; } = 32 << 10;

    /// <summary>How long a reader may stand still, or take for a piece of a quarter of a mebibyte.</summary>
    public TimeSpan ReadGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the lines above a request's body may take.</summary>
    public TimeSpan HeadersTimeMax { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may take to agree on its keys.</summary>
    public TimeSpan HandshakeTimeMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Open connections of strangers; more are closed at once.</summary>
    public int ConnectionsMax { get; init; } = 2_000;

    /// <summary>Open connections of one address (of an IPv6 network of 64 bits).</summary>
    public int ConnectionsPerAddressMax { get; init; } = 512;

    /// <summary>Open connections to the operator's port.</summary>
    public int AdminConnectionsMax { get; init; } = 100;

    /// <summary>Requests a second of one remote address, lasting.</summary>
    public int RequestsPerSecondMax { get; init; } = 500;

    /// <summary>Requests of one remote address at once after a pause.</summary>
    public int RequestBurstMax { get; init; } = 2_000;

    /// <summary>How long an upload that nobody asked a promise for is kept.</summary>
    public TimeSpan UploadLife { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Slowest pace of an upload, in bytes a second, after <see cref="UploadGrace"/>. Clients feed many nodes at the pace of the slowest.</summary>
    public double UploadBytesPerSecondMin { get; init; } = 512;

    /// <summary>An upload comes at least so fast that the room reserved at its start would be full after this long.</summary>
    public TimeSpan ReservationTimeMax { get; init; } = TimeSpan.FromHours(12);

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

    /// <summary>Blocks over which the nodes spread that, each at its own: the first one saves the others the gas.</summary>
    public uint PinSpreadBlocks { get; init; } = 64;

    /// <summary>Blocks that a node looks back for vacant slots when it starts; never fewer than a reservation may be old that is still to be claimed.</summary>
    public ulong RepairLookBackBlocks { get; init; } = 10_000;

    /// <summary>Whether a node takes over slots of deals that other nodes of its owner hold slots of; null: on a development chain only, where all nodes are one owner's.</summary>
    public bool? RepairsBesideOwnNodes { get; init; }

    /// <summary>Whether slots of one deal may be one owner's.</summary>
    public bool MayShareOwnerOn(ulong chainId) => RepairsBesideOwnNodes ?? chainId == Network.EndpointGate.DevelopmentChainId;

    /// <summary>Slowest pace of a node from which a lost shard is fetched, in bytes a second, after <see cref="RepairGrace"/>; a slower one is dropped for another.</summary>
    public double RepairBytesPerSecondMin { get; init; } = 128 << 10;

    /// <summary>How long such a node may take beyond its pace.</summary>
    public TimeSpan RepairGrace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Lost shards that are made at once, each with a mebibyte of memory for every shard that it takes and one more.</summary>
    public int RebuildsAtOnceMax { get; init; } = 3;

    /// <summary>How often is looked for more to make while some are made.</summary>
    public TimeSpan RebuildLookEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Pause after the first failure of a repair; it doubles up to a quarter of a period.</summary>
    public TimeSpan RepairPauseMin { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Vacant slots that are kept in mind at once.</summary>
    public int RepairSlotsMax { get; init; } = 1_000;

    /// <summary>Slowest pace at which everything that is held is read and compared with its root, in bytes a second; <see cref="NodeConfig.ScrubEvery"/> may ask for more.</summary>
    public double ScrubBytesPerSecondMin { get; init; } = 1 << 20;

    /// <summary>How often the volumes are looked at when nothing changed.</summary>
    public TimeSpan VolumeLookEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a volume that is away, or a drain that found no room, is tried again.</summary>
    public TimeSpan VolumeRetryEvery { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a drain tries again to read shards that are damaged.</summary>
    public TimeSpan VolumeDamagedEvery { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Questions that are answered at once, in one turn.</summary>
    public int AnswersAtOnceMax { get; init; } = 16;

    /// <summary>Periods between two collections of what was earned.</summary>
    public uint CollectEveryPeriods { get; init; } = 4;

    /// <summary>The node takes no promises when its newest block was read longer ago than this.</summary>
    public TimeSpan ChainSilenceMax { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>An endpoint whose newest block is the same for so long stands still: the next one is asked.</summary>
    public TimeSpan ChainStandstillMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Longest pause between two tries of something that failed.</summary>
    public TimeSpan RetryPauseMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often is looked at what the operator is to know.</summary>
    public TimeSpan WatchEvery { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Messages that wait for the operator's webhook; of more the oldest are dropped.</summary>
    public int AlertsWaitingMax { get; init; } = 100;

    /// <summary>Longest pause between two tries of a message.</summary>
    public TimeSpan AlertPauseMax { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long an uploader's free money is believed to be what the chain said.</summary>
    public TimeSpan FundsCheckLife { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Tokens whose check is remembered.</summary>
    public int TokensRememberedMax { get; init; } = 4_096;

    /// <summary>How long the check of a token that an operator signed is believed: the client may take the allowance back.</summary>
    public TimeSpan OperatorCheckLife { get; init; } = TimeSpan.FromMinutes(1);
}
