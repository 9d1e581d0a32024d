// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IMarketBase } from "./interfaces/IMarketBase.sol";

/// @title Next
/// @notice A contract whose code would be too large goes on in the next one, which works on the same storage. The next
/// one is fixed when this one is made, so nothing can be changed afterwards.
abstract contract Next {
    /// @notice Answers what this contract has not.
    address public immutable NEXT;

    /// @param parameters hash of what both must have been made with
    constructor(address next, bytes32 parameters) {
        if (IMarketBase(next).PARAMETERS() != parameters) revert IMarketBase.StorageMarket_BadParameters();
        NEXT = next;
    }

    // solhint-disable-next-line no-complex-fallback
    fallback() external {
        address next = NEXT;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let done := delegatecall(gas(), next, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if done { return(free, returndatasize()) }
            revert(free, returndatasize())
        }
    }
}
