// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { ICustody } from "./ICustody.sol";
import { IFaults } from "./IFaults.sol";
import { IMarketCore } from "./IMarketCore.sol";

/// @title All that answers at the market's address.
/// @notice Nobody owns, pauses or changes the market. One contract's code would be too large, so StorageMarket goes on
/// in Faults, and Faults in Custody, which were fixed when it was made and work on its storage.
interface IStorageMarket is IMarketCore, IFaults, ICustody { }
