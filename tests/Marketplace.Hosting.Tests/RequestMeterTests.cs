using System.Net;
using Marketplace.Hosting.Http;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Hosting.Tests;

public sealed class RequestMeterTests
{
    private static readonly IPAddress s_one = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress s_other = IPAddress.Parse("192.0.2.2");

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_burst_passes_and_then_as_many_as_time_brings_of_each_address_by_itself()
    {
        var meter = new RequestMeter(new RequestLimits(PerSecond: 2, Burst: 6), _time);
        Assert.Equal(6, Take(meter, s_one, 10));
        Assert.False(meter.TryTake(s_one, out TimeSpan wait));
        Assert.Equal(TimeSpan.FromSeconds(0.5), wait);
        Assert.Equal(6, Take(meter, s_other, 10));

        _time.Advance(TimeSpan.FromSeconds(0.4));
        Assert.False(meter.TryTake(s_one, out wait));
        Assert.Equal(TimeSpan.FromSeconds(0.1), wait);
        _time.Advance(wait);
        Assert.Equal(1, Take(meter, s_one, 10));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(6, Take(meter, s_one, 10));
    }

    /// <summary>Whatever the moments at which generations change, over any stretch of time an address gets a burst and what time brings, and no less.</summary>
    [Fact]
    public void Forgetting_gives_and_takes_nothing()
    {
        const int Burst = 4;
        var meter = new RequestMeter(new RequestLimits(PerSecond: 1, Burst), _time);
        double tokens = Burst;
        var random = new Random(7);
        for (int i = 0; i < 10_000; i++)
        {
            double seconds = random.Next(16) * 0.125;
            _time.Advance(TimeSpan.FromSeconds(seconds));
            tokens = Math.Min(Burst, tokens + seconds);
            Assert.Equal(tokens >= 1, meter.TryTake(s_one, out _));
            if (tokens >= 1) tokens--;
            // Others come and go, so that generations change at any moment.
            if (random.Next(4) == 0) meter.TryTake(s_other, out _);
        }
    }

    [Fact]
    public void Addresses_that_do_not_come_back_are_forgotten_and_so_many_are_kept_in_mind_at_most()
    {
        var meter = new RequestMeter(new RequestLimits(PerSecond: 1, Burst: 5), _time);
        for (int i = 0; i < 3 * RequestMeter.AddressesMax; i++) Assert.True(meter.TryTake(new IPAddress(0x0A + ((long)i << 8)), out _));
        Assert.InRange(meter.Addresses, RequestMeter.AddressesMax, 2 * RequestMeter.AddressesMax);

        for (int i = 0; i < 2; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            Assert.True(meter.TryTake(s_one, out _));
        }

        Assert.Equal(2, meter.Addresses);
    }

    private static int Take(RequestMeter meter, IPAddress address, int times) => Enumerable.Range(0, times).Count(_ => meter.TryTake(address, out TimeSpan _));
}
