using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Marketplace.Chain.Crypto;

namespace Marketplace.Chain.Accounts;

/// <summary>A private key of a BIP-32 tree. Disposing wipes it.</summary>
public sealed class HdKey : IDisposable
{
    /// <summary>The first Ethereum account of a phrase by BIP-44.</summary>
    public const string EthereumPath = "m/44'/60'/0'/0/0";

    private const uint Hardened = 0x8000_0000;
    private const int DepthMax = 255;

    private readonly byte[] _key;
    private readonly byte[] _chainCode;

    private HdKey(byte[] key, byte[] chainCode)
    {
        _key = key;
        _chainCode = chainCode;
    }

    /// <summary>The 32 bytes of the private key; valid until this is disposed.</summary>
    public ReadOnlySpan<byte> PrivateKey => _key;

    /// <summary>The chain code of this place in the tree.</summary>
    internal ReadOnlySpan<byte> ChainCode => _chainCode;

    /// <summary>The root of the tree that grows from a seed of 16 to 64 bytes.</summary>
    public static HdKey FromSeed(ReadOnlySpan<byte> seed)
    {
        if (seed.Length is < 16 or > 64) throw new ArgumentException("A seed has 16 to 64 bytes.", nameof(seed));
        return Split(HMACSHA512.HashData("Bitcoin seed"u8, seed)) is { } root && Secp256k1.IsPrivateKey(root._key)
            ? root
            : throw new ArgumentException("This seed gives no key (a chance of 2^-127).", nameof(seed));
    }

    /// <summary>The key at a path such as <c>m/44'/60'/0'/0/0</c>, seen from this key.</summary>
    /// <exception cref="FormatException">The text is no path.</exception>
    public HdKey Derive(string path)
    {
        string[] steps = path.Split('/');
        if (steps[0] != "m" || steps.Length > DepthMax) throw new FormatException($"'{path}' is no key path: write m/44'/60'/0'/0/0.");
        HdKey current = new([.. _key], [.. _chainCode]);
        foreach (string step in steps.AsSpan(1))
        {
            bool isHardened = step.EndsWith('\'');
            if (!uint.TryParse(isHardened ? step[..^1] : step, NumberStyles.None, CultureInfo.InvariantCulture, out uint index) || index >= Hardened)
                throw new FormatException($"'{path}' is no key path: '{step}' is no number below 2^31.");
            using HdKey parent = current;
            current = parent.Child(isHardened ? index + Hardened : index);
        }

        return current;
    }

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        CryptographicOperations.ZeroMemory(_chainCode);
    }

    private HdKey Child(uint index)
    {
        Span<byte> data = stackalloc byte[1 + Secp256k1.PrivateKeyBytes + sizeof(uint)];
        data.Clear();
        if (index >= Hardened) _key.CopyTo(data[1..]);
        else Secp256k1.GetCompressedPublicKey(_key).CopyTo(data);
        BinaryPrimitives.WriteUInt32BigEndian(data[^sizeof(uint)..], index);
        HdKey child = Split(HMACSHA512.HashData(_chainCode, data));
        CryptographicOperations.ZeroMemory(data);
        return Secp256k1.TryAdd(_key, child._key, child._key)
            ? child
            : throw new CryptographicException("This place in the tree has no key (a chance of 2^-127): use the next number.");
    }

    private static HdKey Split(byte[] digest)
    {
        HdKey key = new(digest[..32], digest[32..]);
        CryptographicOperations.ZeroMemory(digest);
        return key;
    }
}
