// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealId, NodeId } from "../types/Types.sol";
import { Acceptance } from "../types/Deals.sol";
import { VacancyWord } from "../types/Words.sol";
import { IMarketBase } from "./IMarketBase.sol";

/// @title Who holds a slot when things change: longer and shorter deals, hand-over, repair.
/// @notice Call it at the market's address.
interface ICustody is IMarketBase {
    /// @notice Periods after a reservation's in which the slot may be claimed.
    function RESERVE_PERIODS() external view returns (uint32);

    /// @notice Whole periods that a deal runs on after its client ended it early.
    function NOTICE_PERIODS() external view returns (uint32);

    // Deals

    /// @notice Fills a slot that nobody holds from the next period on; what waits for its refill goes to the client.
    /// Caller: the client, or its operator, whose allowance then counts what the slot is paid to the deal's end and the
    /// fee, whoever locked it, and whose highest price holds.
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
}
