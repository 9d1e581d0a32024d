using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Marketplace.Chain.Abi;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Crypto;
using Marketplace.Chain.Tests.Peer;
using Marketplace.Chain.Transactions;
using Marketplace.Chain.TypedData;
using Marketplace.Domain;

namespace Marketplace.Chain.Tests;

/// <summary>What we make is what ethers 6 makes, and each reads what the other wrote. A failing seed is named and can be replayed.</summary>
public sealed class EthersComparisonTests(EthersPeer ethers) : IClassFixture<EthersPeer>
{
    private const int Cases = 300;
    private const int SlowCases = 8;

    [Fact]
    public void Encoded_values_are_the_same_and_are_read_back_by_both() => Gen.Int.Sample(
        seed =>
        {
            RandomAbi random = new(seed);
            AbiTuple types = random.NextTuple();
            object?[] values = (object?[])random.NextValue(types);
            JsonArray names = TypeNames(types);
            JsonArray json = (JsonArray)RandomAbi.ToJson(types, values);

            byte[] ours = AbiCodec.Encode(types.Types, values);

            Assert.Equal(ethers.AskText("encode", new() { ["types"] = names.DeepClone(), ["values"] = json.DeepClone() }), Hex.Encode(ours));
            JsonElement theirs = ethers.Ask("decode", new() { ["types"] = names, ["data"] = Hex.Encode(ours) });
            Assert.Equal(json.ToJsonString(), JsonNode.Parse(theirs.GetRawText())!.ToJsonString());
            Assert.Equal(json.ToJsonString(), RandomAbi.ToJson(types, AbiCodec.Decode(types.Types, ours)).ToJsonString());
        },
        iter: Cases, threads: 1);

    [Fact]
    public void Packed_values_are_the_same() => Gen.Int.Sample(
        seed =>
        {
            RandomAbi random = new(seed);
            AbiType[] types = [random.NextElementary(), new AbiArray(random.NextElementary(), null), AbiType.Parse("string"), AbiType.Parse("bytes"), random.NextElementary()];
            object?[] values = [.. types.Select(random.NextValue)];

            string theirs = ethers.AskText("packed", new()
            {
                ["types"] = new JsonArray([.. types.Select(static type => (JsonNode)type.Name)]),
                ["values"] = new JsonArray([.. types.Zip(values, RandomAbi.ToJson)]),
            });

            Assert.Equal(theirs, Hex.Encode(AbiCodec.EncodePacked(types, values)));
        },
        iter: Cases, threads: 1);

    [Fact]
    public void Signed_transactions_have_the_same_bytes_and_are_read_with_the_same_sender() => Gen.Int.Sample(
        seed =>
        {
            RandomAbi random = new(seed);
            byte[] key = random.NextBytes(32);
            using Account account = new(key);
            Address? to = random.Random.Next(5) == 0 ? null : new Address(random.NextBytes(20));
            byte[] data = random.NextBytes(random.Random.Next(3) * random.Random.Next(300));
            if (to is null && data.Length == 0) data = [1];
            BigInteger value = new BigInteger(random.NextBytes(random.Random.Next(1, 20)), isUnsigned: true);
            BigInteger fee = new BigInteger(random.NextBytes(random.Random.Next(1, 12)), isUnsigned: true);
            ulong nonce = (ulong)random.Random.NextInt64(1L << random.Random.Next(1, 50));
            ulong gas = (ulong)random.Random.NextInt64(1L << random.Random.Next(1, 40));
            ulong chainId = (ulong)random.Random.NextInt64(1, 1L << random.Random.Next(2, 48));
            bool isLegacy = random.Random.Next(2) == 0;
            Transaction transaction = isLegacy
                ? new LegacyTransaction { ChainId = chainId, Nonce = nonce, GasLimit = gas, GasPrice = fee, To = to, Value = value, Data = data }
                : new Eip1559Transaction { ChainId = chainId, Nonce = nonce, GasLimit = gas, MaxFeePerGas = fee, MaxPriorityFeePerGas = fee / 3, To = to, Value = value, Data = data };
            JsonObject theirForm = new()
            {
                ["type"] = isLegacy ? 0 : 2,
                ["chainId"] = chainId.ToString(),
                ["nonce"] = nonce,
                ["gasLimit"] = gas.ToString(),
                ["to"] = to?.ToString(),
                ["value"] = value.ToString(),
                ["data"] = Hex.Encode(data),
            };
            if (isLegacy)
            {
                theirForm["gasPrice"] = fee.ToString();
            }
            else
            {
                theirForm["maxFeePerGas"] = fee.ToString();
                theirForm["maxPriorityFeePerGas"] = (fee / 3).ToString();
            }

            SignedTransaction ours = transaction.Sign(account);

            JsonElement theirs = ethers.Ask("transaction", new() { ["key"] = Hex.Encode(key), ["transaction"] = theirForm });
            Assert.Equal(theirs.GetProperty("raw").GetString(), Hex.Encode(ours.Raw));
            Assert.Equal(theirs.GetProperty("hash").GetString(), ours.Hash.ToString());
            JsonElement read = ethers.Ask("readTransaction", new() { ["raw"] = Hex.Encode(ours.Raw) });
            Assert.Equal(account.Address.ToString(), read.GetProperty("from").GetString());
            Assert.Equal(to?.ToString(), read.GetProperty("to").GetString());
            Assert.Equal(chainId.ToString(), read.GetProperty("chainId").GetString());
        },
        iter: Cases, threads: 1);

