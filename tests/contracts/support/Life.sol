// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Actors } from "./Actors.sol";

/// @notice What the actors do when nobody picks for them.
abstract contract Life {
    /// @notice So many rounds of everything, in an order that reaches most of it.
    function live(Actors actors, uint256 seed, uint256 rounds) internal {
        for (uint256 i = 0; i < rounds; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            actors.openDeal(seed, seed >> 16, seed >> 32, seed >> 48, seed >> 64, seed >> 80);
            actors.passPeriods(seed);
            actors.proveEverything(0);
            actors.extend(seed, seed >> 8, seed >> 16);
            actors.fillSlot(seed >> 8, seed >> 16, seed >> 24);
            actors.openByOperator(seed >> 32, seed >> 40, seed >> 48);
            for (uint256 j = 0; j < 3; ++j) actors.settle(seed >> (8 * j));
            actors.trim(seed >> 96);
            actors.handOver(seed >> 7, seed >> 17, seed >> 27);
            if (i % 3 == 0) actors.declareLoss(seed >> 5, seed >> 25);
            actors.ask(seed >> 4, seed >> 14, seed >> 24);
            if (i % 2 == 0) actors.answer(seed);
            actors.closeAsk(seed >> 11);
            actors.strike(seed >> 12, seed >> 40);
            actors.reserve(seed >> 13, seed >> 23, seed >> 33);
            actors.claim(seed >> 6, i % 2 == 0);
            if (i % 4 == 0) actors.cure(seed >> 12);
            actors.compensate(seed >> 3, seed >> 31);
            actors.endEarly(seed >> 9, seed >> 41);
            actors.release(seed >> 2, seed >> 22);
            actors.putMoneyIn(seed, 1e12);
        }
    }
}
