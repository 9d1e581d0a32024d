using System.Numerics;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Crypto;
using Marketplace.Domain;

namespace Marketplace.Chain.Transactions;

/// <summary>A transaction that is signed: its bytes for the network and its name.</summary>
public sealed record SignedTransaction(byte[] Raw, Hash32 Hash);

/// <summary>What all kinds of transactions have.</summary>
public abstract record Transaction
{
    /// <summary>The chain on which it is valid.</summary>
    public required ulong ChainId { get; init; }

    /// <summary>The sender's count of transactions before this one.</summary>
    public required ulong Nonce { get; init; }

    /// <summary>Gas that it may use.</summary>
    public required ulong GasLimit { get; init; }

    /// <summary>The receiver, or null to make a contract.</summary>
    public Address? To { get; init; }

    /// <summary>Wei to send.</summary>
    public BigInteger Value { get; init; }

    /// <summary>The call's bytes.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>The digest that is signed.</summary>
    public Hash32 SigningDigest() => Hash32.Keccak(Encode(null));

    /// <summary>Signs with the account's key.</summary>
    public SignedTransaction Sign(Account account)
    {
        byte[] raw = Encode(account.SignDigest(SigningDigest()));
        return new SignedTransaction(raw, Hash32.Keccak(raw));
    }

    /// <summary>The bytes with a signature, or those that are signed.</summary>
    private protected abstract byte[] Encode(EthSignature? signature);

    private protected byte[] EncodedTo => Rlp.EncodeBytes(To is { } to ? to.ToArray() : []);

    private protected static byte[] EncodeWord(Hash32 word) => Rlp.EncodeInteger(new BigInteger(word.ToArray(), isUnsigned: true, isBigEndian: true));
}

/// <summary>A transaction of the first kind, tied to its chain by EIP-155.</summary>
public sealed record LegacyTransaction : Transaction
{
    /// <summary>Wei per unit of gas.</summary>
    public required BigInteger GasPrice { get; init; }

    private protected override byte[] Encode(EthSignature? signature)
    {
        byte[][] body =
        [
            Rlp.EncodeInteger(Nonce), Rlp.EncodeInteger(GasPrice), Rlp.EncodeInteger(GasLimit), EncodedTo, Rlp.EncodeInteger(Value), Rlp.EncodeBytes(Data.Span),
        ];
        return signature is { } made
            ? Rlp.EncodeList([.. body, Rlp.EncodeInteger(new BigInteger(ChainId) * 2 + 35 + made.Parity), EncodeWord(made.R), EncodeWord(made.S)])
            : Rlp.EncodeList([.. body, Rlp.EncodeInteger(ChainId), Rlp.EncodeInteger(0), Rlp.EncodeInteger(0)]);
    }
}

/// <summary>A transaction with a base fee and a tip (EIP-1559). The access list is empty.</summary>
public sealed record Eip1559Transaction : Transaction
{
    private const byte Kind = 2;

    /// <summary>The most wei per unit of gas in all.</summary>
    public required BigInteger MaxFeePerGas { get; init; }

    /// <summary>The most wei per unit of gas for the block's maker.</summary>
    public required BigInteger MaxPriorityFeePerGas { get; init; }

    private protected override byte[] Encode(EthSignature? signature)
    {
        byte[][] body =
        [
            Rlp.EncodeInteger(ChainId), Rlp.EncodeInteger(Nonce), Rlp.EncodeInteger(MaxPriorityFeePerGas), Rlp.EncodeInteger(MaxFeePerGas),
            Rlp.EncodeInteger(GasLimit), EncodedTo, Rlp.EncodeInteger(Value), Rlp.EncodeBytes(Data.Span), Rlp.EncodeList(),
        ];
        return signature is { } made
            ? [Kind, .. Rlp.EncodeList([.. body, Rlp.EncodeInteger(made.Parity), EncodeWord(made.R), EncodeWord(made.S)])]
            : [Kind, .. Rlp.EncodeList(body)];
    }
}
