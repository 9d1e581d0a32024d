using Marketplace.Chain.Abi;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Crypto;
using Marketplace.Chain.TypedData;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node;

/// <summary>The hot key as the network library wants it.</summary>
internal sealed class HotKeySigner(Account account) : IMessageSigner
{
    public Address Address => account.Address;

    public byte[] SignMessage(ReadOnlySpan<byte> message) => account.SignMessage(message).ToArray();
}

/// <summary>Recovers signers by the chain's curve.</summary>
internal sealed class ChainMessageVerifier : IMessageVerifier
{
    public bool TryRecover(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, out Address signer)
    {
        signer = default;
        return EthSignature.TryRead(signature, out EthSignature read) && SignedMessage.TryRecover(message, read, out signer);
    }
}

/// <summary>What the hot key signs when the node promises; the same as StorageMarket.acceptanceHash, and a test holds them together.</summary>
internal static class AcceptanceMessage
{
    private static readonly AbiTuple s_type = new(
    [
        Member("client", "address"), Member("number", "uint48"), Member("slot", "uint8"), Member("node", "uint32"), Member("root", "bytes20"),
        Member("leaves", "uint64"), Member("rate", "uint32"), Member("maxEnd", "uint32"), Member("deadline", "uint40"),
    ], "Acceptance");

    /// <summary>The typed message of a promise whose signature is still empty.</summary>
    public static TypedMessage Of(MarketScope scope, SignedAcceptance promise) => new(
        new TypedDomain("StorageMarket", "1", scope.ChainId, scope.Market),
        s_type,
        promise.Client, promise.Number, promise.Slot, promise.Node.Value, promise.Root, promise.Leaves, promise.Rate, promise.MaxEnd.Value, promise.Deadline.Value);

    /// <summary>The promise with the hot key's signature in the 64 bytes of EIP-2098.</summary>
    public static SignedAcceptance Sign(MarketScope scope, Account hot, SignedAcceptance promise)
    {
        (Hash32 r, Hash32 vs) = hot.SignTypedData(Of(scope, promise)).ToCompact();
        return promise with { Signature = Hex.Encode([.. r.ToArray(), .. vs.ToArray()]) };
    }

    private static AbiParameter Member(string name, string type) => new(name, AbiType.Parse(type));
}
