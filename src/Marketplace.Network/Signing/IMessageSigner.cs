using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>Signs messages with an account's key. The host joins it to the chain library, which this one does not know.</summary>
public interface IMessageSigner
{
    /// <summary>Bytes in a signature: r, s, and v as 27 or 28.</summary>
    const int SignatureBytes = 65;

    /// <summary>The account whose key signs.</summary>
    Address Address { get; }

    /// <summary>The signature of a message under EIP-191, version 0x45 ("personal message"): 65 bytes.</summary>
    byte[] SignMessage(ReadOnlySpan<byte> message);
}

/// <summary>Tells who signed a message under EIP-191, version 0x45.</summary>
public interface IMessageVerifier
{
    /// <summary>False if the bytes are no signature of anyone, or a malleable one.</summary>
    bool TryRecover(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, out Address signer);
}
