using Marketplace.Client.Names;
using Marketplace.Domain;
using Marketplace.Gateway.Market;
using Marketplace.Gateway.Objects;
using Marketplace.Gateway.SignIn;
using Marketplace.Hosting;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Marketplace.Gateway.Info;

/// <summary>Answer of <c>GET /v1/info</c>.</summary>
/// <param name="Version">The program's version.</param>
/// <param name="Url">The address to sign for.</param>
/// <param name="ChainId">The chain.</param>
/// <param name="RpcUrl">An RPC endpoint that the gateway's owner published; null for none.</param>
/// <param name="Block">The newest block; null if the chain does not answer.</param>
/// <param name="Contracts">Name to address.</param>
/// <param name="Operator">The account to allow.</param>
/// <param name="ReadKey">The gateway's X25519 public key in base64url.</param>
/// <param name="BlockSeconds">Nominal seconds between blocks.</param>
/// <param name="PeriodBlocks">Blocks in a period.</param>
/// <param name="Limits">What is taken.</param>
public sealed record InfoReport(
    string Version,
    string Url,
    ulong ChainId,
    Uri? RpcUrl,
    BlockNumber? Block,
    IReadOnlyDictionary<string, Address> Contracts,
    Address Operator,
    string ReadKey,
    uint BlockSeconds,
    uint PeriodBlocks,
    LimitsReport Limits);

/// <summary>The limits that a client may need to know.</summary>
public sealed record LimitsReport(
    long ObjectBytes, long OpenBodyBytes, int ObjectNameBytes, int UploadsPerClient, int Uploads, int NonceSeconds, int TokenSeconds);

/// <summary>Answer of <c>GET /v1/health</c>.</summary>
/// <param name="Ok">Whether uploads can work now.</param>
/// <param name="Block">The newest block; null if the chain does not answer.</param>
/// <param name="OperatorGas">What the operator has to pay for transactions.</param>
public sealed record HealthReport(bool Ok, BlockNumber? Block, TokenAmount? OperatorGas);

/// <summary>What this gateway is and how it is.</summary>
public static partial class InfoEndpoints
{
    /// <summary>Maps the calls.</summary>
    public static void MapInfo(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder info = routes.MapGroup("/v1").WithTags("Gateway");
        info.MapGet("/info", ReadAsync).WithName("info").WithSummary("Chain, contracts, the operator to allow, limits.");
        info.MapGet("/health", HealthAsync).WithName("health").WithSummary("200 if uploads can work, else 503.");
    }

    internal static async Task<Ok<InfoReport>> ReadAsync(
        MarketDoor market, GatewayAddress address, GatewayOptions options, ILogger<InfoReport> log, CancellationToken token)
    {
        MarketFacts facts = market.Facts;
        MarketPulse? pulse = await TryPulseAsync(market, log, token);
        return TypedResults.Ok(new InfoReport(
            MarketHost.Version,
            address.Origin,
            facts.ChainId,
            options.PublicRpcUrl,
            pulse?.Block,
            facts.Contracts,
            facts.Operator,
            SealKeys.ToText(facts.ReadKey.Span),
            facts.Schedule.BlockSeconds,
            facts.Schedule.PeriodBlocks,
            LimitsOf(options)));
    }

    internal static async Task<JsonHttpResult<HealthReport>> HealthAsync(MarketDoor market, ILogger<InfoReport> log, CancellationToken token)
    {
        MarketPulse? pulse = await TryPulseAsync(market, log, token);
        bool ok = pulse is { Gas.BaseUnits: var gas } && gas > 0;
        return TypedResults.Json(
            new HealthReport(ok, pulse?.Block, pulse?.Gas),
            statusCode: ok ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    /// <summary>Null if the chain does not answer: that the gateway can say so is what these calls are for.</summary>
    private static async Task<MarketPulse?> TryPulseAsync(MarketDoor market, ILogger log, CancellationToken token)
    {
        try
        {
            return await market.PulseAsync(token);
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !token.IsCancellationRequested)
        {
            LogNoPulse(log, failure);
            return null;
        }
    }

    private static LimitsReport LimitsOf(GatewayOptions options) => new(
        ObjectEndpoints.ObjectBytesMax,
        options.OpenBodyBytesMax,
        ObjectName.NameBytesMax,
        UploadGate.PerClientMax,
        UploadGate.RunningMax,
        (int)NonceDesk.Life.TotalSeconds,
        (int)TokenMint.Life.TotalSeconds);

    [LoggerMessage(5101, LogLevel.Warning, "The chain does not answer")]
    private static partial void LogNoPulse(ILogger log, Exception failure);
}
