using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Hangfire;
using Hangfire.Dashboard;
using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Hosting.Http;
using Marketplace.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Marketplace.Node;

/// <summary>The operator's side, on a loopback port of its own and behind a password: status, metrics, Hangfire's dashboard.</summary>
internal sealed class AdminEndpoints(NodeChain chain, ShardDepot depot, NodePulse pulse, NodeConfig config, AboutEndpoints about, OverviewReader overview, VolumeEndpoints volumes)
{
    /// <summary>Marks connections that came in by the admin port.</summary>
    public static readonly object ConnectionMark = new();

    /// <summary>Everything that the admin port answers; nothing of it is reachable by the other port.</summary>
    public void Map(IApplicationBuilder app, AdminPassword password, JobStorage jobs)
    {
        app.UseAdminPassword("", password);
        app.UseHangfireDashboard("/hangfire", new DashboardOptions { Authorization = [new PasswordWasAsked()], IsReadOnlyFunc = _ => true, DashboardTitle = "Storage node" }, jobs);
        app.UseRouting();
        app.UseEndpoints(routes =>
        {
            routes.MapGet("/v1/admin/status", StatusAsync);
            routes.MapGet("/v1/admin/overview", async (CancellationToken token) => Results.Json(await overview.ReadAsync(await ReadStatusAsync(token), token), HostJson.Options));
            volumes.Map(routes);
            routes.MapMetrics();
            routes.MapGet("/", Page);
        });
    }

    private static IResult Page(HttpContext context)
    {
        string hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(OperatorPage.Script)));
        context.Response.Headers.ContentSecurityPolicy = string.Format(CultureInfo.InvariantCulture, OperatorPage.ContentSecurityPolicy, hash);
        return Results.Content(OperatorPage.Html.Replace("@SCRIPT", OperatorPage.Script, StringComparison.Ordinal), "text/html; charset=utf-8");
    }

    private async Task<IResult> StatusAsync(CancellationToken token) => Results.Json(await ReadStatusAsync(token), HostJson.Options);

    private async Task<NodeStatusView> ReadStatusAsync(CancellationToken token)
    {
        NodeView node = await chain.RegisteredAsync(token);
        Standing standing = await chain.StandingAsync(token);
        DepotSpace space = depot.Space;
        BlockNumber? tip = pulse.Now?.Tip;
        return NodeStatus.Make(node, standing, config) with
        {
            Running = true,
            Block = tip?.Value,
            Period = tip is { } block ? chain.Facts.Schedule.PeriodOf(block).Value : null,
            CapacityBytes = space.Capacity,
            UsedBytes = space.Used,
            FreeBytes = space.Free,
            Shards = depot.Volumes.Sum(volume => volume.Shards),
            LedgerRanges = depot.Catalogue.Ledger().Count,
            Trouble = about.Health().Trouble,
        };
    }

    /// <summary>The password stands before the dashboard already; Hangfire's own rule would ask for a local address only.</summary>
    private sealed class PasswordWasAsked : IDashboardAuthorizationFilter
    {
        public bool Authorize(DashboardContext context) => true;
    }
}
