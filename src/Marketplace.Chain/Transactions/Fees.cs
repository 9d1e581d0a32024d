using System.Numerics;
using System.Text.Json;
using Marketplace.Chain.Rpc;

namespace Marketplace.Chain.Transactions;

/// <summary>What a transaction offers per unit of gas, in wei.</summary>
/// <param name="Max">The most in all.</param>
/// <param name="Priority">The tip; null on chains without EIP-1559.</param>
internal sealed record Fees(BigInteger Max, BigInteger? Priority)
{
    /// <summary>Blocks whose tips are looked at.</summary>
    private const int HistoryBlocks = 5;

    /// <summary>Nodes want at least 10 % more to replace a transaction.</summary>
    private const int BumpPermille = 1125;

    public static RpcRequest HistoryRequest { get; } = new(
        "eth_feeHistory", Json.Quantity(HistoryBlocks), "latest", new System.Text.Json.Nodes.JsonArray(50));

    public static RpcRequest GasPriceRequest { get; } = new("eth_gasPrice");

    /// <summary>Twice the next base fee, so that five full blocks in a row do not outrun it, and the middle of recent tips.</summary>
    public static Fees Choose(RpcResult history, RpcResult gasPrice, TransactionPolicy policy)
    {
        if (history.Error is null && NextBaseFee(history.Value) is { } baseFee)
        {
            BigInteger tip = BigInteger.Max(MiddleTip(history.Value), policy.PriorityFeeMin);
            BigInteger max = BigInteger.Min(baseFee * 2 + tip, policy.MaxFeePerGasMax);
            return new Fees(max, BigInteger.Min(tip, max));
        }

        return new Fees(BigInteger.Min(Json.ToBigInteger(gasPrice.Require()), policy.MaxFeePerGasMax), null);
    }

    /// <summary>Enough more than this to replace it, at least <paramref name="now"/>; null if that is more than allowed.</summary>
    public Fees? Bump(Fees now, BigInteger most)
    {
        BigInteger max = BigInteger.Max(Raise(Max), now.Max);
        BigInteger? tip = Priority is { } old ? BigInteger.Max(Raise(old), now.Priority ?? 0) : null;
        return max <= most ? new Fees(max, tip is { } raised ? BigInteger.Min(raised, max) : null) : null;
    }

    private static BigInteger Raise(BigInteger fee) => (fee * BumpPermille + 999) / 1000 + 1;

    private static BigInteger? NextBaseFee(JsonElement history) =>
        history.ValueKind == JsonValueKind.Object && history.TryGetProperty("baseFeePerGas", out JsonElement fees)
        && fees.ValueKind == JsonValueKind.Array && fees.GetArrayLength() > 0
            ? Json.ToBigInteger(fees[fees.GetArrayLength() - 1])
            : null;

    private static BigInteger MiddleTip(JsonElement history)
    {
        if (!history.TryGetProperty("reward", out JsonElement rewards) || rewards.ValueKind != JsonValueKind.Array) return 0;
        BigInteger[] tips =
        [
            .. rewards.EnumerateArray()
                .Where(static block => block.ValueKind == JsonValueKind.Array && block.GetArrayLength() > 0)
                .Select(static block => Json.ToBigInteger(block[0]))
                .Where(static tip => !tip.IsZero)
                .Order(),
        ];
        return tips.Length == 0 ? 0 : tips[tips.Length / 2];
    }
}
