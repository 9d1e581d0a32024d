// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { LEAF_BYTES, PRICE_BYTES, PRICE_SECONDS, Rate } from "../types/Types.sol";

/// @title The 18-bit float that rates and prices are kept in.
library RateLib {
    uint256 internal constant MANTISSA_BITS = 13;
    uint256 internal constant MANTISSA_MASK = (1 << MANTISSA_BITS) - 1;
    uint256 internal constant MANTISSA_TOP = 1 << (MANTISSA_BITS - 1);
    uint256 internal constant VALUE_BITS = 38;
    uint256 internal constant EXPONENT_MAX = VALUE_BITS - MANTISSA_BITS;

    /// @notice Thrown when a value needs more than 38 bits.
    error Rate_TooLarge(uint256 units);

    /// @notice Units per slot and period.
    function value(Rate rate) internal pure returns (uint256) {
        uint256 bits = Rate.unwrap(rate);
        return (bits & MANTISSA_MASK) << (bits >> MANTISSA_BITS);
    }

    /// @notice True for the one encoding of each value that has one, zero excepted.
    function isValid(Rate rate) internal pure returns (bool) {
        uint256 bits = Rate.unwrap(rate);
        uint256 mantissa = bits & MANTISSA_MASK;
        uint256 exponent = bits >> MANTISSA_BITS;
        return mantissa != 0 && exponent <= EXPONENT_MAX && (exponent == 0 || mantissa >= MANTISSA_TOP);
    }

    /// @notice The smallest rate that is not below `units`, at least 1.
    function fromUnitsUp(uint256 units) internal pure returns (Rate) {
        if (units >> VALUE_BITS != 0) revert Rate_TooLarge(units);
        if (units == 0) units = 1;
        uint256 exponent;
        while (units >> (MANTISSA_BITS + exponent) != 0) ++exponent;
        uint256 mantissa = (units + (1 << exponent) - 1) >> exponent;
        if (mantissa > MANTISSA_MASK) {
            mantissa >>= 1;
            ++exponent;
        }
        if (exponent > EXPONENT_MAX) revert Rate_TooLarge(units);
        return Rate.wrap(uint32((exponent << MANTISSA_BITS) | mantissa));
    }

    /// @notice The lowest rate for a shard of `leaves` leaves at `price` units per GiB and 30 days.
    function lowest(uint256 price, uint256 leaves, uint256 periodSeconds) internal pure returns (Rate) {
        uint256 product = price * leaves * LEAF_BYTES * periodSeconds;
        uint256 divisor = PRICE_BYTES * PRICE_SECONDS;
        return fromUnitsUp((product + divisor - 1) / divisor);
    }
}
