using Marketplace.Chain.Accounts;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Hosting.Http;
using Marketplace.Network;
using Marketplace.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Marketplace.Node;

/// <summary>What a node is and whether it is there: <c>/v1/info</c>, <c>/v1/health</c>, <c>/v1/ping</c>.</summary>
internal sealed class AboutEndpoints(NodeChain chain, ShardDepot depot, NodePulse pulse, NodeConfig config, Account hot, NodeLimits limits, TimeProvider time)
{
    private readonly HotKeySigner _signer = new(hot);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/info", Info);
        routes.MapGet("/v1/ping", Ping);
        routes.MapHealth(_ =>
        {
            bool isWell = Trouble is null;
            return ValueTask.FromResult((isWell, new HealthView(isWell, pulse.Now?.Tip.Value)));
        });
    }

    /// <summary>What is wrong, if something is: for the operator, since it may name shards and folders.</summary>
    public string? Trouble => pulse.Fresh(time.GetUtcNow(), limits.ChainSilenceMax) is { } now ? now.Trouble : "The chain does not answer.";

    private IResult Info()
    {
        DepotSpace space = depot.Space;
        return Results.Json(
            new NodeInfo(
                chain.Node, hot.Address, chain.Facts.Scope.ChainId, chain.Facts.Scope.Market, config.Price.PerGibibyteMonth,
                (ulong)space.Capacity, (ulong)space.Used, (ulong)space.Free, chain.Facts.Schedule.PeriodBlocks, pulse.Now?.Tip ?? default, MarketHost.Version),
            NodeJson.Default.NodeInfo);
    }

    private IResult Ping(string? nonce)
    {
        if (!Beat.IsNonce(nonce)) return Failures.Usage($"nonce is {Beat.NonceChars} lower-case hexadecimal digits.");
        string version = MarketHost.Version.Length <= Beat.VersionCharsMax ? MarketHost.Version : MarketHost.Version[..Beat.VersionCharsMax];
        var beat = Beat.Sign(_signer, chain.Facts.Scope, chain.Node, nonce!, pulse.Now?.Tip ?? default, (ulong)depot.Space.Free, version);
        return Results.Json(beat, NodeJson.Default.Beat);
    }
}

/// <summary>Whether the node can do its work.</summary>
/// <param name="Ok">Whether it can.</param>
/// <param name="Block">The newest block it has seen.</param>
public sealed record HealthView(bool Ok, ulong? Block);
