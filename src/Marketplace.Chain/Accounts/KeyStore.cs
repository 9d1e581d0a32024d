using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Chain.Crypto;
using Marketplace.Domain;

namespace Marketplace.Chain.Accounts;

/// <summary>How dear a guess at the passphrase is. Memory used: 1024 × <see cref="ScryptN"/> bytes.</summary>
public sealed record KeyStoreStrength(int ScryptN, int ScryptP)
{
    /// <summary>128 MiB and about half a second a guess, as other wallets do.</summary>
    public static KeyStoreStrength Standard { get; } = new(131_072, 1);

    /// <summary>4 MiB and some tens of milliseconds a guess: for development networks and tests.</summary>
    public static KeyStoreStrength Light { get; } = new(4_096, 6);
}

/// <summary>The passphrase does not open the key store.</summary>
public sealed class WrongPassphraseException() : Exception("The passphrase is wrong.");

/// <summary>
/// Web3 Secret Storage, version 3: secrets sealed by a passphrase, in the JSON that other wallets read.
/// Written with scrypt and AES-128-CTR; read with scrypt or PBKDF2. The MAC is compared in constant time, derived keys are wiped.
/// </summary>
public static class KeyStore
{
    /// <summary>The only version there is in use.</summary>
    public const int Version = 3;

    /// <summary>Larger files are refused unread.</summary>
    public const int TextCharsMax = 64 * 1024;

    private const int DerivedKeyBytes = 32;
    private const int SaltBytes = 32;
    private const int ScryptR = 8;
    private const long ScryptMemoryBytesMax = 1L << 30;
    private const int ScryptPMax = 64;
    private const int Pbkdf2IterationsMax = 10_000_000;
    private const int SecretBytesMax = 4096;

    /// <summary>Seals a private key; the result is the text of a key store file.</summary>
    public static string Encrypt(Account account, string passphrase, KeyStoreStrength? strength = null)
    {
        JsonObject file = new()
        {
            ["version"] = Version,
            ["id"] = Guid.NewGuid().ToString(),
            ["address"] = Convert.ToHexStringLower(account.Address.ToArray()),
            ["crypto"] = account.UsePrivateKey(key => EncryptSecret(key, passphrase, strength)),
        };
        return file.ToJsonString();
    }

