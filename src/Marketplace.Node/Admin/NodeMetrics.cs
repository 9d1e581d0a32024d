using System.Diagnostics.Metrics;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>What a node counts, for <c>/metrics</c>.</summary>
internal sealed class NodeMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Marketplace.Node";

    private readonly Meter _meter;
    private readonly Counter<long> _bytes;

    /// <summary>Makes the instruments; the gauges read when somebody asks, and never the chain.</summary>
    public NodeMetrics(IMeterFactory meters, NodePulse pulse, ShardDepot depot, NodeChain chain, NodeLimits limits, TimeProvider time)
    {
        _meter = meters.Create(MeterName);
        _bytes = _meter.CreateCounter<long>("node.shard.bytes", "By", "Bytes of shards that were moved");
        Gauge("node.capacity", "By", "Bytes offered", () => depot.Space.Capacity);
        Gauge("node.used", "By", "Bytes that lie here", () => depot.Space.Used);
        Gauge("node.free", "By", "Bytes for new shards", () => depot.Space.Free);
        Gauge("node.shards", null, "Shards that lie here", () => depot.Volumes.Sum(volume => volume.Shards));
        Gauge("node.volumes.away", null, "Volumes that are recorded and not there", () => depot.Volumes.Count(volume => volume.IsAway));
        Gauge("node.block", null, "Newest block that the node saw", () => (long)(pulse.Now?.Tip.Value ?? 0));
        Gauge("node.up", null, "1 if the node sees the chain and is in no trouble", () => pulse.Fresh(time.GetUtcNow(), limits.ChainSilenceMax) is { Trouble: null } ? 1 : 0);
        Gauge("node.period", null, "The period of that block", () => pulse.Now is { } now ? chain.Facts.Schedule.PeriodOf(now.Tip).Value : 0);
        Gauge("node.proved.last", null, "The last period that was proved", () => pulse.Now?.Standing.LastProved ?? 0);
        Gauge("node.proved.periods", null, "Periods that were proved since ever", () => pulse.Now?.Standing.ProvedPeriods ?? 0);
        Gauge("node.stake", null, "Tokens of stake", () => Tokens(pulse.Now?.Registered.Stake));
        Gauge("node.stake.needed", null, "Tokens of stake that what is held needs", () => Tokens(pulse.Now?.Standing.StakeNeeded));
        Gauge("node.rate", null, "Tokens that a period earns", () => Tokens(pulse.Now?.Standing.Rate));
        Gauge("node.earned", null, "Tokens that were earned and not collected", () => Tokens(pulse.Now?.Standing.Earned));
    }

    /// <summary>Bytes of shards came in or went out.</summary>
    public void Moved(long bytes, KeyValuePair<string, object?> direction) => _bytes.Add(bytes, direction);

    /// <inheritdoc />
    public void Dispose() => _meter.Dispose();

    private void Gauge(string name, string? unit, string description, Func<double> read) => _meter.CreateObservableGauge(name, read, unit, description);

    private static double Tokens(ulong? units) => (units ?? 0) / (double)TokenAmount.UnitsPerToken;
}
