using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Chain.Accounts;
using Marketplace.Commands.Homes;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Commands.Wallet;

/// <summary>
/// The wallet file: a Web3 Secret Storage v3 key store that any wallet reads, and beside it the master key of the client's files,
/// sealed in the same way by the same passphrase. Format: <c>docs/formats/wallet.md</c>.
/// </summary>
internal sealed class WalletFile
{
    /// <summary>The member that holds the sealed master key.</summary>
    public const string MasterKeyMember = "marketMasterKey";

    private readonly string _text;

    private WalletFile(string path, string text, Address address)
    {
        Path = path;
        _text = text;
        Address = address;
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>The account, readable without a passphrase.</summary>
    public Address Address { get; }

    /// <summary>Reads a wallet file; opens nothing yet.</summary>
    /// <exception cref="MarketException">There is none, or it is not a wallet.</exception>
    public static WalletFile Read(string path)
    {
        if (!File.Exists(path)) throw new MarketException(MarketErrorCode.NotFound, $"There is no wallet at {path}", "make one: market wallet create, or market wallet import");
        string text = File.ReadAllText(path);
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            string digits = json.RootElement.GetProperty("address").GetString() ?? "";
            if (!digits.StartsWith("0x", StringComparison.Ordinal)) digits = "0x" + digits;
            return new WalletFile(path, text, Address.Parse(digits));
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new MarketException(MarketErrorCode.Failed, $"{path} is not a wallet file", "it should be a version 3 key store with an address", exception);
        }
    }

    /// <summary>Writes a new wallet file, mode 600. An existing file is never overwritten.</summary>
    public static WalletFile Create(string path, WalletSecrets secrets, string passphrase)
    {
        if (File.Exists(path)) throw AlreadyThere(path);
        JsonObject file = JsonNode.Parse(KeyStore.Encrypt(secrets.Account, passphrase))!.AsObject();
        byte[] master = new byte[MasterKey.SizeBytes];
        secrets.Master.CopyTo(master);
        file[MasterKeyMember] = KeyStore.EncryptSecret(master, passphrase);
        CryptographicOperations.ZeroMemory(master);
        PrivateFiles.CreateFolder(System.IO.Path.GetDirectoryName(path)!);
        PrivateFiles.Create(path, file.ToJsonString() + "\n");
        return Read(path);
    }

    /// <summary>The failure of a wallet that would be overwritten.</summary>
    public static MarketException AlreadyThere(string path) =>
        new(MarketErrorCode.Failed, $"There is a wallet at {path} already, and it stays as it is", "name another file: --wallet FILE");

    /// <summary>Opens the account's key. The caller disposes it.</summary>
    public Account OpenAccount(string passphrase) => Open(() => KeyStore.Decrypt(_text, passphrase));

    /// <summary>Opens the key of the client's files. The caller disposes it.</summary>
    public MasterKey OpenMaster(string passphrase) => Open(() =>
    {
        using JsonDocument json = JsonDocument.Parse(_text);
        if (!json.RootElement.TryGetProperty(MasterKeyMember, out JsonElement section))
            throw new FormatException($"{Path} holds no master key: it was not made by this program. Import its words or its private key into a new wallet.");
        byte[] key = KeyStore.DecryptSecret(section, passphrase);
        try
        {
            return new MasterKey(key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    });

    private T Open<T>(Func<T> open)
    {
        try
        {
            return open();
        }
        catch (WrongPassphraseException exception)
        {
            throw new MarketException(MarketErrorCode.Usage, $"The passphrase does not open {Path}", "check MARKET_PASSPHRASE_FILE or MARKET_PASSPHRASE", exception);
        }
        catch (FormatException exception)
        {
            throw new MarketException(MarketErrorCode.Failed, exception.Message, null, exception);
        }
    }
}
