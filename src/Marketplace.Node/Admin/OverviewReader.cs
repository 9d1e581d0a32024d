using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>Reads what the operator's page shows.</summary>
internal sealed class OverviewReader(NodeChain chain, ShardDepot depot, StatusReader statuses, ProofHistory history, AlertReader alerts, EarningsBook earnings, OnlineRecord online)
{
    private static readonly TimeSpan s_month = TimeSpan.FromDays(30);

    /// <summary>The page's facts.</summary>
    public async Task<NodeOverview> ReadAsync(CancellationToken token)
    {
        NodeStatusView status = await statuses.ReadAsync(token);
        PeriodNumber now = new(status.Period ?? 0);
        IReadOnlyList<LedgerRange> live = [.. depot.Catalogue.Ledger().Where(range => range.IsLive(now) || range.IsLive(now + 1))];
        IReadOnlyList<ProofMark> proofs = await history.ReadAsync(now, token);
        return new NodeOverview(
            status,
            live.Sum(range => range.Shard.Bytes),
            proofs,
            proofs.Count == 0 ? null : (double)proofs.Count(mark => mark.Proved) / proofs.Count,
            online.Share(),
            earnings.ThisMonth(),
            earnings.LastMonth(),
            status.RatePerPeriod * (ulong)(s_month / chain.Facts.Schedule.PeriodLength),
            await alerts.ReadAsync(status, token),
            [.. live.OrderByDescending(range => range.Shard.Bytes).Take(NodeOverview.ShardsMax).Select(range =>
                new HeldShard(range.Shard.Root, range.Shard.Bytes, range.From.Value, range.Until.Value, TokenAmount.FromUnits(range.Length)))]);
    }
}
