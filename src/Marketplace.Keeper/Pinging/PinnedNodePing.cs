using System.Collections.Concurrent;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Keeper.Pinging;

/// <summary>
/// Pings through <see cref="NodeClient"/>: the gate against private addresses, TLS pinned to the fingerprint on chain, a fresh nonce,
/// and a beat signed by the hot key on chain. One connection pool for each node, replaced when the node's entry changes.
/// </summary>
public sealed class PinnedNodePing(EndpointGate gate, MarketScope scope, PingFrame frame, IMessageVerifier verifier, TimeProvider time) : INodePing, IDisposable
{
    private readonly ConcurrentDictionary<NodeId, NodeClient> _clients = new();
    private readonly NodeClientOptions _options = new() { AnswerTimeout = frame.AnswerTimeout, IdleTimeout = frame.AnswerTimeout };

    /// <inheritdoc />
    public async Task<PingAnswer?> AskAsync(PingTarget target, CancellationToken token)
    {
        if (PeerOf(target) is not { } peer) return null;
        NodeClient client = ClientFor(peer);
        long start = time.GetTimestamp();
        NodeAnswer<Beat> answer = await client.PingAsync(verifier, token);
        return answer.Value is { } beat ? new PingAnswer(time.GetElapsedTime(start), beat.Block, beat.FreeBytes, beat.Version) : null;
    }

    /// <summary>Closes all connections.</summary>
    public void Dispose()
    {
        foreach (NodeClient client in _clients.Values) client.Dispose();
        _clients.Clear();
    }

    /// <summary>The first address of the entry that a node may have; <c>null</c> if there is none.</summary>
    private static NodePeer? PeerOf(PingTarget target) => PeerEndpoint.FirstIn(target.Endpoint, secure: true) is { } endpoint
        ? new NodePeer(target.Node, target.Hot, endpoint, new CertificateFingerprint(target.Fingerprint))
        : null;

    /// <summary>Pings of one node never run beside each other, so the client that is replaced is idle.</summary>
    private NodeClient ClientFor(NodePeer peer)
    {
        if (_clients.TryGetValue(peer.Id, out NodeClient? client) && client.Peer == peer) return client;
        client?.Dispose();
        return _clients[peer.Id] = new NodeClient(peer, gate, scope, signer: null, _options, time);
    }
}
