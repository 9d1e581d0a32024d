using System.Diagnostics.Metrics;
using Marketplace.Keeper.Api;
using Marketplace.Keeper.Indexing;
using Marketplace.Keeper.Pinging;

namespace Marketplace.Keeper;

/// <summary>What a keeper counts.</summary>
public sealed class KeeperMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Marketplace.Keeper";

    private readonly Meter _meter;
    private readonly Counter<long> _events;
    private readonly Counter<long> _unfit;
    private readonly Counter<long> _reverts;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _pings;
    private readonly Histogram<double> _latency;

    /// <summary>Makes the instruments; the gauges read the tables when somebody asks.</summary>
    public KeeperMetrics(IMeterFactory meters, KeeperQueries queries)
    {
        _meter = meters.Create(MeterName);
        _events = _meter.CreateCounter<long>("keeper.events", description: "Events of the market taken into the tables");
        _unfit = _meter.CreateCounter<long>("keeper.events.unfit", description: "Events of the market that did not fit the tables and were left out");
        _reverts = _meter.CreateCounter<long>("keeper.reorganisations", description: "Times that blocks were taken back");
        _failures = _meter.CreateCounter<long>("keeper.index.failures", description: "Steps of the chain that failed and were tried again");
        _pings = _meter.CreateCounter<long>("keeper.pings", description: "Pings of nodes");
        _latency = _meter.CreateHistogram<double>("keeper.ping.latency", "s", "Time of a ping and its answer");
        _meter.CreateObservableGauge("keeper.block", () => (long)(queries.Head()?.Block.Value ?? 0), description: "Newest block in the tables");
        _meter.CreateObservableGauge(
            "keeper.nodes",
            () =>
            {
                KeeperCounts counts = queries.Counts();
                return new[]
                {
                    new Measurement<long>(counts.Online, new KeyValuePair<string, object?>("state", "online")),
                    new Measurement<long>(counts.Nodes - counts.Online, new KeyValuePair<string, object?>("state", "other")),
                };
            },
            description: "Registered nodes");
    }

    /// <summary>A step of the chain was taken in.</summary>
    public void Applied(ChainStep step, int unfit)
    {
        _events.Add(step.Blocks.Sum(block => block.Events.Count) - unfit);
        _unfit.Add(unfit);
        if (step.RevertedFrom is not null) _reverts.Add(1);
    }

    /// <summary>A step failed.</summary>
    public void IndexFailed() => _failures.Add(1);

    /// <summary>A ping ended.</summary>
    public void Pinged(PingAnswer? answer)
    {
        _pings.Add(1, new KeyValuePair<string, object?>("outcome", answer is null ? "missed" : "answered"));
        if (answer is not null) _latency.Record(answer.Latency.TotalSeconds);
    }

    /// <inheritdoc />
    public void Dispose() => _meter.Dispose();
}
