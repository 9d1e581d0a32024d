using System.Net;
using Marketplace.Domain;
using Marketplace.Gateway.Objects;
using Microsoft.Extensions.Options;

namespace Marketplace.Gateway;

/// <summary>How a gateway runs. Everything is given by whoever starts it; nothing is read from the environment here.</summary>
public sealed record GatewayOptions
{
    /// <summary>Where the wallet and the keys are; made by <see cref="GatewaySetup.InitAsync"/>.</summary>
    public required string DataDir { get; init; }

    /// <summary>Opens the wallet.</summary>
    public required string Passphrase { get; init; }

    /// <summary>JSON-RPC endpoint of the chain, or several separated by commas.</summary>
    public required string RpcUrl { get; init; }

    /// <summary>The deployed contracts, name to address.</summary>
    public required IReadOnlyDictionary<string, Address> Contracts { get; init; }

    /// <summary>Where to listen, plain HTTP. A loopback address unless a proxy in front ends TLS. Port 0 takes a free one.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 8080);

    /// <summary>The proxy in front, whose word (<c>X-Forwarded-For</c>) is taken for a client's address; null for none.</summary>
    public IPAddress? TrustedProxy { get; init; }

    /// <summary>The address that clients are given and sign for; null for the one it listens on.</summary>
    public Uri? Url { get; init; }

    /// <summary>An RPC endpoint to tell clients about; null for none.</summary>
    public Uri? PublicRpcUrl { get; init; }

    /// <summary>Record keepers to ask; null for those that the register names, empty for none.</summary>
    public IReadOnlyList<Uri>? Keepers { get; init; }

    /// <summary>Origins of web pages, besides the gateway's own, whose scripts may call it.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>The longest body that does not say its length beforehand, in bytes; longer ones need a Content-Length.</summary>
    public long OpenBodyBytesMax { get; init; } = 64L << 30;

    /// <summary>Sign-in calls that one remote address may make in a minute, lasting, and at once after a pause.</summary>
    public int SignInsPerMinute { get; init; } = 60;

    /// <summary>Slowest pace at which a client may send a body, or take what it asked for, in bytes a second, after <see cref="Grace"/>.</summary>
    public double BytesPerSecondMin { get; init; } = 32 << 10;

    /// <summary>How long a client may be slower than that, or stand still. Longer than a second, at which Kestrel looks.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where log lines go; null for standard error.</summary>
    public string? LogFile { get; init; }

    /// <summary>Called once the gateway answers, with its address.</summary>
    public Action<Uri>? Listening { get; init; }
}

/// <summary>Says what is wrong with options before anything starts.</summary>
public sealed class GatewayOptionsValidator : IValidateOptions<GatewayOptions>
{
    /// <inheritdoc />
    public ValidateOptionsResult Validate(string? name, GatewayOptions options)
    {
        List<string> faults = [];
        if (!IsHttpList(options.RpcUrl)) faults.Add("The RPC endpoint is no http address.");
        if (options.PublicRpcUrl is { } rpc && !IsHttp(rpc)) faults.Add("The published RPC endpoint is no http address.");
        if (options.Url is { } url && (!IsHttp(url) || url.PathAndQuery != "/" || url.UserInfo.Length > 0))
            faults.Add("The gateway's address is http or https, a host and perhaps a port, and nothing behind it.");
        if (options.Url is null && (options.Listen.Address.Equals(IPAddress.Any) || options.Listen.Address.Equals(IPAddress.IPv6Any)))
            faults.Add("A gateway that listens on all addresses needs to be told its own: --url https://NAME.");
        foreach (string origin in options.AllowedOrigins)
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) || !IsHttp(page) || origin.EndsWith('/') || page.PathAndQuery != "/")
                faults.Add($"'{origin}' is no origin: write https://NAME.");
        }

        if (options.OpenBodyBytesMax is < 1 or > ObjectEndpoints.ObjectBytesMax)
            faults.Add($"A body of unknown length has from 1 to {ObjectEndpoints.ObjectBytesMax} bytes.");
        if (options.SignInsPerMinute < 1) faults.Add("At least one sign-in a minute must be allowed.");
        if (!(options.BytesPerSecondMin > 0) || options.Grace <= TimeSpan.FromSeconds(1)) faults.Add("The slowest pace is above zero, and its grace longer than a second.");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static bool IsHttpList(string urls) =>
        urls.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } each &&
        Array.TrueForAll(each, text => Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && IsHttp(url));

    private static bool IsHttp(Uri url) => url.IsAbsoluteUri && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps);
}
