using System.Numerics;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>Reads what the operator's page shows.</summary>
internal sealed class OverviewReader(NodeChain chain, ShardDepot depot, NodeVolumes volumes, Account hot)
{
    private const double FreeShareLow = 0.02;
    private static readonly TimeSpan s_month = TimeSpan.FromDays(30);

    /// <summary>The page's facts beside the status that was read already.</summary>
    public async Task<NodeOverview> ReadAsync(NodeStatusView status, CancellationToken token)
    {
        PeriodNumber now = new(status.Period ?? 0);
        IReadOnlyList<LedgerRange> live = [.. depot.Catalogue.Ledger().Where(range => range.IsLive(now) || range.IsLive(now + 1))];
        IReadOnlyList<ProofMark> proofs = await ProofsAsync(now, token);
        IReadOnlyList<EventLog<ProvedEvent>> paid = await PaidAsync(proofs, token);
        var earned = TokenAmount.FromUnits((UInt128)paid.Aggregate(BigInteger.Zero, (sum, log) => sum + log.Event.Pay));
        return new NodeOverview(
            status,
            live.Sum(range => range.Shard.Bytes),
            proofs,
            proofs.Count == 0 ? null : (double)proofs.Count(mark => mark.Proved) / proofs.Count,
            earned,
            status.RatePerPeriod * (ulong)(s_month / chain.Facts.Schedule.PeriodLength),
            await AlertsAsync(status, proofs, token),
            [.. live.OrderByDescending(range => range.Shard.Bytes).Take(NodeOverview.ShardsMax).Select(range =>
                new HeldShard(range.Shard.Root, range.Shard.Bytes, range.From.Value, range.Until.Value, TokenAmount.FromUnits(range.Length)))]);
    }

    /// <summary>Periods that are over and in which a range of the ledger lived.</summary>
    private async Task<IReadOnlyList<ProofMark>> ProofsAsync(PeriodNumber now, CancellationToken token)
    {
        IReadOnlyList<LedgerRange> ledger = depot.Catalogue.Ledger();
        uint first = now.Value > NodeOverview.PeriodsMax ? now.Value - NodeOverview.PeriodsMax : 0;
        PeriodNumber[] due =
        [
            .. Enumerable.Range((int)first, (int)(now.Value - first)).Select(period => new PeriodNumber((uint)period))
                .Where(period => ledger.Any(range => range.IsLive(period))),
        ];
        if (due.Length == 0) return [];
        IReadOnlyList<bool> proved = await chain.Contracts.Web3.Eth.CallManyAsync(
            [.. due.Select(period => chain.Contracts.Lens.ProvedInRequest(chain.Node.Value, period.Value))], token: token);
        return [.. due.Zip(proved, (period, isProved) => new ProofMark(period.Value, isProved))];
    }

    private async Task<IReadOnlyList<EventLog<ProvedEvent>>> PaidAsync(IReadOnlyList<ProofMark> proofs, CancellationToken token)
    {
        if (proofs.Count == 0) return [];
        Schedule schedule = chain.Facts.Schedule;
        return await chain.EventsOfAsync(
            chain.Contracts.StorageMarket.ProvedEvents, chain.Node,
            schedule.FirstBlock(new PeriodNumber(proofs[0].Period)), schedule.LastBlock(new PeriodNumber(proofs[^1].Period)), token);
    }

    private async Task<IReadOnlyList<NodeAlert>> AlertsAsync(NodeStatusView status, IReadOnlyList<ProofMark> proofs, CancellationToken token)
    {
        var alerts = new List<NodeAlert>();
        if (status.Trouble is { } trouble) alerts.Add(new NodeAlert(CheckState.Failed, trouble));
        bool isBack = status.LastProvedPeriod is { } last && last == status.Period;
        int missed = isBack ? 0 : proofs.Reverse().TakeWhile(mark => !mark.Proved).Count();
        if (missed > 0) alerts.Add(new NodeAlert(missed > 1 ? CheckState.Failed : CheckState.Warning, missed == 1 ? "The last period was not proved." : $"The last {missed} periods were not proved. Three in a row may be reported."));
        if (status.StakeNeeded > status.Stake) alerts.Add(new NodeAlert(CheckState.Warning, $"The stake covers less than what is held: add {status.StakeNeeded - status.Stake} tokens."));
        if (status.FreeBytes is { } free && free < status.CapacityBytes * FreeShareLow) alerts.Add(new NodeAlert(CheckState.Warning, $"{ByteSize.Format(free)} are free: new shards will be refused."));
        if (int.TryParse(depot.Catalogue.Fact(ScrubJob.DamagedFact), System.Globalization.CultureInfo.InvariantCulture, out int damaged) && damaged > 0)
        {
            alerts.Add(new NodeAlert(CheckState.Failed, $"{damaged} shards were found damaged when all was read: the disk may be failing."));
        }

        alerts.AddRange(volumes.List().Where(volume => volume.Trouble is not null).Select(volume => new NodeAlert(
            volume.State == VolumeState.Away ? CheckState.Failed : CheckState.Warning,
            volume.State == VolumeState.Away ? $"Volume {volume.Id} is away: {volume.Trouble}" : $"Volume {volume.Id} is not emptied: {volume.Trouble}")));
        alerts.AddRange(volumes.List().Where(volume => volume.State == VolumeState.Drained).Select(volume => new NodeAlert(CheckState.Warning, $"Volume {volume.Id} is empty: take it away.")));
        BigInteger gas = await chain.Contracts.Web3.Eth.GetBalanceAsync(hot.Address, token: token);
        if (gas < NodeSetup.GasWeiDefault / 10) alerts.Add(new NodeAlert(CheckState.Failed, $"Little gas is left at {hot.Address}."));
        return alerts;
    }
}
