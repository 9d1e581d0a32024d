using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Marketplace.Domain;

namespace Marketplace.Chain.Abi;

/// <summary>
/// Reads ABI encoded bytes from an untrusted source. Every offset and length is checked, values must be in range, and no byte is
/// paid for twice: all that is decoded together is never longer than the input, so a small input cannot grow into a large result.
/// </summary>
internal ref struct AbiDecoder
{
    private readonly ReadOnlySpan<byte> _data;
    private int _budgetBytes;

    private AbiDecoder(ReadOnlySpan<byte> data)
    {
        _data = data;
        _budgetBytes = data.Length;
    }

    public static object?[] Decode(IReadOnlyList<AbiType> types, ReadOnlySpan<byte> data) =>
        new AbiDecoder(data).ReadSequence(types, start: 0);

    private object?[] ReadSequence(IReadOnlyList<AbiType> types, int start)
    {
        object?[] values = new object?[types.Count];
        int at = start;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = ReadMember(types[i], start, at);
            at += types[i].HeadBytes;
        }

        return values;
    }

    private object ReadMember(AbiType type, int start, int at)
    {
        if (!type.IsDynamic) return ReadStatic(type, at);
        long target = start + (long)ReadLength(at);
        if (target > _data.Length) throw Truncated();
        return ReadDynamic(type, (int)target);
    }

    private object ReadDynamic(AbiType type, int at)
    {
        switch (type)
        {
            case AbiTuple tuple:
                return ReadSequence(tuple.Types, at);
            case AbiArray array:
                int count = array.Length ?? ReadLength(at);
                return ReadItems(array, count, array.Length is null ? at + AbiType.WordBytes : at);
            default:
                int length = ReadLength(at);
                byte[] bytes = Take(at + AbiType.WordBytes, length).ToArray();
                // Bad UTF-8 becomes U+FFFD instead of an error: one stranger's text must not make a whole list unreadable.
                return type is AbiString ? Encoding.UTF8.GetString(bytes) : bytes;
        }
    }

    private object?[] ReadItems(AbiArray array, int count, int start)
    {
        int each = array.Element.HeadBytes;
        if (each == 0 && count > 0 && array.Length is null) throw new AbiException($"{array.Name} holds elements without content.");
        if ((long)count * each > _data.Length - (long)start) throw Truncated();
        object?[] items = new object?[count];
        for (int i = 0; i < count; i++) items[i] = ReadMember(array.Element, start, start + i * each);
        return items;
    }

    private object ReadStatic(AbiType type, int at)
    {
        switch (type)
        {
            case AbiTuple tuple:
                return ReadSequence(tuple.Types, at);
            case AbiArray array:
                return ReadItems(array, array.Length!.Value, at);
            case AbiInteger integer:
                ReadOnlySpan<byte> word = Take(at, AbiType.WordBytes);
                BigInteger number = new(word, isUnsigned: !integer.IsSigned, isBigEndian: true);
                if (integer.Bits < 256) _ = AbiValue.ToInteger(integer, number);
                return number;
            case AbiAddress:
                ReadOnlySpan<byte> address = Take(at, AbiType.WordBytes);
                RequireZero(type, address[..^Address.SizeBytes]);
                return new Address(address[^Address.SizeBytes..]);
            case AbiBool:
                ReadOnlySpan<byte> flag = Take(at, AbiType.WordBytes);
                RequireZero(type, flag[..^1]);
                return flag[^1] <= 1 ? flag[^1] == 1 : throw new AbiException("A bool is neither 0 nor 1.");
            case AbiFixedBytes fixedBytes:
                ReadOnlySpan<byte> bytes = Take(at, AbiType.WordBytes);
                RequireZero(type, bytes[fixedBytes.Length..]);
                return bytes[..fixedBytes.Length].ToArray();
            default:
                throw new AbiException($"{type.Name} cannot be read here.");
        }
    }

    private int ReadLength(int at)
    {
        ReadOnlySpan<byte> word = Take(at, AbiType.WordBytes);
        if (word[..^sizeof(int)].ContainsAnyExcept((byte)0) || word[^sizeof(int)] > 0x7f)
            throw new AbiException("An offset or length points outside of the data.");
        return BinaryPrimitives.ReadInt32BigEndian(word[^sizeof(int)..]);
    }

    private ReadOnlySpan<byte> Take(int at, int length)
    {
        if (at < 0 || (long)at + length > _data.Length) throw Truncated();
        _budgetBytes -= length;
        if (_budgetBytes < 0) throw new AbiException("The data refers to the same bytes more than once.");
        return _data.Slice(at, length);
    }

    private static void RequireZero(AbiType type, ReadOnlySpan<byte> padding)
    {
        if (padding.ContainsAnyExcept((byte)0)) throw new AbiException($"A value is out of the range of {type.Name}.");
    }

    private static AbiException Truncated() => new("The data ends too early.");
}
