using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using Marketplace.Chain.Abi;
using Marketplace.Domain;

namespace Marketplace.Chain.Tests.Peer;

/// <summary>Random types and values that fit them, and their form in JSON for ethers. One seed always gives the same.</summary>
internal sealed class RandomAbi(int seed)
{
    private const int DepthMax = 3;

    private readonly Random _random = new(seed);

    public Random Random => _random;

    public AbiType NextType(int depth = 0)
    {
        int kind = _random.Next(depth < DepthMax ? 10 : 7);
        return kind switch
        {
            0 or 1 => AbiType.Parse((kind == 0 ? "uint" : "int") + _random.Next(1, 33) * 8),
            2 => AbiType.Parse("address"),
            3 => AbiType.Parse("bool"),
            4 => AbiType.Parse("bytes" + _random.Next(1, 33)),
            5 => AbiType.Parse("bytes"),
            6 => AbiType.Parse("string"),
            7 => new AbiArray(NextType(depth + 1), null),
            8 => new AbiArray(NextType(depth + 1), _random.Next(1, 4)),
            _ => NextTuple(depth),
        };
    }

    public AbiTuple NextTuple(int depth = 0) => new(
        [.. Enumerable.Range(0, _random.Next(1, 5)).Select(index => new AbiParameter("m" + index, NextType(depth + 1)))], "T" + _random.Next());

    public AbiType NextElementary()
    {
        while (true)
        {
            AbiType type = NextType(DepthMax);
            if (type is not (AbiBytes or AbiString)) return type;
        }
    }

    public object NextValue(AbiType type)
    {
        switch (type)
        {
            case AbiInteger integer:
                return NextInteger(integer);
            case AbiAddress:
                return new Address(NextBytes(20));
            case AbiBool:
                return _random.Next(2) == 1;
            case AbiFixedBytes fixedBytes:
                return NextBytes(fixedBytes.Length);
            case AbiBytes:
                return NextBytes(_random.Next(3) == 0 ? _random.Next(3) * 32 : _random.Next(100));
            case AbiString:
                StringBuilder text = new();
                for (int i = _random.Next(40); i > 0; i--) text.Append(NextRune().ToString());
                return text.ToString();
            case AbiArray array:
                return Enumerable.Range(0, array.Length ?? _random.Next(4)).Select(_ => (object?)NextValue(array.Element)).ToArray();
            default:
                return ((AbiTuple)type).Components.Select(member => (object?)NextValue(member.Type)).ToArray();
        }
    }

    public byte[] NextBytes(int count)
    {
        byte[] bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>The value as ethers takes and gives it.</summary>
    public static JsonNode ToJson(AbiType type, object? value) => (type, value) switch
    {
        (AbiArray array, object?[] items) => new JsonArray([.. items.Select(item => ToJson(array.Element, item))]),
        (AbiTuple tuple, object?[] items) => new JsonArray([.. items.Select((item, index) => ToJson(tuple.Components[index].Type, item))]),
        (_, byte[] bytes) => Hex.Encode(bytes),
        (_, bool flag) => flag,
        (_, string text) => text,
        _ => value!.ToString()!,
    };

    private BigInteger NextInteger(AbiInteger type)
    {
        int bits = type.IsSigned ? type.Bits - 1 : type.Bits;
        BigInteger limit = BigInteger.One << bits;
        BigInteger number = _random.Next(6) switch
        {
            0 => limit - 1,
            1 => type.IsSigned ? -limit : 0,
            2 => _random.Next(3) - (type.IsSigned ? 1 : 0),
            _ => new BigInteger(NextBytes(33), isUnsigned: true) >> _random.Next(9, 260),
        };
        number = number < limit ? number : number % limit;
        return type.IsSigned && _random.Next(2) == 0 && number > 0 ? -number : number;
    }

    private Rune NextRune()
    {
        while (true)
        {
            int value = _random.Next(4) switch { 0 => _random.Next(0x80), 1 => _random.Next(0x800), 2 => _random.Next(0x10000), _ => _random.Next(0x110000) };
            if (Rune.IsValid(value)) return new Rune(value);
        }
    }
}
