// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealState } from "../types/Deals.sol";
import { NodeId, Rate } from "../types/Types.sol";
import {
    AskWord,
    DealWord,
    EntryWord,
    ExpiryWord,
    MASK18,
    MASK22,
    MASK24,
    MASK34,
    MASK38,
    MASK40,
    MASK84,
    OfferWord,
    PeriodWord,
    Slot,
    SlotsWord,
    TermsWord,
    Vacancy,
    VacancyWord
} from "../types/Words.sol";

/// @title A range of a ledger in a word.
library EntryLib {
    function pack(bytes20 root, uint256 leaves, uint256 from, uint256 until, Rate rate)
        internal
        pure
        returns (EntryWord)
    {
        return EntryWord.wrap(
            (uint256(uint160(root)) << 96) | (leaves << 62) | (from << 40) | (until << 18) | Rate.unwrap(rate)
        );
    }

    /// @notice A range without a root, given one.
    function withRoot(EntryWord w, bytes20 root) internal pure returns (EntryWord) {
        return EntryWord.wrap(EntryWord.unwrap(w) | (uint256(uint160(root)) << 96));
    }

    function rootOf(EntryWord w) internal pure returns (bytes20) {
        return bytes20(uint160(EntryWord.unwrap(w) >> 96));
    }

    function leavesOf(EntryWord w) internal pure returns (uint256) {
        return (EntryWord.unwrap(w) >> 62) & MASK34;
    }

    function fromOf(EntryWord w) internal pure returns (uint32) {
        return uint32((EntryWord.unwrap(w) >> 40) & MASK22);
    }

    function untilOf(EntryWord w) internal pure returns (uint32) {
        return uint32((EntryWord.unwrap(w) >> 18) & MASK22);
    }

    /// @notice 0 where no range starts.
    function rateOf(EntryWord w) internal pure returns (Rate) {
        return Rate.wrap(uint32(EntryWord.unwrap(w) & MASK18));
    }

    function isLive(EntryWord w, uint256 period) internal pure returns (bool) {
        return fromOf(w) <= period && period < untilOf(w);
    }

    /// @notice A range that its holder lost: live in no period, and not to be refilled or trimmed before `until`.
    function lost(EntryWord w) internal pure returns (EntryWord) {
        return EntryWord.wrap(EntryWord.unwrap(w) | (MASK22 << 40));
    }

    function withUntil(EntryWord w, uint256 until) internal pure returns (EntryWord) {
        return EntryWord.wrap((EntryWord.unwrap(w) & ~(MASK22 << 18)) | (until << 18));
    }
}

/// @title What a deal is opened with, in a word.
library TermsLib {
    /// @dev What a deal keeps: rate, end, maxEnd, n and k.
    uint256 private constant _KEPT = MASK18 | (MASK22 << 40) | (MASK22 << 62) | (0xffff << 124);
    /// @dev What must be zero.
    uint256 private constant _GAPS = (MASK22 << 18) | (0x3f << 118) | (((1 << 60) - 1) << 196);

    function rateOf(TermsWord w) internal pure returns (Rate) {
        return Rate.wrap(uint32(TermsWord.unwrap(w) & MASK18));
    }

    function endOf(TermsWord w) internal pure returns (uint256) {
        return (TermsWord.unwrap(w) >> 40) & MASK22;
    }

    function maxEndOf(TermsWord w) internal pure returns (uint256) {
        return (TermsWord.unwrap(w) >> 62) & MASK22;
    }

    function leavesOf(TermsWord w) internal pure returns (uint256) {
        return (TermsWord.unwrap(w) >> 84) & MASK34;
    }

    function nOf(TermsWord w) internal pure returns (uint256) {
        return uint8(TermsWord.unwrap(w) >> 124);
    }

    function kOf(TermsWord w) internal pure returns (uint256) {
        return uint8(TermsWord.unwrap(w) >> 132);
    }

    function minFilledOf(TermsWord w) internal pure returns (uint256) {
        return uint8(TermsWord.unwrap(w) >> 140);
    }

    function numberOf(TermsWord w) internal pure returns (uint48) {
        return uint48(TermsWord.unwrap(w) >> 148);
    }

    /// @notice True if something stands where nothing must.
    function hasMore(TermsWord w) internal pure returns (bool) {
        return TermsWord.unwrap(w) & _GAPS != 0;
    }

    /// @notice The deal that begins in period `from`, with no slot filled.
    function openedFrom(TermsWord w, uint256 from) internal pure returns (DealWord) {
        return DealWord.wrap((TermsWord.unwrap(w) & _KEPT) | (from << 18) | (uint256(DealState.Open) << 140));
    }
}

