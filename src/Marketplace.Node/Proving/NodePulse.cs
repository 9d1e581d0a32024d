using Marketplace.Chain.Contracts;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>What the node last saw of the chain and of itself, for those who answer requests. Written by the worker, and by the watch while nothing changes.</summary>
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

    /// <summary>A newer block changed nothing.</summary>
    public void StillGood(BlockNumber tip, DateTimeOffset now)
    {
        Pulse? before = _now;
        // If the worker wrote one meanwhile, that is the newer.
        if (before is not null) Interlocked.CompareExchange(ref _now, before with { Tip = tip, SeenAt = now }, before);
    }

    /// <summary>The newest pulse if it is fresh enough to promise on.</summary>
    public Pulse? Fresh(DateTimeOffset now, TimeSpan silenceMax) => _now is { } pulse && now - pulse.SeenAt <= silenceMax ? pulse : null;
}
