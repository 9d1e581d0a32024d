using System.Collections;
using System.Collections.Frozen;
using System.Globalization;
using System.Numerics;
using Marketplace.Chain.Abi;
using Marketplace.Domain;

namespace Marketplace.Chain.Contracts;

/// <summary>Why a contract reverted. Generated errors derive from it, so code can match on them.</summary>
public abstract record ContractError
{
    /// <summary>The name in Solidity.</summary>
    public abstract string ErrorName { get; }

    /// <summary>The members with their names in Solidity.</summary>
    protected abstract IReadOnlyList<(string Name, object? Value)> ErrorMembers { get; }

    /// <summary>The error as a person reads it: <c>StorageMarket_PeriodClosed(node: 3, period: 7)</c>.</summary>
    public sealed override string ToString() => ErrorMembers.Count == 0 ? ErrorName : $"{ErrorName}({string.Join(", ", ErrorMembers.Select(
        static member => member.Name.Length > 0 ? $"{member.Name}: {Write(member.Value)}" : Write(member.Value)))})";

    private static string Write(object? value) => value switch
    {
        byte[] bytes => Hex.Encode(bytes),
        string text => $"\"{text}\"",
        IEnumerable items => $"[{string.Join(", ", items.Cast<object?>().Select(Write))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };
}

/// <summary><c>require(…, "text")</c> or <c>revert("text")</c>.</summary>
public sealed record RevertText(string Text) : ContractError
{
    /// <inheritdoc/>
    public override string ErrorName => "Error";

    /// <inheritdoc/>
    protected override IReadOnlyList<(string Name, object? Value)> ErrorMembers => [("", Text)];
}

/// <summary>A failed assertion of the language itself, such as an overflow (0x11) or an index out of range (0x32).</summary>
public sealed record Panic(BigInteger Code) : ContractError
{
    /// <inheritdoc/>
    public override string ErrorName => "Panic";

    /// <inheritdoc/>
    protected override IReadOnlyList<(string Name, object? Value)> ErrorMembers => [("code", Code)];
}

/// <summary>Revert data that no known contract explains; empty when the contract said nothing.</summary>
public sealed record UnknownError(byte[] Data) : ContractError
{
    /// <inheritdoc/>
    public override string ErrorName => Data.Length == 0 ? "no reason given" : "unknown error";

    /// <inheritdoc/>
    protected override IReadOnlyList<(string Name, object? Value)> ErrorMembers => Data.Length == 0 ? [] : [("", Data)];
}

/// <summary>The errors that revert data is looked up in.</summary>
public sealed class ErrorCatalog
{
    private static readonly ErrorDefinition[] s_builtIn =
    [
        new("Error", (AbiTuple)AbiType.Parse("(string)"), static values => new RevertText((string)values[0]!)),
        new("Panic", (AbiTuple)AbiType.Parse("(uint256)"), static values => new Panic((BigInteger)values[0]!)),
    ];

    private readonly FrozenDictionary<uint, ErrorDefinition> _bySelector;

    /// <summary>Makes a catalogue; <c>Error(string)</c> and <c>Panic(uint256)</c> are always in it.</summary>
    public ErrorCatalog(IEnumerable<ErrorDefinition> definitions) =>
        _bySelector = s_builtIn.Concat(definitions).DistinctBy(static error => error.Selector).ToFrozenDictionary(static error => error.Selector);

    /// <summary>Explains revert data from a contract. Always gives something.</summary>
    public ContractError Decode(ReadOnlySpan<byte> revertData) =>
        revertData.Length >= AbiCodec.SelectorBytes
        && _bySelector.TryGetValue(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(revertData), out ErrorDefinition? definition)
        && definition.TryDecode(revertData, out ContractError? error)
            ? error!
            : new UnknownError(revertData.ToArray());
}

/// <summary>A contract refused a call or a transaction. <see cref="Error"/> says why, in types.</summary>
public sealed class ContractRevertException(string action, ContractError error, Hash32? transactionHash = null, Exception? inner = null)
    : Exception($"{action} was refused by the contract: {error}", inner)
{
    /// <summary>Why.</summary>
    public ContractError Error { get; } = error;

    /// <summary>The transaction that reverted in a block, or null if nothing was sent.</summary>
    public Hash32? TransactionHash { get; } = transactionHash;
}
