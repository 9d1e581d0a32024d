namespace Marketplace.Chain.Rpc;

/// <summary>Something went wrong between us and the chain's JSON-RPC endpoint. Messages name an endpoint by host, never by its whole URL.</summary>
public class RpcException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>No endpoint gave an answer in time. Whether a request had an effect is unknown.</summary>
public sealed class RpcConnectionException(string message, Exception? inner = null) : RpcException(message, inner);

/// <summary>An endpoint answered with something that is no valid answer.</summary>
public sealed class RpcFormatException(string message, Exception? inner = null) : RpcException(message, inner);

/// <summary>An endpoint answered with an error.</summary>
public sealed class RpcResponseException(string method, int code, string text, byte[]? revertData)
    : RpcException($"{method}: {text} (code {code})")
{
    /// <summary>The method that was called.</summary>
    public string Method { get; } = method;

    /// <summary>The error's number; nodes do not agree on what most of them mean.</summary>
    public int Code { get; } = code;

    /// <summary>The endpoint's own words.</summary>
    public string Text { get; } = text;

    /// <summary>What a contract reverted with, or null if this is no revert.</summary>
    public byte[]? RevertData { get; } = revertData;
}
