// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealId, NodeId } from "../types/Types.sol";
import { Acceptance } from "../types/Deals.sol";
import { AskWord, VacancyWord } from "../types/Words.sol";
import { IMarketBase } from "./IMarketBase.sol";

/// @title Who holds a slot when things change: longer and shorter deals, faults, repair, hand-over.
/// @notice Told losses cost the slot's pay of up to FINE_PERIODS, half to the client, half to whoever refills the slot.
/// Losses that are found out cost twice that. A node that misses STRIKES periods may be evicted: STAKE_PERIODS of each
/// slot's pay go half to its client, half to whoever refills it, unless the node cures in time. Call it at the market's
/// address.
interface ICustody is IMarketBase {
    /// @notice Periods of a slot's pay that a told loss costs at most (F).
    function FINE_PERIODS() external view returns (uint32);

    /// @notice Missed periods that evict (S).
    function STRIKES() external view returns (uint32);

    /// @notice Live draws of a cure.
    function CURE_CHALLENGES() external view returns (uint256);

    /// @notice Periods after a reservation's in which the slot may be claimed.
    function RESERVE_PERIODS() external view returns (uint32);

    /// @notice Whole periods that a deal runs on after its client ended it early.
    function NOTICE_PERIODS() external view returns (uint32);

    // Deals

    /// @notice Fills a slot that nobody holds from the next period on; what waits for its refill goes to the client.
    /// Caller: the client or its operator.
    function fillSlot(DealId id, uint64 leaves, Acceptance calldata acceptance) external;

    /// @notice Lengthens the deal to `end` <= maxEnd. `payer` is the caller, or the client whose operator the caller is.
    function extend(DealId id, uint32 end, address payer) external;

    /// @notice Shortens the deal to `end`, NOTICE_PERIODS away at least. Client only: an operator may not throw data
    /// away.
    function endEarly(DealId id, uint32 end) external;

    /// @notice Hands a slot to the node of `acceptance`, which proves that it holds the shard: CHALLENGES leaves drawn
    /// for it under the seed of this period; see docs/formats/proof.md. Owner or hot key of the holder, once it proved
    /// this period or if it has nothing to prove in it.
    function handOver(DealId id, Acceptance calldata acceptance, bytes calldata proof) external;

    // Faults

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
    /// is left in the pot, and the stake must cover what the node holds. Owner or hot key.
    function cure(NodeId node, bytes calldata proof) external;

    /// @notice Pays the client's half of the pot for a slot of an evicted node that can cure no more; all of it if the
    /// deal is over. Anyone may call.
    function compensate(DealId id, uint8 slot) external;

    // Repair

    /// @notice Reserves a slot that its holder lost for `node`, for a bond of the caller's free money that comes back
    /// with the claim. Every lapsed reservation doubles the next bond; half of a lapsed bond goes to the client, half
    /// to the bounty. Owner or hot key of `node`.
    function reserve(DealId id, uint8 slot, NodeId node) external;

    /// @notice Takes the reserved slot over: CHALLENGES leaves drawn for `node` under the seed of this period. Pays the
    /// bounty, never more than the stake that the slot needs; what is more goes to the client.
    /// @param hint start of a dead range of the node that may be refilled, or NO_HINT
    function claim(DealId id, uint8 slot, NodeId node, uint64 hint, bytes calldata proof) external;

    /// @notice Gives bond and bounty back where nobody can claim any more. Anyone may call.
    function release(DealId id, uint8 slot) external;

    // Reading

    /// @notice What every draw of a claim or hand-over comes from; see docs/formats/proof.md.
    function takeoverBase(DealId id, uint8 slot, NodeId node, uint32 period, bytes20 seed)
        external
        view
        returns (bytes32);

    /// @notice Units to put down for reserving the slot now.
    function bondOf(DealId id, uint8 slot) external view returns (uint256 units);

    function vacancyWord(DealId id, uint8 slot) external view returns (VacancyWord);

    function askWord(DealId id, uint8 slot, address asker) external view returns (AskWord);
}
