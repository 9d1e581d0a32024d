using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Storage;
using Marketplace.Testing;

namespace Marketplace.Node.Tests.Kills;

/// <summary>What a run of kills came to.</summary>
/// <param name="Kills">How often the node was killed.</param>
/// <param name="Shards">Acknowledged shards checked.</param>
/// <param name="Bytes">Their bytes, every one read and hashed.</param>
/// <param name="Deals">Deals that were opened on promises of the node.</param>
/// <param name="Lost">Acknowledged shards or promises that are not there or not right.</param>
/// <param name="Garbage">Files left that no record names.</param>
/// <param name="Charged">Difference between what the client paid and its deals' price, and entries of the ledger that no deal explains.</param>
/// <param name="Seed">Gives the same moments and sizes again.</param>
internal sealed record KillSums(int Kills, long Shards, long Bytes, long Deals, long Lost, long Garbage, long Charged, int Seed)
{
    public bool IsGood => Lost == 0 && Garbage == 0 && Charged == 0 && Shards > 0 && Deals > 0;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"kills {Kills}, acknowledged {Shards} shards and {Bytes} bytes checked, {Deals} deals, lost {Lost}, garbage left {Garbage}, wrongly charged {Charged}, seed {Seed}");
}

/// <summary>
/// Uploads, promises and deals against a node that is killed at random moments, again and again; then everything that was acknowledged
/// must be there, nothing else, and nothing else paid.
/// </summary>
internal sealed class KillRun
{
    private const int Uploaders = 4;
    private const int LifeMillisecondsMax = 900;
    private const int SmallLeavesMax = 300;
    private const int LargeLeavesMax = 8_000;
    private const int LargeOneIn = 12;
    private const int DealOneIn = 6;

    /// <summary>Periods that pass between two kills at most: no deal ends before the run does.</summary>
    private const uint PeriodsPerKill = 1;
    private const uint PeriodsLeft = 30;

