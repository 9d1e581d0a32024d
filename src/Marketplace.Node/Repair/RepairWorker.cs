using System.Numerics;
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
    NodeChain chain, ShardDepot depot, SpokenStake spoken, StrikeReporter reporter, NodeConfig config, NodeBandwidth bandwidth, NodeLimits limits, Chain.Accounts.Account hot, TimeProvider time, ILogger<RepairWorker> log) : IDisposable
{
    private const byte Lost = 2;
    private const byte Evicted = 3;
    private const byte Held = 1;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SemaphoreSlim _rebuildTurn = new(1, 1);
    private readonly Lock _rebuildLock = new();
    private readonly HashSet<UploadPlace> _underWay = [];
    private IReadOnlyList<VacantSlot> _rebuilds = [];
    private readonly RepairWatch _watch = new(chain, limits, time, log);
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
            IReadOnlyList<VacantSlot> slots = await _watch.ReadAsync(tip, token);
            var found = new List<Work>();
            Means? means = slots.Count == 0 ? null : await MeansAsync(tip, token);
            foreach (VacantSlot vacant in slots)
            {
                await TryAsync(vacant, async () =>
                {
                    if (await DecideAsync(vacant, means!, tip, token) is { } work) found.Add(work);
                });
            }

            var rebuilds = found.Where(work => work.Step == RepairStep.Rebuild).OrderByDescending(work => work.IsBondMine).Select(work => work.Vacant).ToList();
            // A bond lies for each claim.
            foreach (RepairStep step in (RepairStep[])[RepairStep.Claim, RepairStep.Release, RepairStep.Reserve])
            {
                foreach (Work work in found.Where(work => work.Step == step)) await TryAsync(work.Vacant, () => DoAsync(work, tip, rebuilds, token));
            }

            lock (_rebuildLock) _rebuilds = rebuilds;
            Turn.Ended(chain.Facts.Schedule.PeriodOf(tip), tip, isIdle: _watch.IsEmpty);
            await reporter.TickAsync(tip, token);
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

    /// <summary>Whether shards are to be made and nobody is at it.</summary>
    public bool HasRebuilds
    {
        get
        {
            lock (_rebuildLock) return _rebuilds.Count > 0 && _rebuildTurn.CurrentCount > 0;
        }
    }

    /// <summary>
    /// Makes the shards that turns find missing, a few at once, until there is none left. Returns at once if another call is at it: turns
    /// with their claims and reports go on beside, and what they find meanwhile is taken up as soon as there is a free place.
    /// </summary>
    public async Task RebuildAsync(CancellationToken token)
    {
        if (!await _rebuildTurn.WaitAsync(TimeSpan.Zero, token)) return;
        var running = new List<Task>();
        try
        {
            while (true)
            {
                while (running.Count < limits.RebuildsAtOnceMax && NextRebuild() is { } vacant) running.Add(RebuildAsync(vacant, token));
                if (running.Count == 0) return;
                await Task.WhenAny([.. running, Task.Delay(limits.RebuildLookEvery, time, token)]);
                token.ThrowIfCancellationRequested();
                foreach (Task ended in running.FindAll(task => task.IsCompleted))
                {
                    running.Remove(ended);
                    await ended;
                }
            }
        }
        finally
        {
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _rebuildTurn.Release();
        }
    }

    public void Dispose()
    {
        _turn.Dispose();
        _rebuildTurn.Dispose();
        _peers.Dispose();
    }

    /// <summary>The next shard to make, which is under way then.</summary>
    private VacantSlot? NextRebuild()
    {
        lock (_rebuildLock)
        {
            VacantSlot? next = _rebuilds.FirstOrDefault(vacant => !_underWay.Contains(vacant.Place));
            _rebuilds = next is null ? [] : [.. _rebuilds.Where(vacant => vacant != next)];
            if (next is not null) _underWay.Add(next.Place);
            return next;
        }
    }

    private async Task RebuildAsync(VacantSlot vacant, CancellationToken token)
    {
        try
        {
            await TryAsync(vacant, async () =>
            {
                // What was true when the turn ended may be long ago.
                BlockNumber tip = await chain.TipAsync(token);
                if (await DecideAsync(vacant, await MeansAsync(tip, token), tip, token) is not { } work) return;
                bool isMissing = work.Step == RepairStep.Rebuild || (work.Step is RepairStep.Reserve or RepairStep.Claim && !await IsWholeAsync(work.Shard, token));
                if (isMissing && !await RebuildAsync(vacant, work.Deal, work.Shard, token)) _watch.Forget(vacant);
            });
        }
        finally
        {
            lock (_rebuildLock) _underWay.Remove(vacant.Place);
        }
    }

    private async Task TryAsync(VacantSlot vacant, Func<Task> what)
    {
        try
        {
            await what();
        }
        catch (Exception e) when (NodeWorker.IsTrouble(e))
        {
            // Another node was faster, or a holder is away: what is true then is looked at when it is tried again.
            _watch.PutOff(vacant);
            LogTrouble(vacant.Slot, vacant.Deal, e.Message);
        }
    }

    /// <summary>What is to be done about a slot; null if there never will be anything.</summary>
    private async Task<Work?> DecideAsync(VacantSlot vacant, Means means, BlockNumber tip, CancellationToken token)
    {
        DealView deal = await chain.Contracts.Lens.DealAsync(vacant.Deal.ToWord(), token: token);
        VacancyWord bond = VacancyWord.Read(await chain.Contracts.StorageMarket.VacancyWordAsync(vacant.Deal.ToWord(), (byte)vacant.Slot, token: token));
        SlotView? slot = Array.Find(deal.Slots, candidate => candidate.Index == vacant.Slot);
        if (slot is null || slot.Leaves == 0 || !Rate.TryDecode(deal.Rate, out Rate rate) || FloorFor((long)slot.Leaves) is not { } floor)
        {
            spoken.NotReserved(vacant.Place);
            // Of a deal that was settled nothing is left but the bond.
            if (bond.By == chain.Node.Value) return new Work(vacant, deal, default, RepairStep.Release, 0, 0, IsBondMine: true);
            _watch.Forget(vacant);
            return null;
        }

        var shard = new ShardCommitment(slot.Root, (long)slot.Leaves);
        RepairScene scene = await SceneAsync(vacant, means, deal, slot, bond, shard, rate, floor, tip, token);
        RepairStep step = RepairPolicy.Decide(scene);
        if (step == RepairStep.Forget) _watch.Forget(vacant);
        return new Work(vacant, deal, shard, step, scene.RateUnits, scene.BountyUnits, bond.By == chain.Node.Value);
    }

    private async Task DoAsync(Work work, BlockNumber tip, List<VacantSlot> rebuilds, CancellationToken token)
    {
        VacantSlot vacant = work.Vacant;
        if (work.Step == RepairStep.Release)
        {
            await chain.Contracts.StorageMarket.ReleaseAsync(vacant.Deal.ToWord(), (byte)vacant.Slot, token: token);
            spoken.NotReserved(vacant.Place);
            _watch.Forget(vacant);
            LogReleased(vacant.Slot, vacant.Deal);
            return;
        }

        // What lies here may be the very copy whose loss was told, or have been damaged since; or be a client's upload, which that client may take back.
        if (!depot.Catalogue.Hold(work.Shard, KeptUntilClaimed()) || !await IsWholeAsync(work.Shard, token))
        {
            rebuilds.Insert(work.IsBondMine ? 0 : rebuilds.Count, vacant);
        }
        else if (work.Step == RepairStep.Reserve)
        {
            // This turn may have reserved others already, and a client may have been promised something meanwhile. If the chain refuses, the next turn finds it out.
            spoken.Reserved(vacant.Place, work.RateUnits, tip);
            Means means = await MeansAsync(tip, token);
            if (spoken.ReservesAnother(vacant.Place) || !means.Covers(means.SpokenUnits, chain.Facts.StakePeriods))
            {
                spoken.NotReserved(vacant.Place);
                return;
            }

            await chain.Contracts.StorageMarket.ReserveAsync(vacant.Deal.ToWord(), (byte)vacant.Slot, chain.Node.Value, token: token);
            LogReserved(vacant.Slot, vacant.Deal, work.BountyUnits);
        }
        else
        {
            await ClaimAsync(vacant, work.Shard, tip, token);
            _watch.Forget(vacant);
            LogTaken(vacant.Slot, vacant.Deal, work.BountyUnits);
        }
    }

    private async Task<RepairScene> SceneAsync(
        VacantSlot vacant, Means means, DealView deal, SlotView slot, VacancyWord bond, ShardCommitment shard, Rate rate, Rate floor, BlockNumber tip, CancellationToken token)
    {
        VacancyView vacancy = await chain.Contracts.Lens.VacancyAsync(vacant.Deal.ToWord(), (byte)vacant.Slot, token: token);
        Schedule schedule = chain.Facts.Schedule;
        bool isMine = bond.By == chain.Node.Value && bond.Until >= schedule.PeriodOf(tip).Value;
        if (isMine) spoken.Reserved(vacant.Place, rate.Units, tip);
        else spoken.NotReserved(vacant.Place);
        return new RepairScene(
            schedule,
            tip,
            chain.Node,
            vacant,
            (byte)slot.State is Lost or Evicted,
            new PeriodNumber(deal.End),
            rate.Units,
            floor.Units,
            vacancy.Bounty,
            vacancy.Bond,
            new NodeId(bond.By),
            new PeriodNumber(bond.Until),
            chain.Facts.ReservePeriods,
            (ulong)UInt128.Min((UInt128)config.LeastBounty.Units, ulong.MaxValue),
            means.HasGas,
            await HoldsAnotherAsync(vacant, deal, means.Registered.Owner, token),
            spoken.ReservesAnother(vacant.Place),
            Array.FindAll(deal.Slots, other => IsSource(other, vacant.Slot)).Length,
            deal.K,
            means.Standing.Out != 0,
            means.Covers(isMine ? rate.Units : (UInt128)means.SpokenUnits + rate.Units, chain.Facts.StakePeriods),
            depot.Space.Free >= DiskBytes.Of(shard.Leaves),
            means.FreeUnits,
            depot.Catalogue.Find(shard.Root) is not null);
    }

    /// <summary>What this node asks for so many leaves; null if no deal can be made at its price, so that a stranger's slot is none for it.</summary>
    private Rate? FloorFor(long leaves) => config.Price.TryRateFor(
        (ulong)(leaves * MerkleTree.LeafBytes), chain.Facts.Schedule.PeriodBlocks, chain.Facts.Schedule.BlockSeconds, out Rate rate) ? rate : null;

    /// <summary>Whether this node holds another slot of the deal, or another node of its owner does: what falls together is no spare.</summary>
    private async Task<bool> HoldsAnotherAsync(VacantSlot vacant, DealView deal, Address owner, CancellationToken token)
    {
        foreach (SlotView other in deal.Slots.Where(other => other.Index != vacant.Slot && (byte)other.State is Held or Evicted))
        {
            if (other.Node == chain.Node.Value) return true;
            if (limits.MayShareOwnerOn(chain.Facts.Scope.ChainId)) continue;
            if ((await chain.Contracts.NodeRegistry.NodeAsync(other.Node, token: token)).Owner == owner) return true;
        }

        return false;
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

        // Its client cannot take back what lies at nobody's place, nor put something else there, while a bond lies for it.
        await using ShardUpload upload = await depot.BeginAsync(UploadPlace.Nobodys, shard.Bytes, token) ?? throw new IOException("There is no room for the shard.");
        // Each repairer begins with another holder, so that they share the work.
        int turn = sources.Count == 0 ? 0 : (int)(chain.Node.Value % (uint)sources.Count);
        await new ShardRebuild(_peers, bandwidth.In, limits, time).WriteAsync(redundancy, vacant.Slot, shard.Bytes, [.. sources.Skip(turn), .. sources.Take(turn)], upload, token);
        if (await upload.CompleteAsAsync(shard, KeptUntilClaimed(), token))
        {
            LogRebuilt(shard.Root, vacant.Slot, vacant.Deal);
            return true;
        }

        LogNoCodeword(vacant.Slot, vacant.Deal);
        return false;
    }

    /// <summary>Until when a shard that no deal of this node names waits here for its claim.</summary>
    private DateTimeOffset KeptUntilClaimed() => time.GetUtcNow() + (chain.Facts.Schedule.PeriodLength * (chain.Facts.ReservePeriods + 2)) + limits.UploadLife;

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

    /// <summary>Reads what this node has to repair with.</summary>
    private async Task<Means> MeansAsync(BlockNumber tip, CancellationToken token) => new(
        await chain.StandingAsync(token),
        await chain.RegisteredAsync(token),
        (await spoken.UnitsAsync(UploadPlace.Nobodys, tip, token)).OfOthers,
        await chain.FreeUnitsAsync(hot.Address, token),
        await chain.Contracts.Web3.Eth.GetBalanceAsync(hot.Address, token: token) >= NodeSetup.GasWeiLow);

    /// <summary>What this node has to repair with, whichever slot it is for.</summary>
    private sealed record Means(Standing Standing, NodeView Registered, ulong SpokenUnits, UInt128 FreeUnits, bool HasGas)
    {
        /// <summary>Whether the stake covers so many units a period more than the node earns.</summary>
        public bool Covers(UInt128 more, uint stakePeriods) => Registered.Stake >= Standing.StakeNeeded + (more * stakePeriods);
    }

    private sealed record Work(VacantSlot Vacant, DealView Deal, ShardCommitment Shard, RepairStep Step, ulong RateUnits, ulong BountyUnits, bool IsBondMine);

    [LoggerMessage(2261, LogLevel.Information, "Made the shard {Root} of slot {Slot} of deal {Deal} from what others hold")]
    private partial void LogRebuilt(Root root, int slot, DealId deal);

    [LoggerMessage(2262, LogLevel.Information, "Reserved slot {Slot} of deal {Deal}, bounty {Bounty} u")]
    private partial void LogReserved(int slot, DealId deal, ulong bounty);

    [LoggerMessage(2263, LogLevel.Information, "Took over slot {Slot} of deal {Deal}, bounty {Bounty} u")]
    private partial void LogTaken(int slot, DealId deal, ulong bounty);

    [LoggerMessage(2264, LogLevel.Warning, "Slot {Slot} of deal {Deal} cannot be made: its columns are no codeword")]
    private partial void LogNoCodeword(int slot, DealId deal);

    [LoggerMessage(2267, LogLevel.Information, "Slot {Slot} of deal {Deal} needs nobody any more: the bond for it is back in the owner's free money")]
    private partial void LogReleased(int slot, DealId deal);

    [LoggerMessage(2265, LogLevel.Information, "Slot {Slot} of deal {Deal} was not repaired and is tried again later: {Why}")]
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

/// <summary>Makes shards that take long, beside the turns of <see cref="RepairJob"/>.</summary>
[AutomaticRetry(Attempts = 0)]
internal sealed class RebuildJob(RepairWorker worker)
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "rebuild";

    public Task RunAsync(CancellationToken token) => worker.RebuildAsync(token);
}
