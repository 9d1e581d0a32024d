// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Clock } from "./Clock.sol";
import { IBank } from "./interfaces/IBank.sol";
import { IMarketBase } from "./interfaces/IMarketBase.sol";
import { BitsLib } from "./libraries/BitsLib.sol";
import { BookLib, PurseLib } from "./libraries/BookLib.sol";
import { Draw } from "./libraries/Draw.sol";
import { EntryLib, ExpiryLib, PeriodLib } from "./libraries/WordLib.sol";
import { Gaps, LeftOut } from "./libraries/LeftOut.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { Tree } from "./libraries/Tree.sol";
import { MarketParameters, Refusal } from "./types/Deals.sol";
import { LOST, NodeId, PERIOD_LIMIT, Rate } from "./types/Types.sol";
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
/// @notice What every node holds, proves and is paid. Deals come on top of it. No function here is called from outside:
/// StorageMarket and Custody are two contracts over this one storage.
abstract contract Ledgers is Clock, IMarketBase {
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
    /// @dev Periods of a slot's pay that a told loss costs at most; a convicted one costs twice that.
    uint256 internal constant LONGEST_FINE = 10;

    /// @inheritdoc IMarketBase
    uint256 public constant CHALLENGES = 5;
    /// @inheritdoc IMarketBase
    uint32 public constant ROLL_MAX = 256;
    /// @inheritdoc IMarketBase
    uint32 public constant SILENCE_MAX = uint32(BookLib.SILENCE_MAX);
    /// @inheritdoc IMarketBase
    uint32 public constant EXIT_PERIODS = 5;
    /// @inheritdoc IMarketBase
    uint32 public constant CURE_PERIODS = 8;

    /// @inheritdoc IMarketBase
    address public immutable ESCROW;
    /// @inheritdoc IMarketBase
    address public immutable REGISTRY;
    /// @inheritdoc IMarketBase
    address public immutable BANK;
    /// @inheritdoc IMarketBase
    uint16 public immutable STAKE_PERIODS;

    /// @inheritdoc IMarketBase
    uint64 public immutable REPORT_BOUNTY;
    /// @inheritdoc IMarketBase
    uint64 public immutable ASK_BOND;
    /// @inheritdoc IMarketBase
    uint64 public immutable DEAL_FEE_MIN;
    /// @inheritdoc IMarketBase
    bytes32 public immutable PARAMETERS;

    /// @dev A word in a struct can be held on to, so that its place is hashed once for reading and writing.
    struct BookCell {
        BookWord word;
    }

    struct ExpiryCell {
        ExpiryWord word;
    }

    struct Walk {
        uint256 offset;
        uint256 live;
        Gaps gaps;
    }

    /// @dev node << 38 | start
    mapping(uint256 key => EntryWord) internal _entries;
    mapping(NodeId node => BookCell) internal _books;
    mapping(NodeId node => PurseWord) internal _purses;
    /// @dev node << 22 | i
    mapping(uint256 key => BitsWord) internal _bits;
    /// @dev node << 22 | i
    mapping(uint256 key => ExpiryCell) internal _expiries;
    mapping(uint32 period => PeriodWord) internal _periods;

    constructor(MarketParameters memory p) Clock(p.periodBlocks, p.seedDelay, p.blockSeconds) {
        if (
            p.escrow == address(0) || p.registry == address(0) || p.bank == address(0)
                || p.stakePeriods < 2 * LONGEST_FINE || p.stakePeriods >= PERIOD_LIMIT - LOST
        ) revert StorageMarket_BadParameters();
        ESCROW = p.escrow;
        REGISTRY = p.registry;
        BANK = p.bank;
        STAKE_PERIODS = p.stakePeriods;
        REPORT_BOUNTY = p.reportBounty;
        ASK_BOND = p.askBond;
        DEAL_FEE_MIN = p.dealFeeMin;
        PARAMETERS = keccak256(abi.encode(p));
    }

    /// @dev Gives the node the range `entry` from the next period on if it may have it, and tells where it starts.
    function _take(NodeId node, uint256 stake, EntryWord entry, uint256 hint)
        internal
        returns (Refusal, uint256 start)
    {
        unchecked {
            uint32 from = entry.fromOf();
            BookCell storage cell = _books[node];
            BookWord book = cell.word;
            if (book.asOf() != from) book = _rolled(node, from, ROLL_MAX).pack();
            if (book.isOut() || book.asOf() != from) return (Refusal.Out, 0);
            uint256 units = entry.rateOf().value();
            if (_stakeFor(book.rateOf() + units) > stake) return (Refusal.Stake, 0);

            if (_isRefillable(node, hint, entry.rateOf(), from)) {
                start = hint;
                cell.word = book.take(units, 0);
            } else {
                start = book.lenOf();
                if (start + units > MASK38) return (Refusal.Full, 0);
                cell.word = book.take(units, units);
            }
            _entries[_key(node, start)] = entry;
            _changeExpiry(node, entry.untilOf(), units);
            return (Refusal.None, start);
        }
    }

    /// @dev Units of stake that a node of `rate` needs. All that a node can ever lose is covered by it: fines are for
    /// ranges that leave the rate, an eviction takes STAKE_PERIODS of the rate, and its reporter what is behind the +.
    function _stakeFor(uint256 rate) internal view returns (uint256) {
        unchecked {
            return rate * STAKE_PERIODS + REPORT_BOUNTY;
        }
    }

    /// @dev Takes a range out of what the node of `book` has from period asOf on. Its entry stays until period
    /// `rootUntil`, because it holds the root that a repair is checked against.
    function _lose(NodeId node, Book memory book, uint64 start, uint256 units, uint32 rootUntil) internal {
        uint256 key = _key(node, start);
        EntryWord entry = _entries[key];
        _entries[key] = entry.lost().withUntil(rootUntil);
        uint32 until = entry.untilOf();
        ExpiryCell storage cell = _expiries[_at(node, until / ExpiryLib.PERIODS_PER_WORD)];
        cell.word = cell.word.minus(until, units);
        book.drop(units);
    }

    /// @dev Moves the end of a range, which no book has rolled to yet. One that is lost is in no expiry.
    function _moveEnd(NodeId node, uint64 start, uint256 units, uint32 formerEnd, uint32 end, bool isLost)
        internal
        returns (uint256 leaves)
    {
        uint256 key = _key(node, start);
        EntryWord entry = _entries[key];
        _entries[key] = entry.withUntil(end);
        leaves = entry.leavesOf();
        if (isLost) return leaves;
        ExpiryCell storage cell = _expiries[_at(node, formerEnd / ExpiryLib.PERIODS_PER_WORD)];
        cell.word = cell.word.minus(formerEnd, units);
        _changeExpiry(node, end, units);
    }

    function _changeExpiry(NodeId node, uint32 end, uint256 units) private {
        ExpiryCell storage cell = _expiries[_at(node, end / ExpiryLib.PERIODS_PER_WORD)];
        cell.word = cell.word.plus(end, units);
    }

    /// @dev A dead range may be given again at exactly its rate from the next period on: in this period it is as
    /// dead before as after.
    function _isRefillable(NodeId node, uint256 hint, Rate rate, uint256 from) private view returns (bool) {
        if (hint > MASK38) return false;
        EntryWord entry = _entries[_key(node, hint)];
        return Rate.unwrap(entry.rateOf()) == Rate.unwrap(rate) && entry.untilOf() < from;
    }

    /// @dev Adds the reward of the last proved period, which must be over.
    function _countReward(Purse memory purse, uint32 lastProved) internal view {
        if (purse.lastRate == 0) return;
        purse.reward += IBank(BANK).rewardOf(lastProved, _periods[lastProved].paidOf(), purse.lastRate);
        purse.lastRate = 0;
    }

    /// @dev The period's word with its seed, looked up if nobody wrote it down yet.
    function _pinned(uint32 period) internal returns (PeriodWord word) {
        word = _periods[period];
        if (word.seedOf() != 0) return word;
        bytes20 seed = seedOf(period);
        if (seed == 0) revert StorageMarket_NoSeed(period);
        emit PeriodPinned(period, seed);
        return PeriodLib.pack(seed, 0);
    }

    /// @dev Walks through the draws until `challenges` of them were live; the proof must be used up then. A dead range
    /// costs one draw: those after pass over it.
    function _verify(
        NodeId node,
        uint256 period,
        bytes32 base,
        Book memory book,
        bytes calldata proof,
        uint256 challenges
    ) internal view {
        Walk memory w;
        for (uint256 t = 0; w.live < challenges; ++t) _follow(node, period, Draw.number(base, t), book.lenPrev, proof, t, w);
        if (w.offset != proof.length) revert StorageMarket_BadProofLength();
    }

    function _follow(
        NodeId node,
        uint256 period,
        uint256 draw,
        uint256 ledgerLength,
        bytes calldata proof,
        uint256 t,
        Walk memory w
    ) private view {
        uint256 start = _startAt(proof, w.offset);
        EntryWord entry = _entries[_key(node, start)];
        {
            uint256 position = w.gaps.toLedger(Draw.position(draw, ledgerLength - w.gaps.total));
            uint256 length = entry.rateOf().value();
            // A start that is no place of this ledger, but one of another node's, lies behind every position.
            if (position < start || position >= start + length) revert StorageMarket_WrongRange(t);
            w.offset += START_BYTES;
            if (!entry.isLive(period)) {
                w.gaps.add(start, length, proof.length / START_BYTES);
                return;
            }
        }
        uint256 leaves = entry.leavesOf();
        w.offset = _checkLeaf(proof, w.offset, Draw.leaf(draw, leaves), leaves, entry.rootOf(), t);
        ++w.live;
    }

    /// @dev CHALLENGES leaves of one shard, each with its path.
    function _verifyShard(bytes32 base, bytes20 root, uint256 leaves, bytes calldata proof) internal pure {
        uint256 offset;
        for (uint256 t = 0; t < CHALLENGES; ++t) {
            offset = _checkLeaf(proof, offset, Draw.leaf(Draw.number(base, t), leaves), leaves, root, t);
        }
        if (offset != proof.length) revert StorageMarket_BadProofLength();
    }

    /// @dev Checks leaf number `index` and its path, which stand at `offset`, and tells where they end.
    function _checkLeaf(bytes calldata proof, uint256 offset, uint256 index, uint256 leaves, bytes20 root, uint256 t)
        internal
        pure
        returns (uint256 end)
    {
        uint256 d = Tree.depth(leaves);
        end = offset + LEAF_BYTES_IN_PROOF + d * SIBLING_BYTES;
        if (end > proof.length) revert StorageMarket_BadProofLength();
        uint256 leafAt;
        assembly ("memory-safe") {
            leafAt := add(proof.offset, offset)
        }
        if (Tree.rootFrom(leafAt, index, leaves, d) != root) revert StorageMarket_WrongPath(t);
    }

    function _startAt(bytes calldata proof, uint256 offset) private pure returns (uint256 start) {
        if (offset + START_BYTES > proof.length) revert StorageMarket_BadProofLength();
        assembly ("memory-safe") {
            start := shr(216, calldataload(add(proof.offset, offset)))
        }
    }

    /// @dev An evicted node is out from the period after its eviction's.
    function _mayCure(Book memory book, uint256 period) internal pure returns (bool) {
        return period < book.out + CURE_PERIODS;
    }

    function _rolledFully(NodeId node, uint32 target) internal returns (Book memory book) {
        book = _rolled(node, target, ROLL_MAX);
        if (book.evicted) revert StorageMarket_Evicted(node);
        if (book.asOf != target) revert StorageMarket_BookBehind(node, uint32(book.asOf));
    }

    /// @dev The book at the first block of period `target`, or up to `periods` nearer to it.
    function _rolled(NodeId node, uint32 target, uint32 periods) internal returns (Book memory book) {
        book = _books[node].word.unpack();
        bool wasIn = book.out == 0;
        _rollTo(book, node, target, periods);
        if (wasIn && book.out != 0) emit NodeOut(node, uint32(book.out));
    }

    function _rolledView(NodeId node, uint32 target) internal view returns (Book memory book) {
        book = _books[node].word.unpack();
        _rollTo(book, node, target, ROLL_MAX);
    }

    function _rollTo(Book memory book, NodeId node, uint256 target, uint256 periods) internal view {
        if (book.evicted) return;
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
                word = _expiries[_at(node, i)].word;
                read = i;
            }
            book.step(word.rateAt(next));
        }
    }

    /// @dev Periods that the node proved in from <= p < to, and whether it proved the last of them; from < to.
    function _attendance(NodeId node, uint256 from, uint256 to) internal view returns (uint256 proved, bool isLast) {
        unchecked {
            uint256 i = (to - 1) / BitsLib.PERIODS_PER_WORD;
            BitsWord word = _bits[_at(node, i)];
            if (from / BitsLib.PERIODS_PER_WORD == i && !word.isEmpty()) return word.attendance(from, to);
            return (_provedBetween(node, uint32(from), uint32(to)), word.isSet(to - 1));
        }
    }

    function _provedBetween(NodeId node, uint32 from, uint32 to) internal view returns (uint32) {
        if (from >= to) return 0;
        (bool fromKnown, uint256 before) = _rank(node, from);
        (bool toKnown, uint256 after_) = _rank(node, to);
        return fromKnown && toKnown ? uint32(after_ - before) : 0;
    }

    /// @dev Periods proved before `period`, an end of a span in which the node held a shard throughout. Such a span
    /// has no gap of more than SILENCE_MAX periods before its last proof, so if the word is empty and proofs follow
    /// later, the count stands in the word before or behind; if not there either, the span has no proof at all.
    function _rank(NodeId node, uint256 period) private view returns (bool known, uint256 rank) {
        uint256 i = period / BitsLib.PERIODS_PER_WORD;
        BitsWord word = _bits[_at(node, i)];
        if (!word.isEmpty()) return (true, word.rank(period));
        if (_books[node].word.unpack().lastProved < i * BitsLib.PERIODS_PER_WORD) {
            return (true, _purses[node].unpack().proved);
        }
        if (i != 0) {
            word = _bits[_at(node, i - 1)];
            if (!word.isEmpty()) return (true, word.rankAtEnd());
        }
        word = _bits[_at(node, i + 1)];
        return (!word.isEmpty(), word.before());
    }

    /// @dev Where the word number `i` of a node's bits or expiries lies; i is below 2^22 because periods are.
    function _at(NodeId node, uint256 i) internal pure returns (uint256) {
        return (uint256(NodeId.unwrap(node)) << 22) | i;
    }

    function _key(NodeId node, uint256 start) internal pure returns (uint256) {
        return (uint256(NodeId.unwrap(node)) << 38) | start;
    }
}
