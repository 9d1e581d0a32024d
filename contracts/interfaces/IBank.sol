// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { NodeId } from "../types/Types.sol";

/// @title Hands out the mining reward and burns the fee.
/// @notice For a period in which `paid` units were proved by all, a node that proved `rate` gets
/// rate * min(E / paid, lambda * phi): part of the burned fee and never more, so dealing with oneself loses. E, the
/// emission of the period, halves every HALVING_PERIODS, and all of it together fits under the token's cap.
interface IBank {
    /// @notice `units` were minted and put into the owner's account in Escrow.
    event RewardMinted(NodeId indexed node, address indexed owner, uint256 units);

    /// @notice `amount` base units of fees were burned.
    event FeesBurned(uint256 amount);

    /// @notice The emission does not fit under the cap, or a share is out of range.
    error Bank_BadParameters();

    function TOKEN() external view returns (address);

    function ESCROW() external view returns (address);

    function MARKET() external view returns (address);

    function REGISTRY() external view returns (address);

    /// @notice Units emitted at most in a period of the first HALVING_PERIODS.
    function FIRST_EMISSION() external view returns (uint64);

    function HALVING_PERIODS() external view returns (uint32);

    /// @notice The period in which the schedule starts.
    function FIRST_PERIOD() external view returns (uint32);

    /// @notice Highest reward for a unit paid, in parts of 10^8: lambda (basis points) * phi (basis points).
    function REWARD_PER_1E8() external view returns (uint32);

    /// @notice Units emitted at most in `period`.
    function emissionOf(uint32 period) external view returns (uint256 units);

    /// @notice Reward, in parts of a unit (10^-8), for `rate` units proved in `period`, in which all together proved
    /// `paid`. Parts of many periods make whole units, so small deals earn as large ones do.
    function rewardOf(uint32 period, uint256 paid, uint256 rate) external view returns (uint256 parts);

    /// @notice Mints what each of `nodes` earned as reward in the periods before this one, to their owners' free
    /// money in Escrow. Anyone may call.
    function mintReward(NodeId[] calldata nodes) external;

    /// @notice Burns the fees that wait at `clients`, and what lies in the Bank's account. Anyone may call.
    function burnFees(address[] calldata clients) external;
}
