// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealId, NodeId } from "../types/Types.sol";

/// @title What a node is asked in a period; see docs/formats/proof.md.
library Draw {
    bytes32 internal constant DOMAIN = "storage-market challenge v1";

    bytes32 internal constant TAKEOVER_DOMAIN = "storage-market takeover v1";

    /// @notice What every draw of a node comes from that takes over a slot in a period.
    function takeoverBase(
        uint256 chainId,
        address market,
        NodeId node,
        uint32 period,
        bytes20 seed,
        DealId deal,
        uint8 slot
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                TAKEOVER_DOMAIN, chainId, market, NodeId.unwrap(node), period, bytes32(seed), DealId.unwrap(deal), slot
            )
        );
    }

    /// @notice What every draw of a node in a period comes from.
    function base(uint256 chainId, address market, NodeId node, uint32 period, bytes20 seed)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(DOMAIN, chainId, market, NodeId.unwrap(node), period, bytes32(seed)));
    }

    /// @notice Draw number `t`, below 2^16.
    function number(bytes32 base_, uint256 t) internal pure returns (uint256 draw) {
        assembly ("memory-safe") {
            mstore(0, base_)
            mstore(0x20, shl(240, t))
            draw := keccak256(0, 34)
        }
    }

    /// @notice The position in a ledger of `length` that a draw falls on.
    function position(uint256 draw, uint256 length) internal pure returns (uint256) {
        unchecked {
            return ((draw >> 128) * length) >> 128;
        }
    }

    /// @notice The leaf of a shard of `leaves` leaves that a draw falls on.
    function leaf(uint256 draw, uint256 leaves) internal pure returns (uint256) {
        unchecked {
            return (uint256(uint128(draw)) * leaves) >> 128;
        }
    }
}
