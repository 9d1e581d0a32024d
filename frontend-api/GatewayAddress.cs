using Marketplace.Domain;
using Marketplace.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Marketplace.Gateway;

/// <summary>The address that clients are given. Known once the server listens, because a port of 0 is chosen then.</summary>
public sealed class GatewayAddress(GatewayOptions options, IServer server)
{
    /// <summary>Scheme and authority.</summary>
    /// <exception cref="InvalidOperationException">The server does not listen yet.</exception>
    public Uri Url => field ??= options.Url ?? new Uri(
        server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() ?? throw new InvalidOperationException("The gateway does not listen yet."));

    /// <summary>The same as text, without a slash at the end.</summary>
    public string Origin => $"{Url.Scheme}://{Url.Authority}";
}
