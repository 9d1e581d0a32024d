using System.Diagnostics.CodeAnalysis;
using Marketplace.Domain;

namespace Marketplace.Chain.Crypto;

/// <summary>A recoverable secp256k1 signature with low s: r, s and the parity of the point that r came from.</summary>
public readonly record struct EthSignature(Hash32 R, Hash32 S, byte Parity)
{
    /// <summary>Bytes of r ‖ s ‖ v.</summary>
    public const int SizeBytes = 65;

    /// <summary>What is added to the parity to give v in messages and contracts.</summary>
    private const byte VBase = 27;

    /// <summary>27 or 28.</summary>
    public byte V => (byte)(VBase + Parity);

    /// <summary>r ‖ s ‖ v, the form that Solidity's ECDSA library and wallets use.</summary>
    public byte[] ToArray() => [.. R.ToArray(), .. S.ToArray(), V];

    /// <summary>r, and s with the parity in its highest bit: the short form of EIP-2098.</summary>
    public (Hash32 R, Hash32 VS) ToCompact()
    {
        byte[] vs = S.ToArray();
        vs[0] |= (byte)(Parity << 7);
        return (R, new Hash32(vs));
    }

    /// <summary>The signature whose short form (EIP-2098) this is.</summary>
    public static EthSignature FromCompact(Hash32 r, Hash32 vs)
    {
        byte[] s = vs.ToArray();
        byte parity = (byte)(s[0] >> 7);
        s[0] &= 0x7f;
        return new EthSignature(r, new Hash32(s), parity);
    }

    /// <summary>Reads 65 bytes r ‖ s ‖ v from anyone; v may be 0, 1, 27 or 28. Only form is checked here.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out EthSignature signature)
    {
        signature = default;
        if (bytes.Length != SizeBytes) return false;
        byte parity = bytes[64] is 0 or 1 ? bytes[64] : (byte)(bytes[64] - VBase);
        if (parity > 1) return false;
        signature = new EthSignature(new Hash32(bytes[..32]), new Hash32(bytes[32..64]), parity);
        return true;
    }

    /// <summary>Reads the hexadecimal text of 65 bytes.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out EthSignature signature)
    {
        signature = default;
        Span<byte> bytes = stackalloc byte[SizeBytes];
        return text is not null && Hex.TryDecode(text, bytes) && TryRead(bytes, out signature);
    }

    /// <summary>Hexadecimal r ‖ s ‖ v.</summary>
    public override string ToString() => Hex.Encode(ToArray());
}
