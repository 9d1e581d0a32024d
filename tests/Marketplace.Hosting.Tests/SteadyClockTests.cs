using Marketplace.Testing;

namespace Marketplace.Hosting.Tests;

public sealed class SteadyClockTests
{
    [Fact]
    public void What_is_due_is_due_when_so_much_time_has_passed_however_the_clock_is_set()
    {
        var time = new SetClock(new DateTimeOffset(2026, 1, 1, 8, 0, 0, TimeSpan.Zero));
        var clock = new SteadyClock(time);
        DateTimeOffset began = clock.Now;
        Assert.Equal(time.GetUtcNow(), began);

        time.WrongBy = TimeSpan.FromHours(-8);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(began.AddSeconds(1), clock.Now);
    }
}
