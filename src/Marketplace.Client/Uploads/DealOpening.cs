using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Client.Deals;
using Marketplace.Client.Sessions;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Uploads;

/// <summary>
/// From uploaded shards to an open deal: refills slots, gathers the nodes' promises, checks them, and opens the deal in one transaction.
/// If the fate of the transaction is unknown, the deal's number tells: it can be used once, so nothing is paid twice.
/// </summary>
internal sealed class DealOpening(MarketSession session, DealId deal, PutPlan plan, BundleUpload upload, IProgress<ClientProgress>? progress)
{
    /// <summary>
    /// How long slots are filled again at most once enough are filled to open the deal, all together: well below the hour after which nodes
    /// drop an upload that they promised nothing for.
    /// </summary>
    public static readonly TimeSpan RefillingMax = TimeSpan.FromMinutes(30);

    /// <summary>How often promises are asked for anew because they lapsed before the chain took them.</summary>
    private const int AttemptsMax = 3;

    // A promise may lie at most a period ahead of the block that uses it, and the node may not have seen our newest blocks.
    private const uint NodeLagBlocks = 2;

    // By then the transaction is in a block.
    private const uint LandingBlocks = 3;

    // Up to where a deal may be extended later. Nodes promise about a year ahead, not more.
    private static readonly TimeSpan s_extendable = TimeSpan.FromDays(365);

    private readonly Queue<UploadTarget> _spares = new(plan.Spares);
    private long _uploadedAt;

    /// <summary>
    /// Whether the deal may be open although the call failed: a transaction was sent and nobody knows what became of it.
    /// The nodes must then keep what they have.
    /// </summary>
    public bool MayBeOpen { get; private set; }

    /// <summary>Opens the deal.</summary>
    /// <exception cref="MarketException">Nothing was opened and nothing is locked.</exception>
    public async Task<DealFacts> RunAsync(CancellationToken token)
    {
        _uploadedAt = session.Time.GetTimestamp();
        for (int attempt = 1; ; attempt++)
        {
            await RefillAsync(token);
            progress?.Report(new ClientProgress(ClientStage.Opening, 0, null));
            Moment now = await session.Chain.NowAsync(token);
            Rate rate = PutPlan.RateOf(upload.Filled.Select(slot => slot.Target), upload.Geometry.ShardBytes, now.Schedule);
            PeriodNumber end = EndAt(now);
            var terms = new DealTerms(deal, plan.Redundancy, upload.Geometry.Leaves, rate, end, EndMax(end, now), plan.FilledMin);
            await CheckMoneyAsync(terms, now, token);
            List<SignedAcceptance> promises = await PromisesAsync(terms, now, token);
            bool mayRefill = promises.Count < plan.Redundancy.Shards && _spares.Count > 0 && RefillTime() > TimeSpan.Zero && attempt < AttemptsMax;
            if (mayRefill) continue;
            RequireEnough(promises.Count);
            try
            {
                return await OpenAsync(terms, promises, token);
            }
            catch (ContractRevertException revert) when (attempt < AttemptsMax && MarketErrors.IsLapsed(revert))
            {
                // Too many promises lapsed on the way; they are asked for again.
            }
        }
    }

    private async Task RefillAsync(CancellationToken token)
    {
        // What lies nowhere cannot be made again: then the nodes' own words say more.
        if (upload.Filled.Count() < plan.Redundancy.Needed) _spares.Clear();
        foreach (int slot in upload.Vacant)
        {
            token.ThrowIfCancellationRequested();
            while (RefillTime() is var most && most > TimeSpan.Zero && _spares.TryDequeue(out UploadTarget? spare))
            {
                progress?.Report(new ClientProgress(ClientStage.Refilling, 0, upload.Geometry.ShardBytes));
                if (await upload.RefillAsync(slot, spare, most)) break;
            }
        }

        RequireEnough(upload.Filled.Count());
    }

    /// <summary>How long the next slot may take. While too few are filled there is nothing to lose, and each spare gets the whole time.</summary>
    private TimeSpan RefillTime() =>
        upload.Filled.Count() < plan.FilledMin ? RefillingMax : RefillingMax - session.Time.GetElapsedTime(_uploadedAt);

