// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { ICustody } from "./ICustody.sol";
import { IMarketCore } from "./IMarketCore.sol";

/// @title All that answers at the market's address.
/// @notice Nobody owns, pauses or changes the market. One contract's code would be too large, so StorageMarket hands
/// the calls of ICustody on to a contract that was fixed when it was made and that works on the same storage.
interface IStorageMarket is IMarketCore, ICustody { }
