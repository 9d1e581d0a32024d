using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>
/// Finds ports of this machine that nobody listens on. Each process takes them from blocks that are its own as long as it lives, so that
/// no two find the same one. Safe for use by many threads.
/// </summary>
public static class LocalPorts
{
    // Below what Linux gives to outgoing connections (32768 and up): whoever is down keeps its port.
    private const int First = 20_000;
    private const int Blocks = 120;
    private const int BlockPorts = 100;
    private const int TriesMax = 1_000;

    private static readonly Lock s_lock = new();
    // The first port of each block, which says whose the block is.
    private static readonly List<TcpListener> s_blocks = [];
    private static int s_next;

    /// <summary>A free port of the loopback address: <paramref name="wanted"/>, or any other.</summary>
    /// <exception cref="MarketException">None is free.</exception>
    public static int Take(int wanted) => IsFree(IPAddress.Loopback, wanted) ? wanted : Take();

    /// <inheritdoc cref="Take(IPAddress)"/>
    public static int Take() => Take(IPAddress.Loopback);

    /// <summary>A free port that was not given before.</summary>
    /// <exception cref="MarketException">None is free.</exception>
    public static int Take(IPAddress address)
    {
        lock (s_lock)
        {
            for (int i = 0; i < TriesMax; i++)
            {
                if (s_next % BlockPorts == 0 && !TryTakeBlock()) continue;
                int port = s_next++;
                if (IsFree(address, port)) return port;
            }
        }

        throw new MarketException(MarketErrorCode.Failed, $"No free port was found between {First} and {First + (Blocks * BlockPorts)}");
    }

    private static bool TryTakeBlock()
    {
        int first = First + (BlockPorts * RandomNumberGenerator.GetInt32(Blocks));
        var listener = new TcpListener(IPAddress.Loopback, first);
        try
        {
            listener.Start();
            s_blocks.Add(listener);
            s_next = first + 1;
            return true;
        }
        catch (SocketException)
        {
            listener.Dispose();
            return false;
        }
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
