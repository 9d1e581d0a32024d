using System.Collections.Concurrent;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Client.Keys;
using Marketplace.Client.Names;
using Marketplace.Client.Reading;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Sessions;

/// <summary>
/// Everything that one client can do with its files: put, get, list, remove, extend, verify. The command line uses it with the client's own
/// account and keys; a gateway uses it with its operator's account (<see cref="MarketSession.Actor"/>) and keys shared with the client.
/// What stands in it beyond the chain's state is only speed: manifests, and which deals are over. Safe for concurrent calls.
/// </summary>
public sealed partial class StorageClient : IDisposable
{
    private const int ManifestReadsMax = 8;
    private const int LiarsNamedMax = 5;

    private readonly MarketSession _session;
    private readonly BundleKeys _keys;
    private readonly ManifestCache _cache;
    private readonly DealNumbers _numbers;
    private readonly EndedPages _ended;
    private readonly string? _indexPath;
    private readonly Lock _indexLock = new();
    private readonly ManifestShelf _manifests;

    internal StorageClient(MarketSession session, Address client, BundleKeys keys, string? home, ManifestShelf? manifests)
    {
        _manifests = manifests ?? new ManifestShelf();
        _session = session;
        Client = client;
        _keys = keys;
        _cache = new ManifestCache(home is null ? null : Path.Combine(home, "manifests"));
        _indexPath = home is null ? null : Path.Combine(home, "known", "contents");
        _numbers = new DealNumbers(home is null ? null : Path.Combine(home, "uploads"));
        _ended = new EndedPages(home is null ? null : Path.Combine(home, "known", $"ended-{session.Parameters.ChainId}-{session.Parameters.Market}-{client}"));
    }

    /// <summary>Whose files and money.</summary>
    public Address Client { get; }

    private bool IsOperator => _session.Actor is { } actor && actor.Address != Client;

    /// <summary>Reads the client's names from the chain's state and the nodes, or from copies of what they hold.</summary>
    /// <exception cref="MarketException">There are bundles and these keys open none of them: the words are of another wallet.</exception>
    public async Task<CatalogueView> LoadAsync(CancellationToken token = default)
    {
        Moment now = await _session.Chain.NowAsync(token);
        IReadOnlyList<DealFacts> deals = await _session.Chain.DealsAsync(Client, _ended, now, token);
        DealFacts[] live = [.. deals.Where(deal => deal.IsLiveIn(now.Period))];
        HashSet<ulong> liveNumbers = [.. live.Select(deal => deal.Id.Number)];
        _manifests.KeepOnly(liveNumbers);
        _cache.KeepOnly(liveNumbers);
        var unread = new ConcurrentBag<UnreadDeal>();
        var foreign = new ConcurrentBag<ulong>();
        var manifests = new ConcurrentBag<DealManifest>();
        await Parallel.ForEachAsync(live, new ParallelOptions { MaxDegreeOfParallelism = ManifestReadsMax, CancellationToken = token }, async (deal, stop) =>
        {
            try
            {
                Manifest? manifest = await ManifestOfAsync(deal, stop);
                if (manifest is null) foreign.Add(deal.Id.Number);
                else manifests.Add(new DealManifest(deal.Id.Number, manifest));
            }
            catch (MarketException failure)
            {
                unread.Add(new UnreadDeal(deal.Id.Number, failure));
            }
            catch (BundleFormatException failure)
            {
                unread.Add(new UnreadDeal(deal.Id.Number, new MarketException(MarketErrorCode.Failed, $"Deal {deal.Id.Number} holds no readable bundle: {failure.Message}", null, failure)));
            }
        });

        if (manifests.IsEmpty && unread.IsEmpty && !foreign.IsEmpty && !IsOperator)
        {
            throw new MarketException(
                MarketErrorCode.Failed,
                $"None of the {foreign.Count} bundles of {Client} opens with this wallet's words.",
                "import the words that they were stored with: market wallet import");
        }

        // What rests on a deal that is over is not there any more, and that deal says so.
        Dictionary<ulong, DealFacts> byNumber = deals.ToDictionary(deal => deal.Id.Number);
        HashSet<ulong> over = [.. manifests.SelectMany(one => one.Manifest.Chunks).Select(chunk => chunk.Deal).Where(number => number != 0 && number < deals[^1].Id.Number && !byNumber.ContainsKey(number))];
        foreach (DealFacts deal in await _session.Chain.DealsNearAsync(Client, over, token)) byNumber[deal.Id.Number] = deal;

        return new CatalogueView(
            now,
            _manifests.Fold(manifests),
            byNumber,
            [.. unread.OrderBy(deal => deal.Deal)],
            [.. foreign.Order()])
        {
            Manifests = manifests.ToDictionary(one => one.Deal, one => one.Manifest),
            MayBeOlder = _session.Options.MayBeOlder,
        };
    }

