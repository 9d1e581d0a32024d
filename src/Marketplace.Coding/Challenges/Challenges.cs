using System.Buffers.Binary;
using Marketplace.Domain;

namespace Marketplace.Coding;

/// <summary>One shard's range in a node's ledger, as the chain keeps it: what a draw that falls on it asks for.</summary>
/// <param name="Start">The first ledger position of the range.</param>
/// <param name="Length">Positions in the range: the slot's rate in units.</param>
/// <param name="Shard">The shard that was promised there.</param>
/// <param name="From">The first period in which it counts.</param>
/// <param name="Until">The first period in which it counts no more.</param>
public readonly record struct LedgerRange(ulong Start, ulong Length, ShardCommitment Shard, PeriodNumber From, PeriodNumber Until)
{
    /// <summary>Whether the range holds this position.</summary>
    public bool Holds(ulong position) => position >= Start && position - Start < Length;

    /// <summary>Whether the shard must be proved in this period.</summary>
    public bool IsLive(PeriodNumber period) => From <= period && period < Until;
}

/// <summary>Who is asked, and when: all that a period's draws depend on.</summary>
/// <param name="ChainId">The chain's id.</param>
/// <param name="Market">The StorageMarket contract.</param>
/// <param name="Node">The node that proves.</param>
/// <param name="Period">The period that is proved.</param>
/// <param name="Seed">The period's seed as it is hashed: <see cref="Challenges.SeedOf"/>.</param>
/// <param name="FrozenLength">The length of the node's ledger at the period's first block: positions are drawn below it.</param>
public readonly record struct ChallengeContext(
    ulong ChainId, Address Market, NodeId Node, PeriodNumber Period, Hash32 Seed, ulong FrozenLength);

/// <summary>A draw: the range it fell on, and the leaf it asks for when that range is live.</summary>
/// <param name="Number">t, from 0.</param>
/// <param name="Position">The ledger position drawn.</param>
/// <param name="Range">The range that holds it.</param>
/// <param name="IsLive">False for a void draw, which shows only the range's start.</param>
/// <param name="Leaf">The leaf asked for; 0 for a void draw.</param>
public readonly record struct Draw(int Number, ulong Position, LedgerRange Range, bool IsLive, long Leaf);

/// <summary>Which leaves a node must show in a period. The contract draws the same: docs/formats/proof.md.</summary>
public static class Challenges
{
    /// <summary>C: live draws in a period.</summary>
    public const int LiveDraws = 5;

    /// <summary>Live draws with which an evicted node shows that it holds what it is to hold: 4C.</summary>
    public const int CureDraws = 4 * LiveDraws;

    /// <summary>Void draws and all: t is counted in 16 bits.</summary>
    public const int DrawsMax = ushort.MaxValue + 1;

    /// <summary>Bytes of a seed as the chain stores it.</summary>
    public const int StoredSeedBytes = 20;

    private const int BaseMessageBytes = 32 + 32 + Address.SizeBytes + 4 + 4 + 32;

    private static ReadOnlySpan<byte> Domain => "storage-market challenge v1"u8;

    /// <summary>A stored seed (<see cref="StoredSeedBytes"/> bytes) as it is hashed: twelve zero bytes behind it.</summary>
    public static Hash32 SeedOf(ReadOnlySpan<byte> stored)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(stored.Length, StoredSeedBytes);
        Span<byte> seed = stackalloc byte[Hash32.SizeBytes];
        seed.Clear();
        stored.CopyTo(seed);
        return new Hash32(seed);
    }

    /// <summary>
    /// The draws of a period up to the last of <see cref="LiveDraws"/> live ones. A range that is not live is drawn once at most.
    /// </summary>
    /// <param name="context">Who and when.</param>
    /// <param name="find">The range that holds a position, or null when none does.</param>
    /// <exception cref="InvalidOperationException">
    /// A position that no known range holds (the caller's view of the ledger is behind the chain), or too many void draws.
    /// </exception>
    public static IReadOnlyList<Draw> Draw(in ChallengeContext context, Func<ulong, LedgerRange?> find) => Draw(context, LiveDraws, find);

    /// <summary>The draws up to the last of <paramref name="liveDraws"/> live ones.</summary>
    /// <inheritdoc cref="Draw(in ChallengeContext, Func{ulong, LedgerRange?})"/>
    public static IReadOnlyList<Draw> Draw(in ChallengeContext context, int liveDraws, Func<ulong, LedgerRange?> find)
    {
        ArgumentNullException.ThrowIfNull(find);
        ArgumentOutOfRangeException.ThrowIfZero(context.FrozenLength);
        Span<byte> seed = stackalloc byte[Keccak256.HashBytes];
        WriteBase(context, seed);
        var draws = new List<Draw>(liveDraws);
        var leftOut = new LeftOut();
        int live = 0;
        for (int number = 0; live < liveDraws; number++)
        {
            if (number >= DrawsMax) throw new InvalidOperationException($"No {liveDraws} live draws among {DrawsMax}: the node has nothing to prove.");
            (UInt128 high, UInt128 low) = Numbers(seed, number);
            if (leftOut.Total >= context.FrozenLength) throw new InvalidOperationException($"Node {context.Node} has nothing to prove in period {context.Period}.");
            ulong position = leftOut.ToLedger(Scale(high, context.FrozenLength - leftOut.Total));
            LedgerRange range = find(position) ??
                throw new InvalidOperationException($"No known range holds ledger position {position} of node {context.Node}.");
            if (!range.Holds(position)) throw new InvalidOperationException($"The range at {range.Start} does not hold position {position}.");
            bool isLive = range.IsLive(context.Period);
            draws.Add(new Draw(number, position, range, isLive, isLive ? (long)Scale(low, (ulong)range.Shard.Leaves) : 0));
            if (isLive) live++;
            else leftOut.Add(range);
        }

        return draws;
    }

    internal static void WriteBase(in ChallengeContext context, Span<byte> destination)
    {
        Span<byte> message = stackalloc byte[BaseMessageBytes];
        message.Clear();
        Domain.CopyTo(message);
        BinaryPrimitives.WriteUInt64BigEndian(message[(64 - 8)..], context.ChainId);
        context.Market.CopyTo(message[64..]);
        BinaryPrimitives.WriteUInt32BigEndian(message[84..], context.Node.Value);
        BinaryPrimitives.WriteUInt32BigEndian(message[88..], context.Period.Value);
        context.Seed.CopyTo(message[92..]);
        Keccak256.HashData(message, destination);
    }

    /// <summary>The two halves of draw t, as numbers.</summary>
    internal static (UInt128 High, UInt128 Low) Numbers(ReadOnlySpan<byte> seed, int number)
    {
        Span<byte> message = stackalloc byte[Keccak256.HashBytes + 2];
        seed[..Keccak256.HashBytes].CopyTo(message);
        BinaryPrimitives.WriteUInt16BigEndian(message[Keccak256.HashBytes..], (ushort)number);
        Span<byte> draw = stackalloc byte[Keccak256.HashBytes];
        Keccak256.HashData(message, draw);
        return (BinaryPrimitives.ReadUInt128BigEndian(draw), BinaryPrimitives.ReadUInt128BigEndian(draw[16..]));
    }

    /// <summary>(x · n) ≫ 128 for a 128-bit x: a number below n, by multiplication in 192 bits.</summary>
    internal static ulong Scale(UInt128 x, ulong n)
    {
        UInt128 low = (UInt128)(ulong)x * n;
        UInt128 high = (x >> 64) * n;
        return (ulong)((high + (low >> 64)) >> 64);
    }
}
