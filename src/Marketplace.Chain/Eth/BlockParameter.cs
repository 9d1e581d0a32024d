using System.Text.Json.Nodes;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Eth;

/// <summary>The block whose state a view reads.</summary>
public sealed class BlockParameter
{
    private readonly string? _text;
    private readonly Hash32? _hash;

    private BlockParameter(string text) => _text = text;

    private BlockParameter(Hash32 hash) => _hash = hash;

    /// <summary>The newest block.</summary>
    public static BlockParameter Latest { get; } = new("latest");

    /// <summary>The newest block and what waits for the next.</summary>
    public static BlockParameter Pending { get; } = new("pending");

    /// <summary>The block with a number.</summary>
    public static BlockParameter At(ulong number) => new(Json.Quantity(number));

    /// <summary>The block with a number.</summary>
    public static BlockParameter At(BlockNumber number) => At(number.Value);

    /// <summary>The block with a hash (EIP-1898): an error if a reorganisation removed it.</summary>
    public static BlockParameter At(Hash32 hash) => new(hash);

    internal JsonNode ToJson() => _hash is { } hash ? new JsonObject { ["blockHash"] = hash.ToString() } : JsonValue.Create(_text!);

    /// <inheritdoc/>
    public override string ToString() => _text ?? _hash.ToString()!;
}
