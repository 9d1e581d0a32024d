using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Eth;

/// <summary>What a contract wrote to the log of a block.</summary>
/// <param name="Address">The contract.</param>
/// <param name="Topics">Up to four; the first names the event.</param>
/// <param name="Data">The members that are not indexed.</param>
/// <param name="Block">The block that holds it.</param>
/// <param name="TransactionHash">The transaction that caused it.</param>
/// <param name="TransactionIndex">Place of the transaction in the block.</param>
/// <param name="LogIndex">Place of the log in the block.</param>
public sealed record Log(
    Address Address, IReadOnlyList<Hash32> Topics, byte[] Data, BlockRef Block, Hash32 TransactionHash, uint TransactionIndex, uint LogIndex)
{
    private const int TopicsMax = 4;

    internal static Log Read(JsonElement json)
    {
        JsonElement topics = Json.Member(json, "topics");
        if (topics.ValueKind != JsonValueKind.Array || topics.GetArrayLength() > TopicsMax) throw Json.Wrong("at most four topics");
        return new Log(
            Json.ToAddress(Json.Member(json, "address")),
            [.. topics.EnumerateArray().Select(Json.ToHash)],
            Json.ToBytes(Json.Member(json, "data")),
            new BlockRef(Json.ToUInt64(Json.Member(json, "blockNumber")), Json.ToHash(Json.Member(json, "blockHash"))),
            Json.ToHash(Json.Member(json, "transactionHash")),
            Json.ToUInt32(Json.Member(json, "transactionIndex")),
            Json.ToUInt32(Json.Member(json, "logIndex")));
    }
}

/// <summary>Which logs are wanted.</summary>
public sealed record LogFilter
{
    /// <summary>Contracts; empty for all.</summary>
    public IReadOnlyList<Address> Addresses { get; init; } = [];

    /// <summary>Per place of a topic: the values that are wanted, or empty for any. At most four places.</summary>
    public IReadOnlyList<IReadOnlyList<Hash32>> Topics { get; init; } = [];

    internal JsonObject ToJson(ulong from, ulong to)
    {
        JsonObject json = new() { ["fromBlock"] = Json.Quantity(from), ["toBlock"] = Json.Quantity(to) };
        if (Addresses.Count > 0) json["address"] = new JsonArray([.. Addresses.Select(static address => (JsonNode)address.ToString())]);
        if (Topics.Count > 0)
        {
            json["topics"] = new JsonArray([.. Topics.Select(static place =>
                place.Count == 0 ? null : (JsonNode)new JsonArray([.. place.Select(static topic => (JsonNode)topic.ToString())]))]);
        }

        return json;
    }
}
