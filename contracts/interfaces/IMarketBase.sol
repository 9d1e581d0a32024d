// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealId, NodeId, Rate } from "../types/Types.sol";
import { IClock } from "./IClock.sol";
import { Refusal, SlotState, Vacated } from "../types/Deals.sol";
import { DealWord, EntryWord } from "../types/Words.sol";

/// @title What both halves of the market share: events, errors, parameters.
/// @notice Whoever reads all events from the first block on knows all that the market holds. Money is in units.
interface IMarketBase is IClock {
    // Deals

    /// @notice A deal was opened; `deal` tells rate, from, end, maxEnd, n and k, and, where slot 0 will stand, leaves34
    /// previous40: the leaves of every shard, and the block of the client's opening or extension before. Slots follow
    /// as SlotFilled and SlotRefused. `units` were locked, the fee included.
    event DealOpened(DealId indexed id, address indexed client, DealWord deal, uint256 units);
    /// @notice A slot is held by `node` from `entry`'s period `from` until the deal's end, at [start, start + rate) of its
    /// ledger. `place` is start38 slot8, from the lowest bit up.
    event SlotFilled(DealId indexed id, NodeId indexed node, uint256 place, EntryWord entry);
    /// @notice The acceptance did not hold; the slot stays vacant.
    event SlotRefused(DealId indexed id, NodeId indexed node, uint8 slot, Refusal why);
    /// @notice The client ends the deal before its time, at `end`; `refund` came back at once.
    event DealEndedEarly(DealId indexed id, uint32 end, uint256 refund);
    event DealExtended(DealId indexed id, address indexed payer, uint32 end, uint256 units, uint40 previous);
    /// @notice The deal is over: nodes were paid `paid`, `refund` is free money of the client, and what else was locked
    /// is the fee, to be burned.
    event DealSettled(DealId indexed id, uint256 paid, uint256 refund);
    event PeriodPinned(uint32 indexed period, bytes20 seed);
    /// @notice The node proved its whole holding and was credited `pay`. `relayer` may be anyone.
    event Proved(NodeId indexed node, uint32 indexed period, uint256 pay, uint256 earned, address relayer);
    /// @notice What the node earned went to the free money of its owner.
    event Collected(NodeId indexed node, address indexed owner, uint256 units);
    /// @notice Dead ranges left the tail of the ledger.
    event Trimmed(NodeId indexed node, uint64 length);
    /// @notice From period `from` on the node takes no shards, because it leaves or was silent for too long.
    event NodeOut(NodeId indexed node, uint32 from);


    // Faults and repair

