// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A second, plain writing of docs/formats/proof.md, to hold the contracts against.
/// A shard here is made of its seed and its number of leaves alone.
library Shards {
    function leafBytes(uint256 seed, uint256 i) internal pure returns (bytes memory leaf) {
        bytes32 part = keccak256(abi.encode(seed, i));
        for (uint256 j = 0; j < 8; ++j) {
            leaf = bytes.concat(leaf, keccak256(abi.encode(part, j)));
        }
    }

    function leafHash(bytes memory leaf) internal pure returns (bytes20) {
        return bytes20(keccak256(bytes.concat(leaf, hex"00")));
    }

    function nodeHash(bytes20 left, bytes20 right) internal pure returns (bytes20) {
        return bytes20(keccak256(abi.encodePacked(left, right, hex"01")));
    }

    function depth(uint256 leaves) internal pure returns (uint256 d) {
        while ((uint256(1) << d) < leaves) ++d;
    }

    /// @notice All hashes, level by level from the leaves up, the lowest padded to a power of two.
    function levels(uint256 seed, uint256 leaves) internal pure returns (bytes20[][] memory all) {
        uint256 d = depth(leaves);
        all = new bytes20[][](d + 1);
        all[0] = new bytes20[](uint256(1) << d);
        for (uint256 i = 0; i < leaves; ++i) {
            all[0][i] = leafHash(leafBytes(seed, i));
        }
        for (uint256 h = 1; h <= d; ++h) {
            all[h] = new bytes20[](uint256(1) << (d - h));
            for (uint256 i = 0; i < all[h].length; ++i) {
                all[h][i] = nodeHash(all[h - 1][2 * i], all[h - 1][2 * i + 1]);
            }
        }
    }

    function rootOfTop(bytes20 top, uint256 leaves) internal pure returns (bytes20) {
        return bytes20(keccak256(abi.encodePacked(top, uint64(leaves), hex"02")));
    }

    function root(uint256 seed, uint256 leaves) internal pure returns (bytes20) {
        return rootOfTop(levels(seed, leaves)[depth(leaves)][0], leaves);
    }

    /// @notice The leaf and its path, as a proof holds them.
    function opening(uint256 seed, uint256 leaves, uint256 index) internal pure returns (bytes memory out) {
        bytes20[][] memory all = levels(seed, leaves);
        out = leafBytes(seed, index);
        for (uint256 h = 0; h + 1 < all.length; ++h) {
            out = bytes.concat(out, all[h][(index >> h) ^ 1]);
        }
    }
}
