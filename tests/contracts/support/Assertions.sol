// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { NodeId } from "../../../contracts/types/Types.sol";
import { Vm } from "./Vm.sol";

/// @notice What every test starts from: the cheat codes and a few ways to compare.
abstract contract Assertions {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    error NotEqual(string what, uint256 actual, uint256 expected);
    error NotTrue(string what);

    function eq(uint256 actual, uint256 expected, string memory what) internal pure {
        if (actual != expected) revert NotEqual(what, actual, expected);
    }

    function eq(NodeId actual, uint256 expected, string memory what) internal pure {
        eq(uint256(NodeId.unwrap(actual)), expected, what);
    }

    function eq(address actual, address expected, string memory what) internal pure {
        eq(uint160(actual), uint160(expected), what);
    }

    function eq(bytes32 actual, bytes32 expected, string memory what) internal pure {
        eq(uint256(actual), uint256(expected), what);
    }

    function yes(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    /// @notice Puts `word` where `target` reads first when it is asked `question`: for what takes too many calls to reach.
    function put(address target, bytes memory question, uint256 word) internal {
        vm.record();
        (bool ok,) = target.staticcall(question);
        yes(ok, "it answers");
        (bytes32[] memory reads,) = vm.accesses(target);
        vm.store(target, reads[0], bytes32(word));
    }

    /// @notice A number in [low, high] made of any number.
    function within(uint256 any, uint256 low, uint256 high) internal pure returns (uint256) {
        return high == type(uint256).max && low == 0 ? any : low + any % (high - low + 1);
    }
}
