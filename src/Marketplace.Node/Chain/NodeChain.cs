using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node;

/// <summary>What never changes in a market.</summary>
/// <param name="Scope">The chain and the market.</param>
/// <param name="Schedule">Its clock.</param>
/// <param name="StakePeriods">Periods of pay that a stake must cover.</param>
/// <param name="CurePeriods">Periods in which an evicted node may cure.</param>
/// <param name="ReservePeriods">Periods after that of a reservation in which the slot may be claimed.</param>
/// <param name="ExitPeriods">Periods after its last shard in which a node that leaves does not get its stake yet.</param>
/// <param name="ReportBountyUnits">Units of stake that are for whoever reports the node.</param>
internal sealed record MarketFacts(
    MarketScope Scope, Schedule Schedule, ushort StakePeriods, uint CurePeriods, uint ReservePeriods, uint ExitPeriods, ulong ReportBountyUnits);

/// <summary>The chain as one node sees it: a few views and the transactions that its hot key sends.</summary>
internal sealed class NodeChain(MarketContracts contracts, NodeId node, MarketFacts facts) : IDisposable
{
    /// <summary>Ranges of a ledger that one question brings.</summary>
    internal const uint RangesPerPage = 100;

    private const uint LogBlocksMax = 1_000;

    /// <summary>Whether so many deals are this node's is asked; beyond, reading the ledger again takes less.</summary>
    private const int ExtendedDealsMax = 32;

    /// <summary>The contracts.</summary>
    public MarketContracts Contracts { get; } = contracts;

    /// <summary>This node.</summary>
    public NodeId Node { get; } = node;

    /// <summary>What never changes.</summary>
    public MarketFacts Facts { get; } = facts;

    /// <summary>Reads what never changes.</summary>
    public static async Task<MarketFacts> ReadFactsAsync(MarketContracts contracts, CancellationToken token) => new(
        new MarketScope(contracts.ChainId, contracts.StorageMarket.Address),
        new Schedule(
            await contracts.StorageMarket.PeriodBlocksAsync(token: token),
            await contracts.StorageMarket.SeedDelayAsync(token: token),
            await contracts.StorageMarket.BlockSecondsAsync(token: token)),
        await contracts.StorageMarket.StakePeriodsAsync(token: token),
        await contracts.StorageMarket.CurePeriodsAsync(token: token),
        await contracts.StorageMarket.ReservePeriodsAsync(token: token),
        await contracts.StorageMarket.ExitPeriodsAsync(token: token),
        await contracts.StorageMarket.ReportBountyAsync(token: token));

    /// <summary>The newest block.</summary>
    /// <exception cref="RpcException">The endpoint failed, or names a block that no market can count.</exception>
    public async Task<BlockNumber> TipAsync(CancellationToken token)
    {
        var tip = new BlockNumber(await Contracts.Web3.Eth.GetBlockNumberAsync(token));
        return Facts.Schedule.Counts(tip) ? tip : throw new RpcFormatException($"The chain's RPC says that its newest block is {tip}, which cannot be.");
    }

    public Task<NodeView> RegisteredAsync(CancellationToken token) => Contracts.NodeRegistry.NodeAsync(Node.Value, token: token);

    public Task<Duty> DutyAsync(BlockNumber at, CancellationToken token) => Contracts.Lens.DutyAsync(Node.Value, BlockParameter.At(at), token);

    public Task<Standing> StandingAsync(CancellationToken token) => Contracts.Lens.StandingAsync(Node.Value, token: token);

    /// <summary>The whole ledger of this node, or of another, as it stands at a block.</summary>
    public Task<IReadOnlyList<LedgerRange>> LedgerAsync(BlockNumber at, CancellationToken token, NodeId? of = null) => ReadLedgerAsync(Contracts, of ?? Node, at, token);

    /// <summary>The whole ledger of a node as it stands at a block.</summary>
    public static async Task<IReadOnlyList<LedgerRange>> ReadLedgerAsync(MarketContracts contracts, NodeId whose, BlockNumber at, CancellationToken token)
    {
        var ranges = new List<LedgerRange>();
        ulong cursor = 0;
        while (true)
        {
            (EntryView[] entries, ulong next) = await contracts.Lens.LedgerAsync(whose.Value, cursor, RangesPerPage, BlockParameter.At(at), token);
            foreach (EntryView entry in entries)
            {
                ranges.Add(new LedgerRange(
                    entry.Start, entry.Length, new ShardCommitment(entry.Root, (long)entry.Leaves), new PeriodNumber(entry.From), new PeriodNumber(entry.Until)));
            }

            if (entries.Length == 0 || next <= cursor) return ranges;
            cursor = next;
        }
    }

    /// <summary>
    /// Whether something in some blocks may have changed this node's ledger. True as well if there are more blocks than one question may
    /// span: then looking is cheaper than asking.
    /// </summary>
    public async Task<bool> IsLedgerTouchedAsync(BlockNumber after, BlockNumber to, CancellationToken token)
    {
        if (to <= after) return to < after;
        if (to.Value - after.Value > LogBlocksMax) return true;
        var first = new BlockNumber(after.Value + 1);
        if ((await EventsAsync(Contracts.StorageMarket.SlotFilledEvents, Node, first, to, token)).Count > 0) return true;
        HashSet<BigInteger> extended = [.. (await EventsAsync(Contracts.StorageMarket.DealExtendedEvents, (NodeId?)null, first, to, token)).Select(one => one.Event.Id)];
        if (extended.Count > ExtendedDealsMax) return true;
        // Whose deals these are the event does not say.
        foreach (BigInteger deal in extended)
        {
            if (Array.Exists((await Contracts.Lens.DealAsync(deal, token: token)).Slots, slot => slot.Node == Node.Value)) return true;
        }

        return false;
    }

