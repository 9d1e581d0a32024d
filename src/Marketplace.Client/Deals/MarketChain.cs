using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Crypto;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Deals;

/// <summary>
/// The market's contracts in the client's words: what the views tell as facts, and the few calls that a client sends. Safe for many threads.
/// </summary>
/// <param name="contracts">The contracts. Owned by the caller.</param>
public sealed class MarketChain(MarketContracts contracts)
{
    private const ulong MebibyteBytes = 1 << 20;
    private const uint PageMax = 50;

    /// <summary>How long the chain is asked what became of a transaction.</summary>
    public static readonly TimeSpan LookingMax = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_lookPause = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<MarketParameters>? _parameters;

    /// <summary>The contracts.</summary>
    public MarketContracts Contracts { get; } = contracts;

    /// <summary>What the contracts were made with. Asked once.</summary>
    public Task<MarketParameters> ParametersAsync(CancellationToken token = default)
    {
        lock (_lock)
        {
            if (_parameters is null or { IsFaulted: true } or { IsCanceled: true }) _parameters = ReadParametersAsync(token);
            return _parameters;
        }
    }

    /// <summary>Where the chain is.</summary>
    public async Task<Moment> NowAsync(CancellationToken token = default)
    {
        MarketParameters parameters = await ParametersAsync(token);
        Block block = await Contracts.Web3.Eth.GetLatestBlockAsync(token);
        var number = new BlockNumber(block.Number);
        return new Moment(number, block.Hash, parameters.Schedule.PeriodOf(number), block.Time, parameters.Schedule);
    }

    /// <summary>The hash of a block; null if the chain has none of that height.</summary>
    public async Task<Hash32?> HashOfAsync(BlockNumber number, CancellationToken token = default) =>
        (await Contracts.Web3.Eth.GetBlockAsync(BlockParameter.At(number.Value), token))?.Hash;

    /// <summary>The highest deal number that a client used; 0 for none.</summary>
    public Task<ulong> LastNumberAsync(Address client, CancellationToken token = default) => Contracts.Lens.LastNumberAsync(client, token: token);

    /// <summary>One deal; null if there is none.</summary>
    public async Task<DealFacts?> DealAsync(DealId id, CancellationToken token = default) =>
        Read(await Contracts.Lens.DealAsync(id.ToWord(), token: token)) is { } deal ? (await WithReservationsAsync([deal], token))[0] : null;

    /// <summary>Every deal of a client that the chain keeps, by number.</summary>
    public async Task<IReadOnlyList<DealFacts>> DealsAsync(Address client, CancellationToken token = default)
    {
        ulong last = await LastNumberAsync(client, token);
        return await PagesAsync(client, PagesUpTo(last), token);
    }

    /// <summary>Every deal of a client that may still be kept, and some that are over, by number.</summary>
    /// <param name="client">Whose.</param>
    /// <param name="ended">What need not be read; learns more.</param>
    /// <param name="now">The present.</param>
    /// <param name="token">Cancels.</param>
    public async Task<IReadOnlyList<DealFacts>> DealsAsync(Address client, EndedPages ended, Moment now, CancellationToken token = default)
    {
        Task<ulong> last = LastNumberAsync(client, token);
        IReadOnlySet<ulong> over = await ended.AtAsync(now, HashOfAsync, token);
        ulong[] pages = [.. PagesUpTo(await last).Where(page => !over.Contains(page))];
        IReadOnlyList<DealFacts> deals = await PagesAsync(client, pages, token);

        // A deal that ended was opened long ago, so that what is below it was read whole even from an endpoint that lags behind.
        // A period more, and no reorganisation brings one back.
        ulong reached = deals.Where(deal => IsOver(deal, now)).Select(deal => EndedPages.PageOf(deal.Id.Number)).DefaultIfEmpty().Max();
        HashSet<ulong> alive = [.. deals.Where(deal => !IsOver(deal, now)).Select(deal => EndedPages.PageOf(deal.Id.Number))];
        ended.Add(over, [.. pages.Where(page => page < reached && !alive.Contains(page))], now);
        return deals;
    }

