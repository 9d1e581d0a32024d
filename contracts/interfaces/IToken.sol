// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title The market's coin: ERC-20 with permit, 18 decimals, a fixed cap.
/// @notice Part of the cap is allotted when the token is made; the rest can only be minted by the Bank, by its schedule.
interface IToken is IERC20, IERC20Permit {
    /// @notice Thrown when anyone but the Bank mints.
    error Token_NotBank(address caller);

    /// @notice Thrown when a mint would lift the supply above the cap.
    error Token_CapExceeded(uint256 supply, uint256 cap);

    /// @notice Base units that there can be at a time. The Bank's schedule is bounded by what the first allotment left of
    /// it, so no more than these are ever minted, burned ones included.
    function CAP() external view returns (uint256);

    /// @notice The only minter.
    function BANK() external view returns (address);

    /// @notice Mints `amount` base units to `to`. Bank only.
    function mint(address to, uint256 amount) external;

    /// @notice Burns `amount` base units of the caller.
    function burn(uint256 amount) external;
}
