using System.Net;
using Marketplace.Hosting.Http;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Marketplace.Node;

/// <summary>
/// Lets so many connections of strangers in at once, and of one address only a part of them; others are closed before a byte of them is
/// read. The operator's port has its own, so that nobody can lock the operator out.
/// </summary>
internal sealed class ConnectionGate(NodeLimits limits)
{
    private readonly Lock _lock = new();
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
            if (_count >= limits.ConnectionsMax || mine >= limits.ConnectionsPerAddressMax) return false;
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
