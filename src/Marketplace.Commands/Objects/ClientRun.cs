using System.CommandLine;
using Marketplace.Chain;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Settings;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;
using Marketplace.Client.Deals;
using Marketplace.Client.Discovery;
using Marketplace.Client.Keys;
using Marketplace.Client.Names;
using Marketplace.Client.Sessions;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Commands.Objects;

/// <summary>Everything a verb about objects needs, opened in order and closed together.</summary>
internal sealed class ClientRun : IDisposable
{
    private const string NoKeepers = "none";

    private readonly WalletSecrets? _secrets;
    private readonly MarketContracts _contracts;

    private ClientRun(WalletSecrets? secrets, MarketContracts contracts, MarketSession session, StorageClient? client)
    {
        _secrets = secrets;
        _contracts = contracts;
        Session = session;
        _client = client;
    }

    private readonly StorageClient? _client;

    /// <summary>The market.</summary>
    public MarketSession Session { get; }

    /// <summary>The wallet's owner on it.</summary>
    public StorageClient Client => _client ?? throw new InvalidOperationException("This verb was opened without a wallet.");

    /// <summary>Opens the wallet and the market.</summary>
    /// <param name="run">The verb.</param>
    /// <param name="mayBeOlder">What <see cref="OlderOption"/> says.</param>
    public static Task<ClientRun> OpenAsync(VerbRun run, bool mayBeOlder = false) => OpenAsync(run, run.OpenWallet(), mayBeOlder);

    /// <summary>Opens the market alone: nothing can be signed or unsealed.</summary>
    public static Task<ClientRun> OpenReadOnlyAsync(VerbRun run) => OpenAsync(run, null, mayBeOlder: false);

    /// <summary>For the verbs that would rather fail than take an older version for the last one.</summary>
    public static Option<bool> OlderOption() => new("--older") { Description = "Take what can be read now, though a newer version may lie in a deal that cannot." };

    /// <summary>The name that was said, without slashes at its end.</summary>
    public static string NameOf(string text) => ObjectName.TryParse(text, out string? name, out string? reason)
        ? name
        : throw new MarketException(MarketErrorCode.Usage, $"'{ObjectName.ForTerminal(text)}' is no name of an object", reason);

    /// <inheritdoc />
    public void Dispose()
    {
        _client?.Dispose();
        Session.Dispose();
        _contracts.Dispose();
        _secrets?.Dispose();
    }

    private static async Task<ClientRun> OpenAsync(VerbRun run, WalletSecrets? secrets, bool mayBeOlder)
    {
        MarketContracts? contracts = null;
        try
        {
            contracts = await run.ConnectAsync(secrets?.Account);
            var options = new MarketSessionOptions { Keepers = KeepersOf(run.Settings[SettingsTable.Keepers]), MayBeOlder = mayBeOlder };
            MarketSession session = await MarketSession.OpenAsync(new MarketChain(contracts), secrets?.Account, options, run.Cancellation);
            StorageClient? client = secrets is null
                ? null
                : session.ClientOf(secrets.Account.Address, new OwnKeys(secrets.Master), run.Home.FolderOf(secrets.Account.Address));
            return new ClientRun(secrets, contracts, session, client);
        }
        catch
        {
            contracts?.Dispose();
            secrets?.Dispose();
            throw;
        }
    }

    private static IReadOnlyList<KeeperPeer>? KeepersOf(string? setting) => setting switch
    {
        null => null,
        NoKeepers => [],
        _ => [.. setting.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(KeeperOf)],
    };

    private static KeeperPeer KeeperOf(string url) => PeerEndpoint.TryParse(url, out PeerEndpoint? endpoint)
        ? new KeeperPeer(endpoint, null)
        : throw new MarketException(MarketErrorCode.Usage, $"'{url}' is not the address of a keeper", "write https://HOST:PORT, several with commas between, or none");
}
