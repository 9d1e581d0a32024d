using System.Text;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Discovery;

/// <summary>
/// How a keeper signs an answer (docs/protocol/keeper-http.md): EIP-191 over the 32 bytes of
/// keccak256(path and query as asked ‖ 0x0A ‖ body). The question is signed with the answer, so that the answer to one cannot be shown
/// as the answer to another; a nonce in the query makes an answer of today.
/// </summary>
public static class KeeperSignature
{
    /// <summary>Header with the 65 bytes of the signature in hexadecimal.</summary>
    public const string SignatureHeader = "Market-Signature";

    /// <summary>Header with the address whose key signed.</summary>
    public const string KeeperHeader = "Market-Keeper";

    /// <summary>Query parameter that asks for nothing and makes each question new.</summary>
    public const string NonceParameter = "nonce";

    private const byte Separator = 0x0A;

    /// <summary>Signs an answer: 65 bytes in hexadecimal.</summary>
    /// <param name="signer">The keeper's key.</param>
    /// <param name="target">Path and query exactly as they stood in the request line.</param>
    /// <param name="body">The body's bytes.</param>
    public static string Sign(IMessageSigner signer, string target, ReadOnlySpan<byte> body) => Hex.Encode(signer.SignMessage(Digest(target, body)));

    /// <summary>Tells who signed an answer. False if the text is no signature.</summary>
    public static bool TryRecover(IMessageVerifier verifier, string target, ReadOnlySpan<byte> body, string? signature, out Address signer)
    {
        signer = default;
        Span<byte> bytes = stackalloc byte[IMessageSigner.SignatureBytes];
        return signature is not null && Hex.TryDecode(signature, bytes) && verifier.TryRecover(Digest(target, body), bytes, out signer);
    }

    private static byte[] Digest(string target, ReadOnlySpan<byte> body) => Keccak256.HashData([.. Encoding.UTF8.GetBytes(target), Separator, .. body]);
}
