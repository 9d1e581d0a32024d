// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IClock } from "./interfaces/IClock.sol";
import { IEscrow } from "./interfaces/IEscrow.sol";
import { IMarketLens } from "./interfaces/IMarketLens.sol";
import { IStorageMarket } from "./interfaces/IStorageMarket.sol";
import { BitsLib } from "./libraries/BitsLib.sol";
import { BookLib, PurseLib } from "./libraries/BookLib.sol";
import { AskLib, DealLib, EntryLib, ExpiryLib, PeriodLib, VacancyLib } from "./libraries/WordLib.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { DealState, DealView, Duty, EntryView, SlotState, SlotView, Standing, VacancyView } from "./types/Deals.sol";
import { DealId, LOST, NodeId, REWARD_PARTS, Rate, dealIdOf } from "./types/Types.sol";
import {
    AskWord,
    BitsWord,
    Book,
    BookWord,
    DealWord,
    EntryWord,
    ExpiryWord,
    MASK22,
    PeriodWord,
    Purse,
    PurseWord,
    Slot,
    SlotsWord,
    Vacancy,
    VacancyWord
} from "./types/Words.sol";

/// @title MarketLens
/// @notice Documented in IMarketLens.
contract MarketLens is IMarketLens {
    using RateLib for Rate;
    using EntryLib for EntryWord;
    using DealLib for DealWord;
    using DealLib for SlotsWord;
    using ExpiryLib for ExpiryWord;
    using PeriodLib for PeriodWord;
    using BitsLib for BitsWord;
    using BookLib for Book;
    using BookLib for BookWord;
    using PurseLib for PurseWord;
    using VacancyLib for VacancyWord;
    using AskLib for AskWord;

    uint256 private constant BPS = 10_000;

    /// @inheritdoc IMarketLens
    uint256 public constant PAGE_MAX = 200;

    /// @inheritdoc IMarketLens
    address public immutable MARKET;

    IStorageMarket private immutable _MARKET;
    IClock private immutable _CLOCK;
    IEscrow private immutable _ESCROW;

    constructor(address market) {
        MARKET = market;
        _MARKET = IStorageMarket(market);
        _CLOCK = IClock(market);
        _ESCROW = IEscrow(IStorageMarket(market).ESCROW());
    }

    /// @inheritdoc IMarketLens
    function current() external view returns (uint32, uint40) {
        return _CLOCK.current();
    }

    /// @inheritdoc IMarketLens
    function lastNumber(address client) external view returns (uint48) {
        return _ESCROW.accountOf(client).lastNumber;
    }

    /// @inheritdoc IMarketLens
    function deal(DealId id) public view returns (DealView memory v) {
        DealWord word = _MARKET.dealWord(id);
        v.id = id;
        v.state = word.stateOf();
        if (v.state == DealState.None) {
            if (SlotsWord.unwrap(_MARKET.slotsWord(id, 0)) != 0) v.state = DealState.Settled;
            return v;
        }

        v.rate = word.rateOf();
        v.from = word.fromOf();
        v.end = word.endOf();
        v.maxEnd = word.maxEndOf();
        v.n = word.nOf();
        v.k = word.kOf();
        v.locked = uint64(_MARKET.quote(v.rate, v.n, v.end - v.from));
        v.slots = new SlotView[](v.n);
        uint256 slotPeriods = word.formerOf();
        SlotsWord slots;
        for (uint256 i = 0; i < v.n; ++i) {
            if (i == 0) {
                v.slots[i] = _slotView(word.slot0Of(), v);
            } else {
                (uint256 i_, uint256 j) = DealLib.placeOf(i);
                if (j == 0) slots = _MARKET.slotsWord(id, i_);
                v.slots[i] = _slotView(slots.slotOf(j), v);
            }
            v.slots[i].index = uint8(i);
            if (v.slots[i].state != SlotState.Lost) slotPeriods += v.slots[i].provedPeriods;
        }
        v.paid = uint64(slotPeriods * v.rate.value());
        v.fee = uint64((uint256(v.paid) * _MARKET.FEE_BPS() + BPS - 1) / BPS);
        if (v.state == DealState.Settled) v.refunded = v.locked - v.paid - v.fee;
    }

    /// @inheritdoc IMarketLens
    function dealsOf(address client, uint48 from, uint32 count) external view returns (DealView[] memory page) {
        uint256 last = _ESCROW.accountOf(client).lastNumber;
        uint256 first = from == 0 ? 1 : from;
        uint256 size = first > last ? 0 : last - first + 1;
        if (size > count) size = count;
        if (size > PAGE_MAX) size = PAGE_MAX;

        page = new DealView[](size);
        uint256 found;
        for (uint256 i = 0; i < size; ++i) {
            DealView memory v = deal(dealIdOf(client, uint48(first + i)));
            if (v.state != DealState.None) page[found++] = v;
        }
        assembly ("memory-safe") {
            mstore(page, found)
        }
    }

    /// @inheritdoc IMarketLens
    function ledger(NodeId node, uint64 cursor, uint32 count)
        external
        view
        returns (EntryView[] memory entries, uint64 next)
    {
        uint256 length = _MARKET.bookWord(node).unpack().len;
        uint256 size = count > PAGE_MAX ? PAGE_MAX : count;
        entries = new EntryView[](size);
        uint256 found;
        next = cursor;
        while (found < size && next < length) {
            EntryWord word = _MARKET.entryWord(node, next);
            Rate rate = word.rateOf();
            // Not the start of a range.
            if (Rate.unwrap(rate) == 0) break;
            uint64 span = uint64(rate.value());
            entries[found++] = EntryView({
                start: next,
                rate: rate,
                length: span,
                root: word.rootOf(),
                leaves: uint64(word.leavesOf()),
                from: word.fromOf(),
                until: word.untilOf()
            });
            next += span;
        }
        assembly ("memory-safe") {
            mstore(entries, found)
        }
    }

    /// @inheritdoc IMarketLens
    function duty(NodeId node) external view returns (Duty memory d) {
        uint32 now_;
        (now_,) = _CLOCK.current();
        Book memory book = _bookAt(node, now_ + 1);
        Purse memory purse = _MARKET.purseWord(node).unpack();
        d.period = now_;
        d.seed = _MARKET.periodWord(now_).seedOf();
        if (d.seed == 0) d.seed = _CLOCK.seedOf(now_);
        d.firstBlock = _CLOCK.seedBlockOf(now_) + 1;
        d.lastBlock = _CLOCK.firstBlockOf(now_ + 1) - 1;
        // The book of an evicted node stands still, and a cure is drawn from all of it.
        d.frozenLength = uint64(book.evicted ? book.len : book.lenPrev);
        d.length = uint64(book.len);
        d.rate = uint64(book.ratePrev);
        d.proved = book.lastProved == now_ && now_ != 0;
        d.barred = book.evicted || purse.forfeited == now_ || book.ratePrev == 0 || book.isSilent(now_);
    }

    /// @inheritdoc IMarketLens
    function standing(NodeId node) public view returns (Standing memory s) {
        (uint32 now_,) = _CLOCK.current();
        Book memory book = _bookAt(node, now_ + 1);
        Purse memory purse = _MARKET.purseWord(node).unpack();
        s.node = node;
        s.rate = uint64(book.rate);
        s.stakeNeeded = uint64(book.rate * _MARKET.STAKE_PERIODS() + _MARKET.REPORT_BOUNTY());
        s.ledgerLength = uint64(book.len);
        s.lastProved = uint32(book.lastProved);
        s.provedPeriods = uint32(purse.proved);
        s.earned = uint64(purse.earned);
        s.reward = uint64(purse.reward / REWARD_PARTS);
        s.out = uint32(book.out);
        s.evicted = book.evicted;
        if (book.evicted) s.pot = uint64(book.rate * _MARKET.STAKE_PERIODS());
        uint256 since = book.lastProved + 1;
        if (since < book.dutyFrom) since = book.dutyFrom;
        if (since < purse.cureFrom) since = purse.cureFrom;
        s.strikesFrom = uint32(since);
        s.forfeited = uint32(purse.forfeited);
    }

    /// @inheritdoc IMarketLens
    function vacancy(DealId id, uint8 slot) external view returns (VacancyView memory v) {
        DealView memory d = deal(id);
        if (slot >= d.slots.length) return v;
        Vacancy memory word = _MARKET.vacancyWord(id, slot).unpack();
        v.state = d.slots[slot].state;
        v.bounty = uint64(d.slots[slot].bounty + word.bounty);
        (uint32 now_,) = _CLOCK.current();
        if (word.until >= now_) (v.reservedBy, v.until) = (word.by, word.until);
        v.bond = uint64(_MARKET.bondOf(id, slot));
        v.asks = uint16(word.asks);
    }

    /// @inheritdoc IMarketLens
    function question(DealId id, uint8 slot, address asker) external view returns (uint64 leaf, uint32 due) {
        AskWord word = _MARKET.askWord(id, slot, asker);
        return (uint64(word.leafOf()), word.dueOf());
    }

    /// @inheritdoc IMarketLens
    function standings(NodeId from, uint32 count) external view returns (Standing[] memory page) {
        uint256 size = count > PAGE_MAX ? PAGE_MAX : count;
        page = new Standing[](size);
        for (uint256 i = 0; i < size; ++i) page[i] = standing(NodeId.wrap(uint32(NodeId.unwrap(from) + i)));
    }

    /// @inheritdoc IMarketLens
    function provedIn(NodeId node, uint32 number) external view returns (bool) {
        return _MARKET.bitsWord(node, uint32(number / BitsLib.PERIODS_PER_WORD)).isSet(number);
    }

    /// @inheritdoc IMarketLens
    function period(uint32 number) external view returns (bytes20 seed, uint96 paid) {
        PeriodWord word = _MARKET.periodWord(number);
        return (word.seedOf(), uint96(word.paidOf()));
    }

    /// @inheritdoc IMarketLens
    function lowestRate(uint64 price, uint64 leaves) external view returns (uint32) {
        uint256 seconds_ = uint256(_CLOCK.PERIOD_BLOCKS()) * _CLOCK.BLOCK_SECONDS();
        return Rate.unwrap(RateLib.lowest(price, leaves, seconds_));
    }

    function _slotView(Slot memory slot, DealView memory v) private view returns (SlotView memory s) {
        if (NodeId.unwrap(slot.node) == 0) return s;
        Book memory book = _MARKET.bookWord(slot.node).unpack();
        EntryWord entry = _MARKET.entryWord(slot.node, slot.start);
        s.node = slot.node;
        s.start = slot.start;
        s.lastProved = uint32(book.lastProved);
        bool isThere;
        if (slot.from >= LOST) {
            s.state = SlotState.Lost;
            s.bounty = uint64((slot.from - LOST) * v.rate.value() / 2);
            // Its root stays until the deal's end.
            isThere = entry.fromOf() == MASK22 && entry.untilOf() == v.end;
        } else {
            // Who was evicted after the deal's end held the slot to the end.
            s.state = book.evicted && v.end > book.out ? SlotState.Evicted : SlotState.Held;
            if (s.state == SlotState.Evicted) s.bounty = uint64(_MARKET.STAKE_PERIODS() * v.rate.value() / 2);
            s.from = slot.from;
            s.provedPeriods = _MARKET.provedBetween(slot.node, slot.from, v.end);
            s.paid = uint64(s.provedPeriods * v.rate.value());
            // A range that was given to another since begins later.
            isThere = entry.fromOf() == slot.from;
        }
        if (isThere) {
            s.root = entry.rootOf();
            s.leaves = uint64(entry.leavesOf());
        }
    }

    /// @dev The book as the market would roll it; one that is far behind as far as one touch brings it.
    function _bookAt(NodeId node, uint256 target) private view returns (Book memory book) {
        book = _MARKET.bookWord(node).unpack();
        if (book.evicted) return book;
        for (uint256 left = _MARKET.ROLL_MAX(); left != 0 && book.asOf < target; --left) {
            if (book.rate == 0) {
                book.skipTo(target);
                return book;
            }
            uint256 next = book.asOf + 1;
            book.step(_MARKET.expiryWord(node, uint32(next / ExpiryLib.PERIODS_PER_WORD)).rateAt(next));
        }
    }
}
