// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IERC1271 } from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
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

/// @notice Gives double of what is sent.
contract GenerousToken is ERC20 {
    constructor() ERC20("Generous", "GEN") {
        _mint(msg.sender, 1e27);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(address(0), to, amount);
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

/// @notice Gives whom it likes what it likes.
contract RebasingToken is ERC20 {
    constructor() ERC20("Rebasing", "RBS") {
        _mint(msg.sender, 1e27);
    }

    function grow(address holder, uint256 amount) external {
        _mint(holder, amount);
    }
}

/// @notice Pays nobody on its list.
contract BlacklistingToken is ERC20 {
    error Banned(address who);

    mapping(address who => bool) private _banned;

    constructor() ERC20("Blacklisting", "BLK") {
        _mint(msg.sender, 1e27);
    }

    function ban(address who) external {
        _banned[who] = true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_banned[to]) revert Banned(to);
        super._update(from, to, amount);
    }
}

/// @notice A client that is a contract: what its key signed is its signature.
contract SigningWallet is IERC1271 {
    address private immutable KEY;

    constructor(address key) {
        KEY = key;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecover(hash, signature);
        return signer == KEY ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
