// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Address } from "@openzeppelin/contracts/utils/Address.sol";
import { IEscrow } from "./interfaces/IEscrow.sol";
import { IMarketCore } from "./interfaces/IMarketCore.sol";
import { INodeRegistry } from "./interfaces/INodeRegistry.sol";
import { Deals } from "./Deals.sol";
import { Next } from "./Next.sol";
import { BitsLib } from "./libraries/BitsLib.sol";
import { BookLib, PurseLib } from "./libraries/BookLib.sol";
import { Draw } from "./libraries/Draw.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { DealLib, EntryLib, OfferLib, PeriodLib, TermsLib } from "./libraries/WordLib.sol";
import { Acceptance, DealState, MarketParameters, Refusal } from "./types/Deals.sol";
import { DealId, LOST, NodeId, REWARD_PARTS, Rate, dealIdOf } from "./types/Types.sol";
import {
    BitsWord,
    Book,
    BookWord,
    DealWord,
    EntryWord,
    ExpiryWord,
    MASK38,
    OfferWord,
    PeriodWord,
    Purse,
    PurseWord,
    Slot,
    SlotsWord,
    TermsWord
} from "./types/Words.sol";

/// @title StorageMarket
/// @notice Documented in IMarketCore: what happens every day. It goes on in Faults and Custody.
contract StorageMarket is Deals, Next, IMarketCore {
    using RateLib for Rate;
    using DealLib for DealWord;
    using DealLib for Slot;
    using DealLib for SlotsWord;
    using OfferLib for OfferWord;
    using TermsLib for TermsWord;
    using EntryLib for EntryWord;
    using PeriodLib for PeriodWord;
    using BitsLib for BitsWord;
    using BookLib for Book;
    using BookLib for BookWord;
    using PurseLib for Purse;
    using PurseLib for PurseWord;

    /// @dev What deals of one client that are settled together take out of its lock.
    struct Settlement {
        address client;
        uint256 locked;
        uint256 refund;
        uint256 fee;
        // What the last deal came to, for the next that the same nodes held over the same periods.
        uint256 places0;
        uint256 places;
        uint256 slotPeriods;
    }

    /// @param faults what the market goes on in, made with the same parameters
    constructor(MarketParameters memory p, address faults) Deals(p) Next(faults, keccak256(abi.encode(p))) { }

    /// @inheritdoc IMarketCore
    function multicall(bytes[] calldata calls) external returns (bytes[] memory answers) {
        answers = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) answers[i] = Address.functionDelegateCall(address(this), calls[i]);
    }

    // Deals

    /// @inheritdoc IMarketCore
    function openDeal(address client, TermsWord terms, Acceptance[] calldata acceptances)
        external
        returns (DealId id, uint256 filled)
    {
        (uint32 period, uint40 blockNumber) = current();
        uint48 number = terms.numberOf();
        id = dealIdOf(client, number);
        if (number == 0 || SlotsWord.unwrap(_slots[id][0]) != 0) revert StorageMarket_NumberUsed(id);
        uint256 from;
        unchecked {
            from = period + 1;
        }
        _checkTerms(terms, from);

        DealWord deal = terms.openedFrom(from);
        _lock(id, deal, terms.leavesOf(), period, blockNumber);
        Filling memory f = _filling(id, deal, terms.leavesOf(), from, blockNumber);
        filled = _fillAll(f, acceptances);
        if (filled < terms.minFilledOf()) revert StorageMarket_TooFewFilled(filled, terms.minFilledOf());
        _deals[id] = f.deal;
    }

    /// @inheritdoc IMarketCore
    function settle(DealId[] calldata ids) external {
        (uint32 period,) = current();
        Settlement memory s;
        for (uint256 i = 0; i < ids.length; ++i) {
            address client = ids[i].clientOf();
            if (client != s.client) {
                _pay(s);
                s.client = client;
                (s.locked, s.refund, s.fee) = (0, 0, 0);
            }
            _settle(ids[i], period, s);
        }
        _pay(s);
    }

    // Nodes

    /// @inheritdoc IMarketCore
    function pin() external returns (bytes20 seed) {
        (uint32 period,) = current();
        PeriodWord word = _pinned(period);
        _periods[period] = word;
        return word.seedOf();
    }

    /// @inheritdoc IMarketCore
    function prove(NodeId node, uint32 period, bytes calldata proof) external {
        (uint32 now_,) = current();
        if (period != now_) revert StorageMarket_PeriodClosed(period, now_);
        Book memory book = _rolledFully(node, period + 1);
        if (book.lastProved >= period) revert StorageMarket_AlreadyProved(node, period);
        if (book.ratePrev == 0) revert StorageMarket_NothingToProve(node, period);
        if (book.isSilent(period)) revert StorageMarket_Silent(node);
        PeriodWord word = _pinned(period);
        Purse memory purse = _purses[node].unpack();
        if (purse.forfeited == period) revert StorageMarket_Forfeited(node, period);
        _verify(node, period, challengeBase(node, period, word.seedOf()), book, proof, CHALLENGES);

        _countReward(purse, uint32(book.lastProved));
        uint256 i = period / BitsLib.PERIODS_PER_WORD;
        _bits[_at(node, i)] = _bits[_at(node, i)].set(period, purse.proved);
        purse.proved += 1;
        purse.earned += book.ratePrev;
        purse.lastRate = book.ratePrev;
        _purses[node] = purse.pack();
        book.lastProved = period;
        _books[node].word = book.pack();
        _periods[period] = PeriodLib.pack(word.seedOf(), word.paidOf() + book.ratePrev);
        emit Proved(node, period, book.ratePrev, purse.earned, msg.sender);
    }

    /// @inheritdoc IMarketCore
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

    /// @inheritdoc IMarketCore
    function roll(NodeId node, uint32 periods) external {
        (uint32 period,) = current();
        Book memory book = _rolled(node, period + 1, periods);
        _books[node].word = book.pack();
    }

    /// @inheritdoc IMarketCore
    function trim(NodeId node, uint64[] calldata starts) external {
        if (!INodeRegistry(REGISTRY).speaksFor(node, msg.sender)) revert StorageMarket_NotNode(node, msg.sender);
        (uint32 period,) = current();
        Book memory book = _rolledFully(node, period + 1);
        // A proof of this period needs every range that was there at its first block; and with a choice of what to
        // trim a node could choose its draws.
        if (!book.isDone(period)) revert StorageMarket_ProofDue(node, period);
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
        _books[node].word = book.pack();
        emit Trimmed(node, uint64(book.len));
    }

    // For the registry and the bank

    /// @inheritdoc IMarketCore
    function markLeaving(NodeId node) external returns (uint32 from) {
        if (msg.sender != REGISTRY) revert StorageMarket_NotRegistry(msg.sender);
        (uint32 period,) = current();
        Book memory book = _rolledFully(node, period + 1);
        if (book.out == 0) {
            book.out = period + 1;
            emit NodeOut(node, period + 1);
        }
        _books[node].word = book.pack();
        return uint32(book.out);
    }

    /// @inheritdoc IMarketCore
    function takeReward(NodeId node) external returns (uint256 units) {
        if (msg.sender != BANK) revert StorageMarket_NotBank(msg.sender);
        (uint32 period,) = current();
        Purse memory purse = _purses[node].unpack();
        uint32 lastProved = uint32(_books[node].word.unpack().lastProved);
        if (lastProved < period) _countReward(purse, lastProved);
        units = purse.reward / REWARD_PARTS;
        purse.reward %= REWARD_PARTS;
        _purses[node] = purse.pack();
    }

    // Reading

    /// @inheritdoc IMarketCore
    function stakeBound(NodeId node) external view returns (uint256) {
        (uint32 period,) = current();
        Book memory book = _rolledView(node, period + 1);
        if (book.evicted) return _mayCure(book, period) ? type(uint256).max : book.rate * STAKE_PERIODS;
        uint256 idleFrom = book.dutyFrom > book.out ? book.dutyFrom : book.out;
        bool isFree =
            book.asOf == period + 1 && book.out != 0 && book.rate == 0 && period >= idleFrom + EXIT_PERIODS;
        return isFree ? 0 : type(uint256).max;
    }

    /// @inheritdoc IMarketCore
    function challengeBase(NodeId node, uint32 period, bytes20 seed) public view returns (bytes32) {
        return Draw.base(block.chainid, address(this), node, period, seed);
    }

    /// @inheritdoc IMarketCore
    function provedBetween(NodeId node, uint32 from, uint32 to) external view returns (uint32) {
        return _provedBetween(node, from, to);
    }

    /// @inheritdoc IMarketCore
    function entryWord(NodeId node, uint64 start) external view returns (EntryWord) {
        return start > MASK38 ? EntryWord.wrap(0) : _entries[_key(node, start)];
    }

    /// @inheritdoc IMarketCore
    function bookWord(NodeId node) external view returns (BookWord) {
        return _books[node].word;
    }

    /// @inheritdoc IMarketCore
    function purseWord(NodeId node) external view returns (PurseWord) {
        return _purses[node];
    }

    /// @inheritdoc IMarketCore
    function bitsWord(NodeId node, uint32 i) external view returns (BitsWord) {
        return _bits[_at(node, i)];
    }

    /// @inheritdoc IMarketCore
    function expiryWord(NodeId node, uint32 i) external view returns (ExpiryWord) {
        return _expiries[_at(node, i)].word;
    }

    /// @inheritdoc IMarketCore
    function periodWord(uint32 period) external view returns (PeriodWord) {
        return _periods[period];
    }

    /// @inheritdoc IMarketCore
    function acceptanceHash(address client, TermsWord terms, Acceptance calldata acceptance)
        external
        view
        returns (bytes32)
    {
        DealId id = dealIdOf(client, terms.numberOf());
        Form memory form = _form(id, terms.rateOf(), terms.leavesOf(), terms.maxEndOf());
        form.follows = _slotOf(id, _deals[id], acceptance.offer.slotOf()).bitsOf();
        return _acceptanceHash(_domainSeparatorV4(), form, acceptance.offer, acceptance.root);
    }

    /// @inheritdoc IMarketCore
    function quote(Rate rate, uint8 n, uint32 periods) external view returns (uint256) {
        return _quote(rate, n, periods);
    }

    /// @inheritdoc IMarketCore
    function dealWord(DealId id) external view returns (DealWord) {
        return _deals[id];
    }

    /// @inheritdoc IMarketCore
    function slotsWord(DealId id, uint256 i) external view returns (SlotsWord) {
        return _slots[id][i];
    }

    function _checkTerms(TermsWord t, uint256 from) private pure {
        unchecked {
            uint256 n = t.nOf();
            uint256 k = t.kOf();
            uint256 minFilled = t.minFilledOf();
            uint256 end = t.endOf();
            uint256 maxEnd = t.maxEndOf();
            if (
                t.hasMore() || !t.rateOf().isValid() || t.leavesOf() == 0 || k == 0 || n < k || n > SLOTS_MAX
                    || minFilled < k || minFilled > n || end < from + DEAL_PERIODS_MIN || maxEnd < end
                    || maxEnd >= LOST
            ) revert StorageMarket_BadTerms();
        }
    }

    function _lock(DealId id, DealWord deal, uint256 leaves, uint32 period, uint40 blockNumber) private {
        unchecked {
            Rate rate = deal.rateOf();
            uint256 pay = rate.value() * deal.nOf() * (deal.endOf() - deal.fromOf());
            uint256 fee = _feeOn(pay);
            if (fee < DEAL_FEE_MIN) revert StorageMarket_TooSmall(fee, DEAL_FEE_MIN);
            address client = id.clientOf();
            (Rate highest, uint40 previous) =
                IEscrow(ESCROW).lock(client, msg.sender, id.numberOf(), period, blockNumber, pay + fee);
            _checkPrice(rate, highest, leaves);
            emit DealOpened(id, client, deal.announced(leaves, previous), pay + fee);
        }
    }

    /// @dev Fills the slots of f.deal.
    function _fillAll(Filling memory f, Acceptance[] calldata acceptances) private returns (uint256 filled) {
        SlotsWord slots = DealLib.USED;
        uint256 openWord;
        uint256 next;
        uint256 seen;
        uint256[] memory keys = _keysOf(acceptances);
        for (uint256 i = 0; i < acceptances.length; ++i) {
            uint256 index = acceptances[i].offer.slotOf();
            if (index < next) revert StorageMarket_BadSlot(uint8(index));
            seen = _checkOnce(acceptances, i, seen);
            uint256 slot = _fillOrTell(f, acceptances[i], keys[i]);
            unchecked {
                next = index + 1;
                if (slot == 0) continue;
                ++filled;
            }
            if (index == 0) {
                f.deal = f.deal.plusSlot0(slot);
                continue;
            }
            (index, slot) = DealLib.placedBits(index, slot);
            if (index != openWord) {
                _slots[f.id][openWord] = slots;
                openWord = index;
                slots = SlotsWord.wrap(0);
            }
            slots = slots.plus(slot);
        }
        // They ascend, so none is beyond the deal if the last is not.
        if (next > f.deal.nOf()) revert StorageMarket_BadSlot(uint8(next - 1));
        _slots[f.id][openWord] = slots;
    }

    function _keysOf(Acceptance[] calldata acceptances) private view returns (uint256[] memory) {
        NodeId[] memory nodes = new NodeId[](acceptances.length);
        for (uint256 i = 0; i < nodes.length; ++i) nodes[i] = acceptances[i].offer.nodeOf();
        return INodeRegistry(REGISTRY).keysOf(nodes);
    }

    /// @dev Fills a slot, or tells why not.
    /// @return slot in bits, 0 if it stays vacant
    function _fillOrTell(Filling memory f, Acceptance calldata a, uint256 key) private returns (uint256 slot) {
        Refusal why;
        (why, slot) = _fill(f, a, key);
        if (why != Refusal.None) emit SlotRefused(f.id, a.offer.nodeOf(), a.offer.slotOf(), why);
    }

    /// @dev Reverts if the node of acceptance `last` stands in one before it.
    /// @param seen has a bit for each node before by its last byte: only where one is set already can a node stand twice
    /// @return with its own
    function _checkOnce(Acceptance[] calldata acceptances, uint256 last, uint256 seen) private pure returns (uint256) {
        NodeId node = acceptances[last].offer.nodeOf();
        uint256 bit = 1 << (NodeId.unwrap(node) & 0xff);
        if (seen & bit != 0) {
            for (uint256 i = 0; i < last; ++i) {
                if (acceptances[i].offer.nodeOf() == node) revert StorageMarket_NodeTwice(node);
            }
        }
        return seen | bit;
    }

    /// @dev Settles a deal and adds to `s` what leaves its client's lock.
    function _settle(DealId id, uint32 period, Settlement memory s) private {
        DealWord deal = _deals[id];
        if (deal.stateOf() != DealState.Open) revert StorageMarket_NotOpen(id);
        uint32 end = deal.endOf();
        if (period < end) revert StorageMarket_NotEnded(id, end);

        (uint256 slotPeriods, uint256 bounties, bool isQuit) = _countLike(id, deal, end, s);
        // Without a word the deal is settled for good; with one the parts of those who failed can still be asked for.
        _deals[id] = isQuit ? DealWord.wrap(0) : deal.withState(DealState.Settled);
        unchecked {
            Rate rate = deal.rateOf();
            uint256 locked = _quote(rate, deal.nOf(), end - deal.fromOf());
            uint256 paid = (slotPeriods + deal.formerOf()) * rate.value();
            uint256 fee = _feeOn(paid);
            uint256 refund = locked - paid - fee;
            emit DealSettled(id, paid, refund);
            s.locked += locked;
            // What nobody earned by a refill is the client's.
            s.refund += refund + bounties;
            s.fee += fee;
        }
    }

    /// @dev The same as _count, which is spared for a deal of up to four slots if it is known from the one before.
    function _countLike(DealId id, DealWord deal, uint32 end, Settlement memory s)
        private
        view
        returns (uint256 slotPeriods, uint256 bounties, bool isQuit)
    {
        uint256 places0 = deal.places();
        uint256 places = _slots[id][0].places();
        if (places0 == s.places0 && places == s.places) return (s.slotPeriods, 0, true);
        (slotPeriods, bounties, isQuit) = _count(id, deal, end);
        if (isQuit && deal.nOf() <= 1 + DealLib.SLOTS_PER_WORD) {
            (s.places0, s.places, s.slotPeriods) = (places0, places, slotPeriods);
        }
    }

    /// @dev What the holders of a deal that is over were paid for.
    /// @return slotPeriods proved by its last holders
    /// @return bounties in units that waited for a refill
    /// @return isQuit true if every slot that was ever filled was proved in the last period: then nobody lost it
    function _count(DealId id, DealWord deal, uint32 end)
        private
        view
        returns (uint256 slotPeriods, uint256 bounties, bool isQuit)
    {
        unchecked {
            uint256 n = deal.nOf();
            isQuit = true;
            SlotsWord slots;
            for (uint256 i = 0; i < n; ++i) {
                uint256 bits;
                if (i == 0) {
                    bits = deal.slot0Bits();
                } else {
                    (uint256 word, uint256 place) = DealLib.placeOf(i);
                    if (place == 0) slots = _slots[id][word];
                    bits = slots.bitsOf(place);
                }
                if (bits == 0) continue;
                uint256 from = DealLib.fromIn(bits);
                if (from >= LOST) {
                    bounties += _bountyOf(from, deal.rateOf().value());
                    isQuit = false;
                } else {
                    (uint256 proved, bool isLast) = _attendance(DealLib.nodeIn(bits), from, end);
                    slotPeriods += proved;
                    isQuit = isQuit && isLast;
                }
            }
        }
    }

    function _pay(Settlement memory s) private {
        if (s.locked != 0) IEscrow(ESCROW).unlock(s.client, s.locked, s.refund, s.fee);
    }
}
