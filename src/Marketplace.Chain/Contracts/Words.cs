using System.Numerics;
using Marketplace.Domain;

namespace Marketplace.Chain.Contracts;

// Words into which the contracts pack several fields; contracts/types/Words.sol names them from the lowest bit up.

/// <summary>What a deal is opened with.</summary>
/// <param name="Number">Of the deal; unused.</param>
/// <param name="Rate">Units for a slot and period, encoded.</param>
/// <param name="Leaves">Leaves of every shard.</param>
/// <param name="End">First period after the deal.</param>
/// <param name="MaxEnd">The last end up to which it may be extended.</param>
/// <param name="N">Slots.</param>
/// <param name="K">Slots that give the bundle back.</param>
/// <param name="MinFilled">Fewest slots to fill now.</param>
public readonly record struct TermsWord(ulong Number, uint Rate, ulong Leaves, uint End, uint MaxEnd, byte N, byte K, byte MinFilled)
{
    /// <summary>The word.</summary>
    public BigInteger Pack() =>
        Rate | ((BigInteger)End << 40) | ((BigInteger)MaxEnd << 62) | ((BigInteger)Leaves << 84) |
        ((BigInteger)N << 124) | ((BigInteger)K << 132) | ((BigInteger)MinFilled << 140) | ((BigInteger)Number << 148);
}

/// <summary>The deal of a <c>DealOpened</c> event.</summary>
/// <param name="Rate">Units for a slot and period, encoded.</param>
/// <param name="From">First period.</param>
/// <param name="End">First period after it.</param>
/// <param name="MaxEnd">The last end that its nodes agreed to.</param>
/// <param name="N">Slots.</param>
/// <param name="K">Slots that give the bundle back.</param>
/// <param name="Leaves">Leaves of every shard.</param>
/// <param name="Previous">The block of the client's opening or extension before; 0 = none.</param>
public readonly record struct DealWord(uint Rate, uint From, uint End, uint MaxEnd, byte N, byte K, ulong Leaves, ulong Previous)
{
    /// <summary>Takes the word apart.</summary>
    public static DealWord Read(BigInteger word) => new(
        (uint)PackedBits.Of(word, 0, 18),
        (uint)PackedBits.Of(word, 18, 22),
        (uint)PackedBits.Of(word, 40, 22),
        (uint)PackedBits.Of(word, 62, 22),
        (byte)PackedBits.Of(word, 124, 8),
        (byte)PackedBits.Of(word, 132, 8),
        PackedBits.Of(word, 148, 34),
        PackedBits.Of(word, 182, 40));
}

/// <summary>The range of a node's ledger in a <c>SlotFilled</c> event.</summary>
/// <param name="Rate">Units for a period, encoded; the value is the length of the range.</param>
/// <param name="Until">First period in which it is dead.</param>
/// <param name="From">First period in which it is live.</param>
/// <param name="Leaves">Leaves of the shard.</param>
/// <param name="Root">Root of the shard.</param>
public readonly record struct EntryWord(uint Rate, uint Until, uint From, ulong Leaves, Root Root)
{
    /// <summary>Takes the word apart.</summary>
    public static EntryWord Read(BigInteger word)
    {
        Span<byte> root = stackalloc byte[Root.SizeBytes];
        root.Clear();
        byte[] bytes = (word >> 96).ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.CopyTo(root[^bytes.Length..]);
        return new EntryWord(
            (uint)PackedBits.Of(word, 0, 18),
            (uint)PackedBits.Of(word, 18, 22),
            (uint)PackedBits.Of(word, 40, 22),
            PackedBits.Of(word, 62, 34),
            new Root(root));
    }
}

/// <summary>Which slot lies where in its node's ledger, as a <c>SlotFilled</c> event tells it.</summary>
/// <param name="Start">First position of the range.</param>
/// <param name="Slot">The slot of the deal.</param>
public readonly record struct PlaceWord(ulong Start, byte Slot)
{
    /// <summary>Takes the word apart.</summary>
    public static PlaceWord Read(BigInteger word) => new(PackedBits.Of(word, 0, 38), (byte)PackedBits.Of(word, 38, 8));
}

/// <summary>What an acceptance is for.</summary>
/// <param name="Slot">The slot of the deal.</param>
/// <param name="Node">Who accepts.</param>
/// <param name="Deadline">The last block in which it may be used.</param>
/// <param name="Hint">Start of a dead range to refill; null to append.</param>
public readonly record struct OfferWord(byte Slot, uint Node, ulong Deadline, ulong? Hint = null)
{
    /// <summary>The word.</summary>
    public BigInteger Pack() =>
        Slot | ((BigInteger)Node << 8) | ((BigInteger)Deadline << 32) | (Hint is { } start ? ((BigInteger)start + 1) << 72 : BigInteger.Zero);

    /// <summary>Takes the word apart.</summary>
    public static OfferWord Read(BigInteger word)
    {
        ulong next = PackedBits.Of(word, 72, 40);
        return new OfferWord(
            (byte)PackedBits.Of(word, 0, 8), (uint)PackedBits.Of(word, 8, 24), PackedBits.Of(word, 32, 40), next == 0 ? null : next - 1);
    }
}

/// <summary>What was put down at a slot: bounty, and bond of whoever reserved it.</summary>
/// <param name="BountyUnits">Units for whoever refills it, beside what its former holder leaves.</param>
/// <param name="BondUnits">Units of the last reservation, whether it lapsed or not; 0 if there is none.</param>
/// <param name="By">Whose reservation; 0 for nobody.</param>
/// <param name="Until">The last period in which the slot may be claimed.</param>
public readonly record struct VacancyWord(ulong BountyUnits, ulong BondUnits, uint By, uint Until)
{
    /// <summary>Takes the word apart.</summary>
    public static VacancyWord Read(BigInteger word) => new(
        PackedBits.Of(word, 0, 64), PackedBits.Of(word, 64, 64), (uint)PackedBits.Of(word, 128, 24), (uint)PackedBits.Of(word, 152, 22));
}

internal static class PackedBits
{
    public static ulong Of(BigInteger word, int at, int bits) => (ulong)((word >> at) & ((BigInteger.One << bits) - 1));
}
