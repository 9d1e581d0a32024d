// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { AskWord } from "../types/Words.sol";
import { DealId, NodeId } from "../types/Types.sol";
import { IMarketBase } from "./IMarketBase.sol";

/// @title Telling, finding and punishing losses.
/// @notice Told losses cost the slot's pay of up to FINE_PERIODS, half to the client, half to whoever refills the slot.
/// Losses that are found out cost twice that. A node that misses STRIKES periods may be evicted: STAKE_PERIODS of each
/// slot's pay go half to its client, half to whoever refills it, unless the node cures in time. Call it at the market's
/// address.
interface IFaults is IMarketBase {
    /// @notice Periods of a slot's pay that a told loss costs at most (F).
    function FINE_PERIODS() external view returns (uint32);

    /// @notice Missed periods that evict (S).
    function STRIKES() external view returns (uint32);

    /// @notice Live draws of a cure.
    function CURE_CHALLENGES() external view returns (uint256);

    /// @notice Tells that the slot's shard is lost. If this period is not proved yet its pay is lost too, but it is no
    /// strike. Owner or hot key of the holder.
    function declareLoss(DealId id, uint8 slot) external;

    /// @notice Puts ASK_BOND of the caller's free money down and asks for one leaf, until the end of the next period.
    function ask(DealId id, uint8 slot, uint64 leaf) external;

    /// @notice Shows the leaf that `asker` asked for, followed by its path. The node earns the bond. Anyone may send it.
    function answer(DealId id, uint8 slot, address asker, bytes calldata opening) external;

    /// @notice Takes the slot from a node that did not answer, if somebody proved in the period in which it had to.
    /// Anyone may call; the asker gets the bond and a quarter of the fine.
    function convict(DealId id, uint8 slot, address asker) external;

    /// @notice Gives the bond back to the asker if nobody can be convicted any more. Anyone may call.
    function withdrawAsk(DealId id, uint8 slot, address asker) external;

    /// @notice Evicts a node that proved none of three periods, each after its last proof and proved by somebody.
    /// Anyone may call and is paid REPORT_BOUNTY.
    function evict(NodeId node, uint32 first, uint32 second, uint32 third) external;

    /// @notice Takes the eviction back: CURE_CHALLENGES drawn under the seed of a later period. Costs a tenth of what
    /// is left in the pot, and the stake must cover what the node holds; a node that was leaving says so again. Owner or hot
    /// key.
    function cure(NodeId node, bytes calldata proof) external;

    /// @notice Pays the client's half of the pot for a slot of an evicted node that can cure no more; all of it if the
    /// deal is over. Anyone may call.
    function compensate(DealId id, uint8 slot) external;

    // Reading

    function askWord(DealId id, uint8 slot, address asker) external view returns (AskWord);
}
