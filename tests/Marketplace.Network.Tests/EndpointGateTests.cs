using System.Net;
using System.Net.Sockets;

namespace Marketplace.Network.Tests;

public sealed class EndpointGateTests
{
    [Fact]
    public async Task A_strangers_loopback_address_is_not_connected_to()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var gate = EndpointGate.ForChain(chainId: 1);

        await Assert.ThrowsAsync<EndpointRefusedException>(() => gate.ConnectAsync(new DnsEndPoint("127.0.0.1", port), CancellationToken.None));
        await Assert.ThrowsAsync<EndpointRefusedException>(() => gate.ConnectAsync(new DnsEndPoint("localhost", port), CancellationToken.None));
        await Assert.ThrowsAsync<EndpointRefusedException>(() => gate.ConnectAsync(new DnsEndPoint("[::1]", port), CancellationToken.None));
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task A_development_network_lives_on_loopback()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var gate = EndpointGate.ForChain(EndpointGate.DevelopmentChainId);

        await using Stream stream = await gate.ConnectAsync(
            new DnsEndPoint("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port), CancellationToken.None);

        Assert.True(stream.CanWrite);
    }

    [Theory]
    [InlineData("169.254.169.254")]
    [InlineData("0.0.0.0")]
    [InlineData("224.0.0.1")]
    public async Task Some_addresses_are_refused_on_every_network(string address) =>
        await Assert.ThrowsAsync<EndpointRefusedException>(
            () => new EndpointGate(allowPrivate: true).ConnectAsync(new DnsEndPoint(address, 80), CancellationToken.None));

    [Fact]
    public async Task Redirects_are_not_followed()
    {
        await using var peer = new RawPeer(tls: false, async stream =>
            await stream.WriteAsync("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"u8.ToArray()));
        using var http = new HttpClient(new EndpointGate(allowPrivate: true).CreateHandler());

        using HttpResponseMessage response = await http.GetAsync(peer.Endpoint.Uri);

        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
    }
}
