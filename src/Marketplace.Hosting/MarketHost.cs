using System.Diagnostics.Metrics;
using System.Net;
using System.Reflection;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Hosting.Logging;
using Marketplace.Hosting.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Marketplace.Hosting;

/// <summary>What node, keeper and gateway have in common as processes.</summary>
public sealed record MarketHostOptions
{
    /// <summary>Where log lines go; <c>null</c> is standard error.</summary>
    public string? LogFile { get; init; }

    /// <summary>Events below this are not written.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>The largest request body that is read unless an endpoint says otherwise, in bytes.</summary>
    public long RequestBodyBytesMax { get; init; } = 1 << 20;

    /// <summary>Open connections; more are closed at once.</summary>
    public int ConnectionsMax { get; init; } = 2_000;

    /// <summary>Those of one remote address, but for <see cref="TrustedProxy"/>'s; <c>null</c> sets no limit.</summary>
    public int? ConnectionsPerAddressMax { get; init; }

    /// <summary>
    /// A proxy in front: of its requests the last entry of <c>X-Forwarded-For</c>, which it wrote itself, is the remote address. Nobody
    /// else's is believed, and one that is no address is passed over. <c>null</c> for none.
    /// </summary>
    public IPAddress? TrustedProxy { get; init; }

    /// <summary>How long running work may take to end after SIGTERM.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Requests of one remote address; <c>null</c> sets no limit.</summary>
    public RequestLimits? RequestLimits { get; init; }
}

/// <summary>Builds and runs a web host: logs, limits, error envelopes, health, metrics, and an orderly end on SIGTERM, SIGINT or a token.</summary>
public static class MarketHost
{
    private const int HeaderBytesMax = 16 << 10;

    /// <summary>The version of the program, as health and information pages show it.</summary>
    public static string Version { get; } =
        (Assembly.GetEntryAssembly() ?? typeof(MarketHost).Assembly).GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>
    /// A builder without configuration files: settings come from the command line alone. The caller adds its services and where to listen
    /// (<c>builder.WebHost.ConfigureKestrel</c> or <c>UseUrls</c>). A <see cref="TimeProvider"/> registered before or after wins over the system's.
    /// </summary>
    public static WebApplicationBuilder CreateBuilder(MarketHostOptions options)
    {
        // The empty builder reads no environment and no files, so that ASPNETCORE_* of a machine cannot open a port.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { EnvironmentName = Environments.Production });
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.RequestBodyBytesMax;
            kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytesMax;
            kestrel.Limits.MaxConcurrentConnections = options.ConnectionsMax;
            if (options.ConnectionsPerAddressMax is { } perAddress)
                kestrel.ConfigureEndpointDefaults(new ConnectionGate(options.ConnectionsMax, perAddress, options.TrustedProxy).Use);
        });
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, TransportMemory>();
        builder.Services.AddRoutingCore();
        builder.Services.AddMetrics();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.ConfigureHttpJsonOptions(json => HostJson.Apply(json.SerializerOptions));
        builder.Services.Configure<HostOptions>(host =>
        {
            host.ShutdownTimeout = options.ShutdownTimeout;
            // A worker that fails for good ends the host; what can be retried is retried inside.
            host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.StopHost;
        });
        builder.Services.AddSingleton(services => new PrometheusText(
            services.GetRequiredService<IMeterFactory>(), "System.Runtime", "Microsoft.AspNetCore.Server.Kestrel"));
        builder.Services.AddSingleton<IHostLifetime, SignalLifetime>();

        builder.Logging.SetMinimumLevel(options.LogLevel);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Logging.AddFilter("System", LogLevel.Warning);
        builder.Services.AddSingleton<ILoggerProvider>(services => new LineLoggerProvider(
            options.LogFile is { } file ? new FileLineSink(file) : new WriterLineSink(Console.Error),
            services.GetRequiredService<TimeProvider>()));
        return builder;
    }

    /// <summary>The first parts of every pipeline: error envelopes, who asks, then the limits of <see cref="MarketHostOptions.RequestLimits"/>.</summary>
    public static WebApplication UseMarketDefaults(this WebApplication app, MarketHostOptions options)
    {
        app.UseMiddleware<ErrorEnvelopeMiddleware>();
        if (options.TrustedProxy is { } proxy) app.UseForwardedHeaders(ForwardedBy(proxy));
        if (options.RequestLimits is { } limits) app.UseMiddleware<RequestLimitsMiddleware>(limits);
        // Hears instruments from the first request on.
        _ = app.Services.GetRequiredService<PrometheusText>();
        return app;
    }

    private static ForwardedHeadersOptions ForwardedBy(IPAddress proxy)
    {
        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor, ForwardLimit = 1 };
        // The framework trusts loopback addresses unless told otherwise.
        options.KnownIPNetworks.Clear();
        options.KnownProxies.Clear();
        options.KnownProxies.Add(proxy);
        return options;
    }

    /// <summary><c>GET /metrics</c> in Prometheus' text format.</summary>
    public static IEndpointConventionBuilder MapMetrics(this IEndpointRouteBuilder routes, string path = "/metrics") =>
        routes.MapGet(path, (PrometheusText metrics) => Results.Text(metrics.Write(), PrometheusText.ContentType));

    /// <summary><c>GET /v1/health</c>: 200 with the view while healthy, 503 with the same view otherwise.</summary>
    public static IEndpointConventionBuilder MapHealth<TView>(this IEndpointRouteBuilder routes, Func<CancellationToken, ValueTask<(bool Healthy, TView View)>> read) =>
        routes.MapGet("/v1/health", async (CancellationToken token) =>
        {
            (bool healthy, TView view) = await read(token);
            return Results.Json(view, statusCode: healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
        });

    /// <summary>
    /// Starts the host, tells the addresses that it really listens on (a port of 0 is known by then), and returns after an orderly end.
    /// </summary>
    /// <exception cref="MarketException">A worker failed for good and ended the host: whoever watches the process is to start it again.</exception>
    public static async Task RunAsync(WebApplication app, Action<IReadOnlyList<Uri>>? listening, CancellationToken token)
    {
        await using (app)
        {
            await app.StartAsync(token);
            listening?.Invoke(AddressesOf(app));
            await app.WaitForShutdownAsync(token);
            if (app.Services.GetServices<IHostedService>().OfType<BackgroundService>().FirstOrDefault(worker => worker.ExecuteTask is { IsFaulted: true }) is not { } failed) return;
            Exception why = failed.ExecuteTask!.Exception!.GetBaseException();
            throw new MarketException(MarketErrorCode.Failed, $"{failed.GetType().Name} failed and ended the program: {why.Message}", "Start it again; the log tells more.", why);
        }
    }

    /// <summary>The addresses that a started host listens on.</summary>
    public static IReadOnlyList<Uri> AddressesOf(WebApplication app) =>
    [
        .. (app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [])
            .Select(address => new Uri(address.Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal))),
    ];
}
