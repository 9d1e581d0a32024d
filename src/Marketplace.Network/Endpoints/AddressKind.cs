using System.Net;
using System.Net.Sockets;

namespace Marketplace.Network;

/// <summary>What kind of place an IP address names.</summary>
public enum AddressKind
{
    /// <summary>Reached over the internet by anyone.</summary>
    Public,

    /// <summary>This machine or a private network: fine on a development network, an attack on ours when a stranger registered it.</summary>
    Private,

    /// <summary>Never a peer: unspecified, link-local (cloud metadata lives there), multicast, broadcast, reserved, tunnelled.</summary>
    Never,
}

/// <summary>Sorts IP addresses by the special-purpose registries of IANA (RFC 6890 and its updates).</summary>
public static class AddressKinds
{
    private static readonly (IPNetwork Network, AddressKind Kind)[] s_special =
    [
        (IPNetwork.Parse("10.0.0.0/8"), AddressKind.Private),
        (IPNetwork.Parse("100.64.0.0/10"), AddressKind.Private),
        (IPNetwork.Parse("127.0.0.0/8"), AddressKind.Private),
        (IPNetwork.Parse("172.16.0.0/12"), AddressKind.Private),
        (IPNetwork.Parse("192.168.0.0/16"), AddressKind.Private),
        (IPNetwork.Parse("0.0.0.0/8"), AddressKind.Never),
        (IPNetwork.Parse("169.254.0.0/16"), AddressKind.Never),
        (IPNetwork.Parse("192.0.0.0/24"), AddressKind.Never),
        (IPNetwork.Parse("192.0.2.0/24"), AddressKind.Never),
        (IPNetwork.Parse("192.88.99.0/24"), AddressKind.Never),
        (IPNetwork.Parse("198.18.0.0/15"), AddressKind.Never),
        (IPNetwork.Parse("198.51.100.0/24"), AddressKind.Never),
        (IPNetwork.Parse("203.0.113.0/24"), AddressKind.Never),
        (IPNetwork.Parse("224.0.0.0/3"), AddressKind.Never),
        (IPNetwork.Parse("::1/128"), AddressKind.Private),
        (IPNetwork.Parse("fc00::/7"), AddressKind.Private),
        (IPNetwork.Parse("2001::/23"), AddressKind.Never),
        (IPNetwork.Parse("2001:db8::/32"), AddressKind.Never),
        (IPNetwork.Parse("2002::/16"), AddressKind.Never),
        (IPNetwork.Parse("3fff::/20"), AddressKind.Never),
    ];

    private static readonly IPNetwork s_globalUnicast6 = IPNetwork.Parse("2000::/3");

    /// <summary>The kind of an address. An IPv4 address inside an IPv6 one is judged as what it is.</summary>
    public static AddressKind Of(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        foreach ((IPNetwork network, AddressKind kind) in s_special)
        {
            if (network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address)) return kind;
        }

        bool unicast = address.AddressFamily == AddressFamily.InterNetwork || s_globalUnicast6.Contains(address);
        return unicast ? AddressKind.Public : AddressKind.Never;
    }
}
