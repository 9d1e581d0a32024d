// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The only part of the market that knows heights and hashes of blocks, because chains differ.
/// @notice Period p is the blocks [p*L, (p+1)*L). Its seed is the hash of block p*L + D; proofs are taken in the
/// blocks from p*L + D + 1 to the last of p.
interface IClock {
    /// @notice Thrown by the constructor when the seed block and a block for proofs do not fit into a period,
    /// or when the chain is so high already that period numbers would run out.
    error Clock_BadParameters();

    /// @notice Blocks in a period (L).
    function PERIOD_BLOCKS() external view returns (uint32);

    /// @notice Blocks from a period's first block to the block whose hash is its seed (D).
    function SEED_DELAY() external view returns (uint32);

    /// @notice Nominal seconds between two blocks: turns a price per 30 days into a rate per period.
    function BLOCK_SECONDS() external view returns (uint32);

    /// @notice The height and its period, in one call.
    function current() external view returns (uint32 period, uint40 blockNumber);

    /// @notice The block whose hash is the seed of `period`.
    function seedBlockOf(uint32 period) external view returns (uint40);

    /// @notice The first block of `period`.
    function firstBlockOf(uint32 period) external view returns (uint40);

    /// @notice The seed of `period`: the first 20 bytes of the hash of its seed block, or zero if that block is
    /// still to come or its hash is no longer known (256 blocks by BLOCKHASH, 8,191 by EIP-2935 where it exists).
    function seedOf(uint32 period) external view returns (bytes20);
}
