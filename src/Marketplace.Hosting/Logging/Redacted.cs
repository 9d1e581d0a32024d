namespace Marketplace.Hosting.Logging;

/// <summary>What may stand in a log in place of something secret.</summary>
public static class Redacted
{
    /// <summary>Scheme, host and port: paths and queries of RPC endpoints often are the key to them, and user names come with passwords.</summary>
    public static string Url(Uri url) => url.IsAbsoluteUri ? url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped) : "(relative URL)";
}
