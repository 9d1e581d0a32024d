// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IEscrow } from "./interfaces/IEscrow.sol";
import { IFaults } from "./interfaces/IFaults.sol";
import { Next } from "./Next.sol";
import { Places } from "./Places.sol";
import { BookLib, PurseLib } from "./libraries/BookLib.sol";
import { Draw } from "./libraries/Draw.sol";
import { AskLib, DealLib, EntryLib, PeriodLib, VacancyLib } from "./libraries/WordLib.sol";
import { DealState, MarketParameters, SlotState, Vacated } from "./types/Deals.sol";
import { DealId, LOST, NodeId } from "./types/Types.sol";
import {
    AskWord,
    Book,
    BookWord,
    DealWord,
    EntryWord,
    PeriodWord,
    Purse,
    PurseWord,
    Slot,
    Vacancy,
    VacancyWord
} from "./types/Words.sol";

/// @title Faults
/// @notice Documented in IFaults. Called by itself it works on a storage of its own, in which there is nothing, and
/// Escrow and NodeRegistry do not listen to it.
contract Faults is Places, Next, IFaults {
    using DealLib for DealWord;
    using DealLib for Slot;
    using EntryLib for EntryWord;
    using PeriodLib for PeriodWord;
    using BookLib for Book;
    using BookLib for BookWord;
    using PurseLib for Purse;
    using PurseLib for PurseWord;
    using VacancyLib for Vacancy;
    using VacancyLib for VacancyWord;
    using AskLib for AskWord;

    /// @dev Part of the pot that a cure costs.
    uint256 private constant CURE_COST_DIVISOR = 10;

    /// @inheritdoc IFaults
    uint32 public constant FINE_PERIODS = uint32(LONGEST_FINE);
    /// @inheritdoc IFaults
    uint32 public constant STRIKES = 3;
    /// @inheritdoc IFaults
    uint256 public constant CURE_CHALLENGES = 4 * CHALLENGES;

    constructor(MarketParameters memory p, address custody) Places(p) Next(custody, keccak256(abi.encode(p))) { }

    /// @inheritdoc IFaults
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

    /// @inheritdoc IFaults
    function ask(DealId id, uint8 slot, uint64 leaf) external {
        Place memory p = _openPlace(id, slot);
        // There must be time to answer and to convict.
        if (p.end <= p.period + 3) revert StorageMarket_NotOpen(id);
        if (_stateOf(p.slot) != SlotState.Held) revert StorageMarket_WrongState(id, slot, _stateOf(p.slot));
        uint256 leaves = _entries[_key(p.slot.node, p.slot.start)].leavesOf();
        if (leaf >= leaves) revert StorageMarket_NoSuchLeaf(leaf, leaves);
        if (_asks[id][slot][msg.sender].dueOf() != 0) revert StorageMarket_NoAsk(id, slot, msg.sender);

        _asks[id][slot][msg.sender] = AskLib.pack(leaf, p.period + 1, p.slot.bitsOf());
        Vacancy memory vacancy = _vacancies[id][slot].unpack();
        if (vacancy.asks == type(uint16).max) revert StorageMarket_AskOpen(id, slot);
        vacancy.asks += 1;
        _vacancies[id][slot] = vacancy.pack();
        emit Asked(id, p.slot.node, slot, leaf, p.period + 1, msg.sender);
        IEscrow(ESCROW).charge(msg.sender, ASK_BOND);
    }

    /// @inheritdoc IFaults
    function answer(DealId id, uint8 slot, address asker, bytes calldata opening) external {
        (uint32 period,) = current();
        AskWord word = _asks[id][slot][asker];
        Slot memory holder = _slotOf(id, _deals[id], slot);
        if (word.dueOf() == 0 || holder.bitsOf() != word.holderOf()) revert StorageMarket_NoAsk(id, slot, asker);
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

    /// @inheritdoc IFaults
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

    /// @inheritdoc IFaults
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

    /// @inheritdoc IFaults
    function evict(NodeId node, uint32 first, uint32 second, uint32 third) external {
        (uint32 period,) = current();
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
        _books[node].word = book.pack();
        emit Evicted(node, period + 1, book.rate * STAKE_PERIODS, msg.sender, REPORT_BOUNTY);
        _slash(node, REPORT_BOUNTY);
        _credit(msg.sender, REPORT_BOUNTY);
    }

    /// @inheritdoc IFaults
    function cure(NodeId node, bytes calldata proof) external {
        _checkSpeaksFor(node);
        (uint32 period,) = current();
        Book memory book = _books[node].word.unpack();
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

        _books[node].word = book.pack();
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

    /// @inheritdoc IFaults
    function compensate(DealId id, uint8 slot) external {
        Place memory p = _place(id, slot);
        Book memory book = _books[p.slot.node].word.unpack();
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

    /// @inheritdoc IFaults
    function askWord(DealId id, uint8 slot, address asker) external view returns (AskWord) {
        return _asks[id][slot][asker];
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
        return _bountyOf(p.slot.from, p.units);
    }

    function _finePeriods(Place memory p) private pure returns (uint256 periods) {
        periods = p.end - (p.period + 1);
        if (periods > FINE_PERIODS) periods = FINE_PERIODS;
    }

    /// @dev A question binds the holder that it was asked of, while the deal runs on.
    function _isBinding(Place memory p, AskWord word) private view returns (bool) {
        return p.deal.stateOf() == DealState.Open && p.end > p.period + 1 && p.slot.bitsOf() == word.holderOf()
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
}
