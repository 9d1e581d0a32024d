// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IBank } from "./interfaces/IBank.sol";
import { IClock } from "./interfaces/IClock.sol";
import { IEscrow } from "./interfaces/IEscrow.sol";
import { INodeRegistry } from "./interfaces/INodeRegistry.sol";
import { IStorageMarket } from "./interfaces/IStorageMarket.sol";
import { BitsLib } from "./libraries/BitsLib.sol";
import { BookLib, PurseLib } from "./libraries/BookLib.sol";
import { Draw } from "./libraries/Draw.sol";
import { EntryLib, ExpiryLib, PeriodLib } from "./libraries/WordLib.sol";
import { Gaps, LeftOut } from "./libraries/LeftOut.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { Tree } from "./libraries/Tree.sol";
import { Refusal } from "./types/Deals.sol";
import { NodeId, Rate } from "./types/Types.sol";
import {
    BitsWord,
    Book,
    BookWord,
    EntryWord,
    ExpiryWord,
    MASK38,
    PeriodWord,
    Purse,
    PurseWord
} from "./types/Words.sol";

/// @title Ledgers
/// @notice What every node holds, proves and is paid; documented in IStorageMarket. Deals come on top of it.
abstract contract Ledgers is IStorageMarket {
    using RateLib for Rate;
    using EntryLib for EntryWord;
    using ExpiryLib for ExpiryWord;
    using PeriodLib for PeriodWord;
    using BitsLib for BitsWord;
    using LeftOut for Gaps;
    using BookLib for Book;
    using BookLib for BookWord;
    using PurseLib for Purse;
    using PurseLib for PurseWord;

    /// @dev Bytes of a range's start in a proof.
    uint256 private constant START_BYTES = 5;
    uint256 private constant LEAF_BYTES_IN_PROOF = 256;
    uint256 private constant SIBLING_BYTES = 20;

    /// @inheritdoc IStorageMarket
    uint256 public constant CHALLENGES = 5;
    /// @inheritdoc IStorageMarket
    uint32 public constant ROLL_MAX = 256;
    /// @inheritdoc IStorageMarket
    uint32 public constant SILENCE_MAX = uint32(BookLib.SILENCE_MAX);
    /// @inheritdoc IStorageMarket
    uint32 public constant EXIT_PERIODS = 5;

    /// @inheritdoc IStorageMarket
    address public immutable CLOCK;
    /// @inheritdoc IStorageMarket
    address public immutable ESCROW;
    /// @inheritdoc IStorageMarket
    address public immutable REGISTRY;
    /// @inheritdoc IStorageMarket
    address public immutable BANK;
    /// @inheritdoc IStorageMarket
    uint16 public immutable STAKE_PERIODS;

    /// @dev node << 38 | start
    mapping(uint256 key => EntryWord) private _entries;
    mapping(NodeId node => BookWord) private _books;
    mapping(NodeId node => PurseWord) private _purses;
    mapping(NodeId node => mapping(uint256 i => BitsWord)) private _bits;
    mapping(NodeId node => mapping(uint256 i => ExpiryWord)) private _expiries;
    mapping(uint32 period => PeriodWord) private _periods;

    constructor(address clock, address escrow, address registry, address bank, uint16 stakePeriods) {
        if (escrow == address(0) || registry == address(0) || bank == address(0) || stakePeriods == 0) {
            revert StorageMarket_BadParameters();
        }
        CLOCK = clock;
        ESCROW = escrow;
        REGISTRY = registry;
        BANK = bank;
        STAKE_PERIODS = stakePeriods;
    }

    // Nodes

    /// @inheritdoc IStorageMarket
    function pin() external returns (bytes20 seed) {
        (uint32 period,) = IClock(CLOCK).current();
        PeriodWord word = _pinned(period);
        _periods[period] = word;
        return word.seedOf();
    }

    /// @inheritdoc IStorageMarket
    function prove(NodeId node, uint32 period, bytes calldata proof) external {
        (uint32 current,) = IClock(CLOCK).current();
        if (period != current) revert StorageMarket_PeriodClosed(period, current);
        Book memory book = _rolledFully(node, period + 1);
        if (book.lastProved >= period) revert StorageMarket_AlreadyProved(node, period);
        if (book.ratePrev == 0) revert StorageMarket_NothingToProve(node, period);
        if (book.isSilent(period)) revert StorageMarket_Silent(node);
        PeriodWord word = _pinned(period);
        _verify(node, period, challengeBase(node, period, word.seedOf()), book, proof);

        Purse memory purse = _purses[node].unpack();
        _countReward(purse, uint32(book.lastProved));
        uint256 i = period / BitsLib.PERIODS_PER_WORD;
        _bits[node][i] = _bits[node][i].set(period, purse.proved);
        purse.proved += 1;
        purse.earned += book.ratePrev;
        purse.lastRate = book.ratePrev;
        _purses[node] = purse.pack();
        book.lastProved = period;
        _books[node] = book.pack();
        _periods[period] = PeriodLib.pack(word.seedOf(), word.paidOf() + book.ratePrev);
        emit Proved(node, period, book.ratePrev, purse.earned, msg.sender);
    }

    /// @inheritdoc IStorageMarket
    function collect(NodeId node) external {
        Purse memory purse = _purses[node].unpack();
        uint256 units = purse.earned;
        if (units == 0) return;
        purse.earned = 0;
        _purses[node] = purse.pack();
        address owner = INodeRegistry(REGISTRY).ownerOf(node);
        emit Collected(node, owner, units);
        IEscrow(ESCROW).credit(owner, units);
    }

    /// @inheritdoc IStorageMarket
    function roll(NodeId node, uint32 periods) external {
        (uint32 period,) = IClock(CLOCK).current();
        Book memory book = _rolled(node, period + 1, periods);
        _books[node] = book.pack();
    }

    /// @inheritdoc IStorageMarket
    function trim(NodeId node, uint64[] calldata starts) external {
        if (!INodeRegistry(REGISTRY).speaksFor(node, msg.sender)) revert StorageMarket_NotNode(node, msg.sender);
        (uint32 period,) = IClock(CLOCK).current();
        Book memory book = _rolledFully(node, period + 1);
        // A proof of this period needs every range that was there at its first block; and with a choice of what to
        // trim a node could choose its draws.
        if (book.ratePrev != 0 && book.lastProved != period && !book.isSilent(period)) {
            revert StorageMarket_ProofDue(node, period);
        }
        for (uint256 i = 0; i < starts.length; ++i) {
            uint256 start = starts[i];
            if (start > MASK38) revert StorageMarket_NotTrimmable(starts[i]);
            EntryWord entry = _entries[_key(node, start)];
            Rate rate = entry.rateOf();
            // Zeroed, because a stale range inside a later one would prove that nothing is held there.
            if (Rate.unwrap(rate) == 0 || start + rate.value() != book.len || entry.untilOf() > period) {
                revert StorageMarket_NotTrimmable(starts[i]);
            }
            _entries[_key(node, start)] = EntryWord.wrap(0);
            book.len = start;
        }
        _books[node] = book.pack();
        emit Trimmed(node, uint64(book.len));
    }

    // For the registry and the bank

    /// @inheritdoc IStorageMarket
    function markLeaving(NodeId node) external returns (uint32 from) {
        if (msg.sender != REGISTRY) revert StorageMarket_NotRegistry(msg.sender);
        (uint32 period,) = IClock(CLOCK).current();
        Book memory book = _rolledFully(node, period + 1);
        if (book.out == 0) {
            book.out = period + 1;
            emit NodeOut(node, period + 1);
        }
        _books[node] = book.pack();
        return uint32(book.out);
    }

    /// @inheritdoc IStorageMarket
    function takeReward(NodeId node) external returns (uint256 units) {
        if (msg.sender != BANK) revert StorageMarket_NotBank(msg.sender);
        (uint32 period,) = IClock(CLOCK).current();
        Purse memory purse = _purses[node].unpack();
        uint32 lastProved = uint32(_books[node].unpack().lastProved);
        if (lastProved < period) _countReward(purse, lastProved);
        units = purse.reward;
        purse.reward = 0;
        _purses[node] = purse.pack();
    }

    // Reading

    /// @inheritdoc IStorageMarket
    function stakeFree(NodeId node) external view returns (bool) {
        (uint32 period,) = IClock(CLOCK).current();
        Book memory book = _rolledView(node, period + 1);
        uint256 idleFrom = book.dutyFrom > book.out ? book.dutyFrom : book.out;
        return book.asOf == period + 1 && book.out != 0 && book.rate == 0 && period >= idleFrom + EXIT_PERIODS;
    }

    /// @inheritdoc IStorageMarket
    function challengeBase(NodeId node, uint32 period, bytes20 seed) public view returns (bytes32) {
        return Draw.base(block.chainid, address(this), node, period, seed);
    }

    /// @inheritdoc IStorageMarket
    function provedBetween(NodeId node, uint32 from, uint32 to) public view returns (uint32) {
        if (from >= to) return 0;
        (bool fromKnown, uint256 before) = _rank(node, from);
        (bool toKnown, uint256 after_) = _rank(node, to);
        return fromKnown && toKnown ? uint32(after_ - before) : 0;
    }

    /// @inheritdoc IStorageMarket
    function entryWord(NodeId node, uint64 start) external view returns (EntryWord) {
        return start > MASK38 ? EntryWord.wrap(0) : _entries[_key(node, start)];
    }

    /// @inheritdoc IStorageMarket
    function bookWord(NodeId node) external view returns (BookWord) {
        return _books[node];
    }

    /// @inheritdoc IStorageMarket
    function purseWord(NodeId node) external view returns (PurseWord) {
        return _purses[node];
    }

    /// @inheritdoc IStorageMarket
    function bitsWord(NodeId node, uint32 i) external view returns (BitsWord) {
        return _bits[node][i];
    }

    /// @inheritdoc IStorageMarket
    function expiryWord(NodeId node, uint32 i) external view returns (ExpiryWord) {
        return _expiries[node][i];
    }

    /// @inheritdoc IStorageMarket
    function periodWord(uint32 period) external view returns (PeriodWord) {
        return _periods[period];
    }

    /// @dev Gives the node a range from period `from` to `end` if it may have one, and tells where it starts.
    function _take(
        NodeId node,
        Rate rate,
        uint256 stake,
        bytes20 root,
        uint256 leaves,
        uint32 from,
        uint32 end,
        uint256 hint
    ) internal returns (Refusal, uint64 start) {
        Book memory book = _rolled(node, from, ROLL_MAX);
        uint256 units = rate.value();
        if (book.out != 0 || book.asOf != from) return (Refusal.Out, 0);
        if ((book.rate + units) * STAKE_PERIODS > stake) return (Refusal.Stake, 0);

        if (_isRefillable(node, hint, rate, from)) {
            start = uint64(hint);
        } else {
            if (book.len + units > MASK38) return (Refusal.Full, 0);
            start = uint64(book.len);
            book.len += units;
        }
        book.take(units);
        _books[node] = book.pack();
        _entries[_key(node, start)] = EntryLib.pack(root, leaves, from, end, rate);
        _changeExpiry(node, end, units);
        return (Refusal.None, start);
    }

    /// @dev Moves the end of a range that is live until `formerEnd`, which no book has rolled to yet.
    function _prolong(NodeId node, uint64 start, uint256 units, uint32 formerEnd, uint32 end)
        internal
        returns (uint256 leaves)
    {
        uint256 key = _key(node, start);
        EntryWord entry = _entries[key];
        _entries[key] = entry.withUntil(end);
        leaves = entry.leavesOf();
        uint256 i = formerEnd / ExpiryLib.PERIODS_PER_WORD;
        _expiries[node][i] = _expiries[node][i].minus(formerEnd, units);
        _changeExpiry(node, end, units);
    }

    function _changeExpiry(NodeId node, uint32 end, uint256 units) private {
        uint256 i = end / ExpiryLib.PERIODS_PER_WORD;
        _expiries[node][i] = _expiries[node][i].plus(end, units);
    }

    /// @dev A dead range may be given again at exactly its rate from the next period on: in this period it is as
    /// dead before as after.
    function _isRefillable(NodeId node, uint256 hint, Rate rate, uint256 from) private view returns (bool) {
        if (hint > MASK38) return false;
        EntryWord entry = _entries[_key(node, hint)];
        return Rate.unwrap(entry.rateOf()) == Rate.unwrap(rate) && entry.untilOf() < from;
    }

    /// @dev Adds the reward of the last proved period, which must be over.
    function _countReward(Purse memory purse, uint32 lastProved) private view {
        if (purse.lastRate == 0) return;
        purse.reward += IBank(BANK).rewardOf(lastProved, _periods[lastProved].paidOf(), purse.lastRate);
        purse.lastRate = 0;
    }

    /// @dev The period's word with its seed, looked up if nobody wrote it down yet.
    function _pinned(uint32 period) private returns (PeriodWord word) {
        word = _periods[period];
        if (word.seedOf() != 0) return word;
        bytes20 seed = IClock(CLOCK).seedOf(period);
        if (seed == 0) revert StorageMarket_NoSeed(period);
        emit PeriodPinned(period, seed);
        return PeriodLib.pack(seed, 0);
    }

    /// @dev Walks through the draws until CHALLENGES of them were live; the proof must be used up then. A dead range
    /// costs one draw: those after pass over it.
    function _verify(NodeId node, uint256 period, bytes32 base, Book memory book, bytes calldata proof) private view {
        uint256 offset;
        uint256 live;
        Gaps memory gaps;
        for (uint256 t = 0; live < CHALLENGES; ++t) {
            uint256 draw = Draw.number(base, t);
            uint256 position = gaps.toLedger(Draw.position(draw, book.lenPrev - gaps.total));
            uint256 start = _startAt(proof, offset);
            EntryWord entry = _entries[_key(node, start)];
            uint256 length = entry.rateOf().value();
            if (position < start || position >= start + length) revert StorageMarket_WrongRange(t);
            offset += START_BYTES;
            if (!entry.isLive(period)) {
                gaps.add(start, length, proof.length / START_BYTES);
                continue;
            }

            uint256 leaves = entry.leavesOf();
            uint256 d = Tree.depth(leaves);
            uint256 size = LEAF_BYTES_IN_PROOF + d * SIBLING_BYTES;
            if (offset + size > proof.length) revert StorageMarket_BadProofLength();
            uint256 leafAt;
            assembly ("memory-safe") {
                leafAt := add(proof.offset, offset)
            }
            if (Tree.rootFrom(leafAt, Draw.leaf(draw, leaves), leaves, d) != entry.rootOf()) {
                revert StorageMarket_WrongPath(t);
            }
            offset += size;
            ++live;
        }
        if (offset != proof.length) revert StorageMarket_BadProofLength();
    }

    function _startAt(bytes calldata proof, uint256 offset) private pure returns (uint256 start) {
        if (offset + START_BYTES > proof.length) revert StorageMarket_BadProofLength();
        assembly ("memory-safe") {
            start := shr(216, calldataload(add(proof.offset, offset)))
        }
        if (start > MASK38) revert StorageMarket_WrongRange(start);
    }

    function _rolledFully(NodeId node, uint32 target) private returns (Book memory book) {
        book = _rolled(node, target, ROLL_MAX);
        if (book.asOf != target) revert StorageMarket_BookBehind(node, uint32(book.asOf));
    }

    /// @dev The book at the first block of period `target`, or up to `periods` nearer to it.
    function _rolled(NodeId node, uint32 target, uint32 periods) private returns (Book memory book) {
        book = _books[node].unpack();
        bool wasIn = book.out == 0;
        _rollTo(book, node, target, periods);
        if (wasIn && book.out != 0) emit NodeOut(node, uint32(book.out));
    }

    function _rolledView(NodeId node, uint32 target) private view returns (Book memory book) {
        book = _books[node].unpack();
        _rollTo(book, node, target, ROLL_MAX);
    }

    function _rollTo(Book memory book, NodeId node, uint256 target, uint256 periods) private view {
        if (periods > ROLL_MAX) periods = ROLL_MAX;
        ExpiryWord word;
        uint256 read = type(uint256).max;
        for (; periods != 0 && book.asOf < target; --periods) {
            if (book.rate == 0) {
                book.skipTo(target);
                return;
            }
            uint256 next = book.asOf + 1;
            uint256 i = next / ExpiryLib.PERIODS_PER_WORD;
            if (i != read) {
                word = _expiries[node][i];
                read = i;
            }
            book.step(word.rateAt(next));
        }
    }

    /// @dev Periods proved before `period`, an end of a span in which the node held a shard throughout. Such a span
    /// has no gap of more than SILENCE_MAX periods before its last proof, so if the word is empty and proofs follow
    /// later, the count stands in the word before or behind; if not there either, the span has no proof at all.
    function _rank(NodeId node, uint256 period) private view returns (bool known, uint256 rank) {
        uint256 i = period / BitsLib.PERIODS_PER_WORD;
        BitsWord word = _bits[node][i];
        if (!word.isEmpty()) return (true, word.rank(period));
        if (_books[node].unpack().lastProved < i * BitsLib.PERIODS_PER_WORD) {
            return (true, _purses[node].unpack().proved);
        }
        if (i != 0) {
            word = _bits[node][i - 1];
            if (!word.isEmpty()) return (true, word.rankAtEnd());
        }
        word = _bits[node][i + 1];
        return (!word.isEmpty(), word.before());
    }

    function _key(NodeId node, uint256 start) private pure returns (uint256) {
        return (uint256(NodeId.unwrap(node)) << 38) | start;
    }
}
