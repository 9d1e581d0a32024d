using Marketplace.Chain.Contracts;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>What the node last saw of the chain and of itself, for those who answer requests. Written by the worker alone.</summary>
internal sealed record Pulse(
    BlockNumber Tip,
    DateTimeOffset SeenAt,
    Standing Standing,
    NodeView Registered,
    PeriodNumber? LastProvedHere,
    string? Trouble);

/// <summary>Holds the newest <see cref="Pulse"/>; null before the first.</summary>
internal sealed class NodePulse
{
    private volatile Pulse? _now;

    public Pulse? Now
    {
        get => _now;
        set => _now = value;
    }

    /// <summary>The newest pulse if it is fresh enough to promise on.</summary>
    public Pulse? Fresh(DateTimeOffset now, TimeSpan silenceMax) => _now is { } pulse && now - pulse.SeenAt <= silenceMax ? pulse : null;
}
