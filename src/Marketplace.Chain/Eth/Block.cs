using System.Numerics;
using System.Text.Json;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Eth;

/// <summary>A block's number and hash: which block it is on which branch.</summary>
public readonly record struct BlockRef(ulong Number, Hash32 Hash);

/// <summary>The head of a block.</summary>
/// <param name="Number">Height.</param>
/// <param name="Hash">Hash of the head.</param>
/// <param name="ParentHash">Hash of the block before.</param>
/// <param name="UnixSeconds">Time that its maker gave it, in seconds since 1970.</param>
/// <param name="BaseFeePerGas">Wei per unit of gas that is burned, or null before EIP-1559.</param>
/// <param name="GasLimit">Gas that the block may use.</param>
public sealed record Block(ulong Number, Hash32 Hash, Hash32 ParentHash, ulong UnixSeconds, BigInteger? BaseFeePerGas, ulong GasLimit)
{
    /// <summary>The block's name on its branch.</summary>
    public BlockRef Ref => new(Number, Hash);

    /// <summary>Time that its maker gave it.</summary>
    public DateTimeOffset Time => DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(UnixSeconds, (ulong)DateTimeOffset.MaxValue.ToUnixTimeSeconds()));

    /// <summary>Reads a block, or null where the endpoint has none.</summary>
    internal static Block? Read(JsonElement json) => json.ValueKind == JsonValueKind.Null ? null : new Block(
        Json.ToUInt64(Json.Member(json, "number")),
        Json.ToHash(Json.Member(json, "hash")),
        Json.ToHash(Json.Member(json, "parentHash")),
        Json.ToUInt64(Json.Member(json, "timestamp")),
        Json.ToBigIntegerOrNull(json, "baseFeePerGas"),
        Json.ToUInt64(Json.Member(json, "gasLimit")));
}
