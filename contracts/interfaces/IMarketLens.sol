// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealId, NodeId } from "../types/Types.sol";
import { DealView, Duty, EntryView, Standing, VacancyView } from "../types/Deals.sol";

/// @title Makes the market's packed words readable. It holds nothing and can be made anew by anyone.
/// @notice Every view is bounded by PAGE_MAX; nobody needs events to know the state.
interface IMarketLens {
    function MARKET() external view returns (address);

    /// @notice Deals, nodes or entries that one call returns at most.
    function PAGE_MAX() external view returns (uint256);

    /// @notice The present period and block.
    function current() external view returns (uint32 period, uint40 blockNumber);

    /// @notice The highest deal number that `client` used, 0 = none.
    function lastNumber(address client) external view returns (uint48);

    /// @notice One deal; state None if there is none.
    function deal(DealId id) external view returns (DealView memory);

    /// @notice Up to `count` numbers of `client` from number `from`; numbers never used are left out.
    function dealsOf(address client, uint48 from, uint32 count) external view returns (DealView[] memory);

    /// @notice Up to `count` ranges of the node's ledger from the range that starts at `cursor` (0 is the first).
    /// @return entries the ranges, dead ones included
    /// @return next where to go on, or the ledger's length at its end
    function ledger(NodeId node, uint64 cursor, uint32 count)
        external
        view
        returns (EntryView[] memory entries, uint64 next);

    /// @notice What `node` has to prove in the present period.
    function duty(NodeId node) external view returns (Duty memory);

    function standing(NodeId node) external view returns (Standing memory);

    /// @notice What a repairer needs to know of a slot.
    function vacancy(DealId id, uint8 slot) external view returns (VacancyView memory);

    /// @notice The leaf that `asker` asked for and the last period in which it may be shown; due 0 = nothing asked.
    function question(DealId id, uint8 slot, address asker) external view returns (uint64 leaf, uint32 due);

    /// @notice Up to `count` nodes from number `from`.
    function standings(NodeId from, uint32 count) external view returns (Standing[] memory);

    /// @notice Did `node` prove `period`?
    function provedIn(NodeId node, uint32 period) external view returns (bool);

    /// @notice Seed (zero if not pinned) and units paid by all proofs of `period`.
    function period(uint32 number) external view returns (bytes20 seed, uint96 paid);

    /// @notice The lowest rate for a shard of `leaves` leaves at `price` units per GiB and 30 days.
    function lowestRate(uint64 price, uint64 leaves) external view returns (uint32 rateBits);
}
