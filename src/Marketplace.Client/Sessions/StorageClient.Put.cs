using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Client.Reusing;
using Marketplace.Client.Sources;
using Marketplace.Client.Uploads;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Sessions;

/// <content>Storing objects and removing them.</content>
public sealed partial class StorageClient
{
    // Large enough that the sealing of one chunk (4 MiB) never waits for the sending of the one before.
    private const long BundlePauseBytes = 6 << 20;

    /// <summary>Numbers that an operator leaves out, at most.</summary>
    private const long OperatorSkipMax = 8;

    /// <summary>What storing these objects would cost at most. Nothing is locked or sent.</summary>
    public async Task<PutReport> QuoteAsync(IReadOnlyList<SourceObject> objects, PutTerms terms, CancellationToken token = default)
    {
        long began = Stopwatch.GetTimestamp();
        CatalogueView view = await LoadAsync(token);
        using ContentReuse reuse = BeginReuse(view, objects, terms.Redundancy, view.Now.EndAfter(terms.For));
        PutPlan plan = await PlanAsync(reuse.Plan.Objects, terms.Redundancy, reuse.End, terms.PriceMax, probe: false, token);
        TokenAmount lengthening = await PriceOfAsync(reuse, reuse.Plan.Sure, token);
        return new PutReport(
            [.. objects.Select(one => new PutObject(one.Name, one.Kind, one.Files, one.Bytes, view.Catalogue.VersionOf(one.Name) + 1))],
            reuse.Plan.Objects.Sum(one => one.Entries.Where(entry => entry.Stored is null).Sum(entry => entry.Bytes)),
            plan.BundleBytesMax,
            terms.Redundancy,
            plan.Now.TimeOf(plan.End),
            plan.PriceMax + lengthening,
            null,
            [],
            Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>
    /// Stores objects in one bundle and one deal. Each takes the place of what had its name before, as a new version.
    /// Refuses before a byte is sent if the money does not suffice; a stream of unknown length ends with that error where the money, or the
    /// room on nodes, ends. A result with failed slots is stored, but with less redundancy than asked for.
    /// </summary>
    /// <exception cref="MarketException">Nothing was stored and nothing is locked.</exception>
    public async Task<PutReport> PutAsync(
        IReadOnlyList<SourceObject> objects, PutTerms terms, IProgress<ClientProgress>? progress = null, CancellationToken token = default)
    {
        long began = Stopwatch.GetTimestamp();
        progress?.Report(new ClientProgress(ClientStage.Preparing, 0, null));
        CatalogueView view = await LoadAsync(token);
        foreach (SourceObject one in objects)
        {
            if (view.Catalogue.FileAbove(one.Name) is { } file)
                throw new MarketException(MarketErrorCode.Usage, $"'{Shown(file)}' is a file, so nothing can be stored below it.", "choose another name with --as, or remove the file first");
        }

        using ContentReuse reuse = BeginReuse(view, objects, terms.Redundancy, view.Now.EndAfter(terms.For));
        PutPlan plan = await PlanAsync(reuse.Plan.Objects, terms.Redundancy, reuse.End, terms.PriceMax, probe: true, token);
        plan.Funds.Require(plan.PriceMax + await PriceOfAsync(reuse, reuse.Plan.Sure, token));
        ProducedObject[] produced = [.. plan.Objects.Select(one => new ProducedObject(one, checked((uint)(view.Catalogue.VersionOf(one.Name) + 1))))];
        Stored stored = await StoreAsync(plan, produced, [.. objects.Select(one => one.Name)], reuse, terms.Level, progress, token);
        Remember(reuse, view, produced, objects.Count, stored.Deal);
        return new PutReport(
            [.. produced.Select(one => new PutObject(one.Source.Name, one.Source.Kind, one.Source.Files, one.Bytes, one.Version))],
            stored.Summary.PlainBytes - (reuse.Known?.Bytes ?? 0),
            stored.Summary.BundleBytes,
            terms.Redundancy,
            plan.Now.TimeOf(stored.Deal.End),
            stored.Deal.Locked + stored.Lengthening,
            stored.Deal.Locked + stored.Lengthening,
            [stored.Report],
            Stopwatch.GetElapsedTime(began).TotalSeconds)
        {
            Error = stored.Error,
        };
    }

    /// <summary>
    /// Removes an object's name. What it rests on stays paid for until its deals end; a small deal that lasts as long keeps the note
    /// that the name is gone.
    /// </summary>
    public async Task<RemoveReport> RemoveAsync(string name, IProgress<ClientProgress>? progress = null, CancellationToken token = default)
    {
        long began = Stopwatch.GetTimestamp();
        CatalogueView view = await LoadAsync(token);

        // Whatever version there is goes, and with it those that may be in deals that cannot be read now.
        IReadOnlyList<CatalogueEntry> entries = (view with { MayBeOlder = true }).Require(name);
        PeriodNumber shortest = view.Now.Period + 1 + _session.Parameters.DealPeriodsMin;
        PeriodNumber end = view.DealsOf(entries).Concat(view.Unread.Select(deal => view.Deals[deal.Deal])).Select(deal => deal.End).Append(shortest).Max();
        Redundancy redundancy = Redundancy.Default;
        var nothing = new SourceObject(name, ObjectKind.Folder, []);
        PutPlan plan = await PlanAsync([nothing], redundancy, end, null, probe: true, token);
        using var nothingKnown = new ContentReuse(view, ReusePlan.None([nothing]), null, null, end, _session.Time.GetUtcNow());
        Stored stored = await StoreAsync(plan, [], [name], nothingKnown, ChunkCompressor.LevelDefault, progress, token);
        return new RemoveReport(
            name,
            entries.Count(entry => entry.Kind is ObjectKind.File),
            stored.Deal.Locked,
            stored.Deal.Locked,
            [stored.Report],
            Stopwatch.GetElapsedTime(began).TotalSeconds)
        {
            Error = stored.Error,
        };
    }

    private async Task<Stored> StoreAsync(
        PutPlan plan,
        IReadOnlyList<ProducedObject> objects,
        IReadOnlyList<string> removals,
        ContentReuse reuse,
        int level,
        IProgress<ClientProgress>? progress,
        CancellationToken token)
    {
        ulong last = await _session.Chain.LastNumberAsync(Client, token);
        using DealNumberLease lease = _numbers.Take(Client, last, _session.Parameters.NumberGapMax, IsOperator ? OperatorSkip() : 0);
        using BundleKey key = _keys.Create();
        await using var upload = new BundleUpload(lease.Id, plan.Redundancy, plan.BundleBytesMax, OpenLength.IsOpen(plan.Objects), _session.Nodes, _session.Health, _session.Time, token);
        var opening = new DealOpening(_session, lease.Id, plan, upload, progress);
        var manifest = _cache.IsKept ? new ArrayBufferWriter<byte>() : null;
        bool opened = false;

        // Waits for the same block as the deal, or an earlier one.
        Task<TokenAmount> lengthening = LengthenAsync(reuse, reuse.Plan.Sure, token);
        try
        {
            BundleSummary summary = await SendAsync(upload, plan, key, objects, removals, reuse.Known, level, manifest, progress, token);
            TokenAmount lengthened = await LengthenAsync(reuse, reuse.FoundLate, token);
            if (lengthening.IsCompleted) await lengthening;    // what the chain refused at once is told before anything is paid
            DealFacts deal = await opening.RunAsync(token);
            opened = true;

            // What was just put is found although its nodes may not answer when it is asked for.
            if (manifest is not null && deal.FirstRoot is { } root) _cache.Keep(lease.Id.Number, root, manifest.WrittenSpan);
            int filled = deal.Slots.Count(slot => slot.Node is not null);
            var counts = new SlotCounts(plan.Redundancy.Shards, filled, plan.Redundancy.Shards - filled);
            ErrorDetail? error = counts.Failed == 0
                ? null
                : ErrorReport.Of(new MarketException(
                    MarketErrorCode.Incomplete,
                    $"Deal {lease.Id.Number} is open with {filled} of {counts.Wanted} slots: {BundleUpload.FaultText(upload.Faults)}.",
                    "the objects are stored with less redundancy; the rest of the money comes back when the deal ends")).Error;
            if (await FailureOfAsync(lengthening) is { } failure)
            {
                error = ErrorReport.Of(new MarketException(
                    MarketErrorCode.Failed,
                    $"Deal {lease.Id.Number} is open, and deals that it refers to end earlier: {failure.Message}",
                    "the objects are stored; make all they rest on last as long: market extend NAME --for DURATION",
                    failure)).Error;
            }
            else
            {
                lengthened += await lengthening;
            }

            return new Stored(summary, deal, lengthened, new PutDeal(lease.Id.Number, counts), error);
        }
        finally
        {
            await ((Task)lengthening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (opened || opening.MayBeOpen) _ended.Forget(lease.Id.Number);
            else await upload.WithdrawAsync();
        }
    }

    private static async Task<BundleSummary> SendAsync(
        BundleUpload upload,
        PutPlan plan,
        BundleKey key,
        IReadOnlyList<ProducedObject> objects,
        IReadOnlyList<string> removals,
        IKnownChunks? known,
        int level,
        IBufferWriter<byte>? manifest,
        IProgress<ClientProgress>? progress,
        CancellationToken token)
    {
        var pipe = new Pipe(new PipeOptions(
            pauseWriterThreshold: BundlePauseBytes, resumeWriterThreshold: BundlePauseBytes / 2, minimumSegmentSize: 64 * 1024, useSynchronizationContext: false));
        long total = objects.Sum(one => one.Source.Bytes);
        progress?.Report(new ClientProgress(ClientStage.Sending, 0, total));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        Task<BundleSummary> producing = Task.Run(
            () => BundleProducer.RunAsync(objects, removals, key, plan.Redundancy, known, level, pipe.Writer, manifest, Bytes(progress, ClientStage.Sending, total), stop.Token), token);
        try
        {
            await Task.Run(() => upload.SendAsync(pipe.Reader, plan.Targets), token);
        }
        catch
        {
            await stop.CancelAsync();

            // What the source says is nearer to the cause than what became of the sending.
            if (await FailureOfAsync(producing) is MarketException cause) throw cause;
            throw;
        }

        return await producing;
    }

    private static async Task<Exception?> FailureOfAsync(Task task)
    {
        await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCanceled ? new TaskCanceledException(task) : task.Exception?.InnerException;
    }

    // The client's own uploads take the next numbers; an operator begins a little further on, so that both can run at once most times.
    // Who skips many makes all who read the client's deals read what is between.
    private static ulong OperatorSkip() => (ulong)Random.Shared.NextInt64(1, OperatorSkipMax + 1);

    private sealed record Stored(BundleSummary Summary, DealFacts Deal, TokenAmount Lengthening, PutDeal Report, ErrorDetail? Error);
}
