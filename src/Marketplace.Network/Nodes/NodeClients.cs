using System.Collections.Concurrent;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>
/// One <see cref="NodeClient"/> for each node, kept so that connections are used again. One whose node has another endpoint or key by now
/// is let go: calls that it carries end by themselves, and its idle connections close.
/// </summary>
public sealed class NodeClients(
    EndpointGate gate, MarketScope scope, IMessageSigner? signer = null, NodeClientOptions? options = null, TimeProvider? time = null) : IDisposable
{
    private readonly ConcurrentDictionary<NodeId, Lazy<NodeClient>> _clients = new();

    /// <summary>The client for a peer. This pool owns it.</summary>
    public NodeClient For(NodePeer peer)
    {
        if (_clients.TryGetValue(peer.Id, out Lazy<NodeClient>? known) && known.Value.Peer == peer) return known.Value;
        return _clients.AddOrUpdate(
            peer.Id, _ => new Lazy<NodeClient>(() => Create(peer)), (_, other) => other.Value.Peer == peer ? other : new Lazy<NodeClient>(() => Create(peer))).Value;
    }

    /// <summary>Closes all connections.</summary>
    public void Dispose()
    {
        foreach (Lazy<NodeClient> client in _clients.Values)
        {
            if (client.IsValueCreated) client.Value.Dispose();
        }

        _clients.Clear();
    }

    private NodeClient Create(NodePeer peer) => new(peer, gate, scope, signer, options, time);
}
