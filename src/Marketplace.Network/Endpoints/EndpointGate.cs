using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Marketplace.Network;

/// <summary>
/// The one gate to addresses that strangers registered. It resolves a name itself, refuses every address that is not
/// public (unless private ones are allowed), and connects to exactly the address that it checked,
/// so that a name which changes between check and use gains nothing.
/// </summary>
public sealed class EndpointGate(bool allowPrivate)
{
    /// <summary>The chain id of development networks, on which private addresses are what peers have.</summary>
    public const ulong DevelopmentChainId = 31337;

    /// <summary>Time for resolving and connecting together.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Addresses of one name that are tried.</summary>
    public const int AddressesTriedMax = 4;

    /// <summary>Connections held open to one peer.</summary>
    public const int ConnectionsPerPeerMax = 16;

    private const int ResponseHeadersKiBMax = 16;

    /// <summary>Whether loopback and private networks may be reached.</summary>
    public bool AllowPrivate { get; } = allowPrivate;

    /// <summary>The gate for a chain: private addresses pass on a development network, or for who looks at a machine of its own.</summary>
    public static EndpointGate ForChain(ulong chainId, bool allowPrivate = false) => new(allowPrivate || chainId == DevelopmentChainId);

    /// <summary>Whether this gate lets an address through.</summary>
    public bool Allows(IPAddress address) => AddressKinds.Of(address) switch
    {
        AddressKind.Public => true,
        AddressKind.Private => AllowPrivate,
        _ => false,
    };

    /// <summary>
    /// A handler that reaches peers only through this gate: HTTP/1.1 pool, no redirects, no proxy, no cookies,
    /// no decompression, bounded headers, nothing fetched that a certificate names. The caller sets what TLS must look like.
    /// </summary>
    public SocketsHttpHandler CreateHandler() => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = ConnectTimeout,
        ConnectCallback = async (context, token) => await ConnectAsync(context.DnsEndPoint, token),
        MaxConnectionsPerServer = ConnectionsPerPeerMax,
        MaxResponseHeadersLength = ResponseHeadersKiBMax,
        MaxResponseDrainSize = 64 * 1024,
        ResponseDrainTimeout = TimeSpan.FromSeconds(1),
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        Expect100ContinueTimeout = TimeSpan.FromSeconds(2),
        // A certificate may name an address where its issuer's is to be had. The stranger wrote it, so nobody calls there.
        SslOptions = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck },
        },
    };

    /// <summary>Connects to a peer. The stream owns the socket.</summary>
    /// <exception cref="EndpointRefusedException">Every address of the name is one that this gate refuses.</exception>
    /// <exception cref="SocketException">No allowed address answers.</exception>
    public async Task<Stream> ConnectAsync(DnsEndPoint peer, CancellationToken token)
    {
        IPAddress[] addresses = IPAddress.TryParse(peer.Host.Trim('[', ']'), out IPAddress? literal)
            ? [literal]
            : await NameLookups.OfSystem.FindAsync(peer.Host, token);
        IPAddress[] allowed = [.. addresses.Where(Allows).Take(AddressesTriedMax)];
        if (allowed.Length == 0) throw new EndpointRefusedException(peer);

        SocketException? last = null;
        foreach (IPAddress address in allowed)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, peer.Port), token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                last = e;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw last!;
    }
}

/// <summary>A peer registered an address that nobody should be made to connect to.</summary>
public sealed class EndpointRefusedException(DnsEndPoint peer)
    : IOException($"{peer.Host}:{peer.Port} is not a public address and was not connected to.");
