using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Marketplace.Commands.Settings;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Cli.Roles;

/// <summary>What the verbs that run a role have in common.</summary>
internal static class RoleRun
{
    /// <summary>The folder of a role; every role's verbs take it.</summary>
    public static Option<string> DataOption(string role) =>
        new("--data") { Description = $"The {role}'s folder.", HelpName = "DIR", Required = true };

    /// <summary>Where log lines go.</summary>
    public static Option<string?> LogOption() => new("--log") { Description = "File for log lines; standard error without it.", HelpName = "FILE" };

    /// <summary>An address to listen on.</summary>
    public static Option<IPEndPoint> ListenOption(IPEndPoint otherwise) =>
        Words.Listen("--listen", "Where to listen; port 0 takes a free one.", otherwise);

    /// <summary>Runs a host until it ends by itself or is told to; being told to is no failure.</summary>
    public static async Task RunHostAsync(VerbRun run, Func<CancellationToken, Task> host)
    {
        try
        {
            await host(run.Cancellation);
        }
        catch (OperationCanceledException) when (run.Cancellation.IsCancellationRequested)
        {
            // Told to stop while it started.
        }
    }

    /// <summary>Keepers that the settings name: null for those of the register, empty for none.</summary>
    /// <exception cref="MarketException">One is no address.</exception>
    public static IReadOnlyList<Uri>? KeepersOf(MarketSettings settings)
    {
        if (settings[SettingsTable.Keepers] is not { } text) return null;
        if (text == "none") return [];
        return
        [
            .. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(word => ReadUrl(word)
                ?? throw new MarketException(MarketErrorCode.Usage, $"'{word}' is not the address of a keeper", "write MARKET_KEEPERS=https://a.example,https://b.example or none")),
        ];
    }

    /// <summary>The proxy that the settings name, null for none.</summary>
    /// <exception cref="MarketException">It is no address.</exception>
    public static IPAddress? TrustedProxyOf(MarketSettings settings)
    {
        if (settings[SettingsTable.TrustedProxy] is not { } text) return null;
        // "8080" is an address, too, to who reads it generously.
        return IPAddress.TryParse(text, out IPAddress? address) && (address.AddressFamily is AddressFamily.InterNetworkV6 || address.ToString() == text)
            ? address
            : throw new MarketException(MarketErrorCode.Usage, $"'{text}' is not the address of a proxy", "write it as it calls: --trusted-proxy 127.0.0.1");
    }

    /// <summary>An http or https address, null if it is none.</summary>
    public static Uri? ReadUrl(string? text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" ? url : null;
}