    /// <summary>The deals in the pages of some numbers, by number.</summary>
    public Task<IReadOnlyList<DealFacts>> DealsNearAsync(Address client, IEnumerable<ulong> numbers, CancellationToken token = default) =>
        PagesAsync(client, [.. numbers.Select(EndedPages.PageOf).Distinct().Order()], token);

    /// <summary>Every registered node, by id.</summary>
    public async Task<IReadOnlyList<NodeFacts>> AllNodesAsync(CancellationToken token = default)
    {
        uint count = await Contracts.NodeRegistry.NodeCountAsync(token: token);
        var nodes = new List<FunctionCall<NodeView[]>>();
        var standings = new List<FunctionCall<Standing[]>>();
        for (uint from = 1; from <= count; from += PageMax)
        {
            nodes.Add(Contracts.NodeRegistry.NodesRequest(from, PageMax));
            standings.Add(Contracts.Lens.StandingsRequest(from, PageMax));
        }

        if (nodes.Count == 0) return [];
        Task<IReadOnlyList<NodeView[]>> views = Contracts.Web3.Eth.CallManyAsync(nodes, token: token);
        Dictionary<uint, Standing> byId = (await Contracts.Web3.Eth.CallManyAsync(standings, token: token)).SelectMany(page => page).ToDictionary(standing => standing.Node);
        return [.. (await views).SelectMany(page => page).Select(view => Read(view, byId.GetValueOrDefault(view.Id))).OfType<NodeFacts>()];
    }

    /// <summary>Some nodes by their numbers; those that do not exist are left out.</summary>
    public async Task<IReadOnlyList<NodeFacts>> NodesAsync(IReadOnlyList<NodeId> ids, CancellationToken token = default)
    {
        Task<IReadOnlyList<NodeView>> views =
            Contracts.Web3.Eth.CallManyAsync([.. ids.Select(id => Contracts.NodeRegistry.NodeRequest(id.Value))], token: token);
        IReadOnlyList<Standing> standings =
            await Contracts.Web3.Eth.CallManyAsync([.. ids.Select(id => Contracts.Lens.StandingRequest(id.Value))], token: token);
        return [.. (await views).Zip(standings, Read).OfType<NodeFacts>()];
    }

    /// <summary>Record keepers that announced themselves.</summary>
    public async Task<IReadOnlyList<KeeperPeer>> KeepersAsync(CancellationToken token = default)
    {
        uint count = await Contracts.NodeRegistry.KeeperCountAsync(token: token);
        var calls = new List<FunctionCall<KeeperView[]>>();
        for (uint from = 1; from <= count; from += PageMax) calls.Add(Contracts.NodeRegistry.KeepersRequest(from, PageMax));
        if (calls.Count == 0) return [];
        IReadOnlyList<KeeperView[]> pages = await Contracts.Web3.Eth.CallManyAsync(calls, token: token);
        return
        [
            .. pages.SelectMany(page => page)
                .Select(view => PeerEndpoint.FirstIn(view.Endpoint, secure: false) is { } endpoint ? new KeeperPeer(endpoint, view.Key) : null)
                .OfType<KeeperPeer>(),
        ];
    }

    /// <summary>What a deal of these terms locks, the fee included.</summary>
    public async Task<TokenAmount> QuoteAsync(Rate rate, int slots, uint periods, CancellationToken token = default) =>
        Units(await Contracts.StorageMarket.QuoteAsync(rate.Encoded, checked((byte)slots), periods, token: token));

    /// <summary>What may be locked for a client by an actor: the client itself, or its operator.</summary>
    public async Task<Funds> FundsAsync(Address client, Address actor, CancellationToken token = default)
    {
        EscrowAccount account = await Contracts.Escrow.AccountOfAsync(client, token: token);
        TokenAmount free = TokenAmount.FromUnits(account.Free);
        if (actor == client) return new Funds(free, null, null);
        Allowance allowance = await Contracts.Escrow.AllowanceOfAsync(client, actor, token: token);
        Moment now = await NowAsync(token);
        return new Funds(free, RoomOf(allowance, now.Period), Rate.TryDecode(allowance.MaxPrice, out Rate dearest) ? new Price(TokenAmount.FromUnits(dearest.Units)) : null);
    }

