// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { ERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import { IERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import { IToken } from "./interfaces/IToken.sol";

/// @title Token
/// @notice Documented in IToken.
contract Token is ERC20Permit, IToken {
    /// @inheritdoc IToken
    uint256 public immutable CAP;
    /// @inheritdoc IToken
    address public immutable BANK;

    /// @param cap base units that can ever be minted
    /// @param genesis base units of the first allotment, part of the cap
    /// @param treasury who gets the first allotment
    constructor(string memory name_, string memory symbol_, uint256 cap, uint256 genesis, address treasury, address bank)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        CAP = cap;
        BANK = bank;
        _mintWithinCap(treasury, genesis);
    }

    /// @inheritdoc IToken
    function mint(address to, uint256 amount) external {
        if (msg.sender != BANK) revert Token_NotBank(msg.sender);
        _mintWithinCap(to, amount);
    }

    /// @inheritdoc IToken
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    /// @inheritdoc IERC20Permit
    function nonces(address holder) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return super.nonces(holder);
    }

    function _mintWithinCap(address to, uint256 amount) private {
        uint256 supply = totalSupply() + amount;
        if (supply > CAP) revert Token_CapExceeded(supply, CAP);
        _mint(to, amount);
    }
}
