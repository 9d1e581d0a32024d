using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>HTTP clients that believe exactly one certificate: the one whose fingerprint stands on chain. No authority, no names.</summary>
public static class PinnedHttpClient
{
    /// <summary>
    /// A client with its own connection pool to one peer. It has no timeout of its own: every call brings its deadlines.
    /// The caller disposes it.
    /// </summary>
    /// <exception cref="ArgumentException">The endpoint does not speak TLS.</exception>
    public static HttpClient Create(EndpointGate gate, PeerEndpoint endpoint, CertificateFingerprint fingerprint)
    {
        if (!endpoint.IsSecure) throw new ArgumentException("A node's endpoint begins with https://.", nameof(endpoint));
        SocketsHttpHandler handler = gate.CreateHandler();
        handler.SslOptions.EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        // The chain is the authority: names, dates and issuers say nothing that the fingerprint does not. The machine's authorities are not even read.
        handler.SslOptions.CertificateChainPolicy!.TrustMode = X509ChainTrustMode.CustomRootTrust;
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            certificate is not null && CertificateFingerprint.Of(certificate) == fingerprint;
        handler.ConnectCallback = async (context, token) => new GatheringStream(await gate.ConnectAsync(context.DnsEndPoint, token));
        handler.PlaintextStreamFilter = static (context, _) => ValueTask.FromResult<Stream>(new WholeWrites(context.PlaintextStream));
        return new HttpClient(handler, disposeHandler: true)
        {
            BaseAddress = endpoint.Uri,
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }
}
