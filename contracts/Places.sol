// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IEscrow } from "./interfaces/IEscrow.sol";
import { INodeRegistry } from "./interfaces/INodeRegistry.sol";
import { Deals } from "./Deals.sol";
import { BookLib } from "./libraries/BookLib.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { DealLib, PeriodLib } from "./libraries/WordLib.sol";
import { DealState, MarketParameters, SlotState, Vacated } from "./types/Deals.sol";
import { DealId, LOST, NodeId, Rate } from "./types/Types.sol";
import { Book, BookWord, DealWord, PeriodWord, Slot } from "./types/Words.sol";

/// @title Places
/// @notice What Faults and Custody share: slots, and how a holder leaves one.
/// @dev A slot passes from one holder to the next in a period p that is over for the former one: it proved p, or gave p
/// up (forfeited), or is evicted. So what it was paid for the slot is known then, and goes into the deal's `former`.
abstract contract Places is Deals {
    using RateLib for Rate;
    using DealLib for DealWord;
    using PeriodLib for PeriodWord;
    using BookLib for Book;
    using BookLib for BookWord;

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

    constructor(MarketParameters memory p) Deals(p) { }

    function _place(DealId id, uint8 index) internal view returns (Place memory p) {
        (p.period, p.blockNumber) = current();
        p.id = id;
        p.deal = _deals[id];
        // Of a deal that was settled for good, what was put down at its slots is still there.
        if (index >= (p.deal.stateOf() == DealState.None ? SLOTS_MAX : p.deal.nOf())) revert StorageMarket_BadSlot(index);
        p.index = index;
        p.slot = _slotOf(id, p.deal, index);
        p.end = p.deal.endOf();
        p.units = p.deal.rateOf().value();
    }

    /// @dev A place whose deal runs on for a whole period at least.
    function _openPlace(DealId id, uint8 index) internal view returns (Place memory p) {
        p = _place(id, index);
        if (p.deal.stateOf() != DealState.Open || p.end <= p.period + 1) revert StorageMarket_NotOpen(id);
    }

    function _openDeal(DealId id, uint32 period) internal view returns (DealWord deal) {
        deal = _deals[id];
        if (deal.stateOf() != DealState.Open || deal.endOf() <= period + 1) revert StorageMarket_NotOpen(id);
    }

    function _stateOf(Slot memory slot) internal view returns (SlotState) {
        if (NodeId.unwrap(slot.node) == 0) return SlotState.Vacant;
        if (slot.from >= LOST) return SlotState.Lost;
        return _books[slot.node].word.unpack().evicted ? SlotState.Evicted : SlotState.Held;
    }

    function _isClaimable(SlotState state) internal pure returns (bool) {
        return state == SlotState.Lost || state == SlotState.Evicted;
    }

    /// @dev The book of the slot's holder at the next period; reverts if it is evicted.
    function _heldBook(Place memory p) internal returns (Book memory) {
        if (NodeId.unwrap(p.slot.node) == 0 || p.slot.from >= LOST) {
            revert StorageMarket_WrongState(p.id, p.index, _stateOf(p.slot));
        }
        return _rolledFully(p.slot.node, p.period + 1);
    }

    function _checkSpeaksFor(NodeId node) internal view {
        if (!INodeRegistry(REGISTRY).speaksFor(node, msg.sender)) revert StorageMarket_NotNode(node, msg.sender);
    }

    /// @dev Takes the slot off its holder, whose period is over, and keeps its root while a repair may want it; `p.deal`
    /// then counts what it was paid.
    function _leave(Place memory p, Book memory book, bool keepRoot) internal {
        NodeId node = p.slot.node;
        _lose(node, book, p.slot.start, p.units, keepRoot ? p.end : p.period + 1);
        _books[node].word = book.pack();
        uint32 to = p.period < p.end ? p.period + 1 : p.end;
        p.deal = p.deal.plusFormer(_provedBetween(node, p.slot.from, to));
    }

    /// @dev Takes the slot off an evicted holder: `half` of its part of the pot is left for a refill, the rest is the
    /// client's.
    function _leaveEvicted(Place memory p, uint256 half, bool keepRoot) internal returns (uint256 toClient) {
        NodeId node = p.slot.node;
        _leave(p, _books[node].word.unpack(), keepRoot);
        uint256 part = p.units * STAKE_PERIODS;
        toClient = part - half;
        emit SlotVacated(p.id, node, p.index, Vacated.Evicted, toClient, half);
        _slash(node, part);
    }

    function _pin(uint32 period) internal returns (bytes20 seed) {
        PeriodWord word = _pinned(period);
        _periods[period] = word;
        return word.seedOf();
    }

    function _slash(NodeId node, uint256 units) internal returns (uint256 stake) {
        return INodeRegistry(REGISTRY).slash(node, units);
    }

    function _credit(address account, uint256 units) internal {
        if (units != 0) IEscrow(ESCROW).credit(account, units);
    }
}
