using System.Collections.Concurrent;

namespace Marketplace.Network;

/// <summary>One <see cref="NodeClient"/> for each peer, kept as long as this lives, so that connections are used again.</summary>
public sealed class NodeClients(
    EndpointGate gate, MarketScope scope, IMessageSigner? signer = null, NodeClientOptions? options = null, TimeProvider? time = null) : IDisposable
{
    private readonly ConcurrentDictionary<NodePeer, Lazy<NodeClient>> _clients = new();

    /// <summary>The client for a peer. This pool owns it.</summary>
    public NodeClient For(NodePeer peer) =>
        _clients.GetOrAdd(peer, static (key, pool) => new Lazy<NodeClient>(() => pool.Create(key)), this).Value;

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
