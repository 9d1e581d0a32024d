using Marketplace.Client.Deals;
using Marketplace.Client.Placing;
using Marketplace.Client.Sources;
using Marketplace.Domain;

namespace Marketplace.Client.Uploads;

/// <summary>What a put is going to do, decided before a byte is sent.</summary>
/// <param name="Now">When it was decided.</param>
/// <param name="Redundancy">k of n.</param>
/// <param name="Objects">What is stored; a stream of unknown length is cut off where money or room ends.</param>
/// <param name="End">The first period that is no longer paid.</param>
/// <param name="BundleBytesMax">The bundle's length at most.</param>
/// <param name="Targets">A node for each slot.</param>
/// <param name="Spares">Nodes that step in, best first.</param>
/// <param name="PriceMax">What it costs at most with these nodes.</param>
/// <param name="Funds">What may be locked.</param>
internal sealed record PutPlan(
    Moment Now,
    Redundancy Redundancy,
    IReadOnlyList<SourceObject> Objects,
    PeriodNumber End,
    long BundleBytesMax,
    IReadOnlyList<UploadTarget> Targets,
    IReadOnlyList<UploadTarget> Spares,
    TokenAmount PriceMax,
    Funds Funds)
{
    /// <summary>Slots that must be filled to open the deal: one more than needed to read, so that it survives a loss.</summary>
    public int FilledMin => Redundancy.Needed + 1;

    /// <summary>The rate that satisfies all of these nodes.</summary>
    public static Rate RateOf(IEnumerable<UploadTarget> targets, long shardBytes, Schedule schedule) =>
        targets.Max(target => target.Price).RateFor((ulong)shardBytes, schedule.PeriodBlocks, schedule.BlockSeconds);
}