/// @title What an acceptance is for, in a word.
library OfferLib {
    /// @param hint start of a range, or NO_HINT
    function pack(uint256 slot, NodeId node, uint256 deadline, uint256 hint) internal pure returns (OfferWord) {
        uint256 next = hint > MASK38 ? 0 : hint + 1;
        return OfferWord.wrap(slot | (uint256(NodeId.unwrap(node)) << 8) | (deadline << 32) | (next << 72));
    }

    function slotOf(OfferWord w) internal pure returns (uint8) {
        return uint8(OfferWord.unwrap(w));
    }

    function nodeOf(OfferWord w) internal pure returns (NodeId) {
        return NodeId.wrap(uint32((OfferWord.unwrap(w) >> 8) & MASK24));
    }

    function deadlineOf(OfferWord w) internal pure returns (uint256) {
        return (OfferWord.unwrap(w) >> 32) & MASK40;
    }

    /// @notice Start of the range to refill; more than any start if there is none.
    function hintOf(OfferWord w) internal pure returns (uint256) {
        unchecked {
            return (OfferWord.unwrap(w) >> 72) - 1;
        }
    }
}

/// @title A deal and its slots in words.
library DealLib {
    uint256 private constant SLOT_BITS = 84;
    uint256 private constant SLOT0_AT = 148;
    /// @dev A slot without its start.
    uint256 private constant _PLACE = MASK24 | (MASK22 << 62);
    /// @dev Slots that one SlotsWord holds.
    uint256 internal constant SLOTS_PER_WORD = 3;
    /// @dev What a deal's first SlotsWord is before any slot is filled.
    SlotsWord internal constant USED = SlotsWord.wrap(1 << 252);

    function rateOf(DealWord w) internal pure returns (Rate) {
        return Rate.wrap(uint32(DealWord.unwrap(w) & MASK18));
    }

    function fromOf(DealWord w) internal pure returns (uint32) {
        return uint32((DealWord.unwrap(w) >> 18) & MASK22);
    }

    function endOf(DealWord w) internal pure returns (uint32) {
        return uint32((DealWord.unwrap(w) >> 40) & MASK22);
    }

    function maxEndOf(DealWord w) internal pure returns (uint32) {
        return uint32((DealWord.unwrap(w) >> 62) & MASK22);
    }

    function formerOf(DealWord w) internal pure returns (uint256) {
        return (DealWord.unwrap(w) >> 84) & MASK40;
    }

    function plusFormer(DealWord w, uint256 slotPeriods) internal pure returns (DealWord) {
        return DealWord.wrap(DealWord.unwrap(w) + (slotPeriods << 84));
    }

    function nOf(DealWord w) internal pure returns (uint8) {
        return uint8(DealWord.unwrap(w) >> 124);
    }

    function kOf(DealWord w) internal pure returns (uint8) {
        return uint8(DealWord.unwrap(w) >> 132);
    }

    function stateOf(DealWord w) internal pure returns (DealState) {
        return DealState(uint8(DealWord.unwrap(w) >> 140));
    }

    function withState(DealWord w, DealState state) internal pure returns (DealWord) {
        return DealWord.wrap((DealWord.unwrap(w) & ~(uint256(0xff) << 140)) | (uint256(state) << 140));
    }

    function withEnd(DealWord w, uint256 end) internal pure returns (DealWord) {
        return DealWord.wrap((DealWord.unwrap(w) & ~(MASK22 << 40)) | (end << 40));
    }

    function slot0Of(DealWord w) internal pure returns (Slot memory) {
        return slotIn(DealWord.unwrap(w) >> SLOT0_AT);
    }

    function withSlot0(DealWord w, Slot memory slot) internal pure returns (DealWord) {
        return DealWord.wrap((DealWord.unwrap(w) & ~(MASK84 << SLOT0_AT)) | (bitsOf(slot) << SLOT0_AT));
    }

    /// @notice Slot `j` (0 to 2) of the word.
    function slotOf(SlotsWord w, uint256 j) internal pure returns (Slot memory) {
        return slotIn(SlotsWord.unwrap(w) >> (SLOT_BITS * j));
    }

    function withSlot(SlotsWord w, uint256 j, Slot memory slot) internal pure returns (SlotsWord) {
        uint256 shift = SLOT_BITS * j;
        return SlotsWord.wrap((SlotsWord.unwrap(w) & ~(MASK84 << shift)) | (bitsOf(slot) << shift));
    }

    /// @notice Where slot `index` (from 1) lies: its word and its place there.
    function placeOf(uint256 index) internal pure returns (uint256 word, uint256 j) {
        unchecked {
            return ((index - 1) / SLOTS_PER_WORD, (index - 1) % SLOTS_PER_WORD);
        }
    }

    /// @notice A slot in 84 bits.
    function slotBits(NodeId node, uint256 start, uint256 from) internal pure returns (uint256) {
        return NodeId.unwrap(node) | (start << 24) | (from << 62);
    }

    /// @notice start38 slot8: which slot lies where in a node's ledger, as SlotFilled tells it.
    function placeBits(uint256 slot, uint256 start) internal pure returns (uint256) {
        return start | (slot << 38);
    }

    /// @notice The word with leaves34 previous40 where slot 0 will stand, as DealOpened tells it.
    function announced(DealWord w, uint256 leaves, uint256 previous) internal pure returns (DealWord) {
        return plusSlot0(w, leaves | (previous << 34));
    }

    /// @notice Slot 0 of a word in which it was vacant.
    function plusSlot0(DealWord w, uint256 bits) internal pure returns (DealWord) {
        return DealWord.wrap(DealWord.unwrap(w) | (bits << SLOT0_AT));
    }

    /// @notice The word of slot `index` (from 1), and the slot's bits where they lie there.
    function placedBits(uint256 index, uint256 bits) internal pure returns (uint256 word, uint256 placed) {
        unchecked {
            uint256 j;
            (word, j) = placeOf(index);
            placed = bits << (SLOT_BITS * j);
        }
    }

    /// @notice A word with bits in a place in which there were none.
    function plus(SlotsWord w, uint256 placed) internal pure returns (SlotsWord) {
        return SlotsWord.wrap(SlotsWord.unwrap(w) | placed);
    }

    /// @notice What decides who is to be paid for which periods: number of slots, end, and slot 0 but for its start.
    function places(DealWord w) internal pure returns (uint256) {
        return DealWord.unwrap(w) & ((MASK22 << 40) | (0xff << 124) | (_PLACE << SLOT0_AT));
    }

    /// @notice The same of three slots.
    function places(SlotsWord w) internal pure returns (uint256) {
        return SlotsWord.unwrap(w) & (_PLACE | (_PLACE << SLOT_BITS) | (_PLACE << (2 * SLOT_BITS)));
    }

    /// @notice The 84 bits of slot 0, and those of the three of a word.
    function slot0Bits(DealWord w) internal pure returns (uint256) {
        return (DealWord.unwrap(w) >> SLOT0_AT) & MASK84;
    }

    function bitsOf(SlotsWord w, uint256 j) internal pure returns (uint256) {
        unchecked {
            return (SlotsWord.unwrap(w) >> (SLOT_BITS * j)) & MASK84;
        }
    }

    function nodeIn(uint256 bits) internal pure returns (NodeId) {
        return NodeId.wrap(uint32(bits & MASK24));
    }

    function fromIn(uint256 bits) internal pure returns (uint256) {
        return (bits >> 62) & MASK22;
    }

    /// @notice The same of a slot. They tell its holder from every other, the same node at another time among them.
    function bitsOf(Slot memory slot) internal pure returns (uint256) {
        return slotBits(slot.node, slot.start, slot.from);
    }

    /// @notice What the lowest 84 bits tell.
    function slotIn(uint256 bits) internal pure returns (Slot memory slot) {
        slot.node = NodeId.wrap(uint32(bits & MASK24));
        slot.start = uint64((bits >> 24) & MASK38);
        slot.from = uint32((bits >> 62) & MASK22);
    }
}

