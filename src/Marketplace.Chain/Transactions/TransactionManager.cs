using System.Numerics;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Transactions;

/// <summary>
/// Sends transactions of one account and sees them into a block: estimates gas and fees, takes a nonce, waits for the receipt and
/// raises the fee while none comes. Safe for many senders at once; keep one per account in a process.
/// </summary>
public sealed class TransactionManager
{
    /// <summary>How often in a row the nonce must look taken before we believe it: two endpoints may disagree for a moment.</summary>
    private const int ReplacedSightingsMin = 5;

    private readonly EthApi _eth;
    private readonly Account _account;
    private readonly TransactionPolicy _policy;
    private readonly TimeProvider _time;
    private readonly NonceManager _nonces;
    private ulong? _chainId;

    internal TransactionManager(EthApi eth, Account account, TransactionPolicy policy, TimeProvider time)
    {
        _eth = eth;
        _account = account;
        _policy = policy;
        _time = time;
        _nonces = new NonceManager(eth, account.Address);
    }

    /// <summary>
    /// Sends a call and waits until a block holds it. A call that would revert is refused before anything is sent.
    /// </summary>
    /// <exception cref="ContractRevertException">The contract refuses, before or in the block.</exception>
    /// <exception cref="TransactionTimeoutException">No block held it in time.</exception>
    /// <exception cref="TransactionReplacedException">Another transaction took its nonce.</exception>
    /// <exception cref="RpcException">The endpoint failed, or refused (not enough coins for gas, for one).</exception>
    public async Task<TransactionReceipt> SendAsync(FunctionCall call, TransactionOptions? options = null, CancellationToken token = default)
    {
        options ??= new TransactionOptions();
        if (!options.Value.IsZero) call = call with { Value = options.Value };
        Draft draft = await PrepareAsync(call, options, token);
        Sent sent = await _nonces.SendAsync(nonce => Sign(draft, nonce), token);
        return await WaitAsync(draft, sent, options, token);
    }

    /// <summary>Sends coins and waits until a block holds the transaction.</summary>
    public Task<TransactionReceipt> SendCoinsAsync(Address to, BigInteger wei, TransactionOptions? options = null, CancellationToken token = default) =>
        SendAsync(new FunctionCall("transfer of coins", to, ReadOnlyMemory<byte>.Empty) { Value = wei }, options, token);

    private async Task<Draft> PrepareAsync(FunctionCall call, TransactionOptions options, CancellationToken token)
    {
        _chainId ??= await _eth.GetChainIdAsync(token);
        List<RpcRequest> requests = [Fees.HistoryRequest, Fees.GasPriceRequest];
        if (options.GasLimit is null) requests.Add(EthApi.EstimateRequest(call, _account.Address));
        IReadOnlyList<RpcResult> results = await _eth.Rpc.BatchAsync(requests, token);
        ulong gas = options.GasLimit ?? WithMargin(_eth.GasOf(call, results[2]));
        return new Draft(call, gas, Fees.Choose(results[0], results[1], _policy));
    }

    private ulong WithMargin(ulong estimate) => Math.Max(estimate, Math.Min(estimate + estimate * _policy.GasMarginPercent / 100, _policy.GasLimitMax));

    private SignedTransaction Sign(Draft draft, ulong nonce)
    {
        Transaction transaction = draft.Fees.Priority is { } tip
            ? new Eip1559Transaction
            {
                ChainId = _chainId!.Value,
                Nonce = nonce,
                GasLimit = draft.Gas,
                MaxFeePerGas = draft.Fees.Max,
                MaxPriorityFeePerGas = tip,
                To = draft.Call.To,
                Value = draft.Call.Value,
                Data = draft.Call.Data,
            }
            : new LegacyTransaction
            {
                ChainId = _chainId!.Value,
                Nonce = nonce,
                GasLimit = draft.Gas,
                GasPrice = draft.Fees.Max,
                To = draft.Call.To,
                Value = draft.Call.Value,
                Data = draft.Call.Data,
            };
        return transaction.Sign(_account);
    }

