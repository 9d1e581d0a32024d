// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Tree } from "../../../contracts/libraries/Tree.sol";

/// @notice The contracts' tree, asked about many openings at once by TreeOnChainTests.
contract TreeHarness {
    /// @param cases root20 leaves8 index8 bytes4 opening, one after the other
    /// @return verdicts 1 for each that leads to its root, else 0
    function check(bytes calldata cases, uint256 count) external pure returns (bytes memory verdicts) {
        verdicts = new bytes(count);
        uint256 at = 0;
        for (uint256 i = 0; i < count; ++i) {
            bytes20 root = bytes20(cases[at:at + 20]);
            uint256 leaves = uint64(bytes8(cases[at + 20:at + 28]));
            uint256 index = uint64(bytes8(cases[at + 28:at + 36]));
            uint256 length = uint32(bytes4(cases[at + 36:at + 40]));
            at += 40;
            uint256 leafAt;
            assembly ("memory-safe") {
                leafAt := add(cases.offset, at)
            }
            uint256 d = Tree.depth(leaves);
            bool isRight = length == 256 + 20 * d && Tree.rootFrom(leafAt, index, leaves, d) == root;
            if (isRight) verdicts[i] = 0x01;
            at += length;
        }
    }
}
