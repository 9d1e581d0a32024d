using System.Security.Cryptography;
using System.Text;
using Marketplace.Chain.Accounts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;

namespace Marketplace.Gateway;

/// <summary>Makes and opens what a gateway keeps in its data directory (mode 700).</summary>
public static class GatewaySetup
{
    /// <summary>The operator's account, the one that clients allow: a version 3 key store that any wallet reads.</summary>
    public const string OperatorFileName = "operator.json";

    /// <summary>The key that signs tokens. Deleting it signs everybody out, nothing more.</summary>
    public const string TokenKeyFileName = "token.key";

    // The same way from a private key to a master key as in the wallet of the command line, so that whoever imports the operator's key
    // there, with everything else of the gateway lost, opens what it stored.
    private static ReadOnlySpan<byte> PrivateKeySeedInfo => "storage-market seed of a private key v1"u8;

    /// <summary>Makes a data directory with a new operator account in it. An existing one is never overwritten.</summary>
    /// <param name="dataDir">The directory; it is made if it is missing.</param>
    /// <param name="passphrase">Seals the account's key.</param>
    /// <param name="account">An account to take instead of a new one; not owned.</param>
    /// <param name="strength">How dear a guess at the passphrase is; null for the usual.</param>
    /// <param name="token">Cancels.</param>
    /// <returns>The operator's address, for the chain's own coin to be sent to.</returns>
    /// <exception cref="MarketException">There is an operator already, or the passphrase is empty.</exception>
    public static async Task<Address> InitAsync(
        string dataDir, string passphrase, Account? account = null, KeyStoreStrength? strength = null, CancellationToken token = default)
    {
        if (passphrase.Length == 0) throw new MarketException(MarketErrorCode.Usage, "A gateway's account needs a passphrase.", "set MARKET_PASSPHRASE_FILE");
        string path = Path.Combine(dataDir, OperatorFileName);
        if (File.Exists(path)) throw new MarketException(MarketErrorCode.Usage, $"There is a gateway at {dataDir} already, and it stays as it is.", "name another folder: --data DIR");
        using Account? made = account is null ? Account.Create() : null;
        Account owner = account ?? made!;
        string text = await Task.Run(() => KeyStore.Encrypt(owner, passphrase, strength), token);
        PrivateFile.CreateFolder(dataDir);
        PrivateFile.Create(path, Encoding.UTF8.GetBytes(text + "\n"));
        _ = TokenKey(dataDir);
        return owner.Address;
    }

    /// <summary>Opens the operator's account. The caller disposes it.</summary>
    /// <exception cref="MarketException">There is none, or the passphrase does not fit.</exception>
    internal static Account OpenOperator(string dataDir, string passphrase)
    {
        string path = Path.Combine(dataDir, OperatorFileName);
        if (!File.Exists(path)) throw new MarketException(MarketErrorCode.NotFound, $"There is no gateway at {dataDir}.", "make one: market gateway init --data DIR");
        try
        {
            return KeyStore.Decrypt(File.ReadAllText(path), passphrase);
        }
        catch (WrongPassphraseException exception)
        {
            throw new MarketException(MarketErrorCode.Usage, $"The passphrase does not open {path}.", "check MARKET_PASSPHRASE_FILE or MARKET_PASSPHRASE", exception);
        }
        catch (FormatException exception)
        {
            throw new MarketException(MarketErrorCode.Failed, $"{path}: {exception.Message}", null, exception);
        }
    }

    /// <summary>The key pair that the gateway reads with. The caller disposes it.</summary>
    internal static RecipientKeyPair ReadKey(Account @operator)
    {
        byte[] seed = @operator.UsePrivateKey(key =>
        {
            byte[] derived = new byte[MasterKey.SeedBytes];
            HKDF.DeriveKey(HashAlgorithmName.SHA512, key, derived, [], PrivateKeySeedInfo);
            return derived;
        });
        using MasterKey master = MasterKey.FromSeed(seed);
        CryptographicOperations.ZeroMemory(seed);
        return master.CreateRecipientKeyPair();
    }

    /// <summary>The key that signs tokens, made if it is missing.</summary>
    internal static byte[] TokenKey(string dataDir) => PrivateFile.ReadOrCreateKey(Path.Combine(dataDir, TokenKeyFileName), TokenMint.KeyBytes);
}
