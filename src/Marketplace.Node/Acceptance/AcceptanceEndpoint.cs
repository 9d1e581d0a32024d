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
    NodeChain chain, ShardDepot depot, NodePulse pulse, NodeConfig config, Account hot, NodeLimits limits, TimeProvider time, ILogger<AcceptanceEndpoint> log) : IDisposable
{
    // One promise at a time: each is weighed with all that were given before.
    private readonly SemaphoreSlim _turn = new(1, 1);

    public async Task<IResult> AcceptAsync(UploadPlace place, AcceptanceRequest terms, CancellationToken token)
    {
        if (pulse.Fresh(time.GetUtcNow(), limits.ChainSilenceMax) is not { } now)
        {
            return Failures.Of(StatusCodes.Status503ServiceUnavailable, MarketErrorCode.Incomplete, "The node does not know the chain's newest blocks.", "Try again, or another node.");
        }

        await _turn.WaitAsync(token);
        try
        {
            if (depot.Catalogue.FindUpload(place) is not { } upload) return Failures.NotFound("Nothing was uploaded there.", "Upload the shard first.");
            SignedAcceptance asked = new(
                chain.Node, place.Deal.Client, place.Deal.Number, place.Slot, terms.Root, terms.Leaves, terms.Rate, terms.MaxEnd, terms.Deadline, null, "");
            BlockNumber tip = await chain.TipAsync(token);
            if (upload.Promise is { } given && Read(given.Document) is { } before && before with { Hint = null, Signature = "" } == asked && before.Deadline > tip)
            {
                return Results.Json(before, NodeJson.Default.SignedAcceptance);
            }

            var scene = new AcceptanceScene(
                chain.Facts.Schedule,
                config.Price,
                limits.HorizonMax,
                tip,
                // The chain keeps the reporter's bounty out of what covers pay.
                now.Registered.Stake - Math.Min(now.Registered.Stake, chain.Facts.ReportBountyUnits),
                chain.Facts.StakePeriods,
                now.Standing.Rate,
                PromisedUnits(upload),
                now.Standing.Out,
                await chain.FreeUnitsAsync(place.Deal.Client, token),
                await chain.HolderAsync(place.Deal, place.Slot, token));
            if (AcceptancePolicy.Judge(terms, upload.Shard, scene) is { } no) return Failures.Of(no.Status, no.Code, no.Message, no.Hint);

            SignedAcceptance promise = PromiseSignature.Sign(chain.Facts.Scope, hot, asked with { Hint = HintFor(terms, tip) });
            string document = JsonSerializer.Serialize(promise, NodeJson.Default.SignedAcceptance);
            if (!depot.Catalogue.AddPromise(upload.Id, new PromiseRecord(terms.Deadline, document)))
            {
                return Failures.Of(StatusCodes.Status409Conflict, MarketErrorCode.Failed, "The upload was replaced meanwhile.", "Ask again.");
            }

            LogPromised(place.Deal, place.Slot, terms.Root, terms.Deadline.Value);
            return Results.Json(promise, NodeJson.Default.SignedAcceptance);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private static SignedAcceptance? Read(string document) => JsonSerializer.Deserialize(document, NodeJson.Default.SignedAcceptance);

    /// <summary>What other open promises would earn a period.</summary>
    private ulong PromisedUnits(UploadRecord but)
    {
        ulong units = 0;
        foreach (string document in depot.Catalogue.OpenPromises())
        {
            if (Read(document) is not { } promise || !Rate.TryDecode(promise.Rate, out Rate rate)) continue;
            bool same = promise.Client == but.Place.Deal.Client && promise.Number == but.Place.Deal.Number && promise.Slot == but.Place.Slot;
            if (!same) units += rate.Units;
        }

        return units;
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
