using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Transactions;

/// <summary>
/// Gives each transaction of one account its nonce. Senders queue: nonce, signature and hand-over to the endpoint are one step, so
/// transactions arrive in order and a refused one leaves no gap behind. The lock is held over that one request on purpose.
/// </summary>
internal sealed class NonceManager(EthApi eth, Address address)
{
    /// <summary>How often a nonce is corrected before we give up: as many transactions may another process have waiting.</summary>
    private const int CorrectionsMax = 64;

    private readonly SemaphoreSlim _turn = new(1);
    private ulong? _next;

    /// <summary>Signs with the next nonce and hands over. <see cref="Sent.IsConfirmed"/> is false when the answer was lost.</summary>
    public async Task<Sent> SendAsync(Func<ulong, SignedTransaction> sign, CancellationToken token)
    {
        await _turn.WaitAsync(token);
        try
        {
            for (int attempt = 0; ; attempt++)
            {
                ulong nonce = _next ??= await eth.GetTransactionCountAsync(address, BlockParameter.Pending, token);
                SignedTransaction signed = sign(nonce);
                try
                {
                    await eth.SendRawTransactionAsync(signed.Raw, token);
                    _next = nonce + 1;
                    return new Sent(nonce, signed, IsConfirmed: true);
                }
                catch (RpcResponseException e)
                {
                    Refusal refusal = Refusals.Classify(e);
                    // Hardhat answers with the revert of a transaction that it has put into a block.
                    if (refusal == Refusal.AlreadyKnown || await IsKnownAsync(signed.Hash, token))
                    {
                        _next = nonce + 1;
                        return new Sent(nonce, signed, IsConfirmed: true);
                    }

                    if (refusal == Refusal.Other || attempt == CorrectionsMax) throw;
                    _next = refusal == Refusal.NonceTaken ? nonce + 1 : await CorrectAsync(nonce, refusal, token);
                }
                catch (RpcConnectionException)
                {
                    _next = nonce + 1;
                    return new Sent(nonce, signed, IsConfirmed: false);
                }
            }
        }
        catch
        {
            _next = null;
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Forgets the next nonce, so that the endpoint is asked for it.</summary>
    public async Task ResetAsync()
    {
        await _turn.WaitAsync();
        _next = null;
        _turn.Release();
    }

    private async Task<ulong> CorrectAsync(ulong tried, Refusal refusal, CancellationToken token)
    {
        ulong pending = await eth.GetTransactionCountAsync(address, BlockParameter.Pending, token);
        return refusal == Refusal.NonceTooLow ? Math.Max(pending, tried + 1) : pending;
    }

    private async Task<bool> IsKnownAsync(Hash32 hash, CancellationToken token) =>
        (await eth.Rpc.CallAsync("eth_getTransactionByHash", [hash.ToString()], token)).ValueKind == System.Text.Json.JsonValueKind.Object;
}

/// <summary>A transaction that was handed over.</summary>
internal sealed record Sent(ulong Nonce, SignedTransaction Signed, bool IsConfirmed);