    /// <summary>Opens the text of a key store file.</summary>
    /// <exception cref="WrongPassphraseException">The passphrase does not fit.</exception>
    /// <exception cref="FormatException">The text is no key store that is understood, or holds another account than it says.</exception>
    public static Account Decrypt(string json, string passphrase)
    {
        if (json.Length > TextCharsMax) throw new FormatException("The key store file is too large.");
        using JsonDocument file = ParseJson(json);
        JsonElement root = file.RootElement;
        if (Number(root, "version", 1, 99) != Version) throw new FormatException("Only key stores of version 3 are understood.");
        // Some old wallets write "Crypto".
        JsonElement crypto = root.TryGetProperty("Crypto", out JsonElement upper) ? upper : Member(root, "crypto");
        byte[] key = DecryptSecret(crypto, passphrase);
        try
        {
            Account account = new(key);
            if (root.TryGetProperty("address", out JsonElement named) && named.GetString() is { Length: > 0 } text
                && !account.Address.ToArray().AsSpan().SequenceEqual(Bytes(text)))
            {
                account.Dispose();
                throw new FormatException("The key store holds the key of another address than it names.");
            }

            return account;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Seals any secret into a <c>crypto</c> section, for files that keep more than one secret.</summary>
    public static JsonObject EncryptSecret(ReadOnlySpan<byte> secret, string passphrase, KeyStoreStrength? strength = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(secret.Length, SecretBytesMax);
        strength ??= KeyStoreStrength.Standard;
        byte[] salt = RandomNumberGenerator.GetBytes(SaltBytes);
        byte[] iv = RandomNumberGenerator.GetBytes(16);
        byte[] password = PassphraseBytes(passphrase);
        byte[] derived = Scrypt.DeriveKey(password, salt, strength.ScryptN, ScryptR, strength.ScryptP, DerivedKeyBytes);
        try
        {
            byte[] sealedBytes = AesCtr(derived.AsSpan(0, 16), iv, secret);
            return new JsonObject
            {
                ["cipher"] = "aes-128-ctr",
                ["cipherparams"] = new JsonObject { ["iv"] = Convert.ToHexStringLower(iv) },
                ["ciphertext"] = Convert.ToHexStringLower(sealedBytes),
                ["kdf"] = "scrypt",
                ["kdfparams"] = new JsonObject
                {
                    ["dklen"] = DerivedKeyBytes,
                    ["n"] = strength.ScryptN,
                    ["r"] = ScryptR,
                    ["p"] = strength.ScryptP,
                    ["salt"] = Convert.ToHexStringLower(salt),
                },
                ["mac"] = Convert.ToHexStringLower(Mac(derived, sealedBytes)),
            };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(password);
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    /// <summary>Opens a <c>crypto</c> section; the caller wipes the result.</summary>
    /// <exception cref="WrongPassphraseException">The passphrase does not fit.</exception>
    /// <exception cref="FormatException">The section is not understood.</exception>
    public static byte[] DecryptSecret(JsonElement crypto, string passphrase)
    {
        if (Text(crypto, "cipher") != "aes-128-ctr") throw new FormatException("Only the cipher aes-128-ctr is understood.");
        byte[] iv = Bytes(Text(Member(crypto, "cipherparams"), "iv"));
        byte[] sealedBytes = Bytes(Text(crypto, "ciphertext"));
        byte[] mac = Bytes(Text(crypto, "mac"));
        if (iv.Length > 16 || sealedBytes.Length > SecretBytesMax) throw new FormatException("The key store's sizes are wrong.");

        byte[] password = PassphraseBytes(passphrase);
        byte[] derived = DeriveKey(crypto, password);
        try
        {
            if (!CryptographicOperations.FixedTimeEquals(Mac(derived, sealedBytes), mac)) throw new WrongPassphraseException();
            return AesCtr(derived.AsSpan(0, 16), [.. new byte[16 - iv.Length], .. iv], sealedBytes);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(password);
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    private static byte[] DeriveKey(JsonElement crypto, byte[] password)
    {
        JsonElement settings = Member(crypto, "kdfparams");
        byte[] salt = Bytes(Text(settings, "salt"));
        int length = Number(settings, "dklen", DerivedKeyBytes, 64);
        switch (Text(crypto, "kdf"))
        {
            case "scrypt":
                int n = Number(settings, "n", 2, int.MaxValue);
                int r = Number(settings, "r", 1, 1024);
                int p = Number(settings, "p", 1, ScryptPMax);
                if (128L * n * r > ScryptMemoryBytesMax || !int.IsPow2(n)) throw new FormatException("The key store asks for more memory than is allowed.");
                return Scrypt.DeriveKey(password, salt, n, r, p, length);
            case "pbkdf2":
                if (Text(settings, "prf") != "hmac-sha256") throw new FormatException("Only PBKDF2 with hmac-sha256 is understood.");
                return Rfc2898DeriveBytes.Pbkdf2(password, salt, Number(settings, "c", 1, Pbkdf2IterationsMax), HashAlgorithmName.SHA256, length);
            default:
                throw new FormatException("The key store's key derivation is not understood: scrypt and pbkdf2 are.");
        }
    }

    private static byte[] PassphraseBytes(string passphrase) => Encoding.UTF8.GetBytes(passphrase.Normalize(NormalizationForm.FormKC));

    private static byte[] Mac(byte[] derived, byte[] sealedBytes) => Keccak256.HashData([.. derived.AsSpan(16, 16), .. sealedBytes]);

    /// <summary>AES in counter mode with a 128-bit big-endian counter; .NET has only the block cipher.</summary>
    private static byte[] AesCtr(ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> source)
    {
        using Aes aes = Aes.Create();
        aes.SetKey(key);
        byte[] result = source.ToArray();
        Span<byte> counter = stackalloc byte[16];
        Span<byte> mask = stackalloc byte[16];
        iv.CopyTo(counter);
        for (int at = 0; at < result.Length; at += mask.Length)
        {
            aes.EncryptEcb(counter, mask, PaddingMode.None);
            for (int i = 0; i < mask.Length && at + i < result.Length; i++) result[at + i] ^= mask[i];
            for (int i = counter.Length - 1; i >= 0 && ++counter[i] == 0; i--) { }
        }

        CryptographicOperations.ZeroMemory(mask);
        return result;
    }

    private static JsonDocument ParseJson(string json)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException e)
        {
            throw new FormatException("The key store is no JSON.", e);
        }
    }

    private static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement member)
            ? member
            : throw new FormatException($"The key store lacks '{name}'.");

    private static string Text(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.String } member ? member.GetString()! : throw new FormatException($"The key store's '{name}' is no text.");

    private static int Number(JsonElement parent, string name, int min, int max) =>
        Member(parent, name) is { ValueKind: JsonValueKind.Number } member && member.TryGetInt32(out int number) && number >= min && number <= max
            ? number
            : throw new FormatException($"The key store's '{name}' is out of range.");

    private static byte[] Bytes(string hex)
    {
        try
        {
            return Hex.Decode(hex);
        }
        catch (FormatException e)
        {
            throw new FormatException("The key store holds text that is not hexadecimal.", e);
        }
    }
}
