using System.Collections;
using System.Numerics;
using System.Text;
using Marketplace.Domain;

namespace Marketplace.Chain.Abi;

/// <summary>A C# value that stands for a Solidity struct. Generated structs implement it.</summary>
public interface IAbiStruct
{
    /// <summary>The members in the order of the struct.</summary>
    IReadOnlyList<object?> ToAbiValues();
}

/// <summary>A generated struct that knows its ABI type, so it can be read, written and signed as typed data.</summary>
/// <typeparam name="TSelf">The struct.</typeparam>
public interface IAbiStruct<TSelf> : IAbiStruct where TSelf : IAbiStruct<TSelf>
{
    /// <summary>The ABI type of the struct.</summary>
    static abstract AbiTuple AbiType { get; }

    /// <summary>Makes the struct from its decoded members.</summary>
    static abstract TSelf FromAbiValues(IReadOnlyList<object?> values);
}

/// <summary>Turns the C# values that callers pass into the few forms that the codec writes.</summary>
internal static class AbiValue
{
    public static BigInteger ToInteger(AbiInteger type, object? value)
    {
        BigInteger number = value switch
        {
            BigInteger big => big,
            int number32 => number32,
            uint number32 => number32,
            long number64 => number64,
            ulong number64 => number64,
            UInt128 number128 => number128,
            Int128 number128 => number128,
            byte small => small,
            sbyte small => small,
            short small => small,
            ushort small => small,
            Enum member => new BigInteger(Convert.ToInt64(member, null)),
            _ => throw Mismatch(type, value),
        };
        BigInteger limit = BigInteger.One << (type.IsSigned ? type.Bits - 1 : type.Bits);
        if (number >= limit || number < (type.IsSigned ? -limit : BigInteger.Zero))
            throw new AbiException($"{number} does not fit in {type.Name}.");
        return number;
    }

    public static Address ToAddress(object? value) => value switch
    {
        Address address => address,
        string text when Address.TryParse(text, null, out Address parsed) => parsed,
        _ => throw Mismatch(AbiAddress.Instance, value),
    };

    public static bool ToBool(object? value) => value as bool? ?? throw Mismatch(AbiBool.Instance, value);

    public static ReadOnlyMemory<byte> ToBytes(AbiType type, object? value) => value switch
    {
        byte[] bytes => bytes,
        ReadOnlyMemory<byte> bytes => bytes,
        Hash32 hash => hash.ToArray(),
        Root root => root.ToArray(),
        string text when type is AbiString => Encoding.UTF8.GetBytes(text),
        _ => throw Mismatch(type, value),
    };

    public static IReadOnlyList<object?> ToList(AbiType type, object? value) => value switch
    {
        IAbiStruct structure => structure.ToAbiValues(),
        IReadOnlyList<object?> list => list,
        string => throw Mismatch(type, value),
        IEnumerable items => [.. items.Cast<object?>()],
        _ => throw Mismatch(type, value),
    };

    public static AbiException Mismatch(AbiType type, object? value) =>
        new($"A value of type {value?.GetType().Name ?? "null"} cannot be written as {type.Name}.");
}
