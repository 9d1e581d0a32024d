using System.Buffers.Binary;
using System.Numerics;
using Marketplace.Domain;

namespace Marketplace.Chain.Abi;

/// <summary>Writes the standard and the packed encoding of the contract ABI.</summary>
internal sealed class AbiEncoder
{
    private byte[] _buffer = new byte[256];
    private int _length;

    public static byte[] Encode(IReadOnlyList<AbiType> types, IReadOnlyList<object?> values)
    {
        AbiEncoder encoder = new();
        encoder.AppendSequence(types, values);
        return encoder.ToArray();
    }

    public static byte[] EncodePacked(IReadOnlyList<AbiType> types, IReadOnlyList<object?> values)
    {
        RequireCount(types.Count, values.Count);
        AbiEncoder encoder = new();
        for (int i = 0; i < types.Count; i++) encoder.AppendPacked(types[i], values[i], padded: false);
        return encoder.ToArray();
    }

    /// <summary>Head of every member, then the tails; offsets count from the start of the head.</summary>
    private void AppendSequence(IReadOnlyList<AbiType> types, IReadOnlyList<object?> values)
    {
        RequireCount(types.Count, values.Count);
        int start = Reserve(types.Sum(static type => type.HeadBytes));
        int at = start;
        for (int i = 0; i < types.Count; i++)
        {
            if (types[i].IsDynamic)
            {
                WriteLength(at, _length - start);
                AppendDynamic(types[i], values[i]);
            }
            else
            {
                WriteStatic(at, types[i], values[i]);
            }

            at += types[i].HeadBytes;
        }
    }

    private void AppendDynamic(AbiType type, object? value)
    {
        switch (type)
        {
            case AbiTuple tuple:
                AppendSequence(tuple.Types, AbiValue.ToList(tuple, value));
                break;
            case AbiArray array:
                IReadOnlyList<object?> items = Items(array, value);
                if (array.Length is null) WriteLength(Reserve(AbiType.WordBytes), items.Count);
                AppendSequence([.. Enumerable.Repeat(array.Element, items.Count)], items);
                break;
            case AbiBytes or AbiString:
                ReadOnlySpan<byte> bytes = AbiValue.ToBytes(type, value).Span;
                WriteLength(Reserve(AbiType.WordBytes), bytes.Length);
                int at = Reserve((bytes.Length + AbiType.WordBytes - 1) / AbiType.WordBytes * AbiType.WordBytes);
                bytes.CopyTo(_buffer.AsSpan(at));
                break;
            default:
                throw AbiValue.Mismatch(type, value);
        }
    }

    private void WriteStatic(int at, AbiType type, object? value)
    {
        switch (type)
        {
            case AbiTuple tuple:
                IReadOnlyList<object?> members = AbiValue.ToList(tuple, value);
                RequireCount(tuple.Types.Count, members.Count);
                for (int i = 0; i < members.Count; i++)
                {
                    WriteStatic(at, tuple.Types[i], members[i]);
                    at += tuple.Types[i].HeadBytes;
                }

                break;
            case AbiArray array:
                foreach (object? item in Items(array, value))
                {
                    WriteStatic(at, array.Element, item);
                    at += array.Element.HeadBytes;
                }

                break;
            default:
                WriteWord(_buffer.AsSpan(at, AbiType.WordBytes), type, value);
                break;
        }
    }

    private void AppendPacked(AbiType type, object? value, bool padded)
    {
        switch (type)
        {
            case AbiBytes or AbiString:
                Append(AbiValue.ToBytes(type, value).Span);
                break;
            case AbiArray { Element: not (AbiArray or AbiTuple or AbiBytes or AbiString) } array:
                foreach (object? item in Items(array, value)) AppendPacked(array.Element, item, padded: true);
                break;
            case AbiArray or AbiTuple:
                throw new AbiException($"{type.Name} has no packed encoding.");
            default:
                Span<byte> word = stackalloc byte[AbiType.WordBytes];
                word.Clear();
                WriteWord(word, type, value);
                Append(padded ? word : type switch
                {
                    AbiInteger integer => word[^(integer.Bits / 8)..],
                    AbiFixedBytes fixedBytes => word[..fixedBytes.Length],
                    AbiAddress => word[^Address.SizeBytes..],
                    _ => word[^1..],
                });
                break;
        }
    }

    /// <summary>Writes a value of one word into zeroed memory.</summary>
    private static void WriteWord(Span<byte> word, AbiType type, object? value)
    {
        switch (type)
        {
            case AbiInteger integer:
                BigInteger number = AbiValue.ToInteger(integer, value);
                if (number.Sign < 0)
                {
                    word.Fill(0xff);
                    int bytes = number.GetByteCount();
                    number.TryWriteBytes(word[^bytes..], out _, isBigEndian: true);
                }
                else
                {
                    number.TryWriteBytes(word[^number.GetByteCount(isUnsigned: true)..], out _, isUnsigned: true, isBigEndian: true);
                }

                break;
            case AbiAddress:
                AbiValue.ToAddress(value).CopyTo(word[^Address.SizeBytes..]);
                break;
            case AbiBool:
                word[^1] = AbiValue.ToBool(value) ? (byte)1 : (byte)0;
                break;
            case AbiFixedBytes fixedBytes:
                ReadOnlySpan<byte> source = AbiValue.ToBytes(fixedBytes, value).Span;
                if (source.Length != fixedBytes.Length) throw new AbiException($"{source.Length} bytes do not fit {type.Name}.");
                source.CopyTo(word);
                break;
            default:
                throw AbiValue.Mismatch(type, value);
        }
    }

    private static IReadOnlyList<object?> Items(AbiArray array, object? value)
    {
        IReadOnlyList<object?> items = AbiValue.ToList(array, value);
        if (array.Length is int length) RequireCount(length, items.Count);
        return items;
    }

    private static void RequireCount(int wanted, int given)
    {
        if (wanted != given) throw new AbiException($"{wanted} values are wanted, {given} were given.");
    }

    private void WriteLength(int at, int value) =>
        BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(at + AbiType.WordBytes - sizeof(int)), value);

    private void Append(ReadOnlySpan<byte> bytes)
    {
        int at = Reserve(bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(at));
    }

    /// <summary>Appends zeroed bytes and returns where they start. The buffer may be another one afterwards.</summary>
    private int Reserve(int bytes)
    {
        int start = _length;
        _length = checked(_length + bytes);
        if (_length > _buffer.Length) Array.Resize(ref _buffer, Math.Max(_length, _buffer.Length * 2));
        return start;
    }

    private byte[] ToArray() => _buffer.AsSpan(0, _length).ToArray();
}
