using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Chain.Accounts;
using Marketplace.Domain;

namespace Marketplace.Chain.Tests;

public class WalletTests
{
    private const string Passphrase = "correct horse";

    private static readonly KeyStoreStrength s_weak = new(ScryptN: 2, ScryptP: 1);

    /// <summary>From the test vectors of Web3 Secret Storage, version 3; both hold the same key under "testpassword".</summary>
    [Theory]
    [InlineData("""
        {"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
        "kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}
        """)]
    [InlineData("""
        {"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt",
        "kdfparams":{"dklen":32,"n":262144,"p":8,"r":1,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
        "mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}
        """)]
    public void The_key_stores_of_the_specification_open(string json)
    {
        using Account account = KeyStore.Decrypt(json, "testpassword");

        Assert.Equal("0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d", account.UsePrivateKey(static key => Hex.Encode(key)));
        Assert.Throws<WrongPassphraseException>(() => KeyStore.Decrypt(json, "testpassword "));
    }

    /// <summary>From RFC 7914, section 12.</summary>
    [Theory]
    [InlineData("", "", 16, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906")]
    [InlineData("password", "NaCl", 1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640")]
    [InlineData("pleaseletmein", "SodiumChloride", 16384, 8, 1, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")]
    public void Scrypt_gives_the_keys_of_its_RFC(string password, string salt, int n, int r, int p, string key) => Assert.Equal(
        key, Convert.ToHexStringLower(Crypto.Scrypt.DeriveKey(Encoding.UTF8.GetBytes(password), Encoding.UTF8.GetBytes(salt), n, r, p, 64)));

    [Fact]
    public void A_key_store_opens_with_its_passphrase_only_and_names_its_account()
    {
        using Account account = Account.Create();
        string json = KeyStore.Encrypt(account, Passphrase, KeyStoreStrength.Light);

        using Account opened = KeyStore.Decrypt(json, Passphrase);
        Assert.Equal(account.Address, opened.Address);
        Assert.Throws<WrongPassphraseException>(() => KeyStore.Decrypt(json, "Correct horse"));
        Assert.DoesNotContain(account.UsePrivateKey(static key => Convert.ToHexStringLower(key)), json, StringComparison.OrdinalIgnoreCase);
        using Account other = Account.Create();
        string swapped = json.Replace(Convert.ToHexStringLower(account.Address.ToArray()), Convert.ToHexStringLower(other.Address.ToArray()), StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => KeyStore.Decrypt(swapped, Passphrase));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(31)]
    [InlineData(64)]
    public void Secrets_of_any_length_are_sealed_and_opened(int bytes)
    {
        byte[] secret = RandomNumberGenerator.GetBytes(bytes);
        JsonObject section = KeyStore.EncryptSecret(secret, Passphrase, s_weak);

        Assert.Equal(secret, KeyStore.DecryptSecret(JsonDocument.Parse(section.ToJsonString()).RootElement, Passphrase));
    }

    [Fact]
    public void A_key_store_with_any_bit_changed_does_not_open()
    {
        JsonObject section = KeyStore.EncryptSecret(RandomNumberGenerator.GetBytes(32), Passphrase, s_weak);
        foreach (string name in (string[])["ciphertext", "mac"])
        {
            JsonObject changed = (JsonObject)section.DeepClone();
            string hex = changed[name]!.GetValue<string>();
            changed[name] = hex[..^1] + (hex[^1] == '0' ? '1' : '0');
            Assert.Throws<WrongPassphraseException>(() => KeyStore.DecryptSecret(JsonDocument.Parse(changed.ToJsonString()).RootElement, Passphrase));
        }
    }

    [Theory]
    [InlineData("n", "1073741824")]
    [InlineData("n", "1000")]
    [InlineData("n", "-1")]
    [InlineData("r", "100000")]
    [InlineData("p", "1000000")]
    [InlineData("dklen", "16")]
    [InlineData("salt", "7")]
    public void A_key_store_that_asks_for_too_much_is_refused_at_once(string name, string value)
    {
        JsonObject section = KeyStore.EncryptSecret(new byte[32], Passphrase, s_weak);
        section["kdfparams"]![name] = JsonNode.Parse(value);
        Stopwatch taken = Stopwatch.StartNew();

        Assert.Throws<FormatException>(() => KeyStore.DecryptSecret(JsonDocument.Parse(section.ToJsonString()).RootElement, Passphrase));

        Assert.True(taken.Elapsed < TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"version":1,"crypto":{}}""")]
    [InlineData("""{"version":3}""")]
    [InlineData("""{"version":3,"crypto":{"cipher":"aes-256-cbc"}}""")]
    [InlineData("""{"version":3,"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"00"},"ciphertext":"zz","mac":"00","kdf":"scrypt","kdfparams":{}}}""")]
    public void What_is_no_key_store_is_refused(string json) => Assert.Throws<FormatException>(() => KeyStore.Decrypt(json, Passphrase));

    /// <summary>From the test vectors of BIP-39 (passphrase TREZOR).</summary>
    [Theory]
    [InlineData(
        "00000000000000000000000000000000", "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
        "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04")]
    [InlineData(
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f", "legal winner thank year wave sausage worth useful legal winner thank yellow",
        "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6fa457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607")]
    [InlineData(
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
        "dd48c104698c30cfe2b6142103248622fb7bb0ff692eebb00089b32d22484e1613912f0a5b694407be899ffd31ed3992c456cdf60f5d4564b8ba3f05a69890ad")]
    public void The_phrases_of_BIP_39_give_its_seeds(string entropy, string words, string seed)
    {
        Assert.Equal(words, Mnemonic.FromEntropy(Convert.FromHexString(entropy)).Words);
        Assert.Equal(seed, Convert.ToHexStringLower(Mnemonic.Parse(words).ToSeed("TREZOR")));
    }

    /// <summary>From BIP-32, test vector 1.</summary>
    [Theory]
    [InlineData("m", "e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35", "873dff81c02f525623fd1fe5167eac3a55a049de3d314bb42ee227ffed37d508")]
    [InlineData("m/0'", "edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea", "47fdacbd0f1097043b78c63c20c34ef4ed9a111d980047ad16282c7ae6236141")]
    [InlineData("m/0'/1", "3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368", null)]
    [InlineData("m/0'/1/2'", "cbce0d719ecf7431d88e6a89fa1483e02e35092af60c042b1df2ff59fa424dca", null)]
    [InlineData("m/0'/1/2'/2/1000000000", "471b76e389e528d6de6d816857e012c5455051cad6660850e58372a6c3e6e7c8", null)]
    public void The_tree_of_BIP_32_has_its_keys(string path, string key, string? chainCode)
    {
        using HdKey root = HdKey.FromSeed(Convert.FromHexString("000102030405060708090a0b0c0d0e0f"));
        using HdKey child = root.Derive(path);

        Assert.Equal(key, Convert.ToHexStringLower(child.PrivateKey));
        if (chainCode is not null) Assert.Equal(chainCode, Convert.ToHexStringLower(child.ChainCode));
    }

    [Fact]
    public void The_words_of_local_chains_give_their_well_known_accounts()
    {
        using Account first = Account.FromMnemonic(Mnemonic.Parse(Testing.LocalChain.MnemonicWords));
        using Account second = Account.FromMnemonic(Mnemonic.Parse(Testing.LocalChain.MnemonicWords), 1);

        Assert.Equal("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", first.Address.ToString());
        Assert.Equal("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", second.Address.ToString());
    }

    [Fact]
    public void The_word_list_is_the_standards()
    {
        using Stream list = typeof(Mnemonic).Assembly.GetManifestResourceStream("bip39-english.txt")!;

        Assert.Equal("2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda", Convert.ToHexStringLower(SHA256.HashData(list)));
    }

    [Theory]
    [InlineData("abandon abandon abandon", "3")]
    [InlineData("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon", "checksum")]
    [InlineData("abandon abandon abandon abandon abandon abandn abandon abandon abandon abandon abandon about", "word 6")]
    [InlineData("", "0")]
    public void Wrong_phrases_are_refused_with_the_reason(string words, string reason)
    {
        Assert.False(Mnemonic.TryParse(words, out _, out string problem));
        Assert.Contains(reason, problem, StringComparison.Ordinal);
        Assert.DoesNotContain("abandn", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void New_phrases_differ_and_do_not_show_in_text()
    {
        Mnemonic mnemonic = Mnemonic.Create();
        Assert.NotEqual(mnemonic.Words, Mnemonic.Create().Words);
        Assert.Equal("12 words", mnemonic.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("44'/60'")]
    [InlineData("m/x")]
    [InlineData("m/-1")]
    [InlineData("m/2147483648")]
    [InlineData("m//1")]
    public void Wrong_paths_are_refused(string path)
    {
        using HdKey root = HdKey.FromSeed(new byte[16]);
        Assert.Throws<FormatException>(() => root.Derive(path));
    }
}
