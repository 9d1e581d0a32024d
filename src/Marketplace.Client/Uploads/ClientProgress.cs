namespace Marketplace.Client.Uploads;

/// <summary>What a long call is doing.</summary>
public enum ClientStage
{
    /// <summary>Asking chain and nodes.</summary>
    Preparing,

    /// <summary>Reading, sealing and sending.</summary>
    Sending,

    /// <summary>Rebuilding the shards of nodes that failed on others.</summary>
    Refilling,

    /// <summary>Waiting for the nodes' promises and for the chain.</summary>
    Opening,

    /// <summary>Reading from nodes.</summary>
    Receiving,
}

/// <summary>How far a long call is.</summary>
/// <param name="Stage">What it is doing.</param>
/// <param name="Done">Bytes done in this stage.</param>
/// <param name="Total">Bytes to do; null if that is not known.</param>
public readonly record struct ClientProgress(ClientStage Stage, long Done, long? Total);