    /// @notice `node` missed three periods and is evicted from period `from` on; `pot` of its stake waits for whom its
    /// slots belong to.
    event Evicted(NodeId indexed node, uint32 from, uint256 pot, address indexed reporter, uint256 bounty);
    /// @notice The evicted node showed that it still holds what nobody took over, and goes on from period `from`.
    event Cured(NodeId indexed node, uint32 from, uint256 penalty);
    /// @notice The slot has no holder any more: told, convicted, or evicted. `toClient` was paid at once, `bounty`
    /// waits for whoever refills it.
    event SlotVacated(
        DealId indexed id, NodeId indexed node, uint8 slot, Vacated why, uint256 toClient, uint256 bounty
    );
    /// @notice `node` may claim the slot in the periods after this one, up to `until`; `bond` was paid.
    event SlotReserved(DealId indexed id, NodeId indexed node, uint8 slot, uint32 until, uint256 bond);
    /// @notice The reservation of `node` came to nothing: `toClient` of its bond went to the client, `toBounty` waits
    /// for whoever refills the slot, the rest came back.
    event ReservationEnded(DealId indexed id, NodeId indexed node, uint8 slot, uint256 toClient, uint256 toBounty);
    /// @notice The slot was refilled (SlotFilled tells by whom) and `bounty` paid for it.
    event SlotRepaired(DealId indexed id, NodeId indexed node, uint8 slot, uint256 bounty);
    /// @notice `from` handed the slot to `to` (SlotFilled tells where it lies).
    event SlotHandedOver(DealId indexed id, NodeId indexed from, NodeId indexed to, uint8 slot);
    /// @notice `asker` wants to see one leaf until the end of period `due`.
    event Asked(DealId indexed id, NodeId indexed node, uint8 slot, uint64 leaf, uint32 due, address indexed asker);
    /// @notice The leaf was shown; the node earned the bond.
    event Answered(DealId indexed id, NodeId indexed node, uint8 slot, address indexed asker);
    /// @notice The question lapsed or was convicted on; `units` went to the asker, bond included.
    event AskClosed(DealId indexed id, uint8 slot, address indexed asker, uint256 units);

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
    /// @notice The deal's fee does not reach `needed`, which keeps dust from being opened.
    error StorageMarket_TooSmall(uint256 fee, uint256 needed);
    /// @notice The notice is too short, or the deal ends before anyway.
    error StorageMarket_BadNotice(uint32 end, uint32 earliest);
    /// @notice The slot is not in the state that this needs.
    error StorageMarket_WrongState(DealId id, uint8 slot, SlotState state);
    /// @notice The slot is reserved for `node`.
    error StorageMarket_Reserved(NodeId node, uint32 until);
    /// @notice `node` has no reservation that it may use in this period.
    error StorageMarket_NotReserved(NodeId node);
    /// @notice There is nothing to release, or it is still wanted.
    error StorageMarket_NothingToRelease(DealId id, uint8 slot);
    /// @notice Questions are open on the slot, so it is not handed over.
    error StorageMarket_AskOpen(DealId id, uint8 slot);
    /// @notice No such question, or it was asked before.
    error StorageMarket_NoAsk(DealId id, uint8 slot, address asker);
    /// @notice The question may still be answered, or must be convicted on.
    error StorageMarket_AskPending(uint32 due);
    /// @notice The question binds nobody any more, or not yet.
    error StorageMarket_NotConvictable(uint32 due);
    /// @notice The shard has fewer leaves.
    error StorageMarket_NoSuchLeaf(uint256 leaf, uint256 leaves);
    /// @notice The period is no strike of this node.
    error StorageMarket_NoStrike(NodeId node, uint32 period);
    error StorageMarket_Evicted(NodeId node);
    /// @notice The node holds nothing that it could be evicted from, or is not evicted where that is needed.
    error StorageMarket_NotEvictable(NodeId node);
    /// @notice The node is not evicted, or it is too early or too late to cure.
    error StorageMarket_NotCurable(NodeId node);
    /// @notice The node may still cure, so its pot stays.
    error StorageMarket_MayStillCure(NodeId node, uint32 until);
    /// @notice The node told of a loss, or cured, in this period, and so cannot prove it.
    error StorageMarket_Forfeited(NodeId node, uint32 period);
    /// @notice What is left of the stake does not cover what the node holds.
    error StorageMarket_StakeTooSmall(uint256 stake, uint256 needed);
    /// @notice The new holder must take the very shard.
    error StorageMarket_OtherRoot(bytes20 root);
    error StorageMarket_BadParameters();

    // Parameters

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

    /// @notice Periods after the eviction's in which a node may cure (X).
    function CURE_PERIODS() external view returns (uint32);

    /// @notice Units of stake that stay behind for whoever reports the node, and that the reporter is paid.
    function REPORT_BOUNTY() external view returns (uint64);

    /// @notice Units put down with a question, and at least with a reservation.
    function ASK_BOND() external view returns (uint64);

    /// @notice Units of fee that a deal must promise at least.
    function DEAL_FEE_MIN() external view returns (uint64);

    /// @notice Hash of all that both halves of the market were made with.
    function PARAMETERS() external view returns (bytes32);
}
