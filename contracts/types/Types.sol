// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

// Money inside the market is counted in units: one unit is 10^9 base units of the token, so one token is 10^9 units.
// Periods are plain uint32 and stay below 2^22. Block numbers are uint40. Everything else that has a name has a type.

/// @dev Base units of the token in one unit.
uint256 constant UNIT = 1e9;

/// @dev Periods stay below this number (22 bits).
uint32 constant PERIOD_LIMIT = 1 << 22;

/// @dev Slots whose `from` is not below this have lost their holder; see Slot. So no period reaches it.
uint32 constant LOST = PERIOD_LIMIT - 32;

/// @dev Rewards are counted in parts of a unit, so that small deals earn theirs too.
uint256 constant REWARD_PARTS = 1e8;

/// @dev Bytes in one leaf of a shard's tree. A shard is a whole number of leaves.
uint256 constant LEAF_BYTES = 256;

/// @dev Prices are units for this many bytes ...
uint256 constant PRICE_BYTES = 1 << 30;

/// @dev ... and this many seconds.
uint256 constant PRICE_SECONDS = 30 days;

/// @notice A node's number, given at registration, from 1, below 2^24.
type NodeId is uint32;

/// @notice client address << 96 | number of the deal, numbers from 1 for each client, below 2^48.
type DealId is uint256;

/// @notice Units for a slot and a period as an 18-bit float: exponent (5 bits, high) then mantissa (13 bits);
/// the value is mantissa << exponent. Canonical: exponent 0, or mantissa at least 4096. The value is below 2^38.
type Rate is uint32;

function dealIdOf(address client, uint48 number) pure returns (DealId) {
    return DealId.wrap((uint256(uint160(client)) << 96) | number);
}

function clientOf(DealId id) pure returns (address) {
    return address(uint160(DealId.unwrap(id) >> 96));
}

function numberOf(DealId id) pure returns (uint48) {
    return uint48(DealId.unwrap(id));
}

function nodeEquals(NodeId a, NodeId b) pure returns (bool) {
    return NodeId.unwrap(a) == NodeId.unwrap(b);
}

using { clientOf, numberOf } for DealId global;
using { nodeEquals as == } for NodeId global;
