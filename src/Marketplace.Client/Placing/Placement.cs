using System.Net;
using System.Net.Sockets;
using Marketplace.Domain;

namespace Marketplace.Client.Placing;

/// <summary>What is known of a node when shards are placed. Unknown is null.</summary>
/// <param name="Id">The node.</param>
/// <param name="Owner">Who runs it: shards with one owner fall together.</param>
/// <param name="Host">Where it listens.</param>
/// <param name="Price">What it asks.</param>
/// <param name="FreeBytes">What it still takes.</param>
/// <param name="Online">Whether it answers.</param>
/// <param name="PeriodsSilent">Periods since its last proof, for a node that has something to prove.</param>
public readonly record struct NodeCandidate(
    NodeId Id, Address Owner, string Host, Price Price, ulong? FreeBytes, bool? Online, uint? PeriodsSilent);

/// <summary>Nodes for the slots of a deal, in the order of slots, and those that step in when one fails, best first.</summary>
/// <param name="Chosen">At most as many as were asked for.</param>
/// <param name="Spares">The rest that may be used.</param>
public sealed record PlacementPlan(IReadOnlyList<NodeCandidate> Chosen, IReadOnlyList<NodeCandidate> Spares)
{
    /// <summary>
    /// How many shards survive whatever one operator does with all it has. Shards of a bundle are alike and may lie anywhere,
    /// so the maximum matching of shards to distinct operators is the number of operators.
    /// </summary>
    public int Happiness => Placement.Happiness(Chosen.Select(node => node.Owner));
}

/// <summary>Chooses nodes. Pure: the same knowledge gives the same choice.</summary>
public static class Placement
{
    /// <summary>A node that missed this many periods is asked only when no other is left.</summary>
    public const uint SilentPeriodsMax = 2;

    /// <summary>Spares that are named, if so many nodes may be used; as many as slots if that is more.</summary>
    public const int SparesMin = 8;

    /// <summary>Shards of distinct operators.</summary>
    public static int Happiness(IEnumerable<Address> owners) => owners.Distinct().Count();

    /// <summary>
    /// Chooses nodes for <paramref name="slots"/> shards of <paramref name="shardBytes"/>: nodes with room that are not known to be away;
    /// one per operator first, then as few in one network neighbourhood as can be, then those that proved lately, then the cheapest.
    /// An operator's second node is chosen only when operators run out.
    /// </summary>
    /// <param name="nodes">Every node known.</param>
    /// <param name="slots">Shards to place.</param>
    /// <param name="shardBytes">Length of each.</param>
    /// <param name="salt">Breaks ties differently for each client, so that all do not choose the same node.</param>
    /// <param name="priceMax">Nodes that ask more are left out; null for no limit.</param>
    /// <param name="taken">Nodes that hold or failed a shard of this deal already, and are left out.</param>
    /// <param name="takenOwners">Operators that hold a shard of this deal already, and are not preferred.</param>
    public static PlacementPlan Choose(
        IReadOnlyList<NodeCandidate> nodes,
        int slots,
        ulong shardBytes,
        ulong salt,
        Price? priceMax = null,
        IReadOnlySet<NodeId>? taken = null,
        IReadOnlySet<Address>? takenOwners = null)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentOutOfRangeException.ThrowIfNegative(slots);
        List<NodeCandidate> waiting =
        [
            .. nodes.Where(node => node.Online is not false && (node.FreeBytes is null || node.FreeBytes >= shardBytes) &&
                (priceMax is not { } most || node.Price.CompareTo(most) <= 0) && taken?.Contains(node.Id) is not true),
        ];
        var owners = new Dictionary<Address, int>();
        foreach (Address owner in takenOwners ?? new HashSet<Address>()) owners[owner] = 1;
        var neighbours = new Dictionary<string, int>(StringComparer.Ordinal);

        var order = new List<NodeCandidate>(waiting.Count);
        int wanted = slots + Math.Max(SparesMin, slots);
        while (waiting.Count > 0 && order.Count < wanted)
        {
            NodeCandidate best = waiting.MinBy(node => (
                owners.GetValueOrDefault(node.Owner),
                node.PeriodsSilent > SilentPeriodsMax,
                node.Online is null,
                neighbours.GetValueOrDefault(Neighbourhood.Of(node.Host)),
                node.Price.PerGibibyteMonth,
                Mix(node.Id.Value ^ salt)));
            waiting.Remove(best);
            order.Add(best);
            owners[best.Owner] = owners.GetValueOrDefault(best.Owner) + 1;
            string neighbourhood = Neighbourhood.Of(best.Host);
            neighbours[neighbourhood] = neighbours.GetValueOrDefault(neighbourhood) + 1;
        }

        return new PlacementPlan([.. order.Take(slots)], [.. order.Skip(slots)]);
    }

    // The finalizer of SplitMix64: spreads numbers that differ in few bits.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}

/// <summary>What is likely to fail together: a /16 of IPv4, a /32 of IPv6, a name's last two labels.</summary>
public static class Neighbourhood
{
    /// <summary>The neighbourhood's name; only equality means something.</summary>
    public static string Of(string host)
    {
        if (!IPAddress.TryParse(host, out IPAddress? address))
        {
            string[] labels = host.TrimEnd('.').ToLowerInvariant().Split('.');
            return labels.Length <= 2 ? string.Join('.', labels) : string.Join('.', labels[^2..]);
        }

        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        byte[] bytes = address.GetAddressBytes();
        return address.AddressFamily is AddressFamily.InterNetwork
            ? $"{bytes[0]}.{bytes[1]}"
            : Convert.ToHexString(bytes.AsSpan(0, 4));
    }
}