    private async Task<TransactionReceipt> WaitAsync(Draft draft, Sent sent, TransactionOptions options, CancellationToken token)
    {
        TimeSpan deadline = options.Deadline ?? _policy.Deadline;
        List<SignedTransaction> versions = [sent.Signed];
        bool isConfirmed = sent.IsConfirmed;
        long startedAt = _time.GetTimestamp(), sentAt = startedAt;
        int replacedSightings = 0;
        Exception? lastFault = null;
        while (true)
        {
            try
            {
                (TransactionReceipt? receipt, bool isNonceUsed, bool isDeepEnough) = await LookAsync(versions, sent.Nonce, options.Confirmations, token);
                if (receipt is { Succeeded: false }) throw await ExplainAsync(draft.Call, receipt, token);
                if (receipt is not null && isDeepEnough) return receipt;

                replacedSightings = receipt is null && isNonceUsed ? replacedSightings + 1 : 0;
                if (replacedSightings >= ReplacedSightingsMin) throw new TransactionReplacedException(draft.Call.Name, sent.Nonce);
                bool isDue = _time.GetElapsedTime(sentAt) >= _policy.BumpAfter;
                if (receipt is null && !isNonceUsed && (isDue || !isConfirmed))
                {
                    if (isDue) draft = await BumpAsync(draft, token);
                    SignedTransaction version = Sign(draft, sent.Nonce);
                    if (version.Hash != versions[^1].Hash) versions.Add(version);
                    sentAt = _time.GetTimestamp();
                    await ResendAsync(version, token);
                    isConfirmed = true;
                }
            }
            catch (RpcException e)
            {
                // The transaction is on its way; an endpoint that is away for a while does not change that.
                lastFault = e;
            }

            TimeSpan waited = _time.GetElapsedTime(startedAt);
            if (waited >= deadline)
            {
                await _nonces.ResetAsync();
                throw new TransactionTimeoutException(draft.Call.Name, sent.Nonce, [.. versions.Select(static version => version.Hash)], waited, lastFault);
            }

            TimeSpan pause = _policy.PollInterval + (waited / 8);
            await Task.Delay(pause < _policy.PollIntervalMax ? pause : _policy.PollIntervalMax, _time, token);
        }
    }

    private async Task<(TransactionReceipt? Receipt, bool IsNonceUsed, bool IsDeepEnough)> LookAsync(
        List<SignedTransaction> versions, ulong nonce, uint confirmations, CancellationToken token)
    {
        List<RpcRequest> requests = [.. versions.Select(static version => new RpcRequest("eth_getTransactionReceipt", version.Hash.ToString()))];
        requests.Add(new RpcRequest("eth_getTransactionCount", _account.Address.ToString(), "latest"));
        if (confirmations > 1) requests.Add(new RpcRequest("eth_blockNumber"));
        IReadOnlyList<RpcResult> results = await _eth.Rpc.BatchAsync(requests, token);
        TransactionReceipt? receipt = results.Take(versions.Count)
            .Select(static result => TransactionReceipt.Read(result.Require()))
            .FirstOrDefault(static found => found is not null);
        bool isNonceUsed = Json.ToUInt64(results[versions.Count].Require()) > nonce;
        bool isDeepEnough = confirmations <= 1
            || (receipt is not null && Json.ToUInt64(results[^1].Require()) + 1 >= receipt.Block.Number + confirmations);
        return (receipt, isNonceUsed, isDeepEnough);
    }

    private async Task<Draft> BumpAsync(Draft draft, CancellationToken token)
    {
        IReadOnlyList<RpcResult> results = await _eth.Rpc.BatchAsync([Fees.HistoryRequest, Fees.GasPriceRequest], token);
        Fees now = Fees.Choose(results[0], results[1], _policy);
        // A fee at its limit is sent again as it is: the first copy may have been dropped.
        return draft.Fees.Bump(now, _policy.MaxFeePerGasMax) is { } raised ? draft with { Fees = raised } : draft;
    }

    private async Task ResendAsync(SignedTransaction version, CancellationToken token)
    {
        try
        {
            await _eth.SendRawTransactionAsync(version.Raw, token);
        }
        catch (RpcResponseException e) when (Refusals.Classify(e) != Refusal.Other)
        {
            // Known already, replaced or in a block meanwhile: the next look tells.
        }
    }

    /// <summary>Asks again for the reason of a revert in a block: receipts do not hold it.</summary>
    private async Task<ContractRevertException> ExplainAsync(FunctionCall call, TransactionReceipt receipt, CancellationToken token)
    {
        ContractError reason = new UnknownError([]);
        foreach (ulong number in (ulong[])[receipt.Block.Number - 1, receipt.Block.Number])
        {
            try
            {
                await _eth.CallAsync(call, BlockParameter.At(number), _account.Address, token);
            }
            catch (ContractRevertException e)
            {
                reason = e.Error;
                break;
            }
            catch (RpcException)
            {
                // An endpoint without old state cannot tell; the revert itself is certain.
            }
        }

        return new ContractRevertException(call.Name, reason, receipt.TransactionHash);
    }

    private sealed record Draft(FunctionCall Call, ulong Gas, Fees Fees);
}
