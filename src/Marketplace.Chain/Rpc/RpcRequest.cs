using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marketplace.Chain.Rpc;

/// <summary>One call of a JSON-RPC method.</summary>
public sealed record RpcRequest(string Method, params IReadOnlyList<JsonNode?> Parameters);

/// <summary>What came back for one request of a batch: a result or an error.</summary>
public readonly record struct RpcResult(JsonElement Value, RpcResponseException? Error)
{
    /// <summary>The result.</summary>
    /// <exception cref="RpcResponseException">The endpoint answered with an error.</exception>
    public JsonElement Require() => Error is null ? Value : throw Error;
}
