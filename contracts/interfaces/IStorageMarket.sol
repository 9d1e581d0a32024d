// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealId, NodeId, Rate } from "../types/Types.sol";
import { Acceptance, Refusal, Terms } from "../types/Deals.sol";
import { BitsWord, BookWord, DealWord, EntryWord, ExpiryWord, PeriodWord, PurseWord, SlotsWord } from "../types/Words.sol";

/// @title Deals, ledgers, proofs and pay.
/// @notice A node proves once per period for all it holds. What happens in period p counts from p + 1. Nobody owns,
/// pauses or changes the market. Money is counted in units.
interface IStorageMarket {
    /// @notice A deal was opened. Slots follow as SlotFilled and SlotRefused. `units` were locked.
    event DealOpened(DealId indexed id, address indexed client, address operator, Terms terms, uint32 from, uint256 units);
    /// @notice The slot is held by `node` from period `from` until the deal's end, at [start, start + rate).
    event SlotFilled(
        DealId indexed id, NodeId indexed node, uint8 slot, uint64 start, bytes20 root, uint64 leaves, uint32 from
    );
    /// @notice The acceptance did not hold; the slot stays vacant.
    event SlotRefused(DealId indexed id, NodeId indexed node, uint8 slot, Refusal why);
    event DealExtended(DealId indexed id, address indexed payer, uint32 end, uint256 units);
    /// @notice The deal is over: nodes were paid `paid`, `fee` is burned, `refund` is free money of the client.
    event DealSettled(DealId indexed id, address indexed client, uint256 paid, uint256 fee, uint256 refund);
    event PeriodPinned(uint32 indexed period, bytes20 seed);
    /// @notice The node proved its whole holding and was credited `pay`. `relayer` may be anyone.
    event Proved(NodeId indexed node, uint32 indexed period, uint256 pay, uint256 earned, address relayer);
    /// @notice What the node earned went to the free money of its owner.
    event Collected(NodeId indexed node, address indexed owner, uint256 units);
    /// @notice Dead ranges left the tail of the ledger.
    event Trimmed(NodeId indexed node, uint64 length);
    /// @notice From period `from` on the node takes no shards, because it leaves or was silent for too long.
    event NodeOut(NodeId indexed node, uint32 from);

    /// @notice Neither the client nor an operator that may act for it.
    error StorageMarket_NotClient(DealId id, address caller);
    error StorageMarket_NotNode(NodeId node, address caller);
    error StorageMarket_NotRegistry(address caller);
    error StorageMarket_NotBank(address caller);
    /// @notice n, k, minFilled, rate, leaves, end or maxEnd out of range.
    error StorageMarket_BadTerms();
    /// @notice The number was used before, or is 0.
    error StorageMarket_NumberUsed(DealId id);
    /// @notice Slots of acceptances ascend strictly and lie below n.
    error StorageMarket_BadSlot(uint8 slot);
    /// @notice A node may hold only one slot of a deal.
    error StorageMarket_NodeTwice(NodeId node);
    /// @notice Fewer acceptances held than asked for.
    error StorageMarket_TooFewFilled(uint256 filled, uint256 wanted);
    /// @notice Dearer than the client allows its operator.
    error StorageMarket_TooDear(Rate rate, Rate highest);
    error StorageMarket_NotOpen(DealId id);
    error StorageMarket_SlotTaken(DealId id, uint8 slot);
    error StorageMarket_Refused(NodeId node, Refusal why);
    error StorageMarket_BadEnd(uint32 end, uint32 maxEnd);
    /// @notice The deal runs until the first block of period `end`.
    error StorageMarket_NotEnded(DealId id, uint32 end);
    /// @notice The proof names another period than the present one.
    error StorageMarket_PeriodClosed(uint32 period, uint32 current);
    /// @notice The seed of the period is not known: its block is to come, or its hash is forgotten.
    error StorageMarket_NoSeed(uint32 period);
    error StorageMarket_AlreadyProved(NodeId node, uint32 period);
    /// @notice The node holds nothing in this period.
    error StorageMarket_NothingToProve(NodeId node, uint32 period);
    /// @notice The node was silent for more than SILENCE_MAX periods while it held shards.
    error StorageMarket_Silent(NodeId node);
    /// @notice The book is more than ROLL_MAX periods behind: call roll first.
    error StorageMarket_BookBehind(NodeId node, uint32 asOf);
    /// @notice The proof is shorter or longer than its draws ask for.
    error StorageMarket_BadProofLength();
    /// @notice The range named for draw `draw` does not hold its position.
    error StorageMarket_WrongRange(uint256 draw);
    /// @notice Leaf and path of draw `draw` do not lead to the root.
    error StorageMarket_WrongPath(uint256 draw);
    /// @notice The node has yet to prove this period; it may trim afterwards.
    error StorageMarket_ProofDue(NodeId node, uint32 period);
    /// @notice The ranges to trim are not dead and last in the ledger.
    error StorageMarket_NotTrimmable(uint64 start);
    error StorageMarket_BadParameters();

    // Parameters

    function CLOCK() external view returns (address);

    function ESCROW() external view returns (address);

    function REGISTRY() external view returns (address);

    function BANK() external view returns (address);

    /// @notice The fee on what nodes are paid, in basis points (phi).
    function FEE_BPS() external view returns (uint16);

    /// @notice Periods of pay that a stake must cover (M).
    function STAKE_PERIODS() external view returns (uint16);

    /// @notice Live draws of a proof (C).
    function CHALLENGES() external view returns (uint256);

    /// @notice Periods of a deal at least.
    function DEAL_PERIODS_MIN() external view returns (uint32);

    /// @notice Slots of a deal at most.
    function SLOTS_MAX() external view returns (uint8);

    /// @notice Periods that one touch of a book rolls at most.
    function ROLL_MAX() external view returns (uint32);

    /// @notice Periods without a proof, while holding shards, after which a node can prove no more.
    function SILENCE_MAX() external view returns (uint32);

    /// @notice Periods after the last shard before the stake may leave.
    function EXIT_PERIODS() external view returns (uint32);

    // Deals

    /// @notice Opens deal `terms.number` of `client`, filling the slots whose acceptances hold. Locks
    /// n * rate * (end - from) and the fee on it. Caller: the client or its operator.
    /// @return id of the deal
    /// @return filled slots
    function openDeal(address client, Terms calldata terms, Acceptance[] calldata acceptances)
        external
        returns (DealId id, uint256 filled);

    /// @notice Fills a vacant slot from the next period on. Caller: the client or its operator.
    function fillSlot(DealId id, uint64 leaves, Acceptance calldata acceptance) external;

    /// @notice Lengthens the deal to `end` <= maxEnd. `payer` is the caller, or the client whose operator the caller is.
    function extend(DealId id, uint32 end, address payer) external;

    /// @notice Settles deals that are over: what was not proved goes back to the client. Anyone may call.
    function settle(DealId[] calldata ids) external;

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

    /// @notice Takes the reward of the periods before this one off the node. Bank only.
    function takeReward(NodeId node) external returns (uint256 units);

    // Reading; MarketLens makes these readable

    /// @notice True if the node left, holds nothing, and EXIT_PERIODS have passed.
    function stakeFree(NodeId node) external view returns (bool);

    /// @notice What a node's hot key signs (EIP-712, domain StorageMarket, version 1).
    function acceptanceHash(address client, Terms calldata terms, Acceptance calldata acceptance)
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
