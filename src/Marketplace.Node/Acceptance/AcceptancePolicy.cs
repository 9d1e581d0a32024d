using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node;

/// <summary>Everything that a promise is weighed by.</summary>
/// <param name="Schedule">The market's clock.</param>
/// <param name="Price">What the node asks.</param>
/// <param name="Horizon">Longest time that a promise may reach into the future.</param>
/// <param name="Tip">The newest block.</param>
/// <param name="StakeUnits">The node's stake.</param>
/// <param name="StakePeriods">Periods of pay that it must cover.</param>
/// <param name="RateUnits">Units a period that the node earns already.</param>
/// <param name="PromisedUnits">Units a period of promises that no deal has taken up yet, and of slots that the node reserved.</param>
/// <param name="OutFrom">Period from which the node takes nothing, 0 for never.</param>
/// <param name="ClientFreeUnits">The client's free money.</param>
/// <param name="Holder">Who holds the slot: null if the deal is not open, 0 if it is and the slot is vacant.</param>
internal sealed record AcceptanceScene(
    Schedule Schedule,
    Price Price,
    TimeSpan Horizon,
    BlockNumber Tip,
    ulong StakeUnits,
    uint StakePeriods,
    ulong RateUnits,
    ulong PromisedUnits,
    uint OutFrom,
    UInt128 ClientFreeUnits,
    NodeId? Holder);

/// <summary>Why a promise is not given.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">The error's code.</param>
/// <param name="Message">One line.</param>
/// <param name="Hint">What to do about it.</param>
internal sealed record NoPromise(int Status, MarketErrorCode Code, string Message, string? Hint = null);

/// <summary>Whether to promise. Pure.</summary>
internal static class AcceptancePolicy
{
    /// <summary>The shortest deal lasts this many periods; a client that cannot pay it is not promised anything.</summary>
    public const uint DealPeriodsMin = 2;

    /// <summary>Null to promise, else why not.</summary>
    public static NoPromise? Judge(AcceptanceRequest terms, ShardCommitment uploaded, AcceptanceScene scene)
    {
        if (terms.Root != uploaded.Root || terms.Leaves != uploaded.Leaves)
        {
            return new NoPromise(409, MarketErrorCode.WrongBytes, $"The upload has the root {uploaded.Root} and {uploaded.Leaves} leaves.", "Upload the shard again.");
        }

        if (scene.Holder is { Value: not 0 } holder) return new NoPromise(409, MarketErrorCode.Usage, $"The slot is held by node {holder} already.");
        if (!Rate.TryDecode(terms.Rate, out Rate rate)) return new NoPromise(400, MarketErrorCode.Usage, "The rate is not one.");
        PeriodNumber period = scene.Schedule.PeriodOf(scene.Tip);
        if (scene.OutFrom != 0 && scene.OutFrom <= period.Value + 1) return new NoPromise(503, MarketErrorCode.Incomplete, "The node takes no more shards.", "Choose another node.");
        if (terms.Deadline <= scene.Tip || terms.Deadline.Value > scene.Tip.Value + scene.Schedule.PeriodBlocks)
        {
            return new NoPromise(400, MarketErrorCode.Usage, $"The deadline is not within a period of block {scene.Tip}.");
        }

        if (terms.MaxEnd.Value < period.Value + 1 + DealPeriodsMin) return new NoPromise(400, MarketErrorCode.Usage, "The deal would end before it begins.");
        if (terms.MaxEnd.Value > period.Value + 1 + scene.Schedule.PeriodsIn(scene.Horizon))
        {
            return new NoPromise(400, MarketErrorCode.Usage, $"The node promises at most {Duration.Format(scene.Horizon)} ahead.", "Ask for an earlier maxEnd.");
        }

        UInt128 lowest = scene.Price.UnitsFor((ulong)uploaded.Bytes, scene.Schedule.PeriodBlocks, scene.Schedule.BlockSeconds);
        if (rate.Units < lowest)
        {
            return new NoPromise(402, MarketErrorCode.InsufficientFunds, $"The node asks {lowest} u a period for this shard, {rate} are offered.", $"Its price is {scene.Price} tokens per GiB and 30 days.");
        }

        UInt128 covered = (UInt128)scene.StakeUnits;
        UInt128 needed = ((UInt128)scene.RateUnits + scene.PromisedUnits + rate.Units) * scene.StakePeriods;
        if (needed > covered)
        {
            return new NoPromise(409, MarketErrorCode.Failed, "The node's stake does not cover more pay.", "Choose another node.");
        }

        if (scene.ClientFreeUnits < (UInt128)rate.Units * DealPeriodsMin)
        {
            return new NoPromise(402, MarketErrorCode.InsufficientFunds, "The client's free money in Escrow does not pay the shortest deal.", "Deposit first.");
        }

        return null;
    }

    /// <summary>Bytes that uploads without a deal may take together, <paramref name="undealt"/> being what no deal holds: free, reserved or lent.</summary>
    public static long UnopenedBytesMax(long capacity, long undealt, NodeLimits limits) =>
        Math.Max((long)(capacity * limits.UnopenedShareMax), Math.Min(limits.UnopenedBytesFloor, undealt / 2));
}
