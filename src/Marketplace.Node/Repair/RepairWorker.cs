using Hangfire;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Storage;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// Reports who fails, and takes over slots that lost their holder: looks, asks <see cref="RepairPolicy"/>, does it. The bond is put down only when the shard
/// lies here already, so that no reservation lapses for a slow network.
/// </summary>
internal sealed partial class RepairWorker(
    NodeChain chain, ShardDepot depot, StrikeReporter reporter, NodeConfig config, NodeBandwidth bandwidth, NodeLimits limits, Chain.Accounts.Account hot, TimeProvider time, ILogger<RepairWorker> log) : IDisposable
{
    private const byte Lost = 2;
    private const byte Evicted = 3;
    private const byte Held = 1;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly RepairWatch _watch = new(chain, limits);
    private readonly NodeClients _peers = new(EndpointGate.ForChain(chain.Facts.Scope.ChainId), chain.Facts.Scope);

    /// <summary>How the last turn ended.</summary>
    public LastTurn Turn { get; } = new();

    /// <summary>Whether it is this node's time to look who missed periods.</summary>
    public bool IsReportDue(BlockNumber tip) => reporter.IsDue(tip);

    /// <summary>One turn over all slots that are known to be vacant. Returns at once if another is under way.</summary>
    public async Task TickAsync(CancellationToken token)
    {
        if (!await _turn.WaitAsync(TimeSpan.Zero, token)) return;
        try
        {
            BlockNumber tip = await chain.TipAsync(token);
            await reporter.TickAsync(tip, token);
            IReadOnlyList<VacantSlot> slots = await _watch.ReadAsync(tip, token);
            foreach (VacantSlot vacant in slots)
            {
                try
                {
                    await LookAtAsync(vacant, tip, token);
                }
                catch (Exception e) when (NodeWorker.IsTrouble(e))
                {
                    // Another node was faster, or a holder is away: what is true then is looked at in the next turn.
                    LogTrouble(vacant.Slot, vacant.Deal, e.Message);
                }
            }

            Turn.Ended(chain.Facts.Schedule.PeriodOf(tip), tip, isIdle: slots.Count == 0);
        }
        catch (Exception e) when (NodeWorker.IsTrouble(e))
        {
            LogNoLook(e.Message);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _turn.Dispose();
        _peers.Dispose();
    }

    private async Task LookAtAsync(VacantSlot vacant, BlockNumber tip, CancellationToken token)
    {
        DealView deal = await chain.Contracts.Lens.DealAsync(vacant.Deal.ToWord(), token: token);
        SlotView? slot = Array.Find(deal.Slots, candidate => candidate.Index == vacant.Slot);
        if (slot is null || slot.Leaves == 0 || !Rate.TryDecode(deal.Rate, out Rate rate))
        {
            _watch.Forget(vacant);
            return;
        }

        var shard = new ShardCommitment(slot.Root, (long)slot.Leaves);
        RepairScene scene = await SceneAsync(vacant, deal, slot, shard, rate, tip, token);
        RepairStep step = RepairPolicy.Decide(scene);
        // What lies here may be the very copy whose loss was told, or have been damaged since.
        if (step is RepairStep.Reserve or RepairStep.Claim && !await IsWholeAsync(shard, token)) step = RepairStep.Rebuild;
        switch (step)
        {
            case RepairStep.Forget:
                _watch.Forget(vacant);
                break;

            case RepairStep.Rebuild:
                if (!await RebuildAsync(vacant, deal, shard, token)) _watch.Forget(vacant);
                break;

            case RepairStep.Reserve:
                await chain.Contracts.StorageMarket.ReserveAsync(vacant.Deal.ToWord(), (byte)vacant.Slot, chain.Node.Value, token: token);
                LogReserved(vacant.Slot, vacant.Deal, scene.BountyUnits);
                break;

            case RepairStep.Claim:
                await ClaimAsync(vacant, shard, tip, token);
                _watch.Forget(vacant);
                LogTaken(vacant.Slot, vacant.Deal, scene.BountyUnits);
                break;
        }
    }

    private async Task<RepairScene> SceneAsync(
        VacantSlot vacant, DealView deal, SlotView slot, ShardCommitment shard, Rate rate, BlockNumber tip, CancellationToken token)
    {
        VacancyView vacancy = await chain.Contracts.Lens.VacancyAsync(vacant.Deal.ToWord(), (byte)vacant.Slot, token: token);
        Standing standing = await chain.StandingAsync(token);
        ulong stake = (await chain.RegisteredAsync(token)).Stake;
        Schedule schedule = chain.Facts.Schedule;
        return new RepairScene(
            schedule,
            tip,
            chain.Node,
            vacant,
            (byte)slot.State is Lost or Evicted,
            new PeriodNumber(deal.End),
            rate.Units,
            config.Price.RateFor((ulong)shard.Bytes, schedule.PeriodBlocks, schedule.BlockSeconds).Units,
            vacancy.Bounty,
            vacancy.Bond,
            new NodeId(vacancy.ReservedBy),
            new PeriodNumber(vacancy.Until),
            chain.Facts.ReservePeriods,
            Array.Exists(deal.Slots, other => other.Index != vacant.Slot && other.Node == chain.Node.Value && (byte)other.State is Held or Evicted),
            Array.FindAll(deal.Slots, other => IsSource(other, vacant.Slot)).Length,
            deal.K,
            standing.Out != 0,
            stake >= standing.StakeNeeded + ((UInt128)rate.Units * chain.Facts.StakePeriods),
            depot.Space.Free >= DiskBytes.Of(shard.Leaves),
            await chain.FreeUnitsAsync(hot.Address, token),
            depot.Catalogue.Find(shard.Root) is not null);
    }

    private async Task<bool> IsWholeAsync(ShardCommitment shard, CancellationToken token)
    {
        try
        {
            using IShardContent? content = await depot.OpenAsync(shard.Root, token);
            return content is not null && await content.RehashAsync(token) == shard;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>False if the shard can never be made: the client's columns are no codeword, or too few to know.</summary>
    private async Task<bool> RebuildAsync(VacantSlot vacant, DealView deal, ShardCommitment shard, CancellationToken token)
    {
        Redundancy? redundancy = null;
        if (deal.K > 1)
        {
            if (deal.N < Redundancy.ShardsMin || deal.K >= deal.N) return false;
            redundancy = new Redundancy(deal.K, deal.N);
        }

        var sources = new List<RepairSource>();
        foreach (SlotView other in deal.Slots.Where(other => IsSource(other, vacant.Slot)))
        {
            NodeView node = await chain.Contracts.NodeRegistry.NodeAsync(other.Node, token: token);
            if (PeerEndpoint.FirstIn(node.Endpoint, secure: true) is not { } endpoint) continue;
            var peer = new NodePeer(new NodeId(other.Node), node.Hot, endpoint, new CertificateFingerprint(node.Fingerprint));
            sources.Add(new RepairSource(other.Index, new ShardCommitment(other.Root, (long)other.Leaves), peer));
        }

        var place = new UploadPlace(vacant.Deal, vacant.Slot);
        await using ShardUpload upload = await depot.BeginAsync(place, shard.Bytes, token) ?? throw new IOException("There is no room for the shard.");
        // Each repairer begins with another holder, so that they share the work.
        int turn = sources.Count == 0 ? 0 : (int)(chain.Node.Value % (uint)sources.Count);
        await new ShardRebuild(_peers, bandwidth.In).WriteAsync(redundancy, vacant.Slot, shard.Bytes, [.. sources.Skip(turn), .. sources.Take(turn)], upload, token);
        // It waits here until it is claimed.
        TimeSpan life = (chain.Facts.Schedule.PeriodLength * (chain.Facts.ReservePeriods + 2)) + limits.UploadLife;
        (UploadEnd end, ShardCommitment made) = await upload.CompleteAsync(time.GetUtcNow() + life, token);
        if (end == UploadEnd.Kept && made == shard)
        {
            LogRebuilt(shard.Root, vacant.Slot, vacant.Deal);
            return true;
        }

        depot.Catalogue.RemoveUpload(place);
        LogNoCodeword(vacant.Slot, vacant.Deal);
        return false;
    }

    private async Task ClaimAsync(VacantSlot vacant, ShardCommitment shard, BlockNumber tip, CancellationToken token)
    {
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        byte[] seed = await chain.Contracts.StorageMarket.SeedOfAsync(period.Value, token: token);
        var context = new TakeoverContext(
            chain.Facts.Scope.ChainId, chain.Facts.Scope.Market, chain.Node, period, Challenges.SeedOf(seed), vacant.Deal, (byte)vacant.Slot);
        using IShardContent content = await depot.OpenAsync(shard.Root, token) ?? throw new IOException($"The shard {shard.Root} is gone.");
        byte[] proof = TakeoverProof.Make(context, shard, content);
        if (!TakeoverProof.Verify(context, shard, proof)) throw new IOException($"The shard {shard.Root} is damaged.");
        await chain.Contracts.StorageMarket.ClaimAsync(vacant.Deal.ToWord(), (byte)vacant.Slot, chain.Node.Value, NoHint, proof, token: token);
    }

    /// <summary>Appends the range to the ledger.</summary>
    private const ulong NoHint = ulong.MaxValue;

    private bool IsSource(SlotView other, int vacant) =>
        other.Index != vacant && other.Leaves > 0 && (byte)other.State == Held && other.Node != chain.Node.Value;

    [LoggerMessage(2261, LogLevel.Information, "Made the shard {Root} of slot {Slot} of deal {Deal} from what others hold")]
    private partial void LogRebuilt(Root root, int slot, DealId deal);

    [LoggerMessage(2262, LogLevel.Information, "Reserved slot {Slot} of deal {Deal}, bounty {Bounty} u")]
    private partial void LogReserved(int slot, DealId deal, ulong bounty);

    [LoggerMessage(2263, LogLevel.Information, "Took over slot {Slot} of deal {Deal}, bounty {Bounty} u")]
    private partial void LogTaken(int slot, DealId deal, ulong bounty);

    [LoggerMessage(2264, LogLevel.Warning, "Slot {Slot} of deal {Deal} cannot be made: its columns are no codeword")]
    private partial void LogNoCodeword(int slot, DealId deal);

    [LoggerMessage(2265, LogLevel.Information, "Slot {Slot} of deal {Deal} was not repaired in this turn: {Why}")]
    private partial void LogTrouble(int slot, DealId deal, string why);

    [LoggerMessage(2266, LogLevel.Information, "Vacant slots were not looked for: {Why}")]
    private partial void LogNoLook(string why);
}

/// <summary>What Hangfire runs over and over: one turn of the repair worker, beside proving and never in its way.</summary>
[AutomaticRetry(Attempts = 0)]
internal sealed class RepairJob(RepairWorker worker)
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "repair";

    public Task RunAsync(CancellationToken token) => worker.TickAsync(token);
}