    private readonly MarketFixture _market;
    private readonly string _dataDir;
    private readonly string _deployment;
    private readonly NodeId _node;
    private readonly NodeClient _client;
    private readonly int _seed;
    private readonly PeriodNumber _end;
    private readonly Action<string>? _progress;
    private readonly SemaphoreSlim _chain = new(1, 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<DealId, ShardCommitment> _acknowledged = [];
    private readonly Dictionary<DealId, ShardCommitment> _deals = [];
    private readonly Queue<DealId> _free = [];
    private readonly Dictionary<string, int> _refusals = new(StringComparer.Ordinal);
    private UInt128 _paid;

    private KillRun(MarketFixture market, RunningTestNode node, string deployment, int seed, PeriodNumber end, Action<string>? progress)
    {
        (_market, _dataDir, _deployment, _node, _seed, _end, _progress) = (market, node.DataDir, deployment, node.Id, seed, end, progress);
        _client = node.Connect(market.ClientAccount);
    }

    public static async Task<KillSums> RunAsync(MarketFixture market, int kills, int seed, Action<string>? progress)
    {
        await using RunningTestNode node = await market.StartNodeAsync(capacity: 8L << 30);
        await node.StopAsync();
        string deployment = await NodeChild.WriteDeploymentAsync(market, node.DataDir);
        PeriodNumber end = market.Facts.Schedule.PeriodOf(await market.TipAsync()) + PeriodsLeft + (PeriodsPerKill * (uint)kills);
        var run = new KillRun(market, node, deployment, seed, end, progress);
        return await run.RunAsync(kills);
    }

    private async Task<KillSums> RunAsync(int kills)
    {
        var random = new Random(_seed);
        UInt128 before = await FreeAsync();
        for (int kill = 1; kill <= kills; kill++)
        {
            await using (NodeChild child = await NodeChild.StartAsync(_dataDir, _deployment))
            {
                using var stop = new CancellationTokenSource();
                var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Task[] uploaders = [.. Enumerable.Range(0, Uploaders).Select(i => UploadAsync(new Random(HashCode.Combine(_seed, kill, i)), first, stop.Token))];
                // Every other node lives until it has acknowledged something, however slow the machine is; the others may die before.
                if (kill % 2 == 0) await first.Task.Within(Patience.Tool, "The first acknowledgement of a node");
                await Task.Delay(random.Next(LifeMillisecondsMax));
                await child.KillAsync();
                await stop.CancelAsync();
                await Task.WhenAll(uploaders);
            }

            if (kill % 10 == 0) _progress?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{kill} kills, {_acknowledged.Count} shards acknowledged, {_deals.Count} deals, refused: {string.Join("; ", _refusals.Select(one => $"{one.Value} {one.Key}"))}"));
        }

        // One last start puts in order what the last kill left, and reads the ledger; then the disk itself is looked at.
        await using (NodeChild child = await NodeChild.StartAsync(_dataDir, _deployment)) await WaitForLedgerAsync();
        return await CheckAsync(kills, before);
    }

    private async Task UploadAsync(Random random, TaskCompletionSource first, CancellationToken token)
    {
        DealId? next = null;
        while (!token.IsCancellationRequested)
        {
            DealId deal;
            lock (_lock) deal = next ?? (_free.TryDequeue(out DealId unused) ? unused : _market.NextDeal());
            next = deal;
            byte[] shard = new byte[MerkleTree.LeafBytes * random.Next(1, random.Next(LargeOneIn) == 0 ? LargeLeavesMax : SmallLeavesMax)];
            random.NextBytes(shard);
            bool wanted = random.Next(DealOneIn) == 0;
            NodeAnswer<UploadReceipt> receipt = await _client.UploadAsync(
                deal, 0, shard.Length, null, PipeReader.Create(new MemoryStream(shard)), null, CancellationToken.None);
            // A refusal is no acknowledgement; a dead node refuses everything.
            if (!receipt.IsOk)
            {
                lock (_lock) _refusals[Words(receipt.Outcome, receipt.Refusal?.Message)] = _refusals.GetValueOrDefault(Words(receipt.Outcome, receipt.Refusal?.Message)) + 1;
                continue;
            }

            next = null;
            ShardCommitment commitment = MerkleTree.Commit(shard);
            lock (_lock) _acknowledged[deal] = commitment;
            first.TrySetResult();
            if (receipt.Value != new UploadReceipt(commitment.Root, commitment.Leaves, commitment.Bytes)) throw new InvalidDataException("The receipt names other bytes.");
            if (wanted) await OpenAsync(deal, commitment, receipt.Value);
        }

        // The chain takes only numbers near the last one: what was not used is used next.
        lock (_lock)
        {
            if (next is { } left) _free.Enqueue(left);
        }
    }

    private async Task OpenAsync(DealId deal, ShardCommitment shard, UploadReceipt receipt)
    {
        await _chain.WaitAsync();
        try
        {
            AcceptanceRequest terms = await Deals.TermsAsync(_market, receipt) with { MaxEnd = _end };
            NodeAnswer<SignedAcceptance> promise = await _client.AcceptAsync(deal, 0, terms, CancellationToken.None);
            if (!promise.IsOk)
            {
                // The node may have written its promise down and died before it said so: it is bound to the deadline and no longer.
                lock (_lock) _acknowledged.Remove(deal);
                return;
            }

            UInt128 before = await FreeAsync();
            await _market.Client.StorageMarket.OpenDealAsync(deal.Client, Deals.TermsOf(promise.Value!, _end.Value), [Deals.AcceptanceOf(promise.Value!)]);
            _paid += before - await FreeAsync();
            lock (_lock) _deals[deal] = shard;
        }
        finally
        {
            _chain.Release();
        }
    }

    private static string Words(NodeOutcome outcome, string? message) => $"{outcome} {message}";

    private async Task<UInt128> FreeAsync() => (await _market.Client.Escrow.AccountOfAsync(_market.ClientAccount.Address)).Free;

    /// <summary>The node reads its ledger when a new block comes; the next turn then finds nothing to do.</summary>
    private async Task WaitForLedgerAsync()
    {
        await _market.Chain.MineAsync();
        BlockNumber tip = await _market.TipAsync();
        var patience = Stopwatch.StartNew();
        while (patience.Elapsed < Patience.Tool)
        {
            if ((await _client.GetInfoAsync(CancellationToken.None)) is { IsOk: true } info && info.Value!.Block >= tip) return;
            await Task.Delay(100);
        }

        throw new TimeoutException("The node does not see the newest block.");
    }

    private async Task<KillSums> CheckAsync(int kills, UInt128 before)
    {
        if (_market.Facts.Schedule.PeriodOf(await _market.TipAsync()) >= _end) throw new InvalidOperationException("Deals ended while the node was killed; raise PeriodsPerKill.");
        long lost = 0;
        long bytes = 0;
        string folder = Path.Combine(_dataDir, NodeFiles.Depot);
        await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(folder, long.MaxValue), TimeProvider.System, CancellationToken.None);
        foreach ((DealId deal, ShardCommitment shard) in _acknowledged)
        {
            // The record of an upload may be forgotten once a deal holds it; the shard may not.
            bool isRecorded = _deals.ContainsKey(deal) || depot.Catalogue.FindUpload(new UploadPlace(deal, 0))?.Shard == shard;
            ShardCommitment? found = null;
            try
            {
                using IShardContent? content = await depot.OpenAsync(shard.Root, CancellationToken.None);
                if (content is not null) found = await content.RehashAsync(CancellationToken.None);
            }
            catch (IOException)
            {
                // Counted below.
            }

            if (isRecorded && found == shard)
            {
                bytes += shard.Bytes;
                continue;
            }

            lost++;
            _progress?.Invoke($"LOST {shard.Root} of {deal.Number}: {(isRecorded ? "" : "not recorded, ")}{(found is null ? "not there" : "not right")}{(_deals.ContainsKey(deal) ? ", a deal holds it" : "")}");
        }

        var recorded = depot.Catalogue.All().Select(shard => shard.Root.ToString()[2..]).ToHashSet();
        long garbage = Directory.GetFiles(Path.Combine(folder, "arriving")).LongLength;
        string[] files = Directory.GetFiles(Path.Combine(folder, "shards"), "*", SearchOption.AllDirectories);
        garbage += files.Count(file => !recorded.Contains(Path.GetFileNameWithoutExtension(file)));
        lost += Math.Max(0, (2 * recorded.Count) - (files.Length - files.Count(file => !recorded.Contains(Path.GetFileNameWithoutExtension(file)))));

        long charged = before - await FreeAsync() == _paid ? 0 : 1;
        var onChain = new List<Root>();
        ulong cursor = 0;
        while (true)
        {
            (EntryView[] entries, ulong next) = await _market.Client.Lens.LedgerAsync(_node.Value, cursor, 100);
            onChain.AddRange(entries.Select(entry => entry.Root));
            if (entries.Length == 0 || next <= cursor) break;
            cursor = next;
        }

        charged += onChain.Except(_deals.Values.Select(shard => shard.Root)).Count() + Math.Abs(onChain.Count - _deals.Count);
        _client.Dispose();
        return new KillSums(kills, _acknowledged.Count, bytes, _deals.Count, lost, garbage, charged, _seed);
    }
}
