using System.Net;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Hosting.Http;
using Marketplace.Keeper.Pinging;
using Microsoft.Extensions.Options;

namespace Marketplace.Keeper;

/// <summary>Everything that a keeper is told. Checked before it starts.</summary>
public sealed record KeeperOptions
{
    /// <summary>Folder of the keeper's database, key and log. Made if missing.</summary>
    public required string DataDir { get; init; }

    /// <summary>Where it listens, such as <c>http://127.0.0.1:8500</c>; port 0 takes a free one. Loopback unless its operator says otherwise.</summary>
    public Uri Listen { get; init; } = new("http://127.0.0.1:0");

    /// <summary>The proxy in front, whose word (<c>X-Forwarded-For</c>) is taken for an asker's address; <c>null</c> for none.</summary>
    public IPAddress? TrustedProxy { get; init; }

    /// <summary>The chain and the contracts on it, as <c>deployments/CHAINID.json</c> or <c>devnet.json</c> names them.</summary>
    public required Deployment Deployment { get; init; }

    /// <summary>One JSON-RPC endpoint of the chain, or several separated by commas; <c>null</c> for the one that the deployment names.</summary>
    public string? RpcUrl { get; init; }

    /// <summary>Opens the key store.</summary>
    public required string Passphrase { get; init; }

    /// <summary>How dear a guess at the passphrase of a key store made now is; <c>null</c> for the standard.</summary>
    public KeyStoreStrength? KeyStrength { get; init; }

    /// <summary>The time frame of pings: each node is asked at least once in it, and one that died is offline by its end.</summary>
    public TimeSpan PingFrame { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The address to announce in the register on chain, such as <c>https://keeper.example.org</c>; <c>null</c> announces nothing.
    /// The keeper's account pays for the transaction.
    /// </summary>
    public Uri? AnnounceUrl { get; init; }

    /// <summary>Requests that one remote address may make.</summary>
    public RequestLimits RequestLimits { get; init; } = new(PerSecond: 50, Burst: 200);

    /// <summary>Where log lines go; <c>null</c> is standard error.</summary>
    public string? LogFile { get; init; }

    /// <summary>Events below this are not written.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Key store of the key that signs answers; made at the first start.</summary>
    public string KeyPath => Path.Combine(DataDir, "keeper-key.json");

    /// <summary>Path of the database.</summary>
    public string DatabasePath => Path.Combine(DataDir, "keeper.db");

    /// <summary>The record without what must not be printed.</summary>
    public override string ToString() => $"keeper in {DataDir} at {Listen}";
}

/// <summary>Says what is wrong with options, in words.</summary>
public sealed class KeeperOptionsValidator : IValidateOptions<KeeperOptions>
{
    internal static readonly string[] ContractsNeeded = ["NodeRegistry", "StorageMarket", "Bank"];

    /// <inheritdoc />
    public ValidateOptionsResult Validate(string? name, KeeperOptions options)
    {
        var faults = new List<string>();
        if (string.IsNullOrWhiteSpace(options.DataDir)) faults.Add("The keeper needs a data folder.");
        if (string.IsNullOrWhiteSpace(options.RpcUrl ?? options.Deployment.RpcUrl)) faults.Add("The keeper needs the URL of an RPC endpoint.");
        if (options.Listen is not { IsAbsoluteUri: true, Scheme: "http" }) faults.Add("The keeper listens at http://HOST:PORT; TLS is for a proxy before it.");
        if (options.PingFrame < PingFrameMin) faults.Add($"The time frame of pings is at least {PingFrameMin.TotalSeconds} seconds.");
        if (options.AnnounceUrl is { } url && (!url.IsAbsoluteUri || url.Scheme is not ("http" or "https"))) faults.Add("The announced address is a URL of http or https.");
        if (options.RequestLimits is not { PerSecond: > 0, Burst: > 0 }) faults.Add("The limits of requests are above zero.");
        foreach (string contract in ContractsNeeded.Where(contract => !options.Deployment.Addresses.ContainsKey(contract))) faults.Add($"The address of {contract} is missing.");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static TimeSpan PingFrameMin => Pinging.PingFrame.FrameMin;
}
