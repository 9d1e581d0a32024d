using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Keeper.Api;
using Marketplace.Keeper.Indexing;

namespace Marketplace.Keeper;

/// <summary>Answer of <c>GET /v1/health</c>.</summary>
/// <param name="Status"><c>ok</c>, or <c>starting</c>, <c>behind</c>, <c>stalled</c> with status 503.</param>
/// <param name="Version">The program's version.</param>
/// <param name="Keeper">The address whose key signs the answers.</param>
/// <param name="ChainId">The chain's id.</param>
/// <param name="Block">Newest block in the tables.</param>
/// <param name="BlockHash">Its hash.</param>
/// <param name="BlockAt">The time that its maker gave it.</param>
/// <param name="LagBlocks">How many blocks the tables are behind, by the chain's last word.</param>
/// <param name="ChainSeenSeconds">Seconds since the chain last answered.</param>
/// <param name="Nodes">Registered nodes.</param>
/// <param name="NodesOnline">Those that answer pings.</param>
/// <param name="Deals">Deals ever opened.</param>
public sealed record KeeperHealth(
    string Status,
    string Version,
    Address Keeper,
    ulong ChainId,
    BlockNumber? Block,
    Hash32? BlockHash,
    DateTimeOffset? BlockAt,
    ulong? LagBlocks,
    double ChainSeenSeconds,
    long Nodes,
    long NodesOnline,
    long Deals)
{
    /// <summary>A chain that is silent for longer makes the keeper unhealthy.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromMinutes(2);

    /// <summary>Tables that are further behind make the keeper unhealthy.</summary>
    public const ulong LagBlocksMax = 20;

    internal static KeeperHealth Read(KeeperQueries queries, Indexer indexer, ulong chainId, Address keeper)
    {
        IndexedHead? head = queries.Head();
        KeeperCounts counts = queries.Counts();
        string status = head is null ? "starting"
            : indexer.SinceLastGood > SilenceMax ? "stalled"
            : indexer.LagBlocks > LagBlocksMax ? "behind"
            : "ok";
        return new KeeperHealth(
            status, MarketHost.Version, keeper, chainId, head?.Block, head?.Hash, head?.Time, indexer.LagBlocks,
            Math.Round(indexer.SinceLastGood.TotalSeconds, 1), counts.Nodes, counts.Online, counts.Deals);
    }
}
