namespace Marketplace.Chain.Rpc;

/// <summary>Limits of talking to endpoints.</summary>
public sealed record RpcOptions
{
    /// <summary>The longest that one HTTP request may take.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How often all endpoints are asked in turn before a request fails.</summary>
    public int RoundsMax { get; init; } = 2;

    /// <summary>The pause between two rounds.</summary>
    public TimeSpan RoundPause { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>How long an endpoint that failed is asked last.</summary>
    public TimeSpan FailedEndpointRest { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most requests in one HTTP body.</summary>
    public int BatchRequestsMax { get; init; } = 100;

    /// <summary>The longest answer that is read.</summary>
    public int ResponseBytesMax { get; init; } = 64 * 1024 * 1024;
}
