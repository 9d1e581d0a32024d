using System.Globalization;
using Marketplace.Client.Json;

namespace Marketplace.Gateway.Errors;

/// <summary>Turns a <see cref="GatewayFailureException"/> into its answer; everything else goes on to the host's own envelope.</summary>
public sealed class GatewayFailureMiddleware(RequestDelegate next)
{
    private const int RetryAfterSeconds = 5;

    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (GatewayFailureException failure)
        {
            if (context.Response.HasStarted)
            {
                // Half an answer must not look like a whole one.
                context.Abort();
                return;
            }

            context.Response.Clear();
            context.Response.StatusCode = failure.Status;
            if (failure.ContentRange is not null) context.Response.Headers.ContentRange = failure.ContentRange;
            if (failure.Status == StatusCodes.Status401Unauthorized) context.Response.Headers.WWWAuthenticate = "Bearer";
            if (failure.Status == StatusCodes.Status503ServiceUnavailable)
                context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
            await context.Response.WriteAsJsonAsync(failure.Report, MarketJson.Options, context.RequestAborted);
        }
    }
}
