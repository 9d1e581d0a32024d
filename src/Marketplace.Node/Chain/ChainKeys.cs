using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
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

/// <summary>What the hot key signs when the node promises.</summary>
internal static class PromiseSignature
{
    /// <summary>The typed message of a promise whose signature is still empty.</summary>
    public static TypedMessage MessageOf(MarketScope scope, SignedAcceptance promise) => AcceptanceMessage.Create(
        scope.ChainId,
        scope.Market,
        promise.Client,
        new TermsWord(promise.Number, promise.Rate, (ulong)promise.Leaves, End: promise.MaxEnd.Value, promise.MaxEnd.Value, N: 0, K: 0, MinFilled: 0),
        new OfferWord((byte)promise.Slot, promise.Node.Value, promise.Deadline.Value),
        promise.Root);

    /// <summary>The promise with the hot key's signature in the 64 bytes of EIP-2098.</summary>
    public static SignedAcceptance Sign(MarketScope scope, Account hot, SignedAcceptance promise)
    {
        (Hash32 r, Hash32 vs) = hot.SignTypedData(MessageOf(scope, promise)).ToCompact();
        return promise with { Signature = Hex.Encode([.. r.ToArray(), .. vs.ToArray()]) };
    }
}
