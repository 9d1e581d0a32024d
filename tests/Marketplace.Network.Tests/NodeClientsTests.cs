using Marketplace.Domain;

namespace Marketplace.Network.Tests;

public sealed class NodeClientsTests
{
    [Fact]
    public void A_node_has_one_client_which_is_another_once_its_endpoint_is()
    {
        using var clients = new NodeClients(new EndpointGate(allowPrivate: true), new MarketScope(EndpointGate.DevelopmentChainId, default));
        var peer = new NodePeer(new NodeId(1), default, PeerEndpoint.Parse("https://127.0.0.1:1"), default);
        NodeClient first = clients.For(peer);
        Assert.Same(first, clients.For(peer with { }));
        NodeClient second = clients.For(peer with { Endpoint = PeerEndpoint.Parse("https://127.0.0.1:2") });
        Assert.Equal("https://127.0.0.1:2", second.Peer.Endpoint.ToString());
        Assert.NotSame(first, clients.For(peer));
    }
}
