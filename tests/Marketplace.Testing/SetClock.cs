using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Testing;

/// <summary>Time that a test moves, and a time of day that it sets besides, as a time service does: what has passed stays what it is.</summary>
public sealed class SetClock(DateTimeOffset start) : FakeTimeProvider(start)
{
    /// <summary>By how much the clock is set wrong.</summary>
    public TimeSpan WrongBy { get; set; }

    /// <inheritdoc />
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + WrongBy;

    /// <inheritdoc />
    public override long GetTimestamp() => base.GetUtcNow().Ticks;
}
