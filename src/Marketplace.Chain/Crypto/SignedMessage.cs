using System.Globalization;
using System.Text;
using Marketplace.Domain;

namespace Marketplace.Chain.Crypto;

/// <summary>Messages signed by EIP-191, version 0x45, which wallets call <c>personal_sign</c>.</summary>
public static class SignedMessage
{
    /// <summary>The digest that is signed: a prefix keeps a message from being a transaction.</summary>
    public static Hash32 Digest(ReadOnlySpan<byte> message) => Hash32.Keccak(
        [.. "\u0019Ethereum Signed Message:\n"u8, .. Encoding.ASCII.GetBytes(message.Length.ToString(CultureInfo.InvariantCulture)), .. message]);

    /// <summary>Finds who signed the bytes. False if the signature is no signature.</summary>
    public static bool TryRecover(ReadOnlySpan<byte> message, EthSignature signature, out Address signer) =>
        Secp256k1.TryRecover(Digest(message), signature, out signer);

    /// <summary>Finds who signed the UTF-8 bytes of the text. False if the signature is no signature.</summary>
    public static bool TryRecover(string message, EthSignature signature, out Address signer) =>
        TryRecover(Encoding.UTF8.GetBytes(message), signature, out signer);
}
