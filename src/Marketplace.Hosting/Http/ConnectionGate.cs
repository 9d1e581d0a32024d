using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Marketplace.Hosting.Http;

/// <summary>
/// Lets so many connections of strangers in at once, and of one address only a part of them; others are closed before a byte of them is
/// read. A proxy that is trusted carries many strangers: its connections count among all, and not as one address's.
/// </summary>
/// <param name="connectionsMax">Open connections.</param>
/// <param name="perAddressMax">Those of one address (of an IPv6 network of 64 bits).</param>
/// <param name="trustedProxy">The proxy in front; null for none.</param>
public sealed class ConnectionGate(int connectionsMax, int perAddressMax, IPAddress? trustedProxy = null)
{
    private readonly Lock _lock = new();
    private readonly string? _proxy = trustedProxy is null ? null : RequestLimits.PartitionOf(trustedProxy);
    private readonly Dictionary<string, int> _open = new(StringComparer.Ordinal);
    private int _count;

    /// <summary>Puts the gate before whatever follows on a port.</summary>
    public void Use(ListenOptions listen) => listen.Use(next => connection => PassAsync(next, connection));

    private async Task PassAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        string from = RequestLimits.PartitionOf((connection.RemoteEndPoint as IPEndPoint)?.Address);
        if (!TryEnter(from))
        {
            connection.Abort();
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            Leave(from);
        }
    }

    private bool TryEnter(string from)
    {
        lock (_lock)
        {
            int mine = _open.GetValueOrDefault(from);
            if (_count >= connectionsMax || (mine >= perAddressMax && from != _proxy)) return false;
            _open[from] = mine + 1;
            _count++;
            return true;
        }
    }

    private void Leave(string from)
    {
        lock (_lock)
        {
            _count--;
            if (--_open[from] == 0) _open.Remove(from);
        }
    }
}
