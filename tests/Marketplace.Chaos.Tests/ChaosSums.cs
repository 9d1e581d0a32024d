using System.Collections.Concurrent;
using System.Globalization;

namespace Marketplace.Chaos.Tests;

/// <summary>What a run counted and what it found. Counters are changed by many tasks.</summary>
internal sealed class ChaosSums(ChaosOptions options)
{
    private readonly ConcurrentDictionary<string, long> _counts = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _broken = new();

    /// <summary>Promises that did not hold, in words.</summary>
    public IReadOnlyCollection<string> Broken => _broken;

    public void Add(string what, long count = 1) => _counts.AddOrUpdate(what, count, (_, before) => before + count);

    public long this[string what] => _counts.GetValueOrDefault(what);

    public void Break(string what) => _broken.Enqueue(what);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"seed {options.Seed}, {options.Nodes} nodes, {options.Minutes} min of network time, {this["periods"]} periods in {this["seconds"]} s: " +
        $"kills {this["kills"]} (beyond three periods {this["long absences"]}), restarts {this["restarts"]}, " +
        $"disk faults {this["files deleted"] + this["bits flipped"] + this["files cut short"] + this["disks full"] + this["disks read-only"]} " +
        $"(files deleted {this["files deleted"]}, bits flipped {this["bits flipped"]}, files cut short {this["files cut short"]}, disks full {this["disks full"]}, read-only {this["disks read-only"]}), " +
        $"price changes {this["price changes"]}, left out {this["left out"]}; " +
        $"puts {this["puts"]} (refused {this["puts refused"]}), gets {this["gets"]} (tried again {this["gets tried again"]}), extended {this["extended"]}, removed {this["removed"]}, " +
        $"{this["bytes checked"]} bytes compared, at the end {this["objects at the end"]} objects; " +
        $"slots vacated {this["slots vacated"]}, filled again {this["slots filled again"]}, too near their end {this["slots too near their end"]}, never filled again {this["slots never filled again"]}; " +
        $"evictions {this["evictions"]}, cures {this["cures"]}, slashed for cause {this["slashed for cause"]}, honest nodes slashed {this["honest nodes slashed"]}; " +
        $"lost bytes {this["lost bytes"]}, vault off by {this["vault off by"]} units, promises broken {_broken.Count}");
}
