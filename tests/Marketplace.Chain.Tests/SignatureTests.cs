using System.Numerics;
using System.Text;
using Marketplace.Chain.Abi;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Crypto;
using Marketplace.Chain.Transactions;
using Marketplace.Chain.TypedData;
using Marketplace.Domain;

namespace Marketplace.Chain.Tests;

public class SignatureTests
{
    private static readonly Hash32 s_digest = Hash32.Keccak("a message"u8);

    /// <summary>From the text of EIP-155: its example transaction, key 0x46….</summary>
    [Fact]
    public void The_example_of_EIP_155_gives_the_bytes_of_its_text()
    {
        using Account account = new(string.Concat(Enumerable.Repeat("46", 32)));
        LegacyTransaction transaction = new()
        {
            ChainId = 1,
            Nonce = 9,
            GasPrice = 20_000_000_000,
            GasLimit = 21_000,
            To = Address.Parse("0x3535353535353535353535353535353535353535"),
            Value = BigInteger.Pow(10, 18),
        };

        Assert.Equal("0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53", transaction.SigningDigest().ToString());
        Assert.Equal(
            "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
            Hex.Encode(transaction.Sign(account).Raw));
    }

    /// <summary>RFC 6979 has no vectors for secp256k1; these are the ones that Bitcoin's libraries share (SHA-256 of the message).</summary>
    [Theory]
    [InlineData(
        "0000000000000000000000000000000000000000000000000000000000000001", "Satoshi Nakamoto",
        "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8", "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5")]
    [InlineData(
        "0000000000000000000000000000000000000000000000000000000000000001",
        "All those moments will be lost in time, like tears in rain. Time to die...",
        "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b", "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21")]
    [InlineData(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", "Satoshi Nakamoto",
        "fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d0", "6b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5")]
    [InlineData(
        "f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181", "Alan Turing",
        "7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c", "58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea")]
    public void Nonces_follow_RFC_6979_and_s_is_low(string key, string message, string r, string s)
    {
        using Account account = new(key);

        EthSignature signature = account.SignDigest(new Hash32(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(message))));

        Assert.Equal("0x" + r, signature.R.ToString());
        Assert.Equal("0x" + s, signature.S.ToString());
    }

    /// <summary>The mail of EIP-712's text.</summary>
    [Fact]
    public void The_example_of_EIP_712_gives_the_digest_and_signature_of_its_text()
    {
        AbiTuple person = new([new("name", AbiType.Parse("string")), new("wallet", AbiType.Parse("address"))], "Person");
        AbiTuple mail = new([new("from", person), new("to", person), new("contents", AbiType.Parse("string"))], "Mail");
        TypedDomain domain = new("Ether Mail", "1", 1, Address.Parse("0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"));
        TypedMessage message = new(
            domain,
            mail,
            new object[] { "Cow", "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826" },
            new object[] { "Bob", "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB" },
            "Hello, Bob!");
        using Account cow = new(Keccak256.HashData("cow"u8));

        Assert.Equal("Mail(Person from,Person to,string contents)Person(string name,address wallet)", TypedMessage.EncodeType(mail));
        Assert.Equal("0xa0cedeb2dc280ba39b857546d74f5549c3a1d7bdc2dd96bf881f76108e23dac2", TypedMessage.TypeHash(mail).ToString());
        Assert.Equal("0xf2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f", message.DomainSeparator().ToString());
        Assert.Equal("0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2", message.Digest().ToString());
        EthSignature signature = cow.SignTypedData(message);
        Assert.Equal(28, signature.V);
        Assert.Equal("0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d", signature.R.ToString());
        Assert.True(message.TryRecover(signature, out Address signer));
        Assert.Equal("0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826", signer.ToString());
    }

    [Fact]
    public void A_signature_leads_back_to_its_signer_in_every_form()
    {
        using Account account = Account.Create();
        EthSignature signature = account.SignDigest(s_digest);
        (Hash32 r, Hash32 vs) = signature.ToCompact();

        Assert.True(EthSignature.TryParse(signature.ToString(), out EthSignature read));
        Assert.Equal(signature, read);
        Assert.Equal(signature, EthSignature.FromCompact(r, vs));
        Assert.True(Secp256k1.TryRecover(s_digest, read, out Address signer));
        Assert.Equal(account.Address, signer);
        Assert.True(Secp256k1.TryRecover(Hash32.Keccak("another"u8), read, out Address other));
        Assert.NotEqual(account.Address, other);
    }

    [Fact]
    public void The_second_form_of_a_signature_is_refused()
    {
        using Account account = Account.Create();
        EthSignature signature = account.SignDigest(s_digest);
        BigInteger order = new(Hex.Decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"), isUnsigned: true, isBigEndian: true);
        byte[] high = (order - new BigInteger(signature.S.ToArray(), isUnsigned: true, isBigEndian: true)).ToByteArray(isUnsigned: true, isBigEndian: true);

        Assert.False(Secp256k1.TryRecover(s_digest, signature with { S = new Hash32(high), Parity = (byte)(1 - signature.Parity) }, out _));
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000001")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000001", "0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", "0000000000000000000000000000000000000000000000000000000000000001")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "0000000000000000000000000000000000000000000000000000000000000001")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000005", "0000000000000000000000000000000000000000000000000000000000000001")]
    public void Numbers_that_no_key_makes_are_refused(string r, string s) =>
        Assert.False(Secp256k1.TryRecover(s_digest, new EthSignature(Hash32.Parse(r), Hash32.Parse(s), 0), out _));

    [Theory]
    [InlineData("0x")]
    [InlineData("0xzz")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")]
    public void What_is_no_key_makes_no_account_and_is_not_repeated(string text)
    {
        FormatException e = Assert.Throws<FormatException>(() => new Account(text));
        Assert.DoesNotContain(text.Length > 4 ? text : "zz", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Signatures_of_another_length_or_v_are_not_read()
    {
        byte[] bytes = new byte[EthSignature.SizeBytes];
        Assert.True(EthSignature.TryRead(bytes, out _));
        bytes[64] = 29;
        Assert.False(EthSignature.TryRead(bytes, out _));
        Assert.False(EthSignature.TryRead(bytes.AsSpan(1), out _));
    }
}
