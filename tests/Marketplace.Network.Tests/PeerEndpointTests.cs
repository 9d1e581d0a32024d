using System.Net;

namespace Marketplace.Network.Tests;

public sealed class PeerEndpointTests
{
    [Theory]
    [InlineData("https://203.0.114.7:4000", "203.0.114.7", 4000)]
    [InlineData("https://node.example.org", "node.example.org", 443)]
    [InlineData("https://[2a00:1450::1]:9443", "2a00:1450::1", 9443)]
    [InlineData("http://127.0.0.1:80/", "127.0.0.1", 80)]
    public void An_endpoint_is_a_host_and_a_port(string text, string host, int port)
    {
        Assert.True(PeerEndpoint.TryParse(text, out PeerEndpoint? endpoint));
        Assert.Equal(host, endpoint.Host);
        Assert.Equal(port, endpoint.Port);
        Assert.Equal(endpoint, PeerEndpoint.Parse(endpoint.ToString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("node.example.org:4000")]
    [InlineData("ftp://node.example.org")]
    [InlineData("file:///etc/passwd")]
    [InlineData("https://user@node.example.org")]
    [InlineData("https://node.example.org/path")]
    [InlineData("https://node.example.org?x=1")]
    [InlineData("https://node.example.org#x")]
    [InlineData("https://node.example.org:0")]
    [InlineData("https://node.example.org:70000")]
    [InlineData("https://node.exam ple.org")]
    [InlineData("https://node.example.org\n")]
    [InlineData("https://[fe80::1%25eth0]:1")]
    public void Anything_else_is_refused(string? text) => Assert.False(PeerEndpoint.TryParse(text, out _));

    [Theory]
    [InlineData("https://node.example.org:4000", "https://node.example.org:4000")]
    [InlineData("webrtc:abc  http://a.example https://b.example:1 https://c.example:2", "https://b.example:1")]
    [InlineData("onion:xyz http://a.example", null)]
    [InlineData(" ", null)]
    [InlineData("", null)]
    public void Of_several_endpoints_the_first_that_we_speak_is_taken(string entry, string? first)
    {
        Assert.Equal(first, PeerEndpoint.FirstIn(entry, secure: true)?.ToString());
    }

    [Fact]
    public void A_keeper_may_answer_without_tls() =>
        Assert.Equal("http://a.example:80", PeerEndpoint.FirstIn("webrtc:abc http://a.example https://b.example", secure: false)?.ToString());

    [Fact]
    public void An_endless_text_is_refused() => Assert.False(PeerEndpoint.TryParse("https://" + new string('a', 300), out _));

    [Theory]
    [InlineData("8.8.8.8", AddressKind.Public)]
    [InlineData("2a00:1450:4001::1", AddressKind.Public)]
    [InlineData("127.0.0.1", AddressKind.Private)]
    [InlineData("127.255.0.9", AddressKind.Private)]
    [InlineData("10.1.2.3", AddressKind.Private)]
    [InlineData("172.31.255.255", AddressKind.Private)]
    [InlineData("172.32.0.1", AddressKind.Public)]
    [InlineData("192.168.0.1", AddressKind.Private)]
    [InlineData("100.64.0.1", AddressKind.Private)]
    [InlineData("::1", AddressKind.Private)]
    [InlineData("fd00::1", AddressKind.Private)]
    [InlineData("::ffff:127.0.0.1", AddressKind.Private)]
    [InlineData("::ffff:169.254.169.254", AddressKind.Never)]
    [InlineData("::ffff:8.8.8.8", AddressKind.Public)]
    [InlineData("169.254.169.254", AddressKind.Never)]
    [InlineData("0.0.0.0", AddressKind.Never)]
    [InlineData("224.0.0.1", AddressKind.Never)]
    [InlineData("255.255.255.255", AddressKind.Never)]
    [InlineData("240.0.0.1", AddressKind.Never)]
    [InlineData("::", AddressKind.Never)]
    [InlineData("fe80::1", AddressKind.Never)]
    [InlineData("ff02::1", AddressKind.Never)]
    [InlineData("2002:7f00:1::", AddressKind.Never)]
    [InlineData("64:ff9b::7f00:1", AddressKind.Never)]
    [InlineData("2001::1", AddressKind.Never)]
    public void Addresses_are_sorted_by_what_they_name(string address, AddressKind kind) =>
        Assert.Equal(kind, AddressKinds.Of(IPAddress.Parse(address)));
}
