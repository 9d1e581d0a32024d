using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Gateway.Errors;
using Marketplace.Gateway.Info;
using Marketplace.Gateway.Market;
using Marketplace.Gateway.Money;
using Marketplace.Gateway.Objects;
using Marketplace.Gateway.Page;
using Marketplace.Gateway.SignIn;
using Marketplace.Hosting;
using Marketplace.Hosting.Http;
using Marketplace.Hosting.Options;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Net.Http.Headers;

namespace Marketplace.Gateway;

/// <summary>The gateway as a process.</summary>
public static class GatewayHost
{
    private const int ConnectionsMax = 1_024;
    private const int ConnectionsPerAddressMax = 256;
    private const int RequestLineBytesMax = 16 * 1024;
    private const string CorsPolicy = "pages";

    // Per remote address, for all calls together; sign-in has its own, lower limit.
    private static readonly RequestLimits s_requestLimits = new(PerSecond: 500, Burst: 2_000);

    /// <summary>Runs a gateway until it is told to stop.</summary>
    /// <exception cref="MarketException">It cannot start: settings, wallet or chain are not as they must be.</exception>
    public static async Task RunAsync(GatewayOptions options, CancellationToken token)
    {
        OptionsCheck.Check<GatewayOptions, GatewayOptionsValidator>(options);
        using MarketDoor market = await MarketDoor.OpenAsync(options, token);
        WebApplication app = Build(options, market);
        await MarketHost.RunAsync(app, _ => options.Listening?.Invoke(app.Services.GetRequiredService<GatewayAddress>().Url), token);
    }

    /// <summary>The web application before a market. The caller starts and disposes it.</summary>
    internal static WebApplication Build(GatewayOptions options, MarketDoor market, Action<IServiceCollection>? surroundings = null)
    {
        var host = new MarketHostOptions
        {
            LogFile = options.LogFile,
            ConnectionsMax = ConnectionsMax,
            ConnectionsPerAddressMax = ConnectionsPerAddressMax,
            TrustedProxy = options.TrustedProxy,
            RequestBodyBytesMax = SignInEndpoints.JsonBodyBytesMax,
            RequestLimits = s_requestLimits,
        };
        WebApplicationBuilder builder = MarketHost.CreateBuilder(host);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(options.Listen);
            kestrel.Limits.MaxRequestLineSize = RequestLineBytesMax;
            kestrel.Limits.MinRequestBodyDataRate = kestrel.Limits.MinResponseDataRate = new MinDataRate(options.BytesPerSecondMin, options.Grace);
        });
        builder.Services.ConfigureHttpJsonOptions(json => MarketJson.Apply(json.SerializerOptions));
        builder.Services.AddSingleton(options).AddSingleton(market).AddSingleton<GatewayAddress>().AddSingleton<UploadGate>(_ => new UploadGate()).AddSingleton<ReadGate>(_ => new ReadGate());
        builder.Services.AddSignIn(GatewaySetup.TokenKey(options.DataDir));
        builder.Services.AddApiDescription();
        builder.Services.AddCors(cors => cors.AddPolicy(CorsPolicy, policy => policy
            .WithOrigins([.. options.AllowedOrigins])
            .WithMethods(HttpMethods.Get, HttpMethods.Head, HttpMethods.Put, HttpMethods.Post)
            .WithHeaders(HeaderNames.Authorization, HeaderNames.ContentType, HeaderNames.Range, HeaderNames.IfNoneMatch, HeaderNames.IfRange)
            .WithExposedHeaders(HeaderNames.ETag, HeaderNames.ContentRange, HeaderNames.AcceptRanges, HeaderNames.Location)));
        surroundings?.Invoke(builder.Services);

        WebApplication app = builder.Build();
        app.UseMarketDefaults(host);
        app.UseMiddleware<GatewayFailureMiddleware>();
        if (options.AllowedOrigins.Count > 0) app.UseCors(CorsPolicy);
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapStartPage();
        app.MapInfo();
        app.MapSignIn(options);
        app.MapObjects();
        app.MapMoney();
        app.MapApiDescription();
        app.MapMetrics().ExcludeFromDescription();
        return app;
    }
}
