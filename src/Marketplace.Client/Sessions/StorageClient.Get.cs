using System.Collections.Concurrent;
using System.Diagnostics;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Client.Reading;
using Marketplace.Client.Restoring;
using Marketplace.Client.Uploads;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Sessions;

/// <content>Bringing objects back, and checking that they could be.</content>
public sealed partial class StorageClient
{
    /// <summary>Brings an object back. A failure leaves nothing at the target.</summary>
    /// <param name="name">A file, link or folder.</param>
    /// <param name="path">The object's new place on disk.</param>
    /// <param name="force">Whether what is there may be replaced.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="token">Cancels.</param>
    public async Task<GetReport> GetAsync(string name, string path, bool force, IProgress<ClientProgress>? progress = null, CancellationToken token = default)
    {
        long began = Stopwatch.GetTimestamp();
        CatalogueView view = await LoadAsync(token);
        IReadOnlyList<CatalogueEntry> entries = view.Require(name);
        using RestoreTarget target = RestoreTarget.Open(path, view.KindOf(name) is ObjectKind.Folder, force);
        long total = entries.Sum(entry => entry.Bytes);
        await WithBundlesAsync(view, async open =>
        {
            await new ObjectDownload(open, Bytes(progress, ClientStage.Receiving, total)).RestoreAsync(name, entries, target, token);
            target.Commit();
        });
        return new GetReport(
            name, target.Path, entries.Count(entry => entry.Kind is ObjectKind.File), total, Stopwatch.GetElapsedTime(began).TotalSeconds, _session.Health.Faults);
    }

    /// <summary>Brings a range of a file back into a new file.</summary>
    /// <param name="name">The file.</param>
    /// <param name="range">First and last byte, both included; null for all.</param>
    /// <param name="path">Where it goes.</param>
    /// <param name="force">Whether what is there may be replaced.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="token">Cancels.</param>
    public async Task<GetReport> GetRangeAsync(
        string name, (long From, long To)? range, string path, bool force, IProgress<ClientProgress>? progress = null, CancellationToken token = default)
    {
        long began = Stopwatch.GetTimestamp();
        CatalogueView view = await LoadAsync(token);
        (CatalogueEntry file, long from, long bytes) = RequireRange(view, name, range);
        using RestoreTarget target = RestoreTarget.Open(path, isFolder: false, force);
        using (var stream = new FileStream(target.CreateFile("", bytes), FileAccess.Write))
        {
            await CopyAsync(view, file, from, bytes, stream, progress, token);
        }

        target.FinishFile("", file.ModifiedAt, file.Source.Attributes.Executable);
        target.Commit();
        return new GetReport(name, target.Path, 1, bytes, Stopwatch.GetElapsedTime(began).TotalSeconds, _session.Health.Faults);
    }

    /// <summary>Writes a file, or a range of it, to a stream, in order. Bytes that were written are right even if it fails later.</summary>
    public async Task<GetReport> GetAsync(
        string name, (long From, long To)? range, Stream destination, IProgress<ClientProgress>? progress = null, CancellationToken token = default)
    {
        long began = Stopwatch.GetTimestamp();
        CatalogueView view = await LoadAsync(token);
        (CatalogueEntry file, long from, long bytes) = RequireRange(view, name, range);
        await CopyAsync(view, file, from, bytes, destination, progress, token);
        return new GetReport(name, null, 1, bytes, Stopwatch.GetElapsedTime(began).TotalSeconds, _session.Health.Faults);
    }

    /// <summary>Writes bytes [from, from + bytes) of a file of a catalogue that was loaded before.</summary>
    public async Task CopyAsync(
        CatalogueView view, CatalogueEntry file, long from, long bytes, Stream destination, IProgress<ClientProgress>? progress = null, CancellationToken token = default)
    {
        await WithBundlesAsync(view, async open =>
        {
            var download = new ObjectDownload(open, Bytes(progress, ClientStage.Receiving, bytes));
            await download.StreamAsync(file, from, bytes, destination.WriteAsync, token);
            await destination.FlushAsync(token);
        });
    }

    /// <summary>Asks every slot's node for its root now, and compares with the chain.</summary>
    /// <param name="name">A file, link or folder.</param>
    /// <param name="deep">Whether the nodes are to read and hash every byte.</param>
    /// <param name="token">Cancels.</param>
    public async Task<VerifyReport> VerifyAsync(string name, bool deep, CancellationToken token = default)
    {
        CatalogueView view = await LoadAsync(token);
        IReadOnlyList<DealFacts> deals = view.DealsOf(view.Require(name));
        var verified = new List<VerifiedDeal>();
        bool readable = true;
        foreach (DealFacts deal in deals)
        {
            IReadOnlyDictionary<NodeId, NodeFacts> nodes =
                await _session.NodesAsync(deal.Slots.Where(slot => slot.Node is not null).Select(slot => slot.Node!.Value), token);
            VerifiedSlot[] slots = await Task.WhenAll(deal.Slots.Select(slot => VerifySlotAsync(slot, nodes, deep, token)));
            readable &= slots.Count(slot => slot.State is SlotVerdict.Ok) >= deal.Redundancy.Needed;
            verified.Add(new VerifiedDeal(deal.Id.Number, slots));
        }

        bool ok = verified.All(deal => deal.Slots.All(slot => slot.State is SlotVerdict.Ok));
        return new VerifyReport(name, ok, readable, deep, verified) { Error = ErrorOf(verified, readable) };
    }