    private void RequireEnough(int filled)
    {
        if (filled >= plan.FilledMin) return;
        throw new MarketException(
            MarketErrorCode.Incomplete,
            $"Only {filled} of {plan.Redundancy.Shards} slots could be filled, and at least {plan.FilledMin} are needed: {BundleUpload.FaultText(upload.Faults)}.",
            "nothing was paid; try again when more nodes answer");
    }

    private async Task CheckMoneyAsync(DealTerms terms, Moment now, CancellationToken token)
    {
        Funds funds = await session.Chain.FundsAsync(deal.Client, session.Actor!.Address, token);
        uint periods = terms.End.Value - Math.Min(terms.End.Value - 1, now.Period.Value + 1);
        funds.Require(await session.Chain.QuoteAsync(terms.Rate, plan.Redundancy.Shards, periods, token));
    }

    /// <summary>As planned, unless that became too short for a deal while the bytes were sent.</summary>
    private PeriodNumber EndAt(Moment now)
    {
        PeriodNumber opened = now.Schedule.PeriodOf(new BlockNumber(now.Block.Value + LandingBlocks));
        PeriodNumber shortest = opened + 1 + session.Parameters.DealPeriodsMin;
        return plan.End > shortest ? plan.End : shortest;
    }

    private static PeriodNumber EndMax(PeriodNumber end, Moment now)
    {
        ulong latest = Math.Max(end.Value, (ulong)now.Period.Value + 1 + now.Schedule.PeriodsIn(s_extendable));
        return new PeriodNumber((uint)Math.Min(latest, PeriodNumber.ValueMax));
    }

    private async Task<List<SignedAcceptance>> PromisesAsync(DealTerms terms, Moment now, CancellationToken token)
    {
        var deadline = new BlockNumber(now.Block.Value + Math.Max(1, now.Schedule.PeriodBlocks - NodeLagBlocks));
        SlotUpload[] slots = [.. upload.Filled];
        NodeAnswer<SignedAcceptance>[] answers = await Task.WhenAll(slots.Select(slot =>
        {
            ShardCommitment shard = upload.Commitment(slot.Slot);
            var request = new AcceptanceRequest(shard.Root, shard.Leaves, terms.Rate.Encoded, terms.EndMax, deadline);
            return session.Nodes.For(slot.Target.Peer).AcceptAsync(deal, slot.Slot, request, token);
        }));
        SignedAcceptance[] given = [.. answers.Where(answer => answer.IsOk).Select(answer => answer.Value!)];
        IReadOnlyList<bool> right = await session.Chain.AreSignedAsync(terms, given, slot => slots.First(one => one.Slot == slot).Target.Peer.HotAddress, token);

        var promises = new List<SignedAcceptance>();
        for (int i = 0; i < slots.Length; i++)
        {
            int place = answers[i].IsOk ? Array.IndexOf(given, answers[i].Value!) : -1;
            if (place >= 0 && right[place]) promises.Add(given[place]);
            else upload.GiveUp(slots[i], answers[i].IsOk ? "its promise is not signed by its key" : answers[i].Refusal?.Message ?? $"{answers[i].Outcome}");
        }

        promises.Sort((a, b) => a.Slot.CompareTo(b.Slot));
        return promises;
    }

    private async Task<DealFacts> OpenAsync(DealTerms terms, IReadOnlyList<SignedAcceptance> promises, CancellationToken token)
    {
        // From here on money may be locked: whoever asked for it may be gone, what became of it is learned all the same.
        token.ThrowIfCancellationRequested();
        MayBeOpen = true;
        try
        {
            return await session.Chain.OpenDealAsync(terms, promises, CancellationToken.None);
        }
        catch (ContractRevertException revert)
        {
            MayBeOpen = false;
            if (MarketErrors.IsLapsed(revert)) throw;
            throw MarketErrors.Explain(revert);
        }
        catch (Exception exception) when (exception is TransactionTimeoutException or TransactionReplacedException or RpcException)
        {
            if (await session.Chain.LookForAsync(deal, found => promises.Any(promise => found.Holds(promise.Root)), exception, session.Time) is { } found) return found;
            throw new MarketException(
                MarketErrorCode.Failed,
                $"It is not known whether deal {deal.Number} was opened: {exception.Message}",
                "look before you put it again: market deals",
                exception);
        }
    }
}
