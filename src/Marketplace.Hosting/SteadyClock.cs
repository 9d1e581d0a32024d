namespace Marketplace.Hosting;

/// <summary>
/// A clock for pauses and for what is due: it begins with the time of day, and goes on by what has passed since. Whoever sets the machine's
/// clock, a time service after a boot with a wrong one first of all, makes no pause longer or shorter. Safe for use by many threads.
/// </summary>
public sealed class SteadyClock(TimeProvider time)
{
    private readonly DateTimeOffset _began = time.GetUtcNow();
    private readonly long _beganAt = time.GetTimestamp();

    /// <summary>The time of day when the clock was made, and as much later as has passed since.</summary>
    public DateTimeOffset Now => _began + time.GetElapsedTime(_beganAt);
}
