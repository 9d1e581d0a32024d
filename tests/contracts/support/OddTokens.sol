// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Keeps one base unit in a hundred of every transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {
        _mint(msg.sender, 1e27);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0) && to != address(0)) {
            super._update(from, address(1), amount / 100);
            amount -= amount / 100;
        }
        super._update(from, to, amount);
    }
}

/// @notice Takes everything and gives nothing.
contract ThievingToken is ERC20 {
    constructor() ERC20("Thief", "THF") {
        _mint(msg.sender, 1e27);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, from == address(0) || to == address(0) ? to : address(1), amount);
    }
}

/// @notice Calls back into whoever it was told while a transfer runs.
contract CallingToken is ERC20 {
    address private _target;
    bytes private _call;

    constructor() ERC20("Calling", "CALL") {
        _mint(msg.sender, 1e27);
    }

    function callDuringTransfer(address target, bytes calldata call) external {
        _target = target;
        _call = call;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_target == address(0)) return;
        (bool ok, bytes memory answer) = _target.call(_call);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }
}
