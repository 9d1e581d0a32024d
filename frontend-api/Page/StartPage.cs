using System.Globalization;
using System.Net;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Marketplace.Gateway.Market;
using Marketplace.Hosting;

namespace Marketplace.Gateway.Page;

/// <summary>The page at <c>/</c>: what this gateway is and how to use it. No script, no cookie, nothing from elsewhere.</summary>
public static class StartPage
{
    private const string Resource = "Marketplace.Gateway.Page.start.html";

    private static readonly string s_template = ReadTemplate();
    private static readonly string s_policy = $"default-src 'none'; style-src 'sha256-{StyleHash()}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    /// <summary>Maps the page.</summary>
    public static void MapStartPage(this IEndpointRouteBuilder routes) => routes
        .MapGet("/", (HttpContext context, MarketDoor market, GatewayAddress address) =>
        {
            context.Response.Headers.ContentSecurityPolicy = s_policy;
            context.Response.Headers.XContentTypeOptions = "nosniff";
            context.Response.Headers["Referrer-Policy"] = "no-referrer";
            return Results.Text(Render(market.Facts, address.Origin), "text/html; charset=utf-8");
        })
        .ExcludeFromDescription();

    /// <summary>The page's text for a gateway.</summary>
    internal static string Render(MarketFacts facts, string origin)
    {
        var rows = new StringBuilder();
        foreach ((string name, Domain.Address contract) in facts.Contracts)
            rows.Append("<tr><th scope=\"row\">").Append(WebUtility.HtmlEncode(name)).Append("</th><td><code>").Append(contract).Append("</code></td></tr>\n");
        return s_template
            .Replace("{{url}}", WebUtility.HtmlEncode(origin), StringComparison.Ordinal)
            .Replace("{{operator}}", facts.Operator.ToString(), StringComparison.Ordinal)
            .Replace("{{chainId}}", facts.ChainId.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{{version}}", WebUtility.HtmlEncode(MarketHost.Version), StringComparison.Ordinal)
            .Replace("{{contracts}}", rows.ToString(), StringComparison.Ordinal);
    }

    private static string ReadTemplate()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The resource {Resource} is missing.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>The digest of the page's one style element, so that the browser takes this style and no other.</summary>
    private static string StyleHash()
    {
        const string Open = "<style>";
        int from = s_template.IndexOf(Open, StringComparison.Ordinal) + Open.Length;
        int to = s_template.IndexOf("</style>", StringComparison.Ordinal);
        return Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(s_template[from..to])));
    }
}
