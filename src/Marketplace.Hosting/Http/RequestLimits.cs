using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Marketplace.Hosting.Http;

/// <summary>How many requests one remote address may make. An IPv6 address counts as its /64, the least that a stranger is given.</summary>
/// <param name="PerSecond">Requests a second, lasting.</param>
/// <param name="Burst">Requests at once after a pause.</param>
public sealed record RequestLimits(double PerSecond, int Burst)
{
    private const int NetworkBytesV6 = 8;

    /// <summary>The name under which an address is counted.</summary>
    public static string PartitionOf(IPAddress? remote)
    {
        if (remote is null) return "";
        if (remote.IsIPv4MappedToIPv6) remote = remote.MapToIPv4();
        return remote.AddressFamily == AddressFamily.InterNetworkV6
            ? Convert.ToHexString(remote.GetAddressBytes().AsSpan(0, NetworkBytesV6))
            : remote.ToString();
    }
}

/// <summary>
/// A token bucket for each remote address. It has no timer, as the framework's limiters have, which wake an idle process twenty times a
/// second: a bucket is nothing but the time at which it is full again, and full ones are forgotten while requests come.
/// </summary>
internal sealed class RequestMeter(RequestLimits limits, TimeProvider time)
{
    /// <summary>Addresses in one generation. Where more come within the time in which a bucket fills, those of the generation before are forgotten early.</summary>
    public const int AddressesMax = 1 << 16;

    private readonly Lock _lock = new();
    private readonly long _start = time.GetTimestamp();
    private readonly TimeSpan _ofOne = TimeSpan.FromSeconds(1 / limits.PerSecond);
    private readonly TimeSpan _ofAll = TimeSpan.FromSeconds(1 / limits.PerSecond) * limits.Burst;

    // A generation lasts as long as an empty bucket needs to be full: who was not seen for a whole one has a full bucket.
    private Dictionary<string, TimeSpan> _fullAt = new(StringComparer.Ordinal);
    private Dictionary<string, TimeSpan> _fullAtBefore = new(StringComparer.Ordinal);
    private TimeSpan _began;

    /// <summary>Addresses that are kept in mind.</summary>
    public int Addresses
    {
        get
        {
            lock (_lock) return _fullAt.Count + _fullAtBefore.Count;
        }
    }

    /// <summary>Takes a request's token out of its address's bucket. False: it is empty, and has one after <paramref name="wait"/>.</summary>
    public bool TryTake(IPAddress? remote, out TimeSpan wait)
    {
        string address = RequestLimits.PartitionOf(remote);
        lock (_lock)
        {
            TimeSpan now = time.GetElapsedTime(_start);
            if (now - _began >= _ofAll || _fullAt.Count >= AddressesMax)
            {
                (_fullAtBefore, _fullAt, _began) = (_fullAt, new(StringComparer.Ordinal), now);
            }

            if (!_fullAt.TryGetValue(address, out TimeSpan fullAt)) _fullAtBefore.TryGetValue(address, out fullAt);
            fullAt = (fullAt > now ? fullAt : now) + _ofOne;
            wait = fullAt - now - _ofAll;
            if (wait > TimeSpan.Zero) return false;
            _fullAt[address] = fullAt;
            return true;
        }
    }
}

/// <summary>
/// Answers who asks too much with 429 and <c>Retry-After</c>, by the limits of the host and, where there are some, of the endpoint's group
/// (<see cref="RequestLimitsExtensions.WithRequestLimits"/>).
/// </summary>
internal sealed class RequestLimitsMiddleware(RequestDelegate next, RequestLimits limits, TimeProvider time)
{
    private readonly RequestMeter _ofAll = new(limits, time);

    public Task InvokeAsync(HttpContext context)
    {
        IPAddress? remote = context.Connection.RemoteIpAddress;
        bool isWithin = _ofAll.TryTake(remote, out TimeSpan wait) &&
            context.GetEndpoint()?.Metadata.GetMetadata<RequestMeter>()?.TryTake(remote, out wait) is not false;
        if (isWithin) return next(context);

        context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
        context.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return Task.CompletedTask;
    }
}

/// <summary>Limits of endpoints.</summary>
public static class RequestLimitsExtensions
{
    /// <summary>Limits the requests to all endpoints of a group together, beside the limits of the host (<see cref="MarketHostOptions.RequestLimits"/>), without which there are none.</summary>
    public static RouteGroupBuilder WithRequestLimits(this RouteGroupBuilder group, RequestLimits limits) =>
        group.WithMetadata(new RequestMeter(limits, ((IEndpointRouteBuilder)group).ServiceProvider.GetRequiredService<TimeProvider>()));
}