/// @title What waits at a slot, in a word.
library VacancyLib {
    function unpack(VacancyWord word) internal pure returns (Vacancy memory v) {
        uint256 w = VacancyWord.unwrap(word);
        v.bounty = uint64(w);
        v.bond = uint64(w >> 64);
        v.by = NodeId.wrap(uint32((w >> 128) & MASK24));
        v.until = uint32((w >> 152) & MASK22);
        v.lapses = uint8(w >> 174);
        v.asks = uint16(w >> 182);
    }

    function pack(Vacancy memory v) internal pure returns (VacancyWord) {
        return VacancyWord.wrap(
            v.bounty | (v.bond << 64) | (uint256(NodeId.unwrap(v.by)) << 128) | (uint256(v.until) << 152)
                | (v.lapses << 174) | (v.asks << 182)
        );
    }
}

/// @title A question in a word.
library AskLib {
    function pack(uint256 leaf, uint256 due, uint256 holder) internal pure returns (AskWord) {
        return AskWord.wrap(leaf | (due << 34) | (holder << 56));
    }

    function leafOf(AskWord w) internal pure returns (uint256) {
        return AskWord.unwrap(w) & MASK34;
    }

    /// @notice 0 where nothing was asked.
    function dueOf(AskWord w) internal pure returns (uint32) {
        return uint32((AskWord.unwrap(w) >> 34) & MASK22);
    }

    /// @notice The bits of the slot as it was when it was asked.
    function holderOf(AskWord w) internal pure returns (uint256) {
        return AskWord.unwrap(w) >> 56;
    }
}

