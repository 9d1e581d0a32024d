using System.Collections.Concurrent;
using System.Numerics;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Transactions;

/// <summary>
/// Sends transactions of one account and sees them into a block: estimates gas and fees, takes a nonce, waits for the receipt and
/// raises the fee while none comes. One that was given up is replaced by nothing when another waits behind it. Safe for many senders at once; keep one per account in a process.
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
    private readonly ConcurrentDictionary<ulong, Pending> _pending = new();
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
        var pending = new Pending(sent.Nonce, draft, [sent.Signed]);
        _pending[sent.Nonce] = pending;
        try
        {
            TransactionReceipt receipt = await WaitAsync(pending, sent.IsConfirmed, options, token);
            _pending.TryRemove(new(sent.Nonce, pending));
            return receipt;
        }
        catch (Exception e) when (e is ContractRevertException or TransactionReplacedException)
        {
            _pending.TryRemove(new(sent.Nonce, pending));
            throw;
        }
        catch
        {
            // It may still come into a block: whoever waits behind it has to know what it offers.
            pending.IsGivenUp = true;
            throw;
        }
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

    private async Task<TransactionReceipt> WaitAsync(Pending mine, bool isConfirmed, TransactionOptions options, CancellationToken token)
    {
        TimeSpan deadline = options.Deadline ?? _policy.Deadline;
        bool isWayLookedAt = false;
        long startedAt = _time.GetTimestamp(), sentAt = startedAt;
        int replacedSightings = 0;
        Exception? lastFault = null;
        while (true)
        {
            try
            {
                (TransactionReceipt? receipt, ulong used, bool isDeepEnough) = await LookAsync(mine.Versions, options.Confirmations, token);
                if (receipt is { Succeeded: false }) throw await ExplainAsync(mine.Draft.Call, receipt, token);
                if (receipt is not null && isDeepEnough) return receipt;
                bool isNonceUsed = used > mine.Nonce;

                replacedSightings = receipt is null && isNonceUsed ? replacedSightings + 1 : 0;
                if (replacedSightings >= ReplacedSightingsMin) throw new TransactionReplacedException(mine.Draft.Call.Name, mine.Nonce);
                bool isDue = _time.GetElapsedTime(sentAt) >= _policy.BumpAfter;
                bool isWaiting = receipt is null && !isNonceUsed;
                if (isWaiting && (isDue || !isConfirmed))
                {
                    if (isDue) mine.Draft = await BumpAsync(mine.Draft, token);
                    sentAt = _time.GetTimestamp();
                    await SendVersionAsync(mine, token);
                    isConfirmed = true;
                }

                if (isWaiting && used < mine.Nonce && (isDue || !isWayLookedAt))
                {
                    isWayLookedAt = true;
                    await ClearWayAsync(used, mine, isStuck: _time.GetElapsedTime(startedAt) >= _policy.StuckAfter, token);
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
                throw new TransactionTimeoutException(mine.Draft.Call.Name, mine.Nonce, [.. mine.Versions.Select(static version => version.Hash)], waited, lastFault);
            }

            TimeSpan pause = _policy.PollInterval + (waited / 8);
            await Task.Delay(pause < _policy.PollIntervalMax ? pause : _policy.PollIntervalMax, _time, token);
        }
    }

    /// <summary>
    /// Replaces what stands before a transaction and nobody waits for any more by a transfer of nothing, at a fee that suffices now: what
    /// was given up takes no effect late, and what is needed does not wait for it. A transaction that this process does not know was left
    /// by an earlier run, or is another program's: it gets time to land by itself.
    /// </summary>
    private async Task ClearWayAsync(ulong used, Pending mine, bool isStuck, CancellationToken token)
    {
        foreach (ulong landed in _pending.Keys.Where(nonce => nonce < used && _pending[nonce].IsGivenUp)) _pending.TryRemove(landed, out _);
        Draft? nothing = null;
        for (ulong nonce = used; nonce < mine.Nonce; nonce++)
        {
            bool isKnown = _pending.TryGetValue(nonce, out Pending? before);
            if (isKnown ? !before!.IsGivenUp : !isStuck) continue;
            nothing ??= await PrepareAsync(new FunctionCall("a transfer of nothing", _account.Address, ReadOnlyMemory<byte>.Empty), new TransactionOptions(), token);
            if (before is null)
            {
                before = new Pending(nonce, mine.Draft, []) { IsGivenUp = true };
                _pending[nonce] = before;
            }

            if (before.Draft.Fees.Bump(nothing.Fees, _policy.MaxFeePerGasMax) is not { } fees) continue;
            before.Draft = nothing with { Fees = fees };
            await SendVersionAsync(before, token);
        }
    }

    private async Task SendVersionAsync(Pending pending, CancellationToken token)
    {
        SignedTransaction version = Sign(pending.Draft, pending.Nonce);
        if (pending.Versions.Count == 0 || version.Hash != pending.Versions[^1].Hash) pending.Versions.Add(version);
        await ResendAsync(version, token);
    }

    private async Task<(TransactionReceipt? Receipt, ulong Used, bool IsDeepEnough)> LookAsync(
        List<SignedTransaction> versions, uint confirmations, CancellationToken token)
    {
        List<RpcRequest> requests = [.. versions.Select(static version => new RpcRequest("eth_getTransactionReceipt", version.Hash.ToString()))];
        requests.Add(new RpcRequest("eth_getTransactionCount", _account.Address.ToString(), "latest"));
        if (confirmations > 1) requests.Add(new RpcRequest("eth_blockNumber"));
        IReadOnlyList<RpcResult> results = await _eth.Rpc.BatchAsync(requests, token);
        TransactionReceipt? receipt = results.Take(versions.Count)
            .Select(static result => TransactionReceipt.Read(result.Require()))
            .FirstOrDefault(static found => found is not null);
        ulong used = Json.ToUInt64(results[versions.Count].Require());
        bool isDeepEnough = confirmations <= 1
            || (receipt is not null && Json.ToUInt64(results[^1].Require()) + 1 >= receipt.Block.Number + confirmations);
        return (receipt, used, isDeepEnough);
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

    /// <summary>A nonce whose transaction is in no block as far as we know.</summary>
    private sealed class Pending(ulong nonce, Draft draft, List<SignedTransaction> versions)
    {
        public ulong Nonce { get; } = nonce;

        public Draft Draft { get; set; } = draft;

        /// <summary>All that was sent with this nonce, oldest first.</summary>
        public List<SignedTransaction> Versions { get; } = versions;

        /// <summary>Whether nobody here waits for it any more.</summary>
        public bool IsGivenUp { get; set; }
    }
}
