// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IClock } from "./interfaces/IClock.sol";
import { PERIOD_LIMIT } from "./types/Types.sol";

/// @title Clock
/// @notice Documented in IClock. A chain that counts or remembers its blocks in another way gets another one.
abstract contract Clock is IClock {
    /// @dev Contract of EIP-2935 that keeps the hashes of the last 8,191 blocks.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @inheritdoc IClock
    uint32 public immutable PERIOD_BLOCKS;
    /// @inheritdoc IClock
    uint32 public immutable SEED_DELAY;
    /// @inheritdoc IClock
    uint32 public immutable BLOCK_SECONDS;

    constructor(uint32 periodBlocks, uint32 seedDelay, uint32 blockSeconds) {
        if (uint256(seedDelay) + 1 >= periodBlocks || blockSeconds == 0) revert Clock_BadParameters();
        // Half of all periods at least must be to come.
        if (block.number / periodBlocks >= PERIOD_LIMIT / 2) revert Clock_BadParameters();
        PERIOD_BLOCKS = periodBlocks;
        SEED_DELAY = seedDelay;
        BLOCK_SECONDS = blockSeconds;
    }

    /// @inheritdoc IClock
    function current() public view returns (uint32 period, uint40 blockNumber) {
        blockNumber = uint40(block.number);
        period = uint32(block.number / PERIOD_BLOCKS);
    }

    /// @inheritdoc IClock
    function seedBlockOf(uint32 period) public view returns (uint40) {
        return uint40(uint256(period) * PERIOD_BLOCKS + SEED_DELAY);
    }

    /// @inheritdoc IClock
    function firstBlockOf(uint32 period) external view returns (uint40) {
        return uint40(uint256(period) * PERIOD_BLOCKS);
    }

    /// @inheritdoc IClock
    function seedOf(uint32 period) public view returns (bytes20) {
        uint256 height = seedBlockOf(period);
        if (height >= block.number) return 0;

        bytes32 hash = blockhash(height);
        if (hash == 0) {
            (bool known, bytes memory answer) = HISTORY.staticcall(abi.encode(height));
            if (known && answer.length == 32) hash = abi.decode(answer, (bytes32));
        }
        return bytes20(hash);
    }
}
