using System.Security.Cryptography;
using System.Text;
using Marketplace.Chain.Accounts;
using Marketplace.Coding;

namespace Marketplace.Commands.Wallet;

/// <summary>What a client owns: the key that pays, and the key that all its files' keys come from. Disposing wipes both.</summary>
internal sealed class WalletSecrets(Account account, MasterKey master) : IDisposable
{
    // Names the way from a private key to the master key, for who has no words.
    private static ReadOnlySpan<byte> PrivateKeySeedInfo => "storage-market seed of a private key v1"u8;

    /// <summary>Pays and signs.</summary>
    public Account Account { get; } = account;

    /// <summary>Opens the client's files.</summary>
    public MasterKey Master { get; } = master;

    /// <summary>Account <c>m/44'/60'/0'/0/0</c>, and the master key from the same seed.</summary>
    public static WalletSecrets FromWords(Mnemonic words)
    {
        byte[] seed = words.ToSeed();
        try
        {
            return new WalletSecrets(Account.FromMnemonic(words), MasterKey.FromSeed(seed));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>
    /// The account of a private key. The master key comes from the private key, so that it alone gives all files back; it is another
    /// one than that of the words the private key may once have come from.
    /// </summary>
    public static WalletSecrets FromPrivateKey(Account account)
    {
        byte[] seed = account.UsePrivateKey(key => HKDF.DeriveKey(HashAlgorithmName.SHA512, key.ToArray(), MasterKey.SeedBytes, info: PrivateKeySeedInfo.ToArray()));
        try
        {
            return new WalletSecrets(account, MasterKey.FromSeed(seed));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>Reads what a person imports: words of BIP-39, or 64 hexadecimal digits.</summary>
    /// <exception cref="FormatException">It is neither; the message repeats nothing of it.</exception>
    public static WalletSecrets Parse(string text)
    {
        text = text.Trim();
        bool isOneWord = text.Length > 0 && !text.Any(char.IsWhiteSpace);
        return isOneWord ? FromPrivateKey(new Account(text)) : FromWords(Mnemonic.Parse(text));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Account.Dispose();
        Master.Dispose();
    }

    /// <summary>The account's address, nothing secret.</summary>
    public override string ToString() => new StringBuilder("wallet of ").Append(Account.Address).ToString();
}
