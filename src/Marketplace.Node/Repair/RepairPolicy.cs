using System.Buffers.Binary;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>A slot that lost its holder.</summary>
/// <param name="Deal">The deal.</param>
/// <param name="Slot">Its slot.</param>
/// <param name="Since">The block in which it lost its holder.</param>
internal sealed record VacantSlot(DealId Deal, int Slot, BlockNumber Since)
{
    /// <summary>The place of the deal.</summary>
    public UploadPlace Place => new(Deal, Slot);
}

/// <summary>Everything that a repair is weighed by.</summary>
/// <param name="Schedule">The market's clock.</param>
/// <param name="Tip">The newest block.</param>
/// <param name="Me">This node.</param>
/// <param name="Vacant">The slot.</param>
/// <param name="IsWanted">Whether it still wants a holder.</param>
/// <param name="End">First period after the deal.</param>
/// <param name="RateUnits">Units for the slot and a period.</param>
/// <param name="FloorUnits">Units for which this node keeps such a shard for a period.</param>
/// <param name="BountyUnits">Units for whoever refills the slot.</param>
/// <param name="BondUnits">Units of bond for a reservation.</param>
/// <param name="ReservedBy">Whose bond lies there, 0 for nobody's.</param>
/// <param name="ReservedUntil">Up to which period it may claim the slot; after it the reservation has lapsed.</param>
/// <param name="ReservePeriods">Periods after the one of the reservation in which it may be claimed.</param>
/// <param name="LeastBountyUnits">Units that bounty and pay must bring above the node's price: what gas, bandwidth and trouble are worth to its operator.</param>
/// <param name="HasGas">Whether the hot key has more gas money than proofs need for a while.</param>
/// <param name="HoldsAnother">Whether this node, or another of its owner, holds another slot of the deal.</param>
/// <param name="ReservesAnother">Whether a bond of this node lies for another slot of the deal: it cannot claim both.</param>
/// <param name="Sources">Other slots of the deal whose shard can be asked for.</param>
/// <param name="Needed">How many of them give the shard back.</param>
/// <param name="IsOut">Whether this node takes no shards.</param>
/// <param name="StakeCovers">Whether its stake covers one more such slot: beside what it promised and reserved, too, if the slot is not reserved by this node.</param>
/// <param name="HasRoom">Whether the shard fits.</param>
/// <param name="FreeUnits">Free money of the hot key, which puts the bond down.</param>
/// <param name="HasShard">Whether the shard lies here already.</param>
internal sealed record RepairScene(
    Schedule Schedule,
    BlockNumber Tip,
    NodeId Me,
    VacantSlot Vacant,
    bool IsWanted,
    PeriodNumber End,
    ulong RateUnits,
    ulong FloorUnits,
    ulong BountyUnits,
    ulong BondUnits,
    NodeId ReservedBy,
    PeriodNumber ReservedUntil,
    uint ReservePeriods,
    ulong LeastBountyUnits,
    bool HasGas,
    bool HoldsAnother,
    bool ReservesAnother,
    int Sources,
    int Needed,
    bool IsOut,
    bool StakeCovers,
    bool HasRoom,
    UInt128 FreeUnits,
    bool HasShard);

/// <summary>What to do about a vacant slot now.</summary>
internal enum RepairStep
{
    /// <summary>Nothing, ever again.</summary>
    Forget,

    /// <summary>Nothing for now.</summary>
    Wait,

    /// <summary>Fetch from the others what it takes, and make the shard.</summary>
    Rebuild,

    /// <summary>Put the bond down.</summary>
    Reserve,

    /// <summary>Show the shard and take the slot over.</summary>
    Claim,

    /// <summary>Have the bond back for which nothing can be had any more.</summary>
    Release,
}

/// <summary>Whether a node repairs a slot, and when. Pure.</summary>
internal static class RepairPolicy
{
    /// <summary>Nodes begin within this share of a period, each at its own block, so that most of them find the slot reserved.</summary>
    private const uint SpreadDivisor = 2;

    /// <summary>The next step.</summary>
    public static RepairStep Decide(RepairScene scene)
    {
        PeriodNumber period = scene.Schedule.PeriodOf(scene.Tip);
        bool isReserved = scene.ReservedBy.Value != 0 && period <= scene.ReservedUntil;
        bool isMine = scene.ReservedBy == scene.Me;
        // Claimed in this period, and then held for one at least.
        bool mayBeTaken = scene.IsWanted && scene.End > period + 1;
        if (isMine && !mayBeTaken)
        {
            // The chain keeps the bond of who could have claimed to the end and did not.
            bool comesBack = !scene.IsWanted || scene.ReservedUntil + 1 >= scene.End;
            return comesBack ? RepairStep.Release : RepairStep.Forget;
        }

        if (isMine && isReserved)
        {
            // The bond lies: whatever it was weighed by may be different now, and only the claim brings the bond back.
            if (!scene.HasShard) return scene.Sources < scene.Needed ? RepairStep.Wait : RepairStep.Rebuild;
            bool mayClaim = period.Value + scene.ReservePeriods > scene.ReservedUntil.Value && scene.Tip > scene.Schedule.SeedBlock(period);
            return mayClaim && !scene.IsOut && scene.StakeCovers ? RepairStep.Claim : RepairStep.Wait;
        }

        // A bond that lapsed comes back if the former holder cures itself before anybody else reserves the slot.
        RepairStep never = isMine ? RepairStep.Wait : RepairStep.Forget;
        // Claimed in the next period at the earliest.
        if (!mayBeTaken || scene.End <= period + 2 || scene.HoldsAnother) return never;
        if (scene.IsOut || !IsWorthIt(scene, scene.End.Value - period.Value - 2)) return never;
        if (scene.ReservesAnother || (scene.Sources < scene.Needed && !scene.HasShard)) return RepairStep.Wait;
        if (isReserved || scene.Tip.Value < scene.Vacant.Since.Value + Delay(scene.Schedule, scene.Vacant, scene.Me)) return RepairStep.Wait;
        if (!scene.HasGas || !scene.StakeCovers || scene.FreeUnits < scene.BondUnits) return RepairStep.Wait;
        if (scene.HasShard) return RepairStep.Reserve;
        return scene.HasRoom ? RepairStep.Rebuild : RepairStep.Wait;
    }

    /// <summary>Blocks that this node lets pass before it begins: its own for each slot, so that nobody is always first.</summary>
    public static uint Delay(Schedule schedule, VacantSlot vacant, NodeId node)
    {
        Span<byte> message = stackalloc byte[Address.SizeBytes + 8 + 1 + 4 + 8];
        vacant.Deal.Client.CopyTo(message);
        BinaryPrimitives.WriteUInt64BigEndian(message[20..], vacant.Deal.Number);
        message[28] = (byte)vacant.Slot;
        BinaryPrimitives.WriteUInt32BigEndian(message[29..], node.Value);
        BinaryPrimitives.WriteUInt64BigEndian(message[33..], vacant.Since.Value);
        Span<byte> hash = stackalloc byte[Keccak256.HashBytes];
        Keccak256.HashData(message, hash);
        return BinaryPrimitives.ReadUInt32BigEndian(hash) % Math.Max(1, schedule.PeriodBlocks / SpreadDivisor);
    }

    /// <summary>Whether bounty and pay come to at least what this node asks for keeping such a shard so long, and what the work is worth to its operator.</summary>
    private static bool IsWorthIt(RepairScene scene, uint periods) =>
        scene.BountyUnits + ((UInt128)scene.RateUnits * periods) >= ((UInt128)scene.FloorUnits * periods) + scene.LeastBountyUnits;
}