    /// <summary>What an allowance lets through in a period.</summary>
    public static TokenAmount RoomOf(Allowance allowance, PeriodNumber period)
    {
        if (period.Value >= allowance.Until) return TokenAmount.Zero;
        UInt128 room = allowance.Left;
        if (Rate.TryDecode(allowance.Cap, out Rate cap))
        {
            UInt128 refill = Rate.TryDecode(allowance.Refill, out Rate rate) ? rate.Units : 0;
            UInt128 level = allowance.Level + (refill * (period.Value - allowance.AsOf));
            room = UInt128.Min(room, UInt128.Min(level, cap.Units));
        }

        return TokenAmount.FromUnits(room);
    }

    /// <summary>For each promise, whether the hot key that it should have signed it, as the contract will check.</summary>
    public async Task<IReadOnlyList<bool>> AreSignedAsync(
        DealTerms terms, IReadOnlyList<SignedAcceptance> promises, Func<int, Address> hotOf, CancellationToken token = default)
    {
        if (promises.Count == 0) return [];
        BigInteger onChain = Write(terms).Pack();
        IReadOnlyList<Hash32> digests = await Contracts.Web3.Eth.CallManyAsync(
            [.. promises.Select(promise => Contracts.StorageMarket.AcceptanceHashRequest(terms.Id.Client, onChain, Write(promise)))], token: token);
        return
        [
            .. promises.Zip(digests, (promise, digest) =>
            {
                (Hash32 r, Hash32 vs) = SignatureOf(promise);
                return Secp256k1.TryRecover(digest, EthSignature.FromCompact(r, vs), out Address signer) && signer == hotOf(promise.Slot);
            }),
        ];
    }

    /// <summary>
    /// Opens a deal, waits until a block holds it, and gives it as that block's events tell it: the next endpoint that is asked may not
    /// know the block yet.
    /// </summary>
    public async Task<DealFacts> OpenDealAsync(DealTerms terms, IReadOnlyList<SignedAcceptance> promises, CancellationToken token = default)
    {
        TransactionReceipt receipt =
            await Contracts.StorageMarket.OpenDealAsync(terms.Id.Client, Write(terms).Pack(), [.. promises.Select(Write)], token: token);
        if (Contracts.StorageMarket.DealOpenedEvents.DecodeAll(receipt) is not [DealOpenedEvent opened])
            throw new RpcFormatException($"The receipt {receipt.TransactionHash} does not tell the deal that was opened.");
        DealWord deal = DealWord.Read(opened.Deal);
        var slots = new SlotFacts[terms.Redundancy.Shards];
        for (int i = 0; i < slots.Length; i++) slots[i] = new SlotFacts(i, null, null, null, TokenAmount.Zero);
        foreach (SlotFilledEvent filled in Contracts.StorageMarket.SlotFilledEvents.DecodeAll(receipt))
        {
            int index = PlaceWord.Read(filled.Place).Slot;
            slots[index] = new SlotFacts(index, new NodeId(filled.Node), new ShardCommitment(EntryWord.Read(filled.Entry).Root, terms.Leaves), null, TokenAmount.Zero);
        }

        return new DealFacts(
            terms.Id,
            false,
            terms.Redundancy,
            terms.Rate,
            new PeriodNumber(deal.From),
            new PeriodNumber(deal.End),
            new PeriodNumber(deal.MaxEnd),
            Units(opened.Units),
            TokenAmount.Zero,
            TokenAmount.Zero,
            slots);
    }