    /// <summary>
    /// Whether the market or the register said anything in some blocks. True as well if there are more blocks than one question may span.
    /// </summary>
    public async Task<bool> IsMarketTouchedAsync(BlockNumber after, BlockNumber to, CancellationToken token)
    {
        if (to.Value - after.Value > LogBlocksMax) return true;
        var anything = new LogFilter { Addresses = [Contracts.StorageMarket.Address, Contracts.NodeRegistry.Address] };
        return (await Contracts.Web3.Eth.GetLogsAsync(anything, after.Value + 1, to.Value, token)).Count > 0;
    }

    /// <summary>
    /// The events of a kind that name a node, or any if null, where events do: behind the deal. Both ends are included; wide spans are
    /// asked for in pieces.
    /// </summary>
    public Task<IReadOnlyList<EventLog<T>>> EventsAsync<T>(Event<T> kind, NodeId? node, BlockNumber from, BlockNumber to, CancellationToken token)
        where T : class, IContractEvent<T> => EventsAsync(kind, node is { } one ? [[kind.Topic], [], [TopicOf(one)]] : [[kind.Topic]], from, to, token);

    /// <summary>The same of events that name the node first.</summary>
    public Task<IReadOnlyList<EventLog<T>>> EventsOfAsync<T>(Event<T> kind, NodeId node, BlockNumber from, BlockNumber to, CancellationToken token)
        where T : class, IContractEvent<T> => EventsAsync(kind, [[kind.Topic], [TopicOf(node)]], from, to, token);

    private async Task<IReadOnlyList<EventLog<T>>> EventsAsync<T>(
        Event<T> kind, IReadOnlyList<IReadOnlyList<Hash32>> topics, BlockNumber from, BlockNumber to, CancellationToken token)
        where T : class, IContractEvent<T>
    {
        var filter = new LogFilter { Addresses = [Contracts.StorageMarket.Address], Topics = topics };
        var found = new List<EventLog<T>>();
        for (ulong first = from.Value; first <= to.Value; first += LogBlocksMax)
        {
            foreach (Log log in await Contracts.Web3.Eth.GetLogsAsync(filter, first, Math.Min(to.Value, first + LogBlocksMax - 1), token))
            {
                if (kind.TryDecode(log, out T? value)) found.Add(new EventLog<T>(value, log));
            }
        }

        return found;
    }

    /// <summary>The deal and slot that a range of a node's ledger was given to; null if the chain does not tell any more.</summary>
    public async Task<(DealId Deal, int Slot)?> FindSlotAsync(LedgerRange range, CancellationToken token, NodeId? holder = null)
    {
        // A slot counts from the period after the one in which it was filled.
        if (range.From.Value is 0 or > PeriodNumber.ValueMax - 1) return null;
        var filledIn = new PeriodNumber(range.From.Value - 1);
        foreach (EventLog<SlotFilledEvent> filled in await EventsAsync(
            Contracts.StorageMarket.SlotFilledEvents, holder ?? Node, Facts.Schedule.FirstBlock(filledIn), Facts.Schedule.LastBlock(filledIn), token))
        {
            PlaceWord place = PlaceWord.Read(filled.Event.Place);
            if (place.Start == range.Start) return (DealId.FromWord(filled.Event.Id), place.Slot);
        }

        return null;
    }

    /// <summary>A client's free money, in units u.</summary>
    public async Task<UInt128> FreeUnitsAsync(Address client, CancellationToken token) => (await Contracts.Escrow.AccountOfAsync(client, token: token)).Free;

    /// <summary>Whether an account may act for a client now.</summary>
    public async Task<bool> MayActAsync(Address client, Address signer, CancellationToken token)
    {
        PeriodNumber now = Facts.Schedule.PeriodOf(await TipAsync(token));
        return await Contracts.Escrow.MayActAsync(client, signer, now.Value, token: token);
    }

    /// <summary>Who holds a slot of a deal; null if the deal was never opened, node 0 if it is open and the slot vacant.</summary>
    public async Task<NodeId?> HolderAsync(DealId deal, int slot, CancellationToken token)
    {
        DealView view = await Contracts.Lens.DealAsync(deal.ToWord(), token: token);
        if (view.State == 0) return null;
        SlotView? holder = Array.Find(view.Slots, candidate => candidate.Index == slot);
        return new NodeId(holder?.Node ?? 0);
    }

    /// <summary>Sends the proof of a period. A proof that somebody else sent meanwhile is as good.</summary>
    public async Task ProveAsync(PeriodNumber period, byte[] proof, TimeSpan deadline, CancellationToken token)
    {
        try
        {
            await Contracts.StorageMarket.ProveAsync(Node.Value, period.Value, proof, new TransactionOptions { Deadline = deadline }, token);
        }
        catch (ContractRevertException e) when (e.Error is StorageMarketAlreadyProvedError)
        {
            // What was wanted is done.
        }
    }

    public Task PinAsync(CancellationToken token) => Contracts.StorageMarket.PinAsync(token: token);

    /// <summary>Moves what was earned to the owner's free money, and mints the reward that waits.</summary>
    public async Task CollectAsync(bool earned, bool reward, CancellationToken token)
    {
        if (earned) await Contracts.StorageMarket.CollectAsync(Node.Value, token: token);
        if (reward) await Contracts.Bank.MintRewardAsync([Node.Value], token: token);
    }

    public void Dispose() => Contracts.Dispose();

    private static Hash32 TopicOf(NodeId node)
    {
        Span<byte> topic = stackalloc byte[Hash32.SizeBytes];
        topic.Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(topic[^4..], node.Value);
        return new Hash32(topic);
    }
}
