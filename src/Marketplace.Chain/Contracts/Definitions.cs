using System.Buffers.Binary;
using Marketplace.Chain.Abi;
using Marketplace.Chain.Eth;
using Marketplace.Domain;

namespace Marketplace.Chain.Contracts;

/// <summary>A function of a contract as its ABI describes it.</summary>
public sealed class FunctionDefinition(string name, AbiTuple inputs, AbiTuple outputs)
{
    private readonly byte[] _selector = AbiCodec.Selector(name + inputs.Name);

    /// <summary>The name in Solidity.</summary>
    public string Name { get; } = name;

    /// <summary>What it takes.</summary>
    public AbiTuple Inputs { get; } = inputs;

    /// <summary>What it gives back.</summary>
    public AbiTuple Outputs { get; } = outputs;

    /// <summary>The bytes that call the function.</summary>
    /// <exception cref="AbiException">A value does not fit.</exception>
    public byte[] Encode(params IReadOnlyList<object?> values) => [.. _selector, .. AbiEncoder.Encode(Inputs.Types, values)];

    /// <summary>What the function gave back.</summary>
    /// <exception cref="AbiException">The bytes are something else.</exception>
    public object?[] DecodeOutput(ReadOnlySpan<byte> data) => AbiDecoder.Decode(Outputs.Types, data);
}

/// <summary>An event of a contract as its ABI describes it.</summary>
public sealed class EventDefinition
{
    private readonly AbiType[] _plain;
    private readonly AbiParameter[] _indexed;

    /// <summary>Describes an event that is not anonymous.</summary>
    public EventDefinition(string name, AbiTuple members)
    {
        Name = name;
        Members = members;
        Topic = Hash32.Keccak(System.Text.Encoding.UTF8.GetBytes(name + members.Name));
        _plain = [.. members.Components.Where(static member => !member.IsIndexed).Select(static member => member.Type)];
        _indexed = [.. members.Components.Where(static member => member.IsIndexed)];
    }

    /// <summary>The name in Solidity.</summary>
    public string Name { get; }

    /// <summary>The members in order.</summary>
    public AbiTuple Members { get; }

    /// <summary>The first topic of such logs.</summary>
    public Hash32 Topic { get; }

    /// <summary>How many topics such logs have, the first included.</summary>
    public int TopicCount => _indexed.Length + 1;

    /// <summary>
    /// Reads the members of a log in order. False if the log is of another event. Indexed members that do not fit a word
    /// (texts, arrays, structs) are there only as their <see cref="Hash32"/>.
    /// </summary>
    public bool TryDecode(Log log, out object?[] values)
    {
        values = [];
        if (log.Topics.Count != TopicCount || log.Topics[0] != Topic) return false;
        object?[] plain, indexed = new object?[_indexed.Length];
        try
        {
            plain = AbiDecoder.Decode(_plain, log.Data);
            for (int i = 0; i < indexed.Length; i++)
            {
                Hash32 topic = log.Topics[i + 1];
                AbiType type = _indexed[i].Type;
                indexed[i] = type.IsDynamic || type is AbiArray or AbiTuple ? topic : AbiDecoder.Decode([type], topic.ToArray())[0];
            }
        }
        catch (AbiException)
        {
            return false;
        }

        int nextPlain = 0, nextIndexed = 0;
        values = [.. Members.Components.Select(member => member.IsIndexed ? indexed[nextIndexed++] : plain[nextPlain++])];
        return true;
    }
}

/// <summary>A custom error of a contract as its ABI describes it.</summary>
public sealed class ErrorDefinition(string name, AbiTuple members, Func<IReadOnlyList<object?>, ContractError> make)
{
    /// <summary>The name in Solidity.</summary>
    public string Name { get; } = name;

    /// <summary>The members in order.</summary>
    public AbiTuple Members { get; } = members;

    /// <summary>The first four bytes of the revert data.</summary>
    internal uint Selector { get; } = BinaryPrimitives.ReadUInt32BigEndian(AbiCodec.Selector(name + members.Name));

    /// <summary>Reads revert data. False if it is another error.</summary>
    public bool TryDecode(ReadOnlySpan<byte> revertData, out ContractError? error)
    {
        error = null;
        if (revertData.Length < AbiCodec.SelectorBytes || BinaryPrimitives.ReadUInt32BigEndian(revertData) != Selector) return false;
        try
        {
            error = make(AbiDecoder.Decode(Members.Types, revertData[AbiCodec.SelectorBytes..]));
            return true;
        }
        catch (AbiException)
        {
            return false;
        }
    }
}
