// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The Merkle tree of a shard; see docs/formats/proof.md.
library Tree {
    /// @notice Siblings between a leaf and the top of a tree of `leaves` leaves: the bits of leaves - 1.
    function depth(uint256 leaves) internal pure returns (uint256 d) {
        unchecked {
            uint256 last = leaves - 1;
            assembly ("memory-safe") {
                d := sub(256, clz(last))
            }
        }
    }

    /// @notice The root that a leaf and its path lead to.
    /// @param leafAt offset in calldata of the 256 leaf bytes, behind which the siblings follow, 20 bytes each; the
    /// caller checks that they are there
    /// @param index of the leaf, below `leaves`
    /// @param d depth(leaves)
    function rootFrom(uint256 leafAt, uint256 index, uint256 leaves, uint256 d) internal pure returns (bytes20 root) {
        assembly ("memory-safe") {
            // The leaf and its tag, in memory that nobody owns yet.
            let free := mload(0x40)
            calldatacopy(free, leafAt, 256)
            mstore8(add(free, 256), 0)
            let hash := keccak256(free, 257)

            // A node is hashed in the scratch words 0x00 to 0x3f: left at 0, right at 20, its tag at 40. `tagged` is
            // the node with the tag one byte behind it, so that writing it at 20 writes the tag at 40 as well.
            let keep := shl(96, sub(shl(160, 1), 1))
            let tag := shl(88, 1)
            mstore8(40, 1)
            let sibling := add(leafAt, 256)
            for { let end := add(sibling, mul(d, 20)) } lt(sibling, end) { sibling := add(sibling, 20) } {
                let shift := mul(20, and(index, 1))
                mstore(shift, or(and(hash, keep), tag))
                calldatacopy(sub(20, shift), sibling, 20)
                hash := keccak256(0, 41)
                index := shr(1, index)
            }

            mstore(0, or(and(hash, keep), or(shl(32, leaves), shl(24, 2))))
            root := and(keccak256(0, 29), keep)
        }
    }
}
