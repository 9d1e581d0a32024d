using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Marketplace.Network.Tests;

/// <summary>A peer that reads a request's head and then writes whatever a test wants, to the byte. One request for each connection.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly X509Certificate2? _certificate;
    private readonly SslStreamCertificateContext? _context;
    private readonly Func<Stream, Task> _answer;
    private readonly Task _loop;

    public RawPeer(bool tls, Func<Stream, Task> answer)
        : this(tls ? NewCertificate() : null, answer)
    {
    }

    /// <summary>A peer with a certificate, which it disposes, or without TLS.</summary>
    public RawPeer(X509Certificate2? certificate, Func<Stream, Task> answer)
    {
        _answer = answer;
        _certificate = certificate;
        // Offline: this side does not look for issuers.
        _context = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true);
        _listener.Start();
        Endpoint = PeerEndpoint.Parse($"{(certificate is null ? "http" : "https")}://{_listener.LocalEndpoint}");
        _loop = AcceptAsync();
    }

    public PeerEndpoint Endpoint { get; }

    public CertificateFingerprint Fingerprint => CertificateFingerprint.Of(_certificate!);

    /// <summary>The head of the last request.</summary>
    public string LastHead { get; private set; } = "";

    public static X509Certificate2 NewCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return new CertificateRequest("CN=peer", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

    /// <summary>A certificate that says where its issuer's is to be had.</summary>
    public static X509Certificate2 NewIssuedCertificate(string issuerAt)
    {
        using var issuerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        var request = new CertificateRequest("CN=peer", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(ocspUris: null, caIssuersUris: [issuerAt]));
        using X509Certificate2 issued = request.Create(
            new X500DistinguishedName("CN=issuer"), X509SignatureGenerator.CreateForECDsa(issuerKey), now.AddDays(-1), now.AddDays(1), [1]);
        return issued.CopyWithPrivateKey(key);
    }

    public async ValueTask DisposeAsync()
    {
        // The loop ends first: a listener that is stopped between two accepts would throw at the second.
        await _stop.CancelAsync();
        await _loop;
        _listener.Stop();
        _stop.Dispose();
        _certificate?.Dispose();
    }

    private async Task AcceptAsync()
    {
        var answers = new List<Task>();
        try
        {
            while (true) answers.Add(AnswerAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(answers);
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            await using CancellationTokenRegistration _ = _stop.Token.Register(client.Dispose);
            try
            {
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    var tls = new SslStream(stream);
                    await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = _context });
                    stream = tls;
                }

                var head = new StringBuilder();
                byte[] one = new byte[1];
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
                {
                    if (await stream.ReadAsync(one) == 0) return;
                    head.Append((char)one[0]);
                }

                LastHead = head.ToString();
                await _answer(stream);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or System.Security.Authentication.AuthenticationException)
            {
                // The caller hung up, which many of these tests want it to do.
            }
        }
    }
}