/// @title What expires in six periods, in a word.
library ExpiryLib {
    /// @dev Periods that one word holds.
    uint256 internal constant PERIODS_PER_WORD = 6;

    function rateAt(ExpiryWord w, uint256 period) internal pure returns (uint256) {
        return (ExpiryWord.unwrap(w) >> ((period % PERIODS_PER_WORD) * 38)) & MASK38;
    }

    /// @dev The sum stays below 2^38 because live ranges do not overlap in a ledger that is shorter.
    function plus(ExpiryWord w, uint256 period, uint256 rate) internal pure returns (ExpiryWord) {
        return ExpiryWord.wrap(ExpiryWord.unwrap(w) + (rate << ((period % PERIODS_PER_WORD) * 38)));
    }

    function minus(ExpiryWord w, uint256 period, uint256 rate) internal pure returns (ExpiryWord) {
        return ExpiryWord.wrap(ExpiryWord.unwrap(w) - (rate << ((period % PERIODS_PER_WORD) * 38)));
    }
}

/// @title Seed and pay of a period in a word.
library PeriodLib {
    function pack(bytes20 seed, uint256 paid) internal pure returns (PeriodWord) {
        return PeriodWord.wrap((uint256(uint160(seed)) << 96) | paid);
    }

    function seedOf(PeriodWord w) internal pure returns (bytes20) {
        return bytes20(uint160(PeriodWord.unwrap(w) >> 96));
    }

    function paidOf(PeriodWord w) internal pure returns (uint256) {
        return uint96(PeriodWord.unwrap(w));
    }
}
