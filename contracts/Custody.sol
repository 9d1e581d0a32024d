// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IClock } from "./interfaces/IClock.sol";
import { ICustody } from "./interfaces/ICustody.sol";
import { IEscrow } from "./interfaces/IEscrow.sol";
import { INodeRegistry } from "./interfaces/INodeRegistry.sol";
import { Deals } from "./Deals.sol";
import { BookLib, PurseLib } from "./libraries/BookLib.sol";
import { Draw } from "./libraries/Draw.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { AskLib, DealLib, EntryLib, PeriodLib, VacancyLib } from "./libraries/WordLib.sol";
import { Acceptance, DealState, MarketParameters, Refusal, SlotState, Vacated } from "./types/Deals.sol";
import { DealId, LOST, NodeId, Rate } from "./types/Types.sol";
import {
    AskWord,
    Book,
    BookWord,
    DealWord,
    EntryWord,
    MASK34,
    PeriodWord,
    Purse,
    PurseWord,
    Slot,
    Vacancy,
    VacancyWord
} from "./types/Words.sol";

/// @title Custody
/// @notice Documented in ICustody. Called by itself it works on a storage of its own, in which there is nothing, and
/// Escrow and NodeRegistry do not listen to it.
/// @dev A slot passes from one holder to the next in a period p that is over for the former one: it proved p, or gave p
/// up (forfeited), or is evicted. So what it was paid for the slot is known then, and goes into the deal's `former`.
contract Custody is Deals, ICustody {
    using RateLib for Rate;
    using DealLib for DealWord;
    using EntryLib for EntryWord;
    using PeriodLib for PeriodWord;
    using BookLib for Book;
    using BookLib for BookWord;
    using PurseLib for Purse;
    using PurseLib for PurseWord;
    using VacancyLib for Vacancy;
    using VacancyLib for VacancyWord;
    using AskLib for AskWord;

    /// @dev A slot of a deal, and when.
    struct Place {
        DealId id;
        DealWord deal;
        Slot slot;
        uint8 index;
        uint32 period;
        uint40 blockNumber;
        uint32 end;
        /// the slot's rate
        uint256 units;
    }

    /// @dev Part of the pot that a cure costs.
    uint256 private constant CURE_COST_DIVISOR = 10;
    /// @dev Bonds double so many times at most.
    uint256 private constant LAPSES_MAX = 15;
    /// @dev Periods of a slot's pay in a reservation's first bond.
    uint256 private constant BOND_PERIODS = 2;

    /// @inheritdoc ICustody
    uint32 public constant FINE_PERIODS = uint32(LONGEST_FINE);
    /// @inheritdoc ICustody
    uint32 public constant STRIKES = 3;
    /// @inheritdoc ICustody
    uint256 public constant CURE_CHALLENGES = 4 * CHALLENGES;
    /// @inheritdoc ICustody
    uint32 public constant RESERVE_PERIODS = 2;
    /// @inheritdoc ICustody
    uint32 public constant NOTICE_PERIODS = uint32(LONGEST_FINE);

    constructor(MarketParameters memory p) Deals(p) { }

    // Deals

    /// @inheritdoc ICustody
    function fillSlot(DealId id, uint64 leaves, Acceptance calldata acceptance) external {
        Place memory p = _openPlace(id, acceptance.slot);
        address client = id.clientOf();
        if (msg.sender != client && !IEscrow(ESCROW).mayAct(client, msg.sender, p.period)) {
            revert StorageMarket_NotClient(id, msg.sender);
        }
        if (leaves == 0 || leaves > MASK34) revert StorageMarket_BadTerms();
        SlotState state = _stateOf(p.slot);
        if (state == SlotState.Held) revert StorageMarket_SlotTaken(id, p.index);

        // Whoever reserved it has the time that it paid for.
        Vacancy memory vacancy = _vacancies[id][p.index].unpack();
        if (vacancy.until >= p.period) revert StorageMarket_Reserved(vacancy.by, vacancy.until);
        uint256 toClient = vacancy.bond + vacancy.bounty;
        if (NodeId.unwrap(vacancy.by) != 0) emit ReservationEnded(id, vacancy.by, p.index, toClient, 0);
        _clear(id, p.index, vacancy);

        if (state == SlotState.Lost) toClient += _bountyOf(p.slot, p.units);
        if (state == SlotState.Evicted) toClient += _leaveEvicted(p, 0, false);
        _fillFrom(p, leaves, acceptance);
        _credit(client, toClient);
    }

    /// @inheritdoc ICustody
    function extend(DealId id, uint32 end, address payer) external {
        (uint32 period, uint40 blockNumber) = IClock(CLOCK).current();
        DealWord deal = _openDeal(id, period);
        uint32 formerEnd = deal.endOf();
        if (end <= formerEnd || end > deal.maxEndOf()) revert StorageMarket_BadEnd(end, deal.maxEndOf());

        (uint256 units, uint256 leaves) = _changeEnd(id, deal, formerEnd, end);
        emit DealExtended(id, payer, end, units);
        address client = id.clientOf();
        if (payer == client) {
            Rate highest = IEscrow(ESCROW).lock(client, msg.sender, 0, period, blockNumber, units);
            _checkPrice(deal.rateOf(), highest, leaves);
        } else {
            if (payer != msg.sender) revert StorageMarket_NotClient(id, msg.sender);
            IEscrow(ESCROW).lockGift(payer, client, blockNumber, units);
        }
    }

    /// @inheritdoc ICustody
    function endEarly(DealId id, uint32 end) external {
        (uint32 period, uint40 blockNumber) = IClock(CLOCK).current();
        DealWord deal = _openDeal(id, period);
        address client = id.clientOf();
        if (msg.sender != client) revert StorageMarket_NotClient(id, msg.sender);
        uint32 earliest = period + 1 + NOTICE_PERIODS;
        uint32 formerEnd = deal.endOf();
        if (end < earliest || end >= formerEnd) revert StorageMarket_BadNotice(end, earliest);

        (uint256 units,) = _changeEnd(id, deal, formerEnd, end);
        emit DealEndedEarly(id, end, units);
        IEscrow(ESCROW).unlock(client, blockNumber, units, units);
    }

    /// @inheritdoc ICustody
    function handOver(DealId id, Acceptance calldata acceptance, bytes calldata proof) external {
        Place memory p = _openPlace(id, acceptance.slot);
        Book memory book = _heldBook(p);
        _checkSpeaksFor(p.slot.node);
        // A proof of this period would pay it once more for what was counted here already.
        if (p.slot.from <= p.period && !book.isDone(p.period)) revert StorageMarket_ProofDue(p.slot.node, p.period);
        // Else a node that cannot answer would pass the slot to and fro with a friend.
        if (_vacancies[id][p.index].unpack().asks != 0) revert StorageMarket_AskOpen(id, p.index);
        EntryWord entry = _entries[_key(p.slot.node, p.slot.start)];
        if (acceptance.root != entry.rootOf()) revert StorageMarket_OtherRoot(entry.rootOf());
        bytes20 seed = _pin(p.period);
        uint256 leaves = entry.leavesOf();
        _verifyShard(takeoverBase(id, p.index, acceptance.node, p.period, seed), entry.rootOf(), leaves, proof);

        NodeId former = p.slot.node;
        _leave(p, book, false);
        emit SlotHandedOver(id, former, acceptance.node, p.index);
        _fillFrom(p, uint64(leaves), acceptance);
    }

    // Faults

    /// @inheritdoc ICustody
    function declareLoss(DealId id, uint8 slot) external {
        Place memory p = _openPlace(id, slot);
        Book memory book = _heldBook(p);
        _checkSpeaksFor(p.slot.node);
        uint256 periods = _finePeriods(p);
        uint256 bounty = _vacate(p, book, periods);
        uint256 toClient = periods * p.units - bounty;
        emit SlotVacated(id, p.slot.node, slot, Vacated.Told, toClient, bounty);
        _slash(p.slot.node, periods * p.units);
        _credit(id.clientOf(), toClient);
    }

    /// @inheritdoc ICustody
    function ask(DealId id, uint8 slot, uint64 leaf) external {
        Place memory p = _openPlace(id, slot);
        // There must be time to answer and to convict.
        if (p.end <= p.period + 3) revert StorageMarket_NotOpen(id);
        if (_stateOf(p.slot) != SlotState.Held) revert StorageMarket_WrongState(id, slot, _stateOf(p.slot));
        uint256 leaves = _entries[_key(p.slot.node, p.slot.start)].leavesOf();
        if (leaf >= leaves) revert StorageMarket_NoSuchLeaf(leaf, leaves);
        if (_asks[id][slot][msg.sender].dueOf() != 0) revert StorageMarket_NoAsk(id, slot, msg.sender);

        _asks[id][slot][msg.sender] = AskLib.pack(leaf, p.period + 1, p.slot.from);
        Vacancy memory vacancy = _vacancies[id][slot].unpack();
        if (vacancy.asks == type(uint16).max) revert StorageMarket_AskOpen(id, slot);
        vacancy.asks += 1;
        _vacancies[id][slot] = vacancy.pack();
        emit Asked(id, p.slot.node, slot, leaf, p.period + 1, msg.sender);
        IEscrow(ESCROW).charge(msg.sender, ASK_BOND);
    }

    /// @inheritdoc ICustody
    function answer(DealId id, uint8 slot, address asker, bytes calldata opening) external {
        (uint32 period,) = IClock(CLOCK).current();
        AskWord word = _asks[id][slot][asker];
        Slot memory holder = _slotOf(id, _deals[id], slot);
        if (word.dueOf() == 0 || holder.from != word.fromOf()) revert StorageMarket_NoAsk(id, slot, asker);
        if (period > word.dueOf()) revert StorageMarket_PeriodClosed(word.dueOf(), period);
        EntryWord entry = _entries[_key(holder.node, holder.start)];
        uint256 end = _checkLeaf(opening, 0, word.leafOf(), entry.leavesOf(), entry.rootOf(), 0);
        if (end != opening.length) revert StorageMarket_BadProofLength();

        _closeAsk(id, slot, asker);
        Purse memory purse = _purses[holder.node].unpack();
        purse.earned += ASK_BOND;
        _purses[holder.node] = purse.pack();
        emit Answered(id, holder.node, slot, asker);
    }

    /// @inheritdoc ICustody
    function convict(DealId id, uint8 slot, address asker) external {
        Place memory p = _place(id, slot);
        AskWord word = _asks[id][slot][asker];
        if (!_isConvictable(p, word)) revert StorageMarket_NotConvictable(word.dueOf());
        Book memory book = _heldBook(p);
        uint256 fine = 2 * _finePeriods(p) * p.units;
        uint256 bounty = _vacate(p, book, _finePeriods(p));
        // The client's part is twice that of a told loss, so that hiding costs more whoever the others are.
        uint256 toClient = fine / 2;
        uint256 toAsker = fine - toClient - bounty + ASK_BOND;
        _closeAsk(id, slot, asker);
        emit SlotVacated(id, p.slot.node, slot, Vacated.Convicted, toClient, bounty);
        emit AskClosed(id, slot, asker, toAsker);
        _slash(p.slot.node, fine);
        _credit(id.clientOf(), toClient);
        _credit(asker, toAsker);
    }

    /// @inheritdoc ICustody
    function withdrawAsk(DealId id, uint8 slot, address asker) external {
        Place memory p = _place(id, slot);
        AskWord word = _asks[id][slot][asker];
        if (word.dueOf() == 0) revert StorageMarket_NoAsk(id, slot, asker);
        if (_isBinding(p, word) && (p.period <= word.dueOf() || _isConvictable(p, word))) {
            revert StorageMarket_AskPending(word.dueOf());
        }
        _closeAsk(id, slot, asker);
        emit AskClosed(id, slot, asker, ASK_BOND);
        _credit(asker, ASK_BOND);
    }

    /// @inheritdoc ICustody
    function evict(NodeId node, uint32 first, uint32 second, uint32 third) external {
        (uint32 period,) = IClock(CLOCK).current();
        Book memory book = _rolledFully(node, period + 1);
        if (book.rate == 0) revert StorageMarket_NotEvictable(node);
        Purse memory purse = _purses[node].unpack();
        uint256 since = book.lastProved + 1;
        if (since < book.dutyFrom) since = book.dutyFrom;
        if (since < purse.cureFrom) since = purse.cureFrom;
        _checkStrike(node, first, since, period, purse);
        _checkStrike(node, second, first + 1, period, purse);
        _checkStrike(node, third, second + 1, period, purse);

        // From here on the book stands still: the pot is STAKE_PERIODS of its rate and lies in the stake.
        book.evicted = true;
        book.out = period + 1;
        _books[node] = book.pack();
        emit Evicted(node, period + 1, book.rate * STAKE_PERIODS, msg.sender, REPORT_BOUNTY);
        _slash(node, REPORT_BOUNTY);
        _credit(msg.sender, REPORT_BOUNTY);
    }

    /// @inheritdoc ICustody
    function cure(NodeId node, bytes calldata proof) external {
        _checkSpeaksFor(node);
        (uint32 period,) = IClock(CLOCK).current();
        Book memory book = _books[node].unpack();
        if (!book.evicted || period < book.out || !_mayCure(book, period)) revert StorageMarket_NotCurable(node);
        uint256 penalty = book.rate * STAKE_PERIODS / CURE_COST_DIVISOR;

        book.evicted = false;
        book.out = 0;
        _rollTo(book, node, period + 1, ROLL_MAX);
        if (book.out != 0) revert StorageMarket_Silent(node);
        if (book.ratePrev == 0) revert StorageMarket_NothingToProve(node, period);
        bytes20 seed = _pin(period);
        bytes32 base = Draw.base(block.chainid, address(this), node, period, seed);
        _verify(node, period, base, book, proof, CURE_CHALLENGES);

        _books[node] = book.pack();
        // The period is neither paid nor a strike: slots may have been taken over in it, and this proof was asked for more.
        Purse memory purse = _purses[node].unpack();
        purse.cureFrom = period + 1;
        purse.forfeited = period;
        _purses[node] = purse.pack();
        emit Cured(node, period + 1, penalty);
        uint256 stake = _slash(node, penalty);
        uint256 needed = _stakeFor(book.rate);
        if (stake < needed) revert StorageMarket_StakeTooSmall(stake, needed);
        _credit(BANK, penalty);
    }

    /// @inheritdoc ICustody
    function compensate(DealId id, uint8 slot) external {
        Place memory p = _place(id, slot);
        Book memory book = _books[p.slot.node].unpack();
        // A deal that was over before the eviction has no part in the pot.
        if (!book.evicted || p.slot.from >= LOST || p.end <= book.out) {
            revert StorageMarket_WrongState(id, slot, _stateOf(p.slot));
        }
        bool isOver = p.period >= p.end;
        if (!isOver && _mayCure(book, p.period)) {
            revert StorageMarket_MayStillCure(p.slot.node, uint32(book.out) + CURE_PERIODS - 1);
        }
        uint256 halves = isOver ? 0 : STAKE_PERIODS;
        uint256 toClient = _leaveEvicted(p, halves * p.units / 2, true);
        p.slot.from = LOST + uint32(halves);
        _deals[id] = _putSlot(id, p.deal, slot, p.slot);
        _credit(id.clientOf(), toClient);
    }

    // Repair

    /// @inheritdoc ICustody
    function reserve(DealId id, uint8 slot, NodeId node) external {
        Place memory p = _openPlace(id, slot);
        // The claim comes in a later period at least, and the shard must be held for one after it.
        if (p.end <= p.period + 2) revert StorageMarket_NotOpen(id);
        _checkSpeaksFor(node);
        _checkClaimable(p);
        Vacancy memory vacancy = _vacancies[id][slot].unpack();
        uint256 toClient;
        if (NodeId.unwrap(vacancy.by) != 0) {
            if (vacancy.until >= p.period) revert StorageMarket_Reserved(vacancy.by, vacancy.until);
            // Half to the client: a squatter who claims in the end does not get it all back.
            uint256 toBounty = vacancy.bond / 2;
            toClient = vacancy.bond - toBounty;
            vacancy.bounty += toBounty;
            if (vacancy.lapses < LAPSES_MAX) vacancy.lapses += 1;
            emit ReservationEnded(id, vacancy.by, slot, toClient, toBounty);
        }
        vacancy.bond = _bondOf(p.units, vacancy.lapses);
        vacancy.by = node;
        vacancy.until = p.period + RESERVE_PERIODS;
        _vacancies[id][slot] = vacancy.pack();
        emit SlotReserved(id, node, slot, vacancy.until, vacancy.bond);
        IEscrow(ESCROW).charge(msg.sender, vacancy.bond);
        _credit(id.clientOf(), toClient);
    }

    /// @inheritdoc ICustody
    function claim(DealId id, uint8 slot, NodeId node, uint64 hint, bytes calldata proof) external {
        Place memory p = _openPlace(id, slot);
        _checkSpeaksFor(node);
        SlotState state = _checkClaimable(p);
        Vacancy memory vacancy = _vacancies[id][slot].unpack();
        if (
            !(vacancy.by == node) || p.period > vacancy.until || p.period + RESERVE_PERIODS == vacancy.until
        ) revert StorageMarket_NotReserved(node);
        EntryWord entry = _entries[_key(p.slot.node, p.slot.start)];
        bytes20 seed = _pin(p.period);
        _verifyShard(takeoverBase(id, slot, node, p.period, seed), entry.rootOf(), entry.leavesOf(), proof);

        uint256 bounty = vacancy.bounty;
        uint256 toClient;
        if (state == SlotState.Lost) {
            bounty += _bountyOf(p.slot, p.units);
        } else {
            uint256 half = p.units * STAKE_PERIODS / 2;
            bounty += half;
            toClient = _leaveEvicted(p, half, false);
        }
        // Else a node's friends would refill for more than they put at risk.
        uint256 most = p.units * STAKE_PERIODS;
        if (bounty > most) (bounty, toClient) = (most, toClient + bounty - most);
        _clear(id, slot, vacancy);
        _takeOver(p, node, hint, entry);
        emit SlotRepaired(id, node, slot, bounty);
        _credit(INodeRegistry(REGISTRY).ownerOf(node), bounty + vacancy.bond);
        _credit(id.clientOf(), toClient);
    }

    /// @inheritdoc ICustody
    function release(DealId id, uint8 slot) external {
        Place memory p = _place(id, slot);
        Vacancy memory vacancy = _vacancies[id][slot].unpack();
        bool isWanted = p.deal.stateOf() == DealState.Open && p.end > p.period + 1 && _isClaimable(_stateOf(p.slot));
        if (isWanted || vacancy.bond + vacancy.bounty == 0) revert StorageMarket_NothingToRelease(id, slot);

        // A bond that could not have been used comes back; one that was let lapse does not.
        bool isLapsed = _isClaimable(_stateOf(p.slot)) && vacancy.until + 1 < p.end;
        uint256 back = isLapsed ? 0 : vacancy.bond;
        uint256 toClient = vacancy.bounty + vacancy.bond - back;
        _clear(id, slot, vacancy);
        emit ReservationEnded(id, vacancy.by, slot, toClient, 0);
        if (back != 0) _credit(INodeRegistry(REGISTRY).ownerOf(vacancy.by), back);
        _credit(id.clientOf(), toClient);
    }

    // Reading

    /// @inheritdoc ICustody
    function takeoverBase(DealId id, uint8 slot, NodeId node, uint32 period, bytes20 seed)
        public
        view
        returns (bytes32)
    {
        return Draw.takeoverBase(block.chainid, address(this), node, period, seed, id, slot);
    }

    /// @inheritdoc ICustody
    function bondOf(DealId id, uint8 slot) external view returns (uint256) {
        (uint32 period,) = IClock(CLOCK).current();
        Vacancy memory vacancy = _vacancies[id][slot].unpack();
        bool lapses = NodeId.unwrap(vacancy.by) != 0 && vacancy.until < period && vacancy.lapses < LAPSES_MAX;
        return _bondOf(_deals[id].rateOf().value(), lapses ? vacancy.lapses + 1 : vacancy.lapses);
    }

    /// @inheritdoc ICustody
    function vacancyWord(DealId id, uint8 slot) external view returns (VacancyWord) {
        return _vacancies[id][slot];
    }

    /// @inheritdoc ICustody
    function askWord(DealId id, uint8 slot, address asker) external view returns (AskWord) {
        return _asks[id][slot][asker];
    }

    // Places

    function _place(DealId id, uint8 index) private view returns (Place memory p) {
        (p.period, p.blockNumber) = IClock(CLOCK).current();
        p.id = id;
        p.deal = _deals[id];
        if (index >= p.deal.nOf()) revert StorageMarket_BadSlot(index);
        p.index = index;
        p.slot = _slotOf(id, p.deal, index);
        p.end = p.deal.endOf();
        p.units = p.deal.rateOf().value();
    }

    /// @dev A place whose deal runs on for a whole period at least.
    function _openPlace(DealId id, uint8 index) private view returns (Place memory p) {
        (uint32 period,) = IClock(CLOCK).current();
        _openDeal(id, period);
        return _place(id, index);
    }

    function _openDeal(DealId id, uint32 period) private view returns (DealWord deal) {
        deal = _deals[id];
        if (deal.stateOf() != DealState.Open || deal.endOf() <= period + 1) revert StorageMarket_NotOpen(id);
    }

    function _stateOf(Slot memory slot) private view returns (SlotState) {
        if (NodeId.unwrap(slot.node) == 0) return SlotState.Vacant;
        if (slot.from >= LOST) return SlotState.Lost;
        return _books[slot.node].unpack().evicted ? SlotState.Evicted : SlotState.Held;
    }

    function _isClaimable(SlotState state) private pure returns (bool) {
        return state == SlotState.Lost || state == SlotState.Evicted;
    }

    function _checkClaimable(Place memory p) private view returns (SlotState state) {
        state = _stateOf(p.slot);
        if (!_isClaimable(state)) revert StorageMarket_WrongState(p.id, p.index, state);
    }

    /// @dev The book of the slot's holder at the next period; reverts if it is evicted.
    function _heldBook(Place memory p) private returns (Book memory) {
        if (NodeId.unwrap(p.slot.node) == 0 || p.slot.from >= LOST) {
            revert StorageMarket_WrongState(p.id, p.index, _stateOf(p.slot));
        }
        return _rolledFully(p.slot.node, p.period + 1);
    }

    function _checkSpeaksFor(NodeId node) private view {
        if (!INodeRegistry(REGISTRY).speaksFor(node, msg.sender)) revert StorageMarket_NotNode(node, msg.sender);
    }

    /// @dev A node holds one slot of a deal: held slots and those of a node that may cure.
    function _checkHoldsNoOther(Place memory p, NodeId node) private view {
        uint256 n = p.deal.nOf();
        for (uint256 i = 0; i < n; ++i) {
            if (i == p.index) continue;
            Slot memory slot = _slotOf(p.id, p.deal, i);
            if (slot.node == node && slot.from < LOST) revert StorageMarket_NodeTwice(node);
        }
    }

    // Leaving a slot

    /// @dev Takes the slot off its holder, whose period is over, and keeps its root while a repair may want it; `p.deal` then counts what it was paid.
    function _leave(Place memory p, Book memory book, bool keepRoot) private {
        NodeId node = p.slot.node;
        _lose(node, book, p.slot.start, p.units, keepRoot ? p.end : p.period + 1);
        _books[node] = book.pack();
        uint32 to = p.period < p.end ? p.period + 1 : p.end;
        p.deal = p.deal.plusFormer(_provedBetween(node, p.slot.from, to));
    }

    /// @dev Takes the slot off a holder that lost it, and leaves half of `periods` of its pay for a refill.
    function _vacate(Place memory p, Book memory book, uint256 periods) private returns (uint256 bounty) {
        NodeId node = p.slot.node;
        // If this period is not proved yet it never will be: what the holder was paid is counted now. Else a node would
        // hide a loss until it is drawn, and tell then.
        if (p.slot.from <= p.period && !book.isDone(p.period)) {
            Purse memory purse = _purses[node].unpack();
            purse.forfeited = p.period;
            _purses[node] = purse.pack();
        }
        _leave(p, book, true);
        p.slot.from = LOST + uint32(periods);
        _deals[p.id] = _putSlot(p.id, p.deal, p.index, p.slot);
        return _bountyOf(p.slot, p.units);
    }

    /// @dev Takes the slot off an evicted holder: `half` of its part of the pot is left for a refill, the rest is the
    /// client's.
    function _leaveEvicted(Place memory p, uint256 half, bool keepRoot) private returns (uint256 toClient) {
        NodeId node = p.slot.node;
        _leave(p, _books[node].unpack(), keepRoot);
        uint256 part = p.units * STAKE_PERIODS;
        toClient = part - half;
        emit SlotVacated(p.id, node, p.index, Vacated.Evicted, toClient, half);
        _slash(node, part);
    }

    function _bountyOf(Slot memory slot, uint256 units) private pure returns (uint256) {
        return (slot.from - LOST) * units / 2;
    }

    function _finePeriods(Place memory p) private pure returns (uint256 periods) {
        periods = p.end - (p.period + 1);
        if (periods > FINE_PERIODS) periods = FINE_PERIODS;
    }

    // Taking a slot

    /// @dev Fills the place by an acceptance that must hold, and writes the deal down.
    function _fillFrom(Place memory p, uint64 leaves, Acceptance calldata acceptance) private {
        _checkHoldsNoOther(p, acceptance.node);
        Filling memory f = Filling({
            id: p.id,
            client: p.id.clientOf(),
            number: p.id.numberOf(),
            rate: p.deal.rateOf(),
            leaves: leaves,
            from: p.period + 1,
            end: p.end,
            maxEnd: p.deal.maxEndOf(),
            blockNumber: p.blockNumber
        });
        (Refusal why, Slot memory slot) = _fill(f, acceptance);
        if (why != Refusal.None) revert StorageMarket_Refused(acceptance.node, why);
        _deals[p.id] = _putSlot(p.id, p.deal, p.index, slot);
    }

    /// @dev Gives the place to a node that reserved it and proved that it holds the shard of `entry`.
    function _takeOver(Place memory p, NodeId node, uint64 hint, EntryWord entry) private {
        _checkHoldsNoOther(p, node);
        (, uint64 stake) = INodeRegistry(REGISTRY).keyOf(node);
        bytes20 root = entry.rootOf();
        uint64 leaves = uint64(entry.leavesOf());
        (Refusal why, uint64 start) = _take(node, p.deal.rateOf(), stake, root, leaves, p.period + 1, p.end, hint);
        if (why != Refusal.None) revert StorageMarket_Refused(node, why);
        _deals[p.id] = _putSlot(p.id, p.deal, p.index, Slot(node, start, p.period + 1));
        emit SlotFilled(p.id, node, p.index, start, root, leaves, p.period + 1);
    }

    /// @dev Forgets reservation and bounty; questions stay open.
    function _clear(DealId id, uint8 index, Vacancy memory vacancy) private {
        if (vacancy.bond + vacancy.bounty == 0) return;
        Vacancy memory cleared;
        cleared.asks = vacancy.asks;
        _vacancies[id][index] = cleared.pack();
    }

    function _bondOf(uint256 units, uint256 lapses) private view returns (uint256 bond) {
        bond = BOND_PERIODS * units;
        if (bond < ASK_BOND) bond = ASK_BOND;
        bond <<= lapses;
    }

    // Questions and strikes

    /// @dev A question binds the holder that it was asked of, while the deal runs on.
    function _isBinding(Place memory p, AskWord word) private view returns (bool) {
        return p.deal.stateOf() == DealState.Open && p.end > p.period + 1 && p.slot.from == word.fromOf()
            && _stateOf(p.slot) == SlotState.Held;
    }

    /// @dev A period that nobody proved is nobody's fault: the chain stood still, or let nothing through.
    function _isConvictable(Place memory p, AskWord word) private view returns (bool) {
        uint32 due = word.dueOf();
        return due != 0 && p.period > due && _isBinding(p, word) && _periods[due].paidOf() != 0;
    }

    function _closeAsk(DealId id, uint8 slot, address asker) private {
        _asks[id][slot][asker] = AskWord.wrap(0);
        Vacancy memory vacancy = _vacancies[id][slot].unpack();
        vacancy.asks -= 1;
        _vacancies[id][slot] = vacancy.pack();
    }

    function _checkStrike(NodeId node, uint32 missed, uint256 since, uint32 period, Purse memory purse) private view {
        if (missed < since || missed >= period || missed == purse.forfeited || _periods[missed].paidOf() == 0) {
            revert StorageMarket_NoStrike(node, missed);
        }
    }

    // Small things

    /// @dev Moves the end of a deal with all its ranges, and tells what more or less it locks.
    function _changeEnd(DealId id, DealWord deal, uint32 formerEnd, uint32 end)
        private
        returns (uint256 units, uint256 leaves)
    {
        _deals[id] = deal.withEnd(end);
        Rate rate = deal.rateOf();
        uint256 n = deal.nOf();
        for (uint256 i = 0; i < n; ++i) {
            Slot memory slot = _slotOf(id, deal, i);
            if (NodeId.unwrap(slot.node) == 0) continue;
            leaves = _moveEnd(slot.node, slot.start, rate.value(), formerEnd, end, slot.from >= LOST);
        }
        uint32 from = deal.fromOf();
        uint256 before = _quote(rate, n, formerEnd - from);
        uint256 after_ = _quote(rate, n, end - from);
        units = after_ > before ? after_ - before : before - after_;
    }

    function _pin(uint32 period) private returns (bytes20 seed) {
        PeriodWord word = _pinned(period);
        _periods[period] = word;
        return word.seedOf();
    }

    function _slash(NodeId node, uint256 units) private returns (uint256 stake) {
        return INodeRegistry(REGISTRY).slash(node, units);
    }

    function _credit(address account, uint256 units) private {
        if (units != 0) IEscrow(ESCROW).credit(account, units);
    }
}
