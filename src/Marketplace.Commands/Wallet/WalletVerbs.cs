using System.CommandLine;
using Marketplace.Chain.Accounts;
using Marketplace.Commands.Settings;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Commands.Wallet;

/// <summary>What <c>wallet create</c> answers; the words are shown this once.</summary>
internal sealed record WalletCreatedReport(Address Address, string Wallet, string Mnemonic);

/// <summary>What <c>wallet import</c> and <c>wallet show</c> answer. <paramref name="Wallet"/> is null for a devnet's client.</summary>
internal sealed record WalletReport(Address Address, string? Wallet, string Home, string RpcUrl);

/// <summary><c>market wallet create|import|show</c>.</summary>
internal static class WalletVerbs
{
    public static Command Group() => new VerbGroup("wallet", "The account that pays, and the key of its files.") { Create(), Import(), Show() };

    private static Verb Create() => new Verb("create", "Make a new wallet of twelve words, which are shown once.")
        .Example("wallet create")
        .Example("wallet create --wallet alice.json")
        .Runs(CreateAsync);

    private static Verb Import() => new Verb("import", "Make a wallet from words or a private key on standard input.")
        .Example("wallet import < words.txt")
        .Example("wallet import --wallet alice.json < key.txt")
        .Runs(ImportAsync);

    private static Verb Show() => new Verb("show", "Show which wallet, home and chain are used.")
        .Example("wallet show")
        .Runs(ShowAsync);

    private static Task CreateAsync(VerbRun run)
    {
        string path = PathForNew(run);
        string passphrase = Passphrases.Choose(run.Settings, path);
        Mnemonic words = Mnemonic.Create();
        using WalletSecrets secrets = WalletSecrets.FromWords(words);
        WalletFile file = WalletFile.Create(path, secrets, passphrase);
        run.Output.Write(new WalletCreatedReport(file.Address, path, words.Words), text =>
        {
            text.Pairs(("address", file.Address.ToString()), ("wallet", path));
            text.Line("");
            text.Line("Write these words down. Whoever has them has the money and the files; without them a lost wallet file is lost for good:");
            text.Line("");
            text.Line("  " + words.Words);
        });
        return Task.CompletedTask;
    }

    private static Task ImportAsync(VerbRun run)
    {
        string path = PathForNew(run);
        string given = Passphrases.ReadSecret("Words, or private key: ");
        using WalletSecrets secrets = WalletSecrets.Parse(given);
        WalletFile file = WalletFile.Create(path, secrets, Passphrases.Choose(run.Settings, path));
        bool hasWords = given.Trim().Any(char.IsWhiteSpace);
        if (!hasWords) run.Output.Note("note: files stored with the words that this key came from open only with those words.");
        Write(run, file.Address, path);
        return Task.CompletedTask;
    }

    private static Task ShowAsync(VerbRun run)
    {
        Write(run, run.ReadAddress(), run.Home.WalletPath);
        return Task.CompletedTask;
    }

    private static void Write(VerbRun run, Address address, string? path) =>
        run.Output.Write(new WalletReport(address, path, run.Home.Folder, run.Home.RpcUrl), text => text.Pairs(
            ("address", address.ToString()),
            ("wallet", path ?? $"the client of the devnet {run.Home.DevnetPath}"),
            ("home", run.Home.Folder),
            ("chain", run.Home.RpcUrl)));

    private static string PathForNew(VerbRun run)
    {
        if (run.Home.WalletPath is not { } path)
            throw new MarketException(MarketErrorCode.Usage, "With a devnet its client account is the wallet", $"name a file for another one: --wallet FILE or {SettingsTable.Wallet.Variable}");
        return File.Exists(path) ? throw WalletFile.AlreadyThere(path) : path;
    }
}
