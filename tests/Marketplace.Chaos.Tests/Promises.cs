using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Domain;

namespace Marketplace.Chaos.Tests;

/// <summary>Looks at the chain alone, after the troubles: who was slashed and why, which slots were filled again, what the vault holds.</summary>
internal sealed class Promises(ChaosNetwork network, ChaosSums sums)
{
    /// <summary>A slot that lost its holder nearer to its deal's end than this may stay empty: reserving, proving and a period of pay take so long, if nobody else is in trouble.</summary>
    private const uint PeriodsToRefill = 10;

    private const uint BlocksPerPage = 500;
    private const uint EntriesPerPage = 100;
    private const int SlotsMax = 6;
    private const int StrikesNeeded = 3;
    private const byte Told = 0;
    private const byte Evicted = 2;
    private const byte OpenDeal = 1;
    private const byte LostSlot = 2;

    private readonly MarketContracts _contracts = network.Market.Contracts;
    private Story? _seen;

    /// <summary>Slots that lost their holder and have none yet, of deals that run long enough to be repaired.</summary>
    public async Task<int> VacantAsync()
    {
        Story story = _seen = await ReadAsync();
        PeriodNumber now = network.Chain.Period;
        return story.Vacant.Count(one => story.End[one.Key.Deal] > now + 3 && story.End[one.Key.Deal] >= one.Value + PeriodsToRefill);
    }

    /// <summary>Counts everything that <see cref="VacantAsync"/> saw last, and names what did not hold.</summary>
    public async Task CheckAsync()
    {
        Story story = _seen ?? await ReadAsync();
        sums.Add("slots vacated", story.Vacated);
        sums.Add("slots filled again", story.Refilled);
        sums.Add("evictions", story.Evictions);
        sums.Add("cures", story.Cures);
        foreach (((DealId deal, int slot), PeriodNumber since) in story.Vacant)
        {
            if (story.End[deal] < since + PeriodsToRefill)
            {
                sums.Add("slots too near their end");
                continue;
            }

            sums.Add("slots never filled again");
            sums.Break($"slot {slot} of deal {deal.Number} was vacated in period {since}, paid until {story.End[deal]}, and never filled again");
        }

        foreach ((NodeId node, BlockNumber block, string? cause) in story.Slashes)
        {
            sums.Add(cause is null ? "honest nodes slashed" : "slashed for cause");
            if (cause is null) sums.Break($"node {node} was slashed in block {block}, period {network.Chain.Schedule.PeriodOf(block)}, and nothing was done to it");
        }

        BigInteger off = await FastChain.AskAsync(VaultOffAsync);
        sums.Add("vault off by", (long)BigInteger.Abs(off));
        if (!off.IsZero) sums.Break($"the vault holds {off} units more than it owes");
    }

    private Task<Story> ReadAsync() => FastChain.AskAsync(ReadOnceAsync);

    private async Task<Story> ReadOnceAsync()
    {
        var story = new Story();
        Dictionary<NodeId, ChaosNode> nodes = network.AllNodes.ToDictionary(node => node.Id);
        Dictionary<NodeId, PeriodNumber> proved = [];
        HashSet<NodeId> evictedForCause = [];
        var logs = new List<Log>();
        ulong tip = network.Chain.Tip.Value;
        for (ulong from = 0; from <= tip; from += BlocksPerPage) logs.AddRange(await _contracts.Web3.Eth.GetLogsAsync(_contracts.Logs, from, Math.Min(tip, from + BlocksPerPage - 1)));
        StorageMarketService market = _contracts.StorageMarket;
        foreach (IGrouping<Hash32, Log> transaction in logs.GroupBy(log => log.TransactionHash))
        {
            BlockNumber block = new(transaction.First().Block.Number);
            PeriodNumber period = network.Chain.Schedule.PeriodOf(block);
            string? cause = null;
            var slashed = new List<NodeId>();
            foreach (Log log in transaction)
            {
                if (market.DealOpenedEvents.TryDecode(log, out DealOpenedEvent? opened)) story.End[DealId.FromWord(opened.Id)] = new PeriodNumber(DealWord.Read(opened.Deal).End);
                else if (market.DealExtendedEvents.TryDecode(log, out DealExtendedEvent? extended)) story.End[DealId.FromWord(extended.Id)] = new PeriodNumber(extended.End);
                else if (market.ProvedEvents.TryDecode(log, out ProvedEvent? proof)) proved[new NodeId(proof.Node)] = new PeriodNumber(proof.Period);
                else if (market.SlotFilledEvents.TryDecode(log, out SlotFilledEvent? filled))
                {
                    (DealId, int) slot = (DealId.FromWord(filled.Id), PlaceWord.Read(filled.Place).Slot);
                    story.Holder[slot] = (new NodeId(filled.Node), EntryWord.Read(filled.Entry).Root);
                    if (story.Vacant.Remove(slot)) story.Refilled++;
                }
                else if (market.SlotVacatedEvents.TryDecode(log, out SlotVacatedEvent? vacated))
                {
                    (DealId, int) slot = (DealId.FromWord(vacated.Id), vacated.Slot);
                    if (story.Vacant.TryAdd(slot, period)) story.Vacated++;
                    var loser = new NodeId(vacated.Node);
                    bool wasDamaged = nodes[loser].WasDamaged(story.Holder[slot].Root);
                    if ((byte)vacated.Why == Told && wasDamaged) cause = "told the loss of a file that was damaged";
                    // Its part of the pot goes when the slot is taken over.
                    if ((byte)vacated.Why == Evicted && evictedForCause.Contains(loser)) cause = "was evicted for cause";
                }
                else if (market.EvictedEvents.TryDecode(log, out EvictedEvent? evicted))
                {
                    story.Evictions++;
                    ChaosNode node = nodes[new NodeId(evicted.Node)];
                    PeriodNumber since = proved.GetValueOrDefault(node.Id);
                    int away = Enumerable.Range((int)since.Value + 1, Math.Max(0, (int)(period.Value - since.Value) - 1)).Count(one => node.WasAway(new PeriodNumber((uint)one)));
                    if (away >= StrikesNeeded)
                    {
                        evictedForCause.Add(node.Id);
                        cause = "was away for three periods";
                    }

                    foreach ((DealId Deal, int Slot) slot in story.Holder.Where(one => one.Value.Node == node.Id && story.End[one.Key.Deal] > period + 1).Select(one => one.Key).ToArray())
                    {
                        if (story.Vacant.TryAdd(slot, period)) story.Vacated++;
                    }
                }
                else if (market.CuredEvents.TryDecode(log, out CuredEvent? cured))
                {
                    story.Cures++;
                    var node = new NodeId(cured.Node);
                    if (evictedForCause.Remove(node)) cause = "cured";
                    foreach ((DealId, int) slot in story.Vacant.Keys.Where(slot => story.Holder[slot].Node == node).ToArray())
                    {
                        story.Vacant.Remove(slot);
                        story.Refilled++;
                    }
                }
                else if (_contracts.NodeRegistry.StakeSlashedEvents.TryDecode(log, out StakeSlashedEvent? stake)) slashed.Add(new NodeId(stake.Node));
            }

            story.Slashes.AddRange(slashed.Select(node => (node, block, cause)));
        }

        return story;
    }

