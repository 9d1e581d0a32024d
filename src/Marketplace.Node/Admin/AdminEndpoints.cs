using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Hangfire;
using Hangfire.Dashboard;
using Marketplace.Hosting;
using Marketplace.Hosting.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Marketplace.Node;

/// <summary>The operator's side, on a loopback port of its own and behind a password: status, metrics, Hangfire's dashboard.</summary>
internal sealed class AdminEndpoints(StatusReader status, OverviewReader overview, VolumeEndpoints volumes)
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
            routes.MapGet("/v1/admin/status", async (CancellationToken token) => Results.Json(await status.ReadAsync(token), HostJson.Options));
            routes.MapGet("/v1/admin/overview", async (CancellationToken token) => Results.Json(await overview.ReadAsync(token), HostJson.Options));
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

    /// <summary>The password stands before the dashboard already; Hangfire's own rule would ask for a local address only.</summary>
    private sealed class PasswordWasAsked : IDashboardAuthorizationFilter
    {
        public bool Authorize(DashboardContext context) => true;
    }
}