    /// <summary>
    /// Asks for a deal until it is as a transaction should have made it, whose fate is not known: endpoints are behind at times, or away.
    /// Null if it is not after <see cref="LookingMax"/>.
    /// </summary>
    /// <param name="id">The deal.</param>
    /// <param name="isMade">Whether the transaction had its effect.</param>
    /// <param name="doubt">What became of the sending. An endpoint that answered with an error hardly took it, and is asked once.</param>
    /// <param name="time">The clock.</param>
    public async Task<DealFacts?> LookForAsync(DealId id, Func<DealFacts, bool> isMade, Exception doubt, TimeProvider time)
    {
        TimeSpan most = doubt is RpcResponseException ? TimeSpan.Zero : LookingMax;
        for (long began = time.GetTimestamp(); ;)
        {
            try
            {
                if (await DealAsync(id, CancellationToken.None) is { } deal && isMade(deal)) return deal;
            }
            catch (RpcException)
            {
                // It may answer the next time.
            }

            if (time.GetElapsedTime(began) >= most) return null;
            await Task.Delay(s_lookPause, time, CancellationToken.None);
        }
    }

    /// <summary>Lengthens a deal at its client's cost and waits until a block holds it.</summary>
    public Task<TransactionReceipt> ExtendAsync(DealId id, PeriodNumber end, CancellationToken token = default) =>
        Contracts.StorageMarket.ExtendAsync(id.ToWord(), end.Value, id.Client, token: token);

    /// <summary>The deals, where slots that lost their holder and that a repairer reserved are told as such.</summary>
    private async Task<IReadOnlyList<DealFacts>> WithReservationsAsync(IReadOnlyList<DealFacts> deals, CancellationToken token)
    {
        (DealId Deal, int Slot)[] lost =
        [
            .. deals.Where(deal => !deal.IsSettled).SelectMany(deal =>
                deal.Slots.Where(slot => slot is { State: SlotState.Vacant, Shard: not null }).Select(slot => (deal.Id, slot.Index))),
        ];
        if (lost.Length == 0) return deals;
        IReadOnlyList<VacancyView> views = await Contracts.Web3.Eth.CallManyAsync(
            [.. lost.Select(one => Contracts.Lens.VacancyRequest(one.Deal.ToWord(), (byte)one.Slot))], token: token);
        HashSet<(DealId, int)> reserved = [.. lost.Zip(views).Where(pair => pair.Second.ReservedBy != 0).Select(pair => pair.First)];
        return
        [
            .. deals.Select(deal => deal with
            {
                Slots = [.. deal.Slots.Select(slot => reserved.Contains((deal.Id, slot.Index)) ? slot with { State = SlotState.Reserved } : slot)],
            }),
        ];
    }

    private static bool IsOver(DealFacts deal, Moment now) => now.Period > deal.End;

    private static IReadOnlyList<ulong> PagesUpTo(ulong last)
    {
        var pages = new List<ulong>();
        for (ulong page = 0; page * EndedPages.NumbersPerPage < last; page++) pages.Add(page);
        return pages;
    }

    private async Task<IReadOnlyList<DealFacts>> PagesAsync(Address client, IReadOnlyList<ulong> pages, CancellationToken token)
    {
        if (pages.Count == 0) return [];
        IReadOnlyList<DealView[]> views = await Contracts.Web3.Eth.CallManyAsync(
            [.. pages.Select(page => Contracts.Lens.DealsOfRequest(client, (page * EndedPages.NumbersPerPage) + 1, EndedPages.NumbersPerPage))], token: token);
        return await WithReservationsAsync([.. views.SelectMany(page => page).Select(Read).OfType<DealFacts>().OrderBy(deal => deal.Id.Number)], token);
    }

    private static TokenAmount Units(BigInteger units) => TokenAmount.FromUnits((UInt128)units);

    private static PeriodNumber? Period(uint period) => period == 0 ? null : new PeriodNumber(period);

    private static DealFacts? Read(DealView view)
    {
        // A deal that a stranger's tools opened with terms that this program refuses can be ended and paid, not read.
        if (view.State == 0 || !Redundancy.TryParse($"{view.K}/{view.N}", null, out Redundancy redundancy) || !Rate.TryDecode(view.Rate, out Rate rate)) return null;
        return new DealFacts(
            DealId.FromWord(view.Id),
            view.State != OpenState,
            redundancy,
            rate,
            new PeriodNumber(view.From),
            new PeriodNumber(view.End),
            new PeriodNumber(view.MaxEnd),
            TokenAmount.FromUnits(view.Locked),
            TokenAmount.FromUnits(view.Paid),
            TokenAmount.FromUnits(view.Refunded),
            [.. view.Slots.Select(Read).OrderBy(slot => slot.Index)]);
    }