    /// <summary>The vault holds what it owes: free money, fees to burn, stakes, what nodes earned, what open deals have left, what waits at slots.</summary>
    private async Task<BigInteger> VaultOffAsync()
    {
        BlockParameter at = BlockParameter.At(network.Chain.Tip);
        BigInteger owed = 0;
        Address client = network.ClientAccount.Address;
        Address[] accounts = [client, network.Owner, network.Chain.Chain.GetAccount(0).Address, _contracts.Bank.Address, .. network.AllNodes.Select(node => node.Hot)];
        foreach (Address account in accounts.Distinct())
        {
            EscrowAccount has = await _contracts.Escrow.AccountOfAsync(account, at);
            owed += has.Free + (BigInteger)has.Fees;
        }

        foreach (ChaosNode node in network.AllNodes)
        {
            owed += (await _contracts.NodeRegistry.NodeAsync(node.Id.Value, at)).Stake;
            owed += (await _contracts.Lens.StandingAsync(node.Id.Value, at)).Earned;
        }

        ulong last = await _contracts.Lens.LastNumberAsync(client, at);
        ulong askBond = await _contracts.StorageMarket.AskBondAsync(at);
        for (ulong number = 1; number <= last; number++)
        {
            BigInteger id = new DealId(client, number).ToWord();
            DealView deal = await _contracts.Lens.DealAsync(id, at);
            if (deal.State == 0) continue;
            if ((byte)deal.State == OpenDeal)
            {
                owed += deal.Locked - (BigInteger)deal.Paid;
                foreach (SlotView slot in deal.Slots.Where(slot => (byte)slot.State == LostSlot)) owed += slot.Bounty;
            }

            for (byte slot = 0; slot < SlotsMax; slot++)
            {
                BigInteger word = await _contracts.StorageMarket.VacancyWordAsync(id, slot, at);
                owed += Bits(word, 0, 64) + Bits(word, 64, 64) + (Bits(word, 182, 16) * askBond);
            }
        }

        BigInteger holds = await _contracts.Token.BalanceOfAsync(_contracts.Escrow.Address, at);
        return (holds / TokenAmount.BaseUnitsPerUnit) - owed;
    }

    private static BigInteger Bits(BigInteger word, int at, int bits) => (word >> at) & ((BigInteger.One << bits) - 1);

    /// <summary>What the events told.</summary>
    private sealed class Story
    {
        public Dictionary<DealId, PeriodNumber> End { get; } = [];

        public Dictionary<(DealId Deal, int Slot), (NodeId Node, Root Root)> Holder { get; } = [];

        public Dictionary<(DealId Deal, int Slot), PeriodNumber> Vacant { get; } = [];

        public List<(NodeId Node, BlockNumber Block, string? Cause)> Slashes { get; } = [];

        public int Vacated { get; set; }

        public int Refilled { get; set; }

        public int Evictions { get; set; }

        public int Cures { get; set; }
    }
}
