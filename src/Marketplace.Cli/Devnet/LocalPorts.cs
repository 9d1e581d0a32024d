using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>Finds ports of this machine that nobody listens on. Safe for use by many threads.</summary>
internal sealed class LocalPorts
{
    // Below what Linux gives to outgoing connections (32768 and up): a node that is down keeps its port.
    private const int First = 20_000;
    private const int Last = 32_000;
    private const int TriesMax = 1_000;

    private readonly Lock _lock = new();
    private readonly HashSet<int> _given = [];

    /// <summary><paramref name="wanted"/> if it is free, else any.</summary>
    public int Take(int wanted) => IsFree(wanted) && TryGive(wanted) ? wanted : Take();

    /// <summary>A free port that was not given before.</summary>
    public int Take()
    {
        for (int i = 0; i < TriesMax; i++)
        {
            int port = RandomNumberGenerator.GetInt32(First, Last);
            if (IsFree(port) && TryGive(port)) return port;
        }

        throw new MarketException(MarketErrorCode.Failed, $"No free port was found between {First} and {Last}");
    }

    private bool TryGive(int port)
    {
        lock (_lock) return _given.Add(port);
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
