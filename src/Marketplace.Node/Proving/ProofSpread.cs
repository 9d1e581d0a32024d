using System.Buffers.Binary;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>
/// When a node does what many nodes do in the same period: each at a block of its own, another one each time, so that a thousand of them
/// do not meet in one block and bid each other's fees up. Pure.
/// </summary>
internal static class ProofSpread
{
    /// <summary>Proofs begin in the first half of their window; the other half is for whatever goes wrong.</summary>
    private const uint WindowDivisor = 2;

    /// <summary>The first block at which a node proves a period.</summary>
    public static BlockNumber ProvesFrom(Schedule schedule, PeriodNumber period, NodeId node) =>
        new(schedule.SeedBlock(period).Value + 1 + Share(period, node, ProofBlocks(schedule)));

    /// <summary>The block by which every node has begun to prove a period.</summary>
    public static BlockNumber AllProveFrom(Schedule schedule, PeriodNumber period) =>
        new(schedule.SeedBlock(period).Value + ProofBlocks(schedule));

    /// <summary>The first block at which a node pins a period's seed if nobody has.</summary>
    public static BlockNumber PinsFrom(Schedule schedule, PeriodNumber period, NodeId node, NodeLimits limits) =>
        new(schedule.SeedBlock(period).Value + limits.PinAfterBlocks + Share(period, node, Math.Max(1, limits.PinSpreadBlocks)));

    private static uint ProofBlocks(Schedule schedule) => Math.Max(1, (schedule.PeriodBlocks - schedule.SeedDelayBlocks - 1) / WindowDivisor);

    private static uint Share(PeriodNumber period, NodeId node, uint blocks)
    {
        Span<byte> message = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(message, node.Value);
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], period.Value);
        Span<byte> hash = stackalloc byte[Keccak256.HashBytes];
        Keccak256.HashData(message, hash);
        return BinaryPrimitives.ReadUInt32BigEndian(hash) % blocks;
    }
}