    [Fact]
    public void Typed_data_has_the_same_digest_and_signature() => Gen.Int.Sample(
        seed =>
        {
            RandomAbi random = new(seed);
            byte[] key = random.NextBytes(32);
            using Account account = new(key);
            AbiTuple type = random.NextTuple();
            TypedDomain domain = new(
                random.Random.Next(2) == 0 ? "Market" : null,
                random.Random.Next(2) == 0 ? "1" : null,
                random.Random.Next(2) == 0 ? (ulong)random.Random.NextInt64() : null,
                random.Random.Next(2) == 0 ? new Address(random.NextBytes(20)) : null,
                random.Random.Next(4) == 0 ? new Hash32(random.NextBytes(32)) : null);
            TypedMessage message = new(domain, type, (object?[])random.NextValue(type));

            JsonElement theirs = ethers.Ask("typedData", new() { ["key"] = Hex.Encode(key), ["message"] = message.ToJson() });

            Assert.Equal(theirs.GetProperty("digest").GetString(), message.Digest().ToString());
            EthSignature ours = account.SignTypedData(message);
            Assert.Equal(theirs.GetProperty("signature").GetString(), ours.ToString());
            Assert.True(message.TryRecover(ours, out Address signer));
            Assert.Equal(account.Address, signer);
        },
        iter: Cases, threads: 1);

    [Fact]
    public void Signed_messages_are_the_same_and_lead_back_to_the_signer_in_both() => Gen.Select(Gen.Byte.Array[32], Gen.String).Sample(
        (key, text) =>
        {
            if (!Secp256k1.IsPrivateKey(key)) return;
            // Half of a surrogate pair is no text.
            text = System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
            using Account account = new(key);

            EthSignature ours = account.SignMessage(text);

            string theirs = ethers.AskText("sign", new() { ["key"] = Hex.Encode(key), ["text"] = text });
            Assert.Equal(theirs, ours.ToString());
            Assert.Equal(account.Address.ToString(), ethers.AskText("recover", new() { ["text"] = text, ["signature"] = ours.ToString() }));
            Assert.True(EthSignature.TryParse(theirs, out EthSignature read) && SignedMessage.TryRecover(text, read, out Address signer) && signer == account.Address);
        },
        iter: Cases, threads: 1);

    [Fact]
    public void A_phrase_gives_the_same_words_key_and_address() => Gen.Select(Gen.Int[4, 8].SelectMany(words => Gen.Byte.Array[words * 4]), Gen.UInt[0, int.MaxValue]).Sample(
        (entropy, index) =>
        {
            Mnemonic mnemonic = Mnemonic.FromEntropy(entropy);
            Assert.Equal(ethers.AskText("phrase", new() { ["entropy"] = Hex.Encode(entropy) }), mnemonic.Words);
            Assert.Equal(mnemonic.Words, Mnemonic.Parse(mnemonic.Words.ToUpperInvariant().Replace(" ", " \n ", StringComparison.Ordinal)).Words);

            using Account account = Account.FromMnemonic(mnemonic, index);

            JsonElement theirs = ethers.Ask("wallet", new() { ["phrase"] = mnemonic.Words, ["path"] = $"m/44'/60'/0'/0/{index}" });
            Assert.Equal(theirs.GetProperty("address").GetString(), account.Address.ToString());
            Assert.Equal(theirs.GetProperty("key").GetString(), account.UsePrivateKey(static key => Hex.Encode(key)));
        },
        iter: 40, threads: 1);

    [Fact]
    public void Key_stores_sealed_by_one_are_opened_by_the_other() => Gen.Select(Gen.Byte.Array[32], Gen.String[0, 20]).Sample(
        (key, passphrase) =>
        {
            if (!Secp256k1.IsPrivateKey(key)) return;
            passphrase = System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(passphrase));
            using Account account = new(key);

            string ours = KeyStore.Encrypt(account, passphrase, new KeyStoreStrength(ScryptN: 1024, ScryptP: 2));
            string theirs = ethers.AskText("seal", new() { ["key"] = Hex.Encode(key), ["passphrase"] = passphrase, ["n"] = 1024 });

            Assert.Equal(Hex.Encode(key), ethers.AskText("open", new() { ["json"] = ours, ["passphrase"] = passphrase }));
            using Account opened = KeyStore.Decrypt(theirs, passphrase);
            Assert.Equal(Hex.Encode(key), opened.UsePrivateKey(static bytes => Hex.Encode(bytes)));
        },
        iter: SlowCases, threads: 1);

    private static JsonArray TypeNames(AbiTuple types) => new([.. types.Types.Select(static type => (JsonNode)type.Name)]);
}
