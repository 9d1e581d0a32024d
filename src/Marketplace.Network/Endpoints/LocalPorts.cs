using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>Finds ports of this machine that nobody listens on. Safe for use by many threads.</summary>
public static class LocalPorts
{
    // Below what Linux gives to outgoing connections (32768 and up): whoever is down keeps its port.
    private const int First = 20_000;
    private const int Last = 32_000;
    private const int TriesMax = 1_000;

    private static readonly Lock s_lock = new();
    private static readonly HashSet<int> s_given = [];

    /// <summary>A free port of the loopback address that this process was not given before: <paramref name="wanted"/>, or any other.</summary>
    /// <exception cref="MarketException">None is free.</exception>
    public static int Take(int wanted) => IsFree(IPAddress.Loopback, wanted) && TryGive(wanted) ? wanted : Take();

    /// <inheritdoc cref="Take(IPAddress)"/>
    public static int Take() => Take(IPAddress.Loopback);

    /// <summary>A free port that this process was not given before.</summary>
    /// <exception cref="MarketException">None is free.</exception>
    public static int Take(IPAddress address)
    {
        for (int i = 0; i < TriesMax; i++)
        {
            int port = RandomNumberGenerator.GetInt32(First, Last);
            if (IsFree(address, port) && TryGive(port)) return port;
        }

        throw new MarketException(MarketErrorCode.Failed, $"No free port was found between {First} and {Last}");
    }

    private static bool TryGive(int port)
    {
        lock (s_lock) return s_given.Add(port);
    }

    private static bool IsFree(IPAddress address, int port)
    {
        try
        {
            using var listener = new TcpListener(address, port);
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
