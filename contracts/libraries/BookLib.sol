// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Book, BookWord, MASK22, MASK38, Purse, PurseWord } from "../types/Words.sol";

/// @title A node's book: what its ledger is as long as, what it earns, and both as they were a period ago.
library BookLib {
    using BookLib for Book;

    /// @notice Periods without a proof, while holding shards, after which a node can prove no more. Below the 224
    /// periods of a bitmap word, so that the count at any end of a slot is found next to it.
    uint256 internal constant SILENCE_MAX = 200;

    function unpack(BookWord word) internal pure returns (Book memory b) {
        uint256 w = BookWord.unwrap(word);
        b.len = w & MASK38;
        b.lenPrev = (w >> 38) & MASK38;
        b.rate = (w >> 76) & MASK38;
        b.ratePrev = (w >> 114) & MASK38;
        b.asOf = (w >> 152) & MASK22;
        b.lastProved = (w >> 174) & MASK22;
        b.dutyFrom = (w >> 196) & MASK22;
        b.out = (w >> 218) & MASK22;
        b.evicted = w >> 240 != 0;
    }

    /// @notice The period at whose first block `len` and `rate` are right.
    function asOf(BookWord word) internal pure returns (uint256) {
        return (BookWord.unwrap(word) >> 152) & MASK22;
    }

    /// @notice True if the node takes no shards, whether it leaves, was silent or is evicted.
    function isOut(BookWord word) internal pure returns (bool) {
        return BookWord.unwrap(word) >> 218 != 0;
    }

    function lenOf(BookWord word) internal pure returns (uint256) {
        return BookWord.unwrap(word) & MASK38;
    }

    function rateOf(BookWord word) internal pure returns (uint256) {
        return (BookWord.unwrap(word) >> 76) & MASK38;
    }

    /// @notice Takes on a range of `rate` units from period asOf on, which makes the ledger `longer`.
    function take(BookWord word, uint256 rate, uint256 longer) internal pure returns (BookWord) {
        unchecked {
            uint256 w = BookWord.unwrap(word);
            if (rateOf(word) == 0) w = (w & ~(MASK22 << 196)) | (asOf(word) << 196);
            return BookWord.wrap(w + (rate << 76) + longer);
        }
    }

    function pack(Book memory b) internal pure returns (BookWord) {
        uint256 w = b.len | (b.lenPrev << 38) | (b.rate << 76) | (b.ratePrev << 114) | (b.asOf << 152)
            | (b.lastProved << 174) | (b.dutyFrom << 196) | (b.out << 218);
        return BookWord.wrap(b.evicted ? w | (1 << 240) : w);
    }

    /// @notice Goes to the next period, at whose first block `expiring` leaves the rate.
    function step(Book memory b, uint256 expiring) internal pure {
        unchecked {
            if (b.out == 0 && isSilent(b, b.asOf)) b.out = b.asOf;
            b.lenPrev = b.len;
            b.ratePrev = b.rate;
            b.asOf += 1;
        }
        if (expiring != 0) {
            b.rate -= expiring;
            if (b.rate == 0) b.dutyFrom = b.asOf;
        }
    }

    /// @notice Goes to `period` at once; only for a book with rate 0, from which nothing can expire.
    function skipTo(Book memory b, uint256 period) internal pure {
        b.lenPrev = b.len;
        b.ratePrev = 0;
        b.asOf = period;
    }

    /// @notice True if a node that holds shards in `period` came too late to prove there again.
    function isSilent(Book memory b, uint256 period) internal pure returns (bool) {
        uint256 since = b.lastProved > b.dutyFrom ? b.lastProved : b.dutyFrom;
        return period > since + SILENCE_MAX;
    }

    /// @notice Gives up a range of `rate` units from period asOf on.
    function drop(Book memory b, uint256 rate) internal pure {
        b.rate -= rate;
        if (b.rate == 0) b.dutyFrom = b.asOf;
    }

    /// @notice True if nothing can be proved in `period` any more, the one before asOf.
    function isDone(Book memory b, uint256 period) internal pure returns (bool) {
        return b.ratePrev == 0 || b.lastProved == period || b.isSilent(period);
    }
}

/// @title A node's pay in a word.
library PurseLib {
    function unpack(PurseWord word) internal pure returns (Purse memory p) {
        uint256 w = PurseWord.unwrap(word);
        p.earned = uint64(w);
        p.reward = uint88(w >> 64);
        p.proved = (w >> 152) & MASK22;
        p.lastRate = (w >> 174) & MASK38;
        p.cureFrom = (w >> 212) & MASK22;
        p.forfeited = w >> 234;
    }

    function pack(Purse memory p) internal pure returns (PurseWord) {
        return PurseWord.wrap(
            p.earned | (p.reward << 64) | (p.proved << 152) | (p.lastRate << 174) | (p.cureFrom << 212)
                | (p.forfeited << 234)
        );
    }
}
