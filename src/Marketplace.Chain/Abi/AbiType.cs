using System.Globalization;

namespace Marketplace.Chain.Abi;

/// <summary>A Solidity type as the contract ABI knows it. <see cref="Name"/> is the canonical name used in signatures.</summary>
public abstract class AbiType
{
    internal const int WordBytes = 32;

    private protected AbiType(string name, bool isDynamic, int headBytes)
    {
        Name = name;
        IsDynamic = isDynamic;
        HeadBytes = headBytes;
    }

    /// <summary>The canonical name, such as <c>uint256</c> or <c>(address,bytes)[]</c>.</summary>
    public string Name { get; }

    /// <summary>True when the encoding has no fixed length and stands behind an offset.</summary>
    public bool IsDynamic { get; }

    /// <summary>Bytes that the type takes in the head of a sequence.</summary>
    internal int HeadBytes { get; }

    /// <summary>Reads a type name. Tuples are written <c>(uint256,bytes)</c>, with names of components allowed.</summary>
    /// <exception cref="AbiException">The text is no type.</exception>
    public static AbiType Parse(string text) => new AbiTypeParser(text).ParseWhole();

    /// <summary>Reads one elementary type name such as <c>uint8</c> or <c>bytes32</c>.</summary>
    internal static AbiType ParseElementary(string name)
    {
        switch (name)
        {
            case "address": return AbiAddress.Instance;
            case "bool": return AbiBool.Instance;
            case "string": return AbiString.Instance;
            case "bytes": return AbiBytes.Instance;
            case "uint": return new AbiInteger(256, isSigned: false);
            case "int": return new AbiInteger(256, isSigned: true);
            case "function": return new AbiFixedBytes(24);
        }

        if (name.StartsWith("uint", StringComparison.Ordinal) && Size(name.AsSpan(4), 256) is int unsigned && unsigned % 8 == 0)
            return new AbiInteger(unsigned, isSigned: false);
        if (name.StartsWith("int", StringComparison.Ordinal) && Size(name.AsSpan(3), 256) is int signed && signed % 8 == 0)
            return new AbiInteger(signed, isSigned: true);
        if (name.StartsWith("bytes", StringComparison.Ordinal) && Size(name.AsSpan(5), 32) is int bytes)
            return new AbiFixedBytes(bytes);
        throw new AbiException($"Unknown ABI type '{name}'.");
    }

    private static int? Size(ReadOnlySpan<char> digits, int max) =>
        digits is [not '0', ..] && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int size) && size <= max
            ? size
            : null;

    /// <inheritdoc/>
    public sealed override string ToString() => Name;
}

/// <summary><c>uintN</c> or <c>intN</c>; values are <see cref="System.Numerics.BigInteger"/> when read, any integer type when written.</summary>
public sealed class AbiInteger(int bits, bool isSigned)
    : AbiType((isSigned ? "int" : "uint") + bits.ToString(CultureInfo.InvariantCulture), isDynamic: false, WordBytes)
{
    /// <summary>Width in bits, a multiple of eight up to 256.</summary>
    public int Bits { get; } = bits;

    /// <summary>True for <c>intN</c>.</summary>
    public bool IsSigned { get; } = isSigned;
}

/// <summary><c>address</c>.</summary>
public sealed class AbiAddress : AbiType
{
    internal static readonly AbiAddress Instance = new();

    private AbiAddress() : base("address", isDynamic: false, WordBytes) { }
}

/// <summary><c>bool</c>.</summary>
public sealed class AbiBool : AbiType
{
    internal static readonly AbiBool Instance = new();

    private AbiBool() : base("bool", isDynamic: false, WordBytes) { }
}

/// <summary><c>bytes1</c> to <c>bytes32</c>; values are byte arrays when read.</summary>
public sealed class AbiFixedBytes(int length)
    : AbiType("bytes" + length.ToString(CultureInfo.InvariantCulture), isDynamic: false, WordBytes)
{
    /// <summary>Number of bytes.</summary>
    public int Length { get; } = length;
}

/// <summary><c>bytes</c>.</summary>
public sealed class AbiBytes : AbiType
{
    internal static readonly AbiBytes Instance = new();

    private AbiBytes() : base("bytes", isDynamic: true, WordBytes) { }
}

/// <summary><c>string</c>.</summary>
public sealed class AbiString : AbiType
{
    internal static readonly AbiString Instance = new();

    private AbiString() : base("string", isDynamic: true, WordBytes) { }
}

/// <summary><c>T[]</c> or <c>T[n]</c>.</summary>
public sealed class AbiArray(AbiType element, int? length) : AbiType(
    string.Create(CultureInfo.InvariantCulture, $"{element.Name}[{length}]"),
    length is null || (element.IsDynamic && length != 0),
    length is null || element.IsDynamic ? WordBytes : checked(element.HeadBytes * length.Value))
{
    /// <summary>Type of every element.</summary>
    public AbiType Element { get; } = element;

    /// <summary>Number of elements, or null when the array has any length.</summary>
    public int? Length { get; } = length;
}

/// <summary>A name and a type: a parameter of a function, or a member of a struct.</summary>
/// <param name="Name">May be empty.</param>
/// <param name="Type">The type.</param>
/// <param name="IsIndexed">True for an indexed parameter of an event.</param>
public sealed record AbiParameter(string Name, AbiType Type, bool IsIndexed = false);

/// <summary>A struct or a list of parameters.</summary>
public sealed class AbiTuple : AbiType
{
    /// <summary>Makes a tuple; <paramref name="structName"/> is the Solidity struct's name, used for EIP-712.</summary>
    public AbiTuple(IReadOnlyList<AbiParameter> components, string structName = "") : base(
        $"({string.Join(',', components.Select(static component => component.Type.Name))})",
        components.Any(static component => component.Type.IsDynamic),
        components.Any(static component => component.Type.IsDynamic) ? WordBytes : components.Sum(static component => component.Type.HeadBytes))
    {
        Components = components;
        StructName = structName;
        Types = [.. components.Select(static component => component.Type)];
    }

    /// <summary>Members in order.</summary>
    public IReadOnlyList<AbiParameter> Components { get; }

    /// <summary>Name of the Solidity struct, or empty.</summary>
    public string StructName { get; }

    /// <summary>Types of the members in order.</summary>
    internal IReadOnlyList<AbiType> Types { get; }
}
