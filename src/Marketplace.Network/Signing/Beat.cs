using System.Globalization;
using System.Text;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>
/// A node's signed answer to a ping: "I, NODE, am here, and the newest block that I know is BLOCK". The nonce is the asker's,
/// so that an old answer cannot be shown again. Signed by the node's hot key under EIP-191.
/// </summary>
/// <param name="Node">Who answers.</param>
/// <param name="Nonce">What the asker sent: 16 bytes as 32 lower-case hexadecimal digits.</param>
/// <param name="Block">The newest block that the node has seen.</param>
/// <param name="FreeBytes">Space that it would still sell.</param>
/// <param name="Version">The version of its software.</param>
/// <param name="Signature">65 bytes in hexadecimal with the prefix 0x.</param>
public sealed record Beat(NodeId Node, string Nonce, BlockNumber Block, ulong FreeBytes, string Version, string Signature)
{
    /// <summary>Characters in a nonce.</summary>
    public const int NonceChars = 32;

    /// <summary>Longest version text.</summary>
    public const int VersionCharsMax = 32;

    /// <summary>Whether a text may stand as a nonce.</summary>
    public static bool IsNonce(ReadOnlySpan<char> text) =>
        text.Length == NonceChars && !text.ContainsAnyExcept("0123456789abcdef");

    /// <summary>Signs an answer.</summary>
    public static Beat Sign(IMessageSigner signer, MarketScope scope, NodeId node, string nonce, BlockNumber block, ulong freeBytes, string version)
    {
        if (!IsNonce(nonce)) throw new ArgumentException("A nonce is 32 lower-case hexadecimal digits.", nameof(nonce));
        byte[] signature = signer.SignMessage(Message(scope, node, nonce, block, freeBytes, version));
        return new Beat(node, nonce, block, freeBytes, version, Hex.Encode(signature));
    }

    /// <summary>Whether this is the answer of <paramref name="hotAddress"/>, as node <paramref name="node"/>, to <paramref name="nonce"/>.</summary>
    public bool IsFrom(Address hotAddress, NodeId node, string nonce, IMessageVerifier verifier, MarketScope scope)
    {
        if (Node != node || Nonce != nonce || !IsNonce(Nonce) || Version is null or { Length: > VersionCharsMax }) return false;
        Span<byte> signature = stackalloc byte[IMessageSigner.SignatureBytes];
        return Hex.TryDecode(Signature, signature) &&
            verifier.TryRecover(Message(scope, Node, Nonce, Block, FreeBytes, Version), signature, out Address signer) &&
            signer == hotAddress;
    }

    private static byte[] Message(MarketScope scope, NodeId node, string nonce, BlockNumber block, ulong freeBytes, string version) =>
        Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"storage-market beat v1\nchain: {scope.ChainId}\nmarket: {scope.Market}\nnode: {node}\nnonce: {nonce}\nblock: {block}\nfree: {freeBytes}\nversion: {version}"));
}
