using Marketplace.Chain;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>What a node is started with; everything about the node itself stands in its folder (<see cref="NodeConfig"/>).</summary>
public sealed record NodeOptions
{
    /// <summary>The node's folder, made by <see cref="NodeSetup.Init"/>.</summary>
    public required string DataDir { get; init; }

    /// <summary>Where the contracts live.</summary>
    public required Deployment Deployment { get; init; }

    /// <summary>Opens the hot key and the TLS key. Never logged.</summary>
    public required string Passphrase { get; init; }

    /// <summary>JSON-RPC endpoint, or several separated by commas; null for the one that the deployment names.</summary>
    public string? RpcUrl { get; init; }

    /// <summary>Where log lines go; null is standard error.</summary>
    public string? LogFile { get; init; }

    /// <summary>Events below this are not written.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Told once, when the node answers.</summary>
    public Action<NodeListening>? Listening { get; init; }

    /// <summary>The clock. Nothing that is proved depends on it: the chain has its own.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Limits and rhythms; null for the defaults.</summary>
    public NodeLimits? Limits { get; init; }
}

/// <summary>A node that answers.</summary>
/// <param name="Id">Its number in the registry.</param>
/// <param name="Url">Where clients reach it.</param>
/// <param name="AdminUrl">Where its operator does, on this machine.</param>
public sealed record NodeListening(Domain.NodeId Id, Uri Url, Uri AdminUrl);
