using System.Collections.Concurrent;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Client.Keys;
using Marketplace.Client.Reading;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Sessions;

/// <summary>What a session may be told; the defaults are right for a person at a terminal.</summary>
public sealed record MarketSessionOptions
{
    /// <summary>Keepers to ask; null for those that the register on chain names, empty for none.</summary>
    public IReadOnlyList<KeeperPeer>? Keepers { get; init; }

    /// <summary>Whether an older version of an object may be given while the deal of a newer one cannot be read, instead of an error.</summary>
    public bool MayBeOlder { get; init; }

    /// <summary>Deadlines of calls to nodes.</summary>
    public NodeClientOptions? Nodes { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>
/// One connection to one market: the chain, the nodes, and what was learned about them. A person has one for their own account;
/// a gateway has one for its operator's account and asks it for a <see cref="StorageClient"/> for each of its clients. Safe for many threads.
/// </summary>
public sealed class MarketSession : IDisposable
{
    /// <summary>How long what the chain says of a node is taken for true without asking again.</summary>
    public static readonly TimeSpan NodeFactsLife = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<NodeId, (NodeFacts Node, long ReadAt)> _known = new();

    /// <param name="chain">The market on its chain. Owned by the caller.</param>
    /// <param name="parameters">What <see cref="MarketChain.ParametersAsync"/> said.</param>
    /// <param name="actor">Who signs: the client itself, or an operator that clients allow. Null for only reading. Owned by the caller.</param>
    /// <param name="options">Wishes.</param>
    public MarketSession(MarketChain chain, MarketParameters parameters, Account? actor, MarketSessionOptions? options = null)
    {
        Options = options ?? new MarketSessionOptions();
        Chain = chain;
        Parameters = parameters;
        Actor = actor;
        Gate = EndpointGate.ForChain(parameters.ChainId);
        var scope = new MarketScope(parameters.ChainId, parameters.Market);
        Nodes = new NodeClients(Gate, scope, actor is null ? null : new AccountSigner(actor), Options.Nodes, Options.Time);
        Health = new NodeHealth(Options.Time);
    }

    /// <summary>The market on its chain.</summary>
    public MarketChain Chain { get; }

    /// <summary>What the contracts were made with.</summary>
    public MarketParameters Parameters { get; }

    /// <summary>Who signs; null for only reading.</summary>
    public Account? Actor { get; }

    /// <summary>Decides which addresses may be reached.</summary>
    public EndpointGate Gate { get; }

    /// <summary>Connections to nodes.</summary>
    public NodeClients Nodes { get; }

    /// <summary>What was learned about nodes.</summary>
    public NodeHealth Health { get; }

    /// <summary>The wishes.</summary>
    public MarketSessionOptions Options { get; }

    /// <summary>The clock.</summary>
    public TimeProvider Time => Options.Time;

    /// <summary>Opens a session on a chain that answers.</summary>
    public static async Task<MarketSession> OpenAsync(MarketChain chain, Account? actor, MarketSessionOptions? options = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(chain);
        return new MarketSession(chain, await chain.ParametersAsync(token), actor, options);
    }

    /// <summary>What one client can do.</summary>
    /// <param name="client">Whose files and money.</param>
    /// <param name="keys">How its bundles are sealed and opened. Owned by the result.</param>
    /// <param name="home">A folder for what is remembered between calls; null to remember nothing.</param>
    /// <param name="manifests">Where its manifests are held; null for a place of its own without a limit.</param>
    public StorageClient ClientOf(Address client, BundleKeys keys, string? home, ManifestShelf? manifests = null) => new(this, client, keys, home, manifests);

    /// <summary>Nodes by their numbers, as the chain tells; absent if there is none. Remembered for <see cref="NodeFactsLife"/>.</summary>
    public async Task<IReadOnlyDictionary<NodeId, NodeFacts>> NodesAsync(IEnumerable<NodeId> ids, CancellationToken token)
    {
        var found = new Dictionary<NodeId, NodeFacts>();
        var unknown = new List<NodeId>();
        foreach (NodeId id in ids.Distinct())
        {
            if (_known.TryGetValue(id, out (NodeFacts Node, long ReadAt) known) && Time.GetElapsedTime(known.ReadAt) < NodeFactsLife) found[id] = known.Node;
            else unknown.Add(id);
        }

        if (unknown.Count == 0) return found;
        foreach (NodeFacts node in await Chain.NodesAsync(unknown, token))
        {
            _known[node.Id] = (node, Time.GetTimestamp());
            found[node.Id] = node;
        }

        return found;
    }

    /// <summary>Every node, and what keepers say of them. Keepers are hints; who a node is and what it asks comes from the chain.</summary>
    public async Task<NodeList> DiscoverAsync(CancellationToken token)
    {
        Moment now = await Chain.NowAsync(token);
        Task<IReadOnlyList<NodeFacts>> nodes = Chain.AllNodesAsync(token);
        IReadOnlyList<KeeperPeer> keepers = Options.Keepers ?? await Chain.KeepersAsync(token);
        KeeperSightings? sightings = keepers.Count == 0
            ? null
            : await new KeeperPanel(Gate, new ChainMessageVerifier(), Time).AskAsync(keepers, new NodeQuery(), new ChainSight(now.Block, Chain.HashOfAsync), token);
        foreach (NodeFacts node in await nodes) _known[node.Id] = (node, Time.GetTimestamp());
        return new NodeList(now, await nodes, sightings is { Answered: > 0 } ? sightings : null);
    }

    /// <summary>Every deal of a client that the chain still keeps. Needs no keys.</summary>
    public async Task<DealsReport> DealsAsync(Address client, CancellationToken token = default)
    {
        Moment now = await Chain.NowAsync(token);
        IReadOnlyList<DealFacts> deals = await Chain.DealsAsync(client, token);
        return new DealsReport(client, now.Period, [.. deals.Select(deal => deal.Report(now.Period))]);
    }

    /// <summary>Closes the connections to nodes.</summary>
    public void Dispose() => Nodes.Dispose();
}

/// <summary>All nodes at one moment.</summary>
/// <param name="Now">When.</param>
/// <param name="Nodes">The nodes, by id.</param>
/// <param name="Sightings">What keepers say; null if none answered.</param>
public sealed record NodeList(Moment Now, IReadOnlyList<NodeFacts> Nodes, KeeperSightings? Sightings)
{
    /// <summary>The list as it is reported. What only keepers can know is null if none answered.</summary>
    public NodesReport Report() => new(
        Now.Block,
        Now.BlockHash,
        Sightings is null ? NodeSource.Chain : NodeSource.Keepers,
        [
            .. Nodes.Select(node => (Node: node, Seen: SightingOf(node.Id))).Select(one => new NodeReport(
                one.Node.Id,
                one.Node.Hot,
                one.Node.Owner,
                one.Node.Endpoint,
                one.Node.Fingerprint.ToString(),
                one.Node.Price.PerGibibyteMonth,
                one.Node.Stake,
                (long)Math.Min(one.Node.CapacityBytes, long.MaxValue),
                one.Seen?.UsedBytes,
                one.Seen?.FreeBytes,
                one.Seen?.Online,
                one.Seen?.LastSeenAt,
                one.Node.LastProved,
                one.Seen?.Earned,
                one.Seen?.Rewarded)),
        ]);

    /// <summary>What keepers say of a node; null if nothing.</summary>
    public NodeSighting? SightingOf(NodeId node) => Sightings?.Nodes.GetValueOrDefault(node);
}
