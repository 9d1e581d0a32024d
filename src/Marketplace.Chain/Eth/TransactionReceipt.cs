using System.Numerics;
using System.Text.Json;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Eth;

/// <summary>What became of a transaction that is in a block.</summary>
/// <param name="TransactionHash">The transaction.</param>
/// <param name="Block">The block that holds it.</param>
/// <param name="Succeeded">False if it reverted.</param>
/// <param name="GasUsed">Gas that was paid for.</param>
/// <param name="EffectiveGasPrice">Wei paid per unit of gas.</param>
/// <param name="ContractAddress">The contract that it made, if it made one.</param>
/// <param name="Logs">What contracts logged meanwhile.</param>
public sealed record TransactionReceipt(
    Hash32 TransactionHash, BlockRef Block, bool Succeeded, ulong GasUsed, BigInteger EffectiveGasPrice, Address? ContractAddress, IReadOnlyList<Log> Logs)
{
    /// <summary>Reads a receipt, or null where the endpoint has none.</summary>
    internal static TransactionReceipt? Read(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Null) return null;
        JsonElement logs = Json.Member(json, "logs");
        if (logs.ValueKind != JsonValueKind.Array) throw Json.Wrong("a list of logs");
        return new TransactionReceipt(
            Json.ToHash(Json.Member(json, "transactionHash")),
            new BlockRef(Json.ToUInt64(Json.Member(json, "blockNumber")), Json.ToHash(Json.Member(json, "blockHash"))),
            Json.ToUInt64(Json.Member(json, "status")) == 1,
            Json.ToUInt64(Json.Member(json, "gasUsed")),
            Json.ToBigIntegerOrNull(json, "effectiveGasPrice") ?? BigInteger.Zero,
            Json.ToAddressOrNull(json, "contractAddress"),
            [.. logs.EnumerateArray().Select(Log.Read)]);
    }
}
