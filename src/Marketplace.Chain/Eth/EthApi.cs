using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Chain.Abi;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Eth;

/// <summary>
/// The chain as its endpoint shows it. Every method throws <see cref="RpcException"/> when the endpoint fails, and
/// <see cref="ContractRevertException"/> when a contract refuses.
/// </summary>
public sealed class EthApi(RpcClient rpc, ErrorCatalog errors)
{
    private const int BlocksPerBatchMax = 100;

    /// <summary>The endpoint itself, for methods that have no place here.</summary>
    public RpcClient Rpc { get; } = rpc;

    /// <summary>The errors that reverts are explained with.</summary>
    public ErrorCatalog Errors { get; } = errors;

    /// <summary>The chain's number.</summary>
    public async Task<ulong> GetChainIdAsync(CancellationToken token = default) => Json.ToUInt64(await Rpc.CallAsync("eth_chainId", [], token));

    /// <summary>The height of the newest block.</summary>
    public async Task<ulong> GetBlockNumberAsync(CancellationToken token = default) =>
        Json.ToUInt64(await Rpc.CallAsync("eth_blockNumber", [], token));

    /// <summary>The head of a block, or null where there is none.</summary>
    public async Task<Block?> GetBlockAsync(BlockParameter block, CancellationToken token = default) =>
        Block.Read(await Rpc.CallAsync("eth_getBlockByNumber", [block.ToJson(), false], token));

    /// <summary>The head of the newest block.</summary>
    public async Task<Block> GetLatestBlockAsync(CancellationToken token = default) =>
        await GetBlockAsync(BlockParameter.Latest, token) ?? throw Json.Wrong("a block");

    /// <summary>The heads of several blocks, null where there is none, in few requests.</summary>
    public async Task<IReadOnlyList<Block?>> GetBlocksAsync(IReadOnlyList<ulong> numbers, CancellationToken token = default)
    {
        List<Block?> blocks = new(numbers.Count);
        foreach (ulong[] part in numbers.Chunk(BlocksPerBatchMax))
        {
            IReadOnlyList<RpcResult> results = await Rpc.BatchAsync(
                [.. part.Select(static number => new RpcRequest("eth_getBlockByNumber", Json.Quantity(number), false))], token);
            blocks.AddRange(results.Select(static result => Block.Read(result.Require())));
        }

        return blocks;
    }

    /// <summary>Coins of an address, in wei.</summary>
    public async Task<BigInteger> GetBalanceAsync(Address address, BlockParameter? block = null, CancellationToken token = default) =>
        Json.ToBigInteger(await Rpc.CallAsync("eth_getBalance", [address.ToString(), (block ?? BlockParameter.Latest).ToJson()], token));

    /// <summary>How many transactions an address has sent: the nonce of its next one.</summary>
    public async Task<ulong> GetTransactionCountAsync(Address address, BlockParameter? block = null, CancellationToken token = default) =>
        Json.ToUInt64(await Rpc.CallAsync("eth_getTransactionCount", [address.ToString(), (block ?? BlockParameter.Latest).ToJson()], token));

    /// <summary>The logs of some blocks, both ends included, in their order on the chain.</summary>
    public async Task<IReadOnlyList<Log>> GetLogsAsync(LogFilter filter, ulong from, ulong to, CancellationToken token = default)
    {
        JsonElement logs = await Rpc.CallAsync("eth_getLogs", [filter.ToJson(from, to)], token);
        if (logs.ValueKind != JsonValueKind.Array) throw Json.Wrong("a list of logs");
        return [.. logs.EnumerateArray().Select(Log.Read).OrderBy(static log => log.Block.Number).ThenBy(static log => log.LogIndex)];
    }

    /// <summary>What became of a transaction, or null while it is in no block.</summary>
    public async Task<TransactionReceipt?> GetTransactionReceiptAsync(Hash32 hash, CancellationToken token = default) =>
        TransactionReceipt.Read(await Rpc.CallAsync("eth_getTransactionReceipt", [hash.ToString()], token));

    /// <summary>Gives the bytes of a signed transaction to the network.</summary>
    public async Task<Hash32> SendRawTransactionAsync(ReadOnlyMemory<byte> raw, CancellationToken token = default) =>
        Json.ToHash(await Rpc.CallAsync("eth_sendRawTransaction", [Hex.Encode(raw.Span)], token));

    /// <summary>Runs a call without sending it, and reads what it gives back.</summary>
    public async Task<T> CallAsync<T>(
        FunctionCall<T> call, BlockParameter? block = null, Address? from = null, CancellationToken token = default) =>
        Decode(call, await CallAsync((FunctionCall)call, block, from, token));

    /// <summary>Runs a call without sending it.</summary>
    public async Task<byte[]> CallAsync(FunctionCall call, BlockParameter? block = null, Address? from = null, CancellationToken token = default)
    {
        IReadOnlyList<RpcResult> results = await Rpc.BatchAsync([CallRequest(call, block, from)], token);
        return Output(call, results[0]);
    }

    /// <summary>Runs many calls of one kind in few requests. All read the same block if <paramref name="block"/> names one.</summary>
    public async Task<IReadOnlyList<T>> CallManyAsync<T>(
        IReadOnlyList<FunctionCall<T>> calls, BlockParameter? block = null, CancellationToken token = default)
    {
        IReadOnlyList<RpcResult> results = await Rpc.BatchAsync([.. calls.Select(call => CallRequest(call, block, null))], token);
        return [.. calls.Zip(results, (call, result) => Decode(call, Output(call, result)))];
    }

    internal static RpcRequest EstimateRequest(FunctionCall call, Address from) => new("eth_estimateGas", CallJson(call, from));

    internal ulong GasOf(FunctionCall call, RpcResult result) => Json.ToUInt64(RequireNoRevert(call, result));

    private static RpcRequest CallRequest(FunctionCall call, BlockParameter? block, Address? from) =>
        new("eth_call", CallJson(call, from), (block ?? BlockParameter.Latest).ToJson());

    private static JsonObject CallJson(FunctionCall call, Address? from)
    {
        JsonObject json = new() { ["data"] = Hex.Encode(call.Data.Span) };
        if (call.To is { } to) json["to"] = to.ToString();
        if (from is { } sender) json["from"] = sender.ToString();
        if (!call.Value.IsZero) json["value"] = Json.Quantity(call.Value);
        return json;
    }

    private byte[] Output(FunctionCall call, RpcResult result) => Json.ToBytes(RequireNoRevert(call, result));

    private static T Decode<T>(FunctionCall<T> call, byte[] output)
    {
        try
        {
            return call.Decode(output);
        }
        catch (AbiException e)
        {
            string where = call.To?.ToString() ?? "";
            throw new RpcFormatException(output.Length == 0
                ? $"{call.Name}: there is no such contract at {where} on this chain"
                : $"{call.Name}: the contract at {where} answers in another form than expected ({e.Message})", e);
        }
    }

    private JsonElement RequireNoRevert(FunctionCall call, RpcResult result)
    {
        if (result.Error is null) return result.Value;
        throw AsRevert(call.Name, result.Error) ?? (Exception)result.Error;
    }

    /// <summary>The endpoint's error as a contract's refusal, or null if it is something else.</summary>
    internal ContractRevertException? AsRevert(string action, RpcResponseException error, Hash32? transactionHash = null)
    {
        bool isRevert = error.RevertData is not null || error.Text.Contains("revert", StringComparison.OrdinalIgnoreCase);
        return isRevert ? new ContractRevertException(action, Errors.Decode(error.RevertData), transactionHash, error) : null;
    }
}
