using Marketplace.Chain.Accounts;
using Marketplace.Chain.Crypto;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Discovery;

/// <summary>Joins the network's question "who signed this?" to the chain library.</summary>
public sealed class ChainMessageVerifier : IMessageVerifier
{
    /// <inheritdoc />
    public bool TryRecover(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, out Address signer)
    {
        signer = default;
        return EthSignature.TryRead(signature, out EthSignature parsed) && SignedMessage.TryRecover(message, parsed, out signer);
    }
}

/// <summary>Lets an account of the chain library sign the network's messages. The caller goes on to own the account.</summary>
public sealed class AccountSigner(Account account) : IMessageSigner
{
    /// <inheritdoc />
    public Address Address => account.Address;

    /// <inheritdoc />
    public byte[] SignMessage(ReadOnlySpan<byte> message) => account.SignMessage(message).ToArray();
}
