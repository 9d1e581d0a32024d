using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;

namespace Marketplace.Hosting.Http;

/// <summary>How many requests one remote address may make. An IPv6 address counts as its /64, the least that a stranger is given.</summary>
/// <param name="PerSecond">Requests a second, lasting.</param>
/// <param name="Burst">Requests at once after a pause.</param>
public sealed record RequestLimits(int PerSecond, int Burst)
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

/// <summary>Registers <see cref="RequestLimits"/>; <c>app.UseRateLimiter()</c> puts them into effect.</summary>
public static class RequestLimitsExtensions
{
    /// <summary>A token bucket per remote address. Who is over it gets 429 with <c>Retry-After</c>. Idle buckets are dropped by the framework.</summary>
    public static IServiceCollection AddRequestLimits(this IServiceCollection services, RequestLimits limits) => services.AddRateLimiter(options =>
    {
        options.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
        options.OnRejected = (context, _) =>
        {
            TimeSpan wait = context.Lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan after) ? after : TimeSpan.FromSeconds(1);
            context.HttpContext.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            return ValueTask.CompletedTask;
        };
        options.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => RateLimitPartition.GetTokenBucketLimiter(
            RequestLimits.PartitionOf(context.Connection.RemoteIpAddress),
            _ => new TokenBucketRateLimiterOptions
            {
                TokenLimit = limits.Burst,
                TokensPerPeriod = limits.PerSecond,
                ReplenishmentPeriod = TimeSpan.FromSeconds(1),
                QueueLimit = 0,
                AutoReplenishment = true,
            }));
    });
}
