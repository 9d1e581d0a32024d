using System.Text.Json;
using Marketplace.Domain;

namespace Marketplace.Chain.Rpc;

/// <summary>Reads what an endpoint answered: the one gate for its bytes.</summary>
internal static class RpcAnswer
{
    private const int ErrorTextCharsMax = 500;
    private const int NestedErrorDepthMax = 4;

    public static RpcResult[] Read(RpcRequest[] requests, long firstId, byte[] answer, int status)
    {
        JsonElement root;
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            root = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new RpcFormatException($"the answer (HTTP status {status}) is no JSON", e);
        }

        RpcResult[] results = new RpcResult[requests.Length];
        bool[] isThere = new bool[requests.Length];
        IEnumerable<JsonElement> items = root.ValueKind == JsonValueKind.Array ? root.EnumerateArray() : [root];
        foreach (JsonElement item in items)
        {
            if (item.ValueKind != JsonValueKind.Object) throw new RpcFormatException("the answer is no JSON-RPC");
            // An endpoint that refuses a whole batch answers with one error that has no id.
            bool hasId = item.TryGetProperty("id", out JsonElement id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out _);
            long index = hasId ? id.GetInt64() - firstId : 0;
            if (!hasId && !item.TryGetProperty("error", out _)) throw new RpcFormatException("the answer has no id");
            if (index < 0 || index >= requests.Length) throw new RpcFormatException("the answer has the id of another request");
            RpcResult result = ReadOne(requests[index].Method, item);
            if (!hasId && result.Error is not null && requests.Length > 1)
            {
                Array.Fill(results, result);
                return results;
            }

            results[index] = result;
            isThere[index] = true;
        }

        return Array.TrueForAll(isThere, static there => there) ? results : throw new RpcFormatException("the answer lacks results");
    }

    private static RpcResult ReadOne(string method, JsonElement item)
    {
        if (item.TryGetProperty("error", out JsonElement error) && error.ValueKind == JsonValueKind.Object)
        {
            int code = error.TryGetProperty("code", out JsonElement number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out int parsed) ? parsed : 0;
            string text = error.TryGetProperty("message", out JsonElement message) && message.ValueKind == JsonValueKind.String ? message.GetString()! : "an error without text";
            if (text.Length > ErrorTextCharsMax) text = text[..ErrorTextCharsMax] + "…";
            return new RpcResult(default, new RpcResponseException(method, code, text, FindRevertData(error, NestedErrorDepthMax)));
        }

        return item.TryGetProperty("result", out JsonElement result)
            ? new RpcResult(result, null)
            : throw new RpcFormatException("the answer has neither result nor error");
    }

    /// <summary>Nodes put the bytes of a revert into <c>data</c>, some of them into an object inside of it.</summary>
    private static byte[]? FindRevertData(JsonElement error, int depthLeft)
    {
        if (depthLeft == 0 || error.ValueKind != JsonValueKind.Object) return null;
        foreach (string name in (ReadOnlySpan<string>)["data", "result", "return", "originalError", "error"])
        {
            if (!error.TryGetProperty(name, out JsonElement member)) continue;
            if (member.ValueKind == JsonValueKind.String)
            {
                string text = member.GetString()!;
                // Some nodes write "Reverted 0x…".
                int at = text.IndexOf("0x", StringComparison.Ordinal);
                if (at < 0) continue;
                try
                {
                    return Hex.Decode(text.AsSpan(at));
                }
                catch (FormatException)
                {
                    continue;
                }
            }

            if (FindRevertData(member, depthLeft - 1) is { } nested) return nested;
        }

        return null;
    }
}
