// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealId, NodeId, Rate } from "../types/Types.sol";
import { Acceptance } from "../types/Deals.sol";
import { BitsWord, BookWord, DealWord, EntryWord, ExpiryWord, PeriodWord, PurseWord, SlotsWord, TermsWord } from "../types/Words.sol";
import { IMarketBase } from "./IMarketBase.sol";

/// @title Opening, proving, paying and settling: what happens every day.
/// @notice A node proves once per period for all it holds. What happens in period p counts from p + 1.
interface IMarketCore is IMarketBase {
    // Deals

    /// @notice Opens the deal of these terms for `client`, filling the slots whose acceptances hold. Locks
    /// n * rate * (end - from) and the fee on it. Caller: the client or its operator.
    /// @return id of the deal
    /// @return filled slots
    function openDeal(address client, TermsWord terms, Acceptance[] calldata acceptances)
        external
        returns (DealId id, uint256 filled);

    /// @notice Settles deals that are over: what was not proved goes back to the client. Anyone may call.
    function settle(DealId[] calldata ids) external;

    /// @notice Does several calls of the market as one, for the caller; reverts if one does. To open several deals.
    function multicall(bytes[] calldata calls) external returns (bytes[] memory answers);

    // Nodes

    /// @notice Writes down the seed of the present period, so that it outlives the chain's memory. Anyone may call.
    function pin() external returns (bytes20 seed);

    /// @notice Proves what `node` holds in `period`, which must be the present one; see docs/formats/proof.md.
    /// Anyone may send it.
    function prove(NodeId node, uint32 period, bytes calldata proof) external;

    /// @notice Moves what the node earned to the free money of its owner. Anyone may call.
    function collect(NodeId node) external;

    /// @notice Rolls the book of `node` by up to `periods` periods, for one that is far behind. Anyone may call.
    function roll(NodeId node, uint32 periods) external;

    /// @notice Cuts dead ranges off the tail of the ledger, the last first. Owner or hot key, once the node proved the
    /// present period or if it has nothing to prove in it.
    function trim(NodeId node, uint64[] calldata starts) external;

    // For the registry and the bank alone

    /// @notice Marks the node as leaving and returns the first period in which it takes no shards. Registry only.
    function markLeaving(NodeId node) external returns (uint32 from);

    /// @notice Takes the reward of the periods before this one off the node, in whole units; what is less than
    /// one waits. Bank only.
    function takeReward(NodeId node) external returns (uint256 units);

    // Reading; MarketLens makes these readable

    /// @notice Units of stake that must stay: all (the highest number) until the node left, holds nothing, and
    /// EXIT_PERIODS have passed; of an evicted node that can cure no more, what its pot still owes.
    function stakeBound(NodeId node) external view returns (uint256 units);

    /// @notice What a node's hot key signs (EIP-712, domain StorageMarket, version 1). `follows` in it is the slot as it
    /// is now, 84 bits as in a deal's words, 0 where nobody ever held it; so an acceptance serves once.
    function acceptanceHash(address client, TermsWord terms, Acceptance calldata acceptance)
        external
        view
        returns (bytes32);

    /// @notice The first 32 bytes of every draw of `node` in `period` under `seed`; see docs/formats/proof.md.
    function challengeBase(NodeId node, uint32 period, bytes20 seed) external view returns (bytes32);

    /// @notice Units that a deal locks, the fee included.
    function quote(Rate rate, uint8 n, uint32 periods) external view returns (uint256 units);

    /// @notice Periods that `node` proved in [from, to), a span in which it held a shard throughout.
    function provedBetween(NodeId node, uint32 from, uint32 to) external view returns (uint32);

    function dealWord(DealId id) external view returns (DealWord);

    /// @notice Slots 1 + 3i, 2 + 3i, 3 + 3i of a deal.
    function slotsWord(DealId id, uint256 i) external view returns (SlotsWord);

    function entryWord(NodeId node, uint64 start) external view returns (EntryWord);

    function bookWord(NodeId node) external view returns (BookWord);

    function purseWord(NodeId node) external view returns (PurseWord);

    /// @notice Periods 224i to 224i + 223.
    function bitsWord(NodeId node, uint32 i) external view returns (BitsWord);

    /// @notice Rates that leave in periods 6i to 6i + 5.
    function expiryWord(NodeId node, uint32 i) external view returns (ExpiryWord);

    function periodWord(uint32 period) external view returns (PeriodWord);
}