    private static ErrorDetail? ErrorOf(List<VerifiedDeal> deals, bool readable)
    {
        VerifiedSlot[] slots = [.. deals.SelectMany(deal => deal.Slots)];
        VerifiedSlot[] wrong = [.. slots.Where(slot => slot.State is SlotVerdict.WrongBytes or SlotVerdict.WrongRoot)];
        int bad = slots.Count(slot => slot.State is not SlotVerdict.Ok);
        if (bad == 0) return null;
        string liars = wrong.Length == 0 ? "" : $", and wrong at node {string.Join(", ", wrong.Select(slot => slot.Node).Distinct().Take(LiarsNamedMax))}";
        return ErrorReport.Of(new MarketException(
            wrong.Length > 0 ? MarketErrorCode.WrongBytes : MarketErrorCode.Incomplete,
            $"{bad} of {slots.Length} slots {(bad == 1 ? "is" : "are")} not right{liars}.",
            readable ? "the object can be read from the others" : "the object cannot be read from the others now")).Error;
    }

    private async Task<VerifiedSlot> VerifySlotAsync(SlotFacts slot, IReadOnlyDictionary<NodeId, NodeFacts> nodes, bool deep, CancellationToken token)
    {
        if (slot.Node is not { } id || slot.Shard is not { } shard) return new VerifiedSlot(slot.Index, slot.Node, slot.Shard?.Root, null, SlotVerdict.Vacant);
        if (nodes.GetValueOrDefault(id)?.Peer is not { } peer) return new VerifiedSlot(slot.Index, id, shard.Root, null, SlotVerdict.Unreachable);
        NodeAnswer<ReportedRoot> answer = await _session.Nodes.For(peer).GetRootAsync(shard, deep, token, _session.Actor is null ? null : Client);
        Root? reported = answer.Value?.Root;
        SlotVerdict verdict = answer.Outcome switch
        {
            NodeOutcome.Ok when reported == shard.Root => SlotVerdict.Ok,
            NodeOutcome.Ok when reported is null => SlotVerdict.WrongBytes,
            NodeOutcome.Ok or NodeOutcome.NotFound => SlotVerdict.WrongRoot,
            NodeOutcome.WrongBytes or NodeOutcome.Malformed => SlotVerdict.WrongBytes,
            _ => SlotVerdict.Unreachable,
        };
        return new VerifiedSlot(slot.Index, id, shard.Root, reported, verdict);
    }

    private static (CatalogueEntry File, long From, long Bytes) RequireRange(CatalogueView view, string name, (long From, long To)? range)
    {
        view.Require(name);
        CatalogueEntry? file = view.Catalogue.Find(name);
        if (file?.Kind is not ObjectKind.File)
            throw new MarketException(MarketErrorCode.Usage, $"'{Shown(name)}' is not a file.", "folders and links are written to a path: -o PATH");
        if (range is not { } wanted) return (file, 0, file.Bytes);
        if (wanted.From < 0 || wanted.From > wanted.To || wanted.To >= file.Bytes)
            throw new MarketException(MarketErrorCode.Usage, $"'{Shown(name)}' has {file.Bytes} bytes, and {wanted.From}-{wanted.To} is not in it.", "bytes count from 0, both ends included");
        return (file, wanted.From, wanted.To - wanted.From + 1);
    }

    private async Task WithBundlesAsync(CatalogueView view, Func<Func<ulong, CancellationToken, Task<OpenBundle>>, Task> use)
    {
        var bundles = new ConcurrentDictionary<ulong, Lazy<Task<OpenBundle>>>();
        try
        {
            await use((number, token) => bundles.GetOrAdd(number, one => new Lazy<Task<OpenBundle>>(() => OpenAsync(view, one, token))).Value);
        }
        catch (BundleFormatException failure)
        {
            throw new MarketException(MarketErrorCode.WrongBytes, $"What was stored does not open: {failure.Message}", null, failure);
        }
        finally
        {
            foreach (Lazy<Task<OpenBundle>> bundle in bundles.Values)
            {
                if (bundle.Value.IsCompletedSuccessfully) (await bundle.Value).Dispose();
            }
        }
    }

    private async Task<OpenBundle> OpenAsync(CatalogueView view, ulong number, CancellationToken token)
    {
        DealFacts deal = view.Deals.GetValueOrDefault(number) is { } known && known.IsLiveIn(view.Now.Period)
            ? known
            : throw new MarketException(MarketErrorCode.Incomplete, $"Deal {number}, which holds a part of it, is over.", "its nodes need not keep it any more");
        return await OpenBundle.OpenAsync(await ReaderOfAsync(deal, token), _keys, token);
    }

    private static IProgress<long>? Bytes(IProgress<ClientProgress>? progress, ClientStage stage, long? total) =>
        progress is null ? null : new StageProgress(progress, stage, total);

    private sealed class StageProgress(IProgress<ClientProgress> progress, ClientStage stage, long? total) : IProgress<long>
    {
        public void Report(long value) => progress.Report(new ClientProgress(stage, value, total));
    }
}
