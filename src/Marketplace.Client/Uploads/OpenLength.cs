using System.Numerics;
using Marketplace.Client.Sources;
using Marketplace.Domain;

namespace Marketplace.Client.Uploads;

/// <summary>
/// A stream of unknown length among the sources: how much it may give. Where it would give more, it ends with an error, and nothing is paid.
/// Pure.
/// </summary>
internal static class OpenLength
{
    /// <summary>What a node reserves for such a shard before its first byte; it gives more room as the bytes come.</summary>
    public const long ShardBytesReserved = 16L << 20;

    /// <summary>Whether one of the sources is such a stream.</summary>
    public static bool IsOpen(IReadOnlyList<SourceObject> objects) => BytesOf(objects) is not null;

    /// <summary>The most that the stream may give; null if there is none.</summary>
    /// <exception cref="ArgumentException">There are two: how much each may give is not known.</exception>
    public static long? BytesOf(IReadOnlyList<SourceObject> objects)
    {
        SourceEntry[] open = [.. objects.SelectMany(one => one.Entries).Where(entry => entry.MayBeShorter)];
        return open.Length <= 1 ? open.FirstOrDefault()?.Bytes : throw new ArgumentException("Only one stream of unknown length can be stored at once.", nameof(objects));
    }

    /// <summary>Half of it, because nodes have no room for so much.</summary>
    public static IReadOnlyList<SourceObject> CutByRoom(IReadOnlyList<SourceObject> objects) => Cut(objects, BytesOf(objects)!.Value / 2, (name, bytes) =>
        new MarketException(
            MarketErrorCode.Incomplete,
            $"There are not enough nodes with room for more than {ByteSize.Format(bytes)} of '{name}', and it is longer.",
            "nothing was paid; wait for nodes with more room, or choose a redundancy of more and smaller shards"));

    /// <summary>
    /// As much as the money keeps, or a little less: prices are proportional but for roundings and for padding, at most one part in 32.
    /// </summary>
    /// <param name="objects">The sources.</param>
    /// <param name="money">What may be locked.</param>
    /// <param name="price">What the whole costs, more than <paramref name="money"/>.</param>
    public static IReadOnlyList<SourceObject> CutByMoney(IReadOnlyList<SourceObject> objects, TokenAmount money, TokenAmount price)
    {
        long bytes = BytesOf(objects)!.Value;
        var inProportion = (long)((BigInteger)bytes * (BigInteger)money.BaseUnits * 31 / ((BigInteger)price.BaseUnits * 32));
        return Cut(objects, inProportion, (name, most) => new MarketException(
            MarketErrorCode.InsufficientFunds,
            $"The money that may be locked keeps about {ByteSize.Format(most)} for so long, and '{name}' is longer.",
            "nothing was paid; add money with market deposit, let an operator lock more with market allow, or keep it for a shorter time"));
    }

    private static IReadOnlyList<SourceObject> Cut(IReadOnlyList<SourceObject> objects, long bytes, Func<string, long, MarketException> beyond) =>
    [
        .. objects.Select(one => one with
        {
            Entries = [.. one.Entries.Select(entry => entry.MayBeShorter ? entry with { Bytes = bytes, Beyond = () => beyond(one.Name, bytes) } : entry)],
        }),
    ];
}
