// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BitsWord } from "../types/Words.sol";

/// @title 224 periods of a node in a word: which were proved, and how many were before.
library BitsLib {
    /// @dev Periods that one word holds.
    uint256 internal constant PERIODS_PER_WORD = 224;
    uint256 private constant FLAGS_AT = 32;

    function isEmpty(BitsWord w) internal pure returns (bool) {
        return BitsWord.unwrap(w) == 0;
    }

    function isSet(BitsWord w, uint256 period) internal pure returns (bool) {
        return (BitsWord.unwrap(w) >> (FLAGS_AT + period % PERIODS_PER_WORD)) & 1 == 1;
    }

    /// @notice Sets the bit of `period`; `provedBefore` is what was proved so far, used if the word is fresh.
    function set(BitsWord w, uint256 period, uint256 provedBefore) internal pure returns (BitsWord) {
        uint256 bits = BitsWord.unwrap(w);
        if (bits == 0) bits = provedBefore;
        return BitsWord.wrap(bits | (1 << (FLAGS_AT + period % PERIODS_PER_WORD)));
    }

    /// @notice Periods proved before this word.
    function before(BitsWord w) internal pure returns (uint256) {
        return uint32(BitsWord.unwrap(w));
    }

    /// @notice Periods proved before `period`, which lies in this word.
    function rank(BitsWord w, uint256 period) internal pure returns (uint256) {
        uint256 flags = (BitsWord.unwrap(w) >> FLAGS_AT) & ((1 << (period % PERIODS_PER_WORD)) - 1);
        return before(w) + popcount(flags);
    }

    /// @notice Periods proved in from <= p < to, all in this word, and whether the last of them was.
    function attendance(BitsWord w, uint256 from, uint256 to) internal pure returns (uint256 proved, bool isLast) {
        unchecked {
            uint256 span = to - from;
            uint256 mask = (1 << span) - 1;
            uint256 flags = (BitsWord.unwrap(w) >> (FLAGS_AT + from % PERIODS_PER_WORD)) & mask;
            if (flags == mask) return (span, true);
            return (popcount(flags), flags >> (span - 1) != 0);
        }
    }

    /// @notice Periods proved before the end of this word.
    function rankAtEnd(BitsWord w) internal pure returns (uint256) {
        return before(w) + popcount(BitsWord.unwrap(w) >> FLAGS_AT);
    }

    /// @notice Bits that are set in x, which is below 2^248.
    function popcount(uint256 x) internal pure returns (uint256) {
        unchecked {
            x -= (x >> 1) & 0x5555555555555555555555555555555555555555555555555555555555555555;
            x = (x & 0x3333333333333333333333333333333333333333333333333333333333333333)
                + ((x >> 2) & 0x3333333333333333333333333333333333333333333333333333333333333333);
            x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
            // The sum of all bytes ends in the top byte; 248 at most.
            return (x * 0x0101010101010101010101010101010101010101010101010101010101010101) >> 248;
        }
    }
}