    private static SlotFacts Read(SlotView view)
    {
        bool vacant = view.Node == 0 || (byte)view.State == LostSlot;
        bool known = view.Leaves is > 0 and <= (ulong)MerkleTree.LeavesMax;
        return new SlotFacts(
            view.Index,
            vacant ? null : new NodeId(view.Node),
            known ? new ShardCommitment(view.Root, (long)view.Leaves) : null,
            vacant ? null : Period(view.LastProved),
            TokenAmount.FromUnits(view.Paid))
        {
            State = !vacant && (byte)view.State == HeldSlot ? SlotState.Filled : SlotState.Vacant,
        };
    }

    private static NodeFacts? Read(NodeView view, Standing? standing)
    {
        if (view.Owner.IsZero) return null;
        var id = new NodeId(view.Id);
        var fingerprint = new CertificateFingerprint(view.Fingerprint);
        NodePeer? peer = PeerEndpoint.FirstIn(view.Endpoint, secure: true) is { } endpoint ? new NodePeer(id, view.Hot, endpoint, fingerprint) : null;
        return new NodeFacts(
            peer,
            id,
            view.Hot,
            view.Owner,
            view.Endpoint,
            fingerprint,
            new Price(TokenAmount.FromUnits(view.Price)),
            TokenAmount.FromUnits(view.Stake),
            view.CapacityMiB * MebibyteBytes,
            standing?.Rate ?? 0,
            TokenAmount.FromUnits(standing?.StakeNeeded ?? 0),
            Period(standing?.LastProved ?? 0),
            standing is { Out: not 0 });
    }

    private static TermsWord Write(DealTerms terms) => new(
        terms.Id.Number,
        terms.Rate.Encoded,
        (ulong)terms.Leaves,
        terms.End.Value,
        terms.EndMax.Value,
        (byte)terms.Redundancy.Shards,
        (byte)terms.Redundancy.Needed,
        (byte)terms.FilledMin);

    private static Acceptance Write(SignedAcceptance promise)
    {
        (Hash32 r, Hash32 vs) = SignatureOf(promise);
        return new Acceptance(new OfferWord((byte)promise.Slot, promise.Node.Value, promise.Deadline.Value, promise.Hint).Pack(), promise.Root, r, vs);
    }

    private static (Hash32 R, Hash32 Vs) SignatureOf(SignedAcceptance promise)
    {
        Span<byte> bytes = stackalloc byte[SignedAcceptance.SignatureBytes];
        return Hex.TryDecode(promise.Signature, bytes) ? (new Hash32(bytes[..32]), new Hash32(bytes[32..])) : default;
    }

    private const byte OpenState = 1;
    private const byte HeldSlot = 1;
    private const byte LostSlot = 2;

    private async Task<MarketParameters> ReadParametersAsync(CancellationToken token)
    {
        Task<uint> periodBlocks = Contracts.StorageMarket.PeriodBlocksAsync(token: token);
        Task<uint> seedDelay = Contracts.StorageMarket.SeedDelayAsync(token: token);
        Task<uint> blockSeconds = Contracts.StorageMarket.BlockSecondsAsync(token: token);
        Task<uint> dealPeriodsMin = Contracts.StorageMarket.DealPeriodsMinAsync(token: token);
        Task<ushort> stakePeriods = Contracts.StorageMarket.StakePeriodsAsync(token: token);
        ulong gap = await Contracts.Escrow.NumberGapMaxAsync(token: token);
        return new MarketParameters(
            Contracts.ChainId,
            Contracts.StorageMarket.Address,
            new Schedule(await periodBlocks, await seedDelay, await blockSeconds),
            await dealPeriodsMin,
            await stakePeriods,
            gap);
    }
}
