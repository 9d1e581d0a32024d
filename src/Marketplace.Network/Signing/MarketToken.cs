using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>
/// What a client, or an operator on its behalf, shows to one node: "whoever carries this acts for CLIENT until EXPIRY".
/// In HTTP: <c>Authorization: Market TOKEN</c>. Format: docs/protocol/node-http.md.
/// </summary>
/// <param name="Client">The client it speaks for.</param>
/// <param name="Node">The only node it is good for.</param>
/// <param name="ExpiresAt">Whole seconds; good until then.</param>
/// <param name="Signer">Who signed it: the client itself, or somebody whose right to act for it stands on chain.</param>
public readonly record struct MarketToken(Address Client, NodeId Node, DateTimeOffset ExpiresAt, Address Signer)
{
    /// <summary>The scheme's name in the Authorization header.</summary>
    public const string Scheme = "Market";

    /// <summary>Longest life of a token; one that says more is refused.</summary>
    public static readonly TimeSpan LifeMax = TimeSpan.FromHours(24);

    /// <summary>Difference between two honest clocks.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(2);

    private const byte Version = 1;
    private const int SizeBytes = 1 + Address.SizeBytes + 4 + 8 + IMessageSigner.SignatureBytes;
    private const int SignatureOffset = SizeBytes - IMessageSigner.SignatureBytes;

    /// <summary>Makes the text of a token. Whoever has the text can use it until it expires: it belongs in the header only.</summary>
    public static string Create(IMessageSigner signer, MarketScope scope, Address client, NodeId node, DateTimeOffset expiresAt)
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        bytes[0] = Version;
        client.CopyTo(bytes[1..]);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[21..], node.Value);
        long seconds = expiresAt.ToUnixTimeSeconds();
        BinaryPrimitives.WriteInt64BigEndian(bytes[25..], seconds);
        signer.SignMessage(Message(scope, client, node, seconds)).CopyTo(bytes[SignatureOffset..]);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>
    /// Reads a token sent by a stranger. False if it is malformed, for another node, expired, good for too long, or signed by nobody.
    /// Whether <see cref="Signer"/> may act for <see cref="Client"/> when they differ is the caller's to ask the chain.
    /// </summary>
    public static bool TryVerify(
        ReadOnlySpan<char> text, IMessageVerifier verifier, MarketScope scope, NodeId node, DateTimeOffset now, out MarketToken token)
    {
        token = default;
        Span<byte> bytes = stackalloc byte[SizeBytes];
        if (text.Length != Base64Url.GetEncodedLength(SizeBytes) ||
            Base64Url.DecodeFromChars(text, bytes, out _, out int written) != System.Buffers.OperationStatus.Done ||
            written != SizeBytes || bytes[0] != Version || BinaryPrimitives.ReadUInt32BigEndian(bytes[21..]) != node.Value)
        {
            return false;
        }

        var client = new Address(bytes.Slice(1, Address.SizeBytes));
        long seconds = BinaryPrimitives.ReadInt64BigEndian(bytes[25..]);
        long nowSeconds = now.ToUnixTimeSeconds();
        if (seconds <= nowSeconds || seconds > nowSeconds + (long)(LifeMax + ClockSkewMax).TotalSeconds) return false;
        if (!verifier.TryRecover(Message(scope, client, node, seconds), bytes[SignatureOffset..], out Address signer)) return false;
        token = new MarketToken(client, node, DateTimeOffset.FromUnixTimeSeconds(seconds), signer);
        return true;
    }

    private static byte[] Message(MarketScope scope, Address client, NodeId node, long expires) => Encoding.ASCII.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $"storage-market token v1\nchain: {scope.ChainId}\nmarket: {scope.Market}\nclient: {client}\nnode: {node}\nexpires: {expires}"));
}
