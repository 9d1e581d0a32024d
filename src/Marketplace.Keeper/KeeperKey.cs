using Marketplace.Chain.Accounts;
using Marketplace.Domain;

namespace Marketplace.Keeper;

/// <summary>The key that signs a keeper's answers.</summary>
public static class KeeperKey
{
    /// <summary>Opens the key store, or makes one with a new key that only its owner may read.</summary>
    /// <param name="path">The key store's file.</param>
    /// <param name="passphrase">Seals it.</param>
    /// <param name="strength">How dear a guess is, for a new one; <c>null</c> for the standard.</param>
    /// <exception cref="MarketException">The passphrase is wrong, or the file is no key store.</exception>
    public static Account OpenOrCreate(string path, string passphrase, KeyStoreStrength? strength = null)
    {
        try
        {
            if (File.Exists(path)) return KeyStore.Decrypt(File.ReadAllText(path), passphrase);
        }
        catch (WrongPassphraseException e)
        {
            throw new MarketException(MarketErrorCode.Usage, $"The passphrase does not open {path}.", "Set MARKET_PASSPHRASE_FILE or MARKET_PASSPHRASE.", e);
        }
        catch (FormatException e)
        {
            throw new MarketException(MarketErrorCode.Usage, $"{path} is not a key store: {e.Message}", null, e);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        Account account = Account.Create();
        // Written beside and moved, so that a crash leaves no half a key.
        string fresh = path + ".new";
        File.Delete(fresh);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(fresh, options))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(KeyStore.Encrypt(account, passphrase, strength)));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path);
        return account;
    }
}
