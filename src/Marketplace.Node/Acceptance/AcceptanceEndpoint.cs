using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Network;
using Marketplace.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary><c>POST /v1/uploads/{client}/{number}/{slot}/acceptance</c>: the node's promise, on its disk before it is in the answer.</summary>
internal sealed partial class AcceptanceEndpoint(
    NodeChain chain, ShardDepot depot, SpokenStake spoken, NodePulse pulse, NodeConfig config, Account hot, NodeLimits limits, TimeProvider time, ILogger<AcceptanceEndpoint> log) : IDisposable
{
    // One promise at a time: each is weighed with all that were given before.
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Turns<Address> _ofClient = new(limits.PromisesPerClientMax);

    public async Task<IResult> AcceptAsync(UploadPlace place, AcceptanceRequest terms, CancellationToken token)
    {
        if (pulse.Fresh(time.GetUtcNow(), limits.ChainSilenceMax) is not { } now)
        {
            return Failures.Of(StatusCodes.Status503ServiceUnavailable, MarketErrorCode.Incomplete, "The node does not know the chain's newest blocks.", "Try again, or another node.");
        }

        if (!_ofClient.TryEnter(place.Deal.Client))
        {
            return Failures.Of(
                StatusCodes.Status503ServiceUnavailable, MarketErrorCode.Incomplete, $"The client asks for more than {limits.PromisesPerClientMax} promises at once.", "Wait for the answers, then ask again.");
        }

        try
        {
            return await WeighAsync(place, terms, now, token);
        }
        finally
        {
            _ofClient.Leave(place.Deal.Client);
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task<IResult> WeighAsync(UploadPlace place, AcceptanceRequest terms, Pulse now, CancellationToken token)
    {
        if (depot.Catalogue.FindUpload(place) is null) return NothingThere();
        // What the chain says is asked for before the turn: one client's questions do not hold up another's.
        BlockNumber tip = await chain.TipAsync(token);
        UInt128 clientFree = await chain.FreeUnitsAsync(place.Deal.Client, token);
        NodeId? holder = await chain.HolderAsync(place.Deal, place.Slot, token);
        await _turn.WaitAsync(token);
        try
        {
            if (depot.Catalogue.FindUpload(place) is not { } upload) return NothingThere();
            SignedAcceptance asked = new(
                chain.Node, place.Deal.Client, place.Deal.Number, place.Slot, terms.Root, terms.Leaves, terms.Rate, terms.MaxEnd, terms.Deadline, null, "");
            if (upload.Promise is { } given && Read(given.Document) is { } before && before with { Hint = null, Signature = "" } == asked && before.Deadline > tip)
            {
                return Results.Json(before, NodeJson.Default.SignedAcceptance);
            }

            if (await CannotShowAsync(upload.Shard.Root, token) is { } away) return away;
            Rate.TryDecode(terms.Rate, out Rate rate);
            (ulong ofOthers, ulong ofThis) = await spoken.UnitsAsync(place, now.Tip, token);
            var scene = new AcceptanceScene(
                chain.Facts.Schedule,
                config.Price,
                limits.HorizonMax,
                tip,
                // The chain keeps the reporter's bounty out of what covers pay.
                now.Registered.Stake - Math.Min(now.Registered.Stake, chain.Facts.ReportBountyUnits),
                chain.Facts.StakePeriods,
                now.Standing.Rate,
                // Of several promises for one place only one is ever used, maybe the dearest.
                ofOthers + (ofThis - Math.Min(ofThis, rate.Units)),
                now.Standing.Out,
                clientFree,
                holder);
            if (AcceptancePolicy.Judge(terms, upload.Shard, scene) is { } no) return Failures.Of(no.Status, no.Code, no.Message, no.Hint);

            SignedAcceptance promise = PromiseSignature.Sign(chain.Facts.Scope, hot, asked with { Hint = HintFor(terms, tip) });
            string document = JsonSerializer.Serialize(promise, NodeJson.Default.SignedAcceptance);
            string kept = upload.Promise is { } earlier && earlier.Deadline > now.Tip && RateOf(earlier).Units > rate.Units ? earlier.Document : document;
            if (!depot.Catalogue.AddPromise(upload.Id, new PromiseRecord(terms.Deadline, kept)))
            {
                return Failures.Of(StatusCodes.Status409Conflict, MarketErrorCode.Failed, "The upload was replaced meanwhile.", "Ask again.");
            }

            spoken.Promised(place, rate.Units, terms.Deadline);
            LogPromised(place.Deal, place.Slot, terms.Root, terms.Deadline.Value);
            return Results.Json(promise, NodeJson.Default.SignedAcceptance);
        }
        finally
        {
            _turn.Release();
        }
    }

    private static IResult NothingThere() => Failures.NotFound("Nothing was uploaded there.", "Upload the shard first.");

    private static SignedAcceptance? Read(string document) => JsonSerializer.Deserialize(document, NodeJson.Default.SignedAcceptance);

    /// <summary>What was promised to be kept for how much.</summary>
    internal static Rate RateOf(PromiseRecord promise) => Read(promise.Document) is { } read && Rate.TryDecode(read.Rate, out Rate rate) ? rate : default;

    /// <summary>A shard that cannot be read now cannot be proved soon either.</summary>
    private async Task<IResult?> CannotShowAsync(Root root, CancellationToken token)
    {
        try
        {
            using IShardContent? content = await depot.OpenAsync(root, token);
            return content is null ? NothingThere() : null;
        }
        catch (IOException)
        {
            return Failures.Of(StatusCodes.Status507InsufficientStorage, MarketErrorCode.Incomplete, "The node cannot read the shard now.", "Choose another node.");
        }
    }

    /// <summary>A range of exactly this rate that is dead for good: refilling it is cheaper than a new one.</summary>
    private ulong? HintFor(AcceptanceRequest terms, BlockNumber tip)
    {
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        if (!Rate.TryDecode(terms.Rate, out Rate rate)) return null;
        foreach (Coding.LedgerRange range in depot.Catalogue.Ledger())
        {
            if (range.Length == rate.Units && range.Until < period) return range.Start;
        }

        return null;
    }

    [LoggerMessage(2101, LogLevel.Information, "Promised slot {Slot} of deal {Deal}: {Root}, until block {Deadline}")]
    private partial void LogPromised(DealId deal, int slot, Root root, ulong deadline);
}
