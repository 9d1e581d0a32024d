using Marketplace.Commands.Settings;
using Marketplace.Domain;

namespace Marketplace.Commands.Homes;

/// <summary>Where a call of <c>market</c> is at home: its folder, settings, wallet, chain, and the devnet if one is used.</summary>
internal sealed class MarketHome
{
    /// <summary>The value of <c>--devnet</c> that means: not even the repository's own.</summary>
    public const string NoDevnet = "none";

    private const string DefaultRpcUrl = "http://127.0.0.1:8545";
    private const string WalletName = "wallet.json";

    private MarketHome(string folder, DevnetFile? devnet, string? devnetPath, MarketSettings settings)
    {
        Folder = folder;
        Devnet = devnet;
        DevnetPath = devnetPath;
        Settings = settings;
    }

    /// <summary>Absolute path of the home. It may not exist yet.</summary>
    public string Folder { get; }

    /// <summary>The local network in use, null if there is none.</summary>
    public DevnetFile? Devnet { get; }

    /// <summary>Where <see cref="Devnet"/> was read from.</summary>
    public string? DevnetPath { get; }

    /// <summary>The settings in force.</summary>
    public MarketSettings Settings { get; }

    /// <summary>The wallet file, or null when the devnet's client account is used instead.</summary>
    public string? WalletPath => Settings[SettingsTable.Wallet] is { } named
        ? Path.GetFullPath(named)
        : Devnet is null ? Path.Combine(Folder, WalletName) : null;

    /// <summary>JSON-RPC endpoint of the chain, or several separated by commas, the preferred one first.</summary>
    public string RpcUrl
    {
        get
        {
            if (Settings[SettingsTable.RpcUrl] is not { } text) return Devnet?.RpcUrl.ToString() ?? DefaultRpcUrl;
            string[] urls = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return urls.Length > 0 && Array.TrueForAll(urls, one => Uri.TryCreate(one, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https")
                ? string.Join(',', urls)
                : throw new MarketException(MarketErrorCode.Usage, $"'{text}' is not the address of a chain", $"write it as {DefaultRpcUrl}, several with commas between them");
        }
    }

    /// <summary>What is remembered for one account between calls: a folder of its own, so that two wallets never mix.</summary>
    public string FolderOf(Address account) => Path.Combine(Folder, "accounts", account.ToString());

    /// <summary>
    /// Finds the home. A devnet's client lives in <c>DIR/client</c>; whoever names a wallet, or has no devnet, lives in
    /// <c>MARKET_HOME</c> or <c>~/.market</c>; <c>--home</c> beats all.
    /// </summary>
    /// <param name="flag">The value of a flag on the command line, null if it was not given.</param>
    /// <param name="environment">The value of an environment variable, null if it is not set.</param>
    public static MarketHome Find(Func<string, string?> flag, Func<string, string?> environment)
    {
        var early = new MarketSettings(flag, environment, new Dictionary<string, string>());
        string? devnetPath = early[SettingsTable.Devnet];
        if (devnetPath is null && RepositoryFolder.Path is { } repository)
        {
            string own = Path.Combine(repository, ".devnet", DevnetFile.FileName);
            if (File.Exists(own)) devnetPath = own;
        }

        devnetPath = devnetPath is null or NoDevnet ? null : Path.GetFullPath(devnetPath);
        DevnetFile? devnet = devnetPath is null ? null : DevnetFile.Read(devnetPath);
        string folder = early.FromFlag(SettingsTable.Home)
            ?? (devnet is not null && early[SettingsTable.Wallet] is null ? Path.Combine(Path.GetDirectoryName(devnetPath)!, DevnetFile.ClientName) : null)
            ?? early[SettingsTable.Home]
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".market");
        folder = Path.GetFullPath(folder);
        return new MarketHome(folder, devnet, devnetPath, new MarketSettings(flag, environment, MarketSettings.ReadFile(Path.Combine(folder, MarketSettings.FileName))));
    }
}
