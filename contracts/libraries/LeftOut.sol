// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Ranges of a ledger that later draws pass over, in ascending order, each start << 38 | length.
struct Gaps {
    uint256[] list;
    uint256 count;
    uint256 total;
}

/// @title Dead ranges that were drawn once and are left out of the draws after; see docs/formats/proof.md.
/// @notice Without this a short dear deal that died would make a node of small deals draw in vain thousands of times.
library LeftOut {
    uint256 private constant START_AT = 38;
    uint256 private constant LENGTH_MASK = (1 << START_AT) - 1;

    /// @notice The position in the ledger of position `place` in what is left of it.
    function toLedger(Gaps memory gaps, uint256 place) internal pure returns (uint256) {
        unchecked {
            for (uint256 i = 0; i < gaps.count; ++i) {
                uint256 gap = gaps.list[i];
                if (place < gap >> START_AT) break;
                place += gap & LENGTH_MASK;
            }
            return place;
        }
    }

    /// @notice Leaves out a range that is not left out yet.
    /// @param most that will ever be left out
    function add(Gaps memory gaps, uint256 start, uint256 length, uint256 most) internal pure {
        if (gaps.count == 0) gaps.list = new uint256[](most);
        uint256 gap = (start << START_AT) | length;
        uint256 i = gaps.count;
        for (; i != 0 && gaps.list[i - 1] > gap; --i) gaps.list[i] = gaps.list[i - 1];
        gaps.list[i] = gap;
        gaps.count += 1;
        gaps.total += length;
    }
}
