using System.Globalization;
using System.Numerics;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>Looks at everything that the operator should hear of.</summary>
internal sealed class AlertReader(NodeChain chain, ShardDepot depot, NodeVolumes volumes, Account hot, ProofHistory history)
{
    private const double FreeShareLow = 0.02;

    /// <summary>All that is wrong now; empty if all is well. A chain that does not answer is one of the alerts.</summary>
    public async Task<IReadOnlyList<NodeAlert>> ReadAsync(NodeStatusView status, CancellationToken token)
    {
        var alerts = new List<NodeAlert>();
        if (status.Trouble is { } trouble) alerts.Add(new NodeAlert("trouble", CheckState.Failed, trouble));
        await AddMissedAsync(alerts, status, token);
        if (status.StakeNeeded > status.Stake && status.RatePerPeriod > TokenAmount.Zero)
        {
            alerts.Add(new NodeAlert("stake", CheckState.Warning, $"The stake covers less than what is held: add {status.StakeNeeded - status.Stake} tokens."));
        }

        if (status is { Leaving: true, Exit: null }) alerts.Add(new NodeAlert("evicted", CheckState.Failed, "The node was evicted: it cures itself while there is time, if it can prove what it holds."));
        if (!status.Leaving && status.FreeBytes is { } free && free < status.CapacityBytes * FreeShareLow)
        {
            alerts.Add(new NodeAlert("space", CheckState.Warning, $"{ByteSize.Format(free)} are free: new shards will be refused."));
        }

        if (int.TryParse(depot.Catalogue.Fact(ScrubJob.DamagedFact), CultureInfo.InvariantCulture, out int damaged) && damaged > 0)
        {
            alerts.Add(new NodeAlert("damage", CheckState.Failed, $"{damaged} shards were found damaged when all was read: the disk may be failing."));
        }

        if (depot.Catalogue.Fact(FaultDuties.UntoldFact) is { Length: > 0 } untold && Root.TryParse(untold, null, out Root root) && depot.Catalogue.IsInLedger(root))
        {
            alerts.Add(new NodeAlert("untold", CheckState.Failed, $"The loss of the shard {untold} cannot be told: the endpoint has no events so old. Name one that keeps them."));
        }

        alerts.AddRange(volumes.List().Where(volume => volume.Trouble is not null || volume.State == VolumeState.Drained).Select(volume => volume.State switch
        {
            VolumeState.Away => new NodeAlert($"volume-{volume.Id}", CheckState.Failed, $"Volume {volume.Id} is away: {volume.Trouble}"),
            VolumeState.Drained => new NodeAlert($"volume-{volume.Id}", CheckState.Warning, $"Volume {volume.Id} is empty: take it away."),
            _ => new NodeAlert($"volume-{volume.Id}", CheckState.Warning, $"Volume {volume.Id} is not emptied: {volume.Trouble}"),
        }));
        await AddGasAsync(alerts, token);
        return alerts;
    }

    private async Task AddMissedAsync(List<NodeAlert> alerts, NodeStatusView status, CancellationToken token)
    {
        IReadOnlyList<ProofMark> proofs = await history.ReadAsync(new PeriodNumber(status.Period ?? 0), token);
        bool isBack = status.LastProvedPeriod is { } last && last == status.Period;
        int missed = isBack ? 0 : proofs.Reverse().TakeWhile(mark => !mark.Proved).Count();
        if (missed == 0) return;
        alerts.Add(missed == 1
            ? new NodeAlert("proofs", CheckState.Warning, "The last period was not proved.")
            : new NodeAlert("proofs", CheckState.Failed, $"The last {missed} periods were not proved. Three in a row may be reported."));
    }

    private async Task AddGasAsync(List<NodeAlert> alerts, CancellationToken token)
    {
        try
        {
            BigInteger gas = await chain.Contracts.Web3.Eth.GetBalanceAsync(hot.Address, token: token);
            if (gas < NodeSetup.GasWeiLow) alerts.Add(new NodeAlert("gas", CheckState.Failed, $"Little gas is left at {hot.Address}."));
        }
        catch (RpcException)
        {
            // The trouble above says it.
        }
    }
}
