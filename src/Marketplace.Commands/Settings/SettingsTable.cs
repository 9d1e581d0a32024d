namespace Marketplace.Commands.Settings;

/// <summary>One thing that can be set, and all the places where it can.</summary>
/// <param name="Key">Its name in <c>market.yaml</c>.</param>
/// <param name="Flag">Its option, null if it has none.</param>
/// <param name="Variable">Its environment variable.</param>
/// <param name="InFile">Whether <c>market.yaml</c> may hold it.</param>
/// <param name="Default">What it is when nobody says, in words if it depends on something.</param>
/// <param name="ValueName">What stands behind the flag in <c>--help</c>.</param>
/// <param name="Meaning">What it does.</param>
/// <param name="IsOfHosts">Whether its flag is one of the verbs that run a host, and not of every verb.</param>
internal sealed record Setting(string Key, string? Flag, string Variable, bool InFile, string? Default, string ValueName, string Meaning, bool IsOfHosts = false);

/// <summary>Every setting of <c>market</c>. The table in <c>docs/settings.md</c> is this one; a test compares them.</summary>
internal static class SettingsTable
{
    public static Setting Home { get; } = new(
        "home", "--home", "MARKET_HOME", false, "the devnet's `DIR/client`, else `~/.market`", "DIR",
        "Folder of market.yaml, the wallet and what is remembered between calls.");

    public static Setting Devnet { get; } = new(
        "devnet", "--devnet", "MARKET_DEVNET", false, "the repository's `.devnet/devnet.json` if it exists", "FILE",
        "The devnet.json of a local network: its chain, contracts and client account are used; 'none' uses none.");

    public static Setting Wallet { get; } = new(
        "wallet", "--wallet", "MARKET_WALLET", true, "the devnet's client, else `wallet.json` in the home", "FILE",
        "The wallet file to pay and read with.");

    public static Setting RpcUrl { get; } = new(
        "rpcUrl", "--rpc", "MARKET_RPC_URL", true, "the devnet's, else `http://127.0.0.1:8545`", "URLS",
        "JSON-RPC endpoint of the chain, or several of the same chain, separated by commas: the next one is asked when one fails or stands still.");

    public static Setting Contracts { get; } = new(
        "contracts", "--contracts", "MARKET_CONTRACTS", true, "the devnet's, else `deployments/CHAINID.json`", "FILE",
        "JSON file that names the contracts: name to address.");

    public static Setting Keepers { get; } = new(
        "keepers", null, "MARKET_KEEPERS", true, "those that the register on chain names", "URLS",
        "Record keepers to ask, separated by commas; 'none' asks only the chain.");

    public static Setting TrustedProxy { get; } = new(
        "trustedProxy", "--trusted-proxy", "MARKET_TRUSTED_PROXY", true, "none", "IP",
        "Gateway and keeper: the address of the proxy in front of them. The last `X-Forwarded-For` entry of its requests, and of nobody else's, is the client's address that limits count.",
        IsOfHosts: true);

    public static Setting PassphraseFile { get; } = new(
        "passphraseFile", null, "MARKET_PASSPHRASE_FILE", true, null, "FILE",
        "File whose first line opens the wallet or the node's keys.");

    public static Setting Passphrase { get; } = new(
        "passphrase", null, "MARKET_PASSPHRASE", false, "asked for at the terminal", "TEXT",
        "The passphrase itself, if there is no passphrase file.");

    /// <summary>All of them, in the order of the page.</summary>
    public static IReadOnlyList<Setting> All { get; } = [Home, Devnet, Wallet, RpcUrl, Contracts, Keepers, TrustedProxy, PassphraseFile, Passphrase];

    /// <summary>The table as it stands in <c>docs/settings.md</c>.</summary>
    public static string ToMarkdown()
    {
        IEnumerable<string> rows = All.Select(setting =>
            $"| {(setting.InFile ? $"`{setting.Key}`" : "–")} | {(setting.Flag is null ? "–" : $"`{setting.Flag} {setting.ValueName}`")} | `{setting.Variable}` | {setting.Default ?? "–"} | {setting.Meaning} |");
        return string.Join('\n', ["| market.yaml | flag | environment | default | what it does |", "|---|---|---|---|---|", .. rows]) + "\n";
    }
}
