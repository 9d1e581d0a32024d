namespace Marketplace.Client.Tests.Sessions;

/// <summary>A minute passes in five seconds. Timers take their time.</summary>
internal sealed class FastClock : TimeProvider
{
    public override long GetTimestamp() => System.GetTimestamp() * 12;
}
