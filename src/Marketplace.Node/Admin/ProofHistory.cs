using Marketplace.Chain.Rpc;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>Which of the last periods the node proved. A period that is over is asked for once.</summary>
internal sealed class ProofHistory(NodeChain chain, ShardDepot depot)
{
    private readonly Lock _lock = new();
    private (PeriodNumber Now, IReadOnlyList<ProofMark> Proofs) _read = (default, []);

    /// <summary>Periods before this one in which a range of the ledger lived, oldest first; what was last known if the chain does not answer.</summary>
    public async Task<IReadOnlyList<ProofMark>> ReadAsync(PeriodNumber now, CancellationToken token)
    {
        lock (_lock)
        {
            if (_read.Now == now && _read.Proofs.Count > 0) return _read.Proofs;
        }

        IReadOnlyList<LedgerRange> ledger = depot.Catalogue.Ledger();
        uint first = now.Value > NodeOverview.PeriodsMax ? now.Value - NodeOverview.PeriodsMax : 0;
        PeriodNumber[] due =
        [
            .. Enumerable.Range((int)first, (int)(now.Value - first)).Select(period => new PeriodNumber((uint)period))
                .Where(period => ledger.Any(range => range.IsLive(period))),
        ];
        if (due.Length == 0) return [];
        try
        {
            IReadOnlyList<bool> proved = await chain.Contracts.Web3.Eth.CallManyAsync(
                [.. due.Select(period => chain.Contracts.Lens.ProvedInRequest(chain.Node.Value, period.Value))], token: token);
            IReadOnlyList<ProofMark> proofs = [.. due.Zip(proved, (period, isProved) => new ProofMark(period.Value, isProved))];
            lock (_lock) _read = (now, proofs);
            return proofs;
        }
        catch (RpcException)
        {
            lock (_lock) return _read.Proofs;
        }
    }
}
