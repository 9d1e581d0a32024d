// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { ICustody } from "./interfaces/ICustody.sol";
import { IEscrow } from "./interfaces/IEscrow.sol";
import { INodeRegistry } from "./interfaces/INodeRegistry.sol";
import { Places } from "./Places.sol";
import { BookLib } from "./libraries/BookLib.sol";
import { Draw } from "./libraries/Draw.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { DealLib, EntryLib, OfferLib, VacancyLib } from "./libraries/WordLib.sol";
import { Acceptance, DealState, MarketParameters, Refusal, SlotState } from "./types/Deals.sol";
import { DealId, LOST, NodeId, Rate } from "./types/Types.sol";
import { Book, BookWord, DealWord, EntryWord, MASK34, OfferWord, Slot, Vacancy, VacancyWord } from "./types/Words.sol";

/// @title Custody
/// @notice Documented in ICustody. Called by itself it is as powerless as Faults.
contract Custody is Places, ICustody {
    using RateLib for Rate;
    using DealLib for DealWord;
    using DealLib for Slot;
    using EntryLib for EntryWord;
    using BookLib for Book;
    using BookLib for BookWord;
    using OfferLib for OfferWord;
    using VacancyLib for Vacancy;
    using VacancyLib for VacancyWord;

    /// @dev Bonds double so many times at most.
    uint256 private constant LAPSES_MAX = 15;
    /// @dev Periods of a slot's pay in a reservation's first bond.
    uint256 private constant BOND_PERIODS = 2;

    /// @inheritdoc ICustody
    uint32 public constant RESERVE_PERIODS = 2;
    /// @inheritdoc ICustody
    uint32 public constant NOTICE_PERIODS = uint32(LONGEST_FINE);

    constructor(MarketParameters memory p) Places(p) { }

    /// @inheritdoc ICustody
    function fillSlot(DealId id, uint64 leaves, Acceptance calldata acceptance) external {
        Place memory p = _openPlace(id, acceptance.offer.slotOf());
        address client = id.clientOf();
        if (leaves == 0 || leaves > MASK34) revert StorageMarket_BadTerms();
        if (msg.sender != client) {
            // What was locked for the slot is spent as if it were locked now.
            uint256 units = _quote(p.deal.rateOf(), 1, p.end - (p.period + 1));
            _checkPrice(p.deal.rateOf(), IEscrow(ESCROW).spend(client, msg.sender, p.period, units), leaves);
        }
        SlotState state = _stateOf(p.slot);
        if (state == SlotState.Held) revert StorageMarket_SlotTaken(id, p.index);

        // Whoever reserved it has the time that it paid for.
        Vacancy memory vacancy = _vacancies[id][p.index].unpack();
        if (vacancy.until >= p.period) revert StorageMarket_Reserved(vacancy.by, vacancy.until);
        uint256 toClient = vacancy.bond + vacancy.bounty;
        if (NodeId.unwrap(vacancy.by) != 0) emit ReservationEnded(id, vacancy.by, p.index, toClient, 0);
        _clear(id, p.index, vacancy);

        if (state == SlotState.Lost) toClient += _leaveLost(p);
        if (state == SlotState.Evicted) toClient += _leaveEvicted(p, 0, false);
        _fillFrom(p, leaves, acceptance);
        _credit(client, toClient);
    }

    /// @inheritdoc ICustody
    function extend(DealId id, uint32 end, address payer) external {
        (uint32 period, uint40 blockNumber) = current();
        DealWord deal = _openDeal(id, period);
        uint32 formerEnd = deal.endOf();
        if (end <= formerEnd || end > deal.maxEndOf()) revert StorageMarket_BadEnd(end, deal.maxEndOf());

        (uint256 units, uint256 leaves) = _changeEnd(id, deal, formerEnd, end);
        address client = id.clientOf();
        uint40 previous;
        if (payer == client) {
            Rate highest;
            (highest, previous) = IEscrow(ESCROW).lock(client, msg.sender, 0, period, blockNumber, units);
            _checkPrice(deal.rateOf(), highest, leaves);
        } else {
            if (payer != msg.sender) revert StorageMarket_NotClient(id, msg.sender);
            previous = IEscrow(ESCROW).lockGift(payer, client, blockNumber, units);
        }
        emit DealExtended(id, payer, end, units, previous);
    }

    /// @inheritdoc ICustody
    function endEarly(DealId id, uint32 end) external {
        (uint32 period,) = current();
        DealWord deal = _openDeal(id, period);
        address client = id.clientOf();
        if (msg.sender != client) revert StorageMarket_NotClient(id, msg.sender);
        uint32 earliest = period + 1 + NOTICE_PERIODS;
        uint32 formerEnd = deal.endOf();
        if (end < earliest || end >= formerEnd) revert StorageMarket_BadNotice(end, earliest);

        (uint256 units,) = _changeEnd(id, deal, formerEnd, end);
        emit DealEndedEarly(id, end, units);
        IEscrow(ESCROW).unlock(client, units, units, 0);
    }

    /// @inheritdoc ICustody
    function handOver(DealId id, Acceptance calldata acceptance, bytes calldata proof) external {
        Place memory p = _openPlace(id, acceptance.offer.slotOf());
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
        _verifyShard(takeoverBase(id, p.index, acceptance.offer.nodeOf(), p.period, seed), entry.rootOf(), leaves, proof);

        NodeId former = p.slot.node;
        _leave(p, book, false);
        emit SlotHandedOver(id, former, acceptance.offer.nodeOf(), p.index);
        _fillFrom(p, uint64(leaves), acceptance);
    }

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
            bounty += _leaveLost(p);
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
        (uint32 period,) = current();
        Vacancy memory vacancy = _vacancies[id][slot].unpack();
        bool lapses = NodeId.unwrap(vacancy.by) != 0 && vacancy.until < period && vacancy.lapses < LAPSES_MAX;
        return _bondOf(_deals[id].rateOf().value(), lapses ? vacancy.lapses + 1 : vacancy.lapses);
    }

    /// @inheritdoc ICustody
    function vacancyWord(DealId id, uint8 slot) external view returns (VacancyWord) {
        return _vacancies[id][slot];
    }

    function _checkClaimable(Place memory p) private view returns (SlotState state) {
        state = _stateOf(p.slot);
        if (!_isClaimable(state)) revert StorageMarket_WrongState(p.id, p.index, state);
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

    /// @dev Fills the place by an acceptance that must hold, and writes the deal down.
    function _fillFrom(Place memory p, uint64 leaves, Acceptance calldata acceptance) private {
        _checkHoldsNoOther(p, acceptance.offer.nodeOf());
        Filling memory f = _filling(p.id, p.deal, leaves, p.period + 1, p.blockNumber);
        f.form.follows = p.slot.bitsOf();
        uint256 key = INodeRegistry(REGISTRY).keyOf(acceptance.offer.nodeOf());
        (Refusal why, uint256 slot) = _fill(f, acceptance, key);
        if (why != Refusal.None) revert StorageMarket_Refused(acceptance.offer.nodeOf(), why);
        _deals[p.id] = _putSlot(p.id, p.deal, p.index, DealLib.slotIn(slot));
    }

    /// @dev Gives the place to a node that reserved it and proved that it holds the shard of `entry`.
    function _takeOver(Place memory p, NodeId node, uint64 hint, EntryWord entry) private {
        _checkHoldsNoOther(p, node);
        uint256 stake = INodeRegistry(REGISTRY).keyOf(node) >> 160;
        entry = EntryLib.pack(entry.rootOf(), entry.leavesOf(), p.period + 1, p.end, p.deal.rateOf());
        (Refusal why, uint256 start) = _take(node, stake, entry, hint);
        if (why != Refusal.None) revert StorageMarket_Refused(node, why);
        _deals[p.id] = _putSlot(p.id, p.deal, p.index, Slot(node, uint64(start), p.period + 1));
        emit SlotFilled(p.id, node, DealLib.placeBits(p.index, start), entry);
    }

    /// @dev Its former holder may trim or refill the range of a slot that is refilled; nobody needs the root there any more.
    /// One period later: the slot must not be as it is now again while an acceptance that follows this holder is good.
    function _leaveLost(Place memory p) private returns (uint256 bounty) {
        uint256 key = _key(p.slot.node, p.slot.start);
        _entries[key] = _entries[key].withUntil(p.period + 2);
        return _bountyOf(p.slot.from, p.units);
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
}