    /// <summary>Lists names that begin with a prefix; a folder's name means what is in it.</summary>
    public async Task<ListReport> ListAsync(string prefix, bool recursive, CancellationToken token = default)
    {
        CatalogueView view = await LoadAsync(token);
        var listed = new List<ListedObject>();
        foreach (CatalogueLine line in view.Catalogue.List(prefix, recursive))
        {
            token.ThrowIfCancellationRequested();
            listed.Add(Describe(view, line));
        }

        return new ListReport(listed)
        {
            UnreadDeals = [.. view.Unread.Select(deal => deal.Deal)],
            Error = view.Gap is { } gap ? ErrorReport.Of(gap).Error : null,
        };
    }

    /// <summary>What is known of an object, and of every slot that holds a part of it.</summary>
    public async Task<StatReport> StatAsync(string name, CancellationToken token = default)
    {
        Task<NodeList> discovering = _session.DiscoverAsync(token);
        CatalogueView view = await LoadAsync(token);
        IReadOnlyList<CatalogueEntry> entries = view.Require(name);
        IReadOnlyList<DealFacts> deals = view.DealsOf(entries);
        NodeList nodes = await discovering;
        return new StatReport(
            name,
            view.KindOf(name),
            entries.Count(entry => entry.Kind is ObjectKind.File),
            entries.Sum(entry => entry.Bytes),
            entries.Max(entry => entry.Version),
            entries.Max(entry => entry.ModifiedAt),
            CatalogueView.RedundancyOf(deals),
            view.PaidUntil(deals),
            view.Now.Period,
            [.. deals.Select(deal => deal.Report(view.Now.Period, node => nodes.SightingOf(node)?.Online ?? _session.Health.IsOnline(node)))]);
    }

    /// <summary>Every deal of the client that the chain still keeps.</summary>
    public Task<DealsReport> DealsAsync(CancellationToken token = default) => _session.DealsAsync(Client, token);

    /// <summary>Wipes the keys.</summary>
    public void Dispose() => _keys.Dispose();

    private static ListedObject Describe(CatalogueView view, CatalogueLine line)
    {
        IReadOnlyList<DealFacts> deals = view.DealsOf(line.Entries);
        return new ListedObject(
            line.Name,
            line.Kind,
            line.Entries.Sum(entry => entry.Bytes),
            line.Entries.Max(entry => entry.Version),
            line.Entries.Max(entry => entry.ModifiedAt),
            CatalogueView.RedundancyOf(deals),
            view.PaidUntil(deals));
    }

    private async Task<Manifest?> ManifestOfAsync(DealFacts deal, CancellationToken token)
    {
        if (deal.Geometry is not { } geometry)
            throw new MarketException(MarketErrorCode.Incomplete, $"No node holds a shard of deal {deal.Id.Number}.", "wait for a repair, or put its files again");

        Root root = deal.FirstRoot!.Value;
        return await _manifests.FindAsync(deal.Id.Number, root, admit => ReadManifestAsync(deal, geometry, root, admit), token);
    }

    private async Task<Manifest?> ReadManifestAsync(DealFacts deal, ShardGeometry geometry, Root root, Action<long> admit)
    {
        ulong number = deal.Id.Number;
        if (_cache.Find(number, root) is { } copy)
        {
            try
            {
                return ManifestReader.Open(copy, geometry.BundleBytes, _keys, admit);
            }
            catch (BundleFormatException)
            {
                _cache.Forget(number, root);
            }
        }

        // Ends by the deadlines of the calls to nodes.
        BundleReader reader = await ReaderOfAsync(deal, CancellationToken.None);
        var keep = new SealedManifest();
        Manifest? manifest = await ManifestReader.ReadAsync(geometry, reader.ReadAsync, _keys, keep, CancellationToken.None, admit);
        if (manifest is not null) _cache.Keep(number, root, keep.Bytes.Span);
        return manifest;
    }

    private async Task<BundleReader> ReaderOfAsync(DealFacts deal, CancellationToken token)
    {
        ShardGeometry geometry = deal.Geometry
            ?? throw new MarketException(MarketErrorCode.Incomplete, $"No node holds a shard of deal {deal.Id.Number}.", "wait for a repair");
        IReadOnlyDictionary<NodeId, NodeFacts> nodes = await _session.NodesAsync(deal.Slots.Where(slot => slot.Node is not null).Select(slot => slot.Node!.Value), token);
        var holders = new List<ShardHolder>();
        foreach (SlotFacts slot in deal.Slots)
        {
            if (slot.Node is { } node && slot.Shard is { } shard && nodes.GetValueOrDefault(node)?.Peer is { } peer) holders.Add(new ShardHolder(slot.Index, shard, peer));
        }

        // A node that has not yet seen the block that opened the deal gives the shard to its uploader alone: so say who asks.
        Address? owner = _session.Actor is null ? null : Client;
        return new BundleReader(geometry, holders, _session.Nodes, _session.Health, _session.Time, $"deal {deal.Id.Number}", owner);
    }

    private static string Shown(string name) => ObjectName.ForTerminal(name);
}
