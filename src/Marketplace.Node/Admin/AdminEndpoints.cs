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
internal sealed class AdminEndpoints(NodeChain chain, ShardDepot depot, NodePulse pulse, NodeConfig config, AboutEndpoints about)
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
            routes.MapMetrics();
            routes.MapGet("/", () => Results.Redirect("/hangfire"));
        });
    }

    private async Task<IResult> StatusAsync(CancellationToken token)
    {
        NodeView node = await chain.RegisteredAsync(token);
        Standing standing = await chain.StandingAsync(token);
        DepotSpace space = depot.Space;
        BlockNumber? tip = pulse.Now?.Tip;
        NodeStatusView view = NodeStatus.Make(node, standing, config) with
        {
            Running = true,
            Block = tip?.Value,
            Period = tip is { } block ? chain.Facts.Schedule.PeriodOf(block).Value : null,
            UsedBytes = space.Used,
            FreeBytes = space.Free,
            Shards = depot.Volumes.Sum(volume => volume.Shards),
            LedgerRanges = depot.Catalogue.Ledger().Count,
            Trouble = about.Health().Trouble,
        };
        return Results.Json(view, HostJson.Options);
    }

    /// <summary>The password stands before the dashboard already; Hangfire's own rule would ask for a local address only.</summary>
    private sealed class PasswordWasAsked : IDashboardAuthorizationFilter
    {
        public bool Authorize(DashboardContext context) => true;
    }
}
