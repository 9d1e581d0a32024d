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
    private readonly Func<Stream, Task> _answer;
    private readonly Task _loop;

    public RawPeer(bool tls, Func<Stream, Task> answer)
    {
        _answer = answer;
        _certificate = tls ? NewCertificate() : null;
        _listener.Start();
        Endpoint = PeerEndpoint.Parse($"{(tls ? "https" : "http")}://{_listener.LocalEndpoint}");
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
                    await tls.AuthenticateAsServerAsync(_certificate);
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
