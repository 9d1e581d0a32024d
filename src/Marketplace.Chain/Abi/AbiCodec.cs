using Marketplace.Domain;

namespace Marketplace.Chain.Abi;

/// <summary>
/// Encodes and decodes by the contract ABI. Decoded values are <see cref="System.Numerics.BigInteger"/>, <see cref="Address"/>,
/// <see cref="bool"/>, <see cref="string"/>, byte arrays (<c>bytes</c> and <c>bytesN</c>) and object arrays (arrays and tuples).
/// </summary>
public static class AbiCodec
{
    /// <summary>Bytes of a function or error selector.</summary>
    public const int SelectorBytes = 4;

    /// <summary>The standard encoding of the values, as <c>abi.encode</c> gives it.</summary>
    /// <exception cref="AbiException">A value does not fit its type.</exception>
    public static byte[] Encode(IReadOnlyList<AbiType> types, params IReadOnlyList<object?> values) => AbiEncoder.Encode(types, values);

    /// <summary>The packed encoding of the values, as <c>abi.encodePacked</c> gives it.</summary>
    /// <exception cref="AbiException">A value does not fit its type, or the type has no packed form.</exception>
    public static byte[] EncodePacked(IReadOnlyList<AbiType> types, params IReadOnlyList<object?> values) =>
        AbiEncoder.EncodePacked(types, values);

    /// <summary>Reads values; bytes after the encoding are allowed, as in Solidity.</summary>
    /// <exception cref="AbiException">The bytes are no encoding of these types.</exception>
    public static object?[] Decode(IReadOnlyList<AbiType> types, ReadOnlySpan<byte> data) => AbiDecoder.Decode(types, data);

    /// <summary>The first four bytes of the hash of a signature such as <c>transfer(address,uint256)</c>.</summary>
    public static byte[] Selector(string signature) =>
        Keccak256.HashData(System.Text.Encoding.UTF8.GetBytes(signature))[..SelectorBytes];
}
