using Marketplace.Chain.Accounts;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Settings;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Commands.Wallet;

/// <summary>How a verb gets at the wallet of its home: the file, or the client account of a devnet, which needs no passphrase.</summary>
internal static class WalletAccess
{
    /// <summary>Whose money it is, without opening anything.</summary>
    public static Address ReadAddress(this VerbRun run) =>
        run.Home.WalletPath is { } path ? WalletFile.Read(path).Address : run.Home.Devnet!.Client.Address;

    /// <summary>The key that pays, nothing else. The caller disposes it.</summary>
    public static Account OpenAccount(this VerbRun run)
    {
        if (run.Home.WalletPath is not { } path) return new Account(run.Home.Devnet!.Client.PrivateKey);
        WalletFile file = WalletFile.Read(path);
        return file.OpenAccount(Passphrases.Get(run.Settings, path));
    }

    /// <summary>All that the client owns. The caller disposes it.</summary>
    public static WalletSecrets OpenWallet(this VerbRun run)
    {
        if (run.Home.WalletPath is not { } path) return OfDevnet(run.Home.Devnet!.Client);
        WalletFile file = WalletFile.Read(path);
        string passphrase = Passphrases.Get(run.Settings, path);
        return new WalletSecrets(file.OpenAccount(passphrase), file.OpenMaster(passphrase));
    }

    private static WalletSecrets OfDevnet(DevnetAccount client) => client.Mnemonic is { } words
        ? WalletSecrets.FromWords(Mnemonic.Parse(words))
        : WalletSecrets.FromPrivateKey(new Account(client.PrivateKey));
}
