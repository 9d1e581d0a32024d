// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { NodeId } from "./Types.sol";

// The market's storage, one word each. Fields are named from the lowest bit up, with their bits behind the name.

/// @notice rate18 until22 from22 leaves34 root160: a range of a node's ledger; [start, start + rate).
type EntryWord is uint256;

/// @notice rate18 from22 end22 maxEnd22 former40 n8 k8 state8 slot84: a deal and its slot 0.
/// former: slot-periods paid to past holders.
type DealWord is uint256;

/// @notice slot84 slot84 slot84, each node24 start38 from22: three slots of a deal; node 0 = vacant.
type SlotsWord is uint256;

/// @notice len38 lenPrev38 rate38 ratePrev38 asOf22 lastProved22 dutyFrom22 out22: a node's book. len and rate are
/// right at the first block of period asOf, lenPrev and ratePrev were at the first block of asOf - 1.
type BookWord is uint256;

/// @notice earned96 reward64 proved32 lastRate38 cureFrom22: a node's pay. lastRate is what it was paid in its last
/// proved period and waits for its reward; 0 once that is counted.
type PurseWord is uint256;

/// @notice before32 flags224: the periods 224i .. 224i + 223 that a node proved, and how many it had proved before.
type BitsWord is uint256;

/// @notice rate38 six times: what leaves a node's rate at the first block of periods 6i .. 6i + 5.
type ExpiryWord is uint256;

/// @notice paid96 seed160: units paid by all proofs of a period, and its seed.
type PeriodWord is uint256;

/// @notice A slot: node24 start38 from22.
struct Slot {
    NodeId node;
    uint64 start;
    uint32 from;
}

/// @notice A book, unpacked.
struct Book {
    uint256 len;
    uint256 lenPrev;
    uint256 rate;
    uint256 ratePrev;
    uint256 asOf;
    uint256 lastProved;
    uint256 dutyFrom;
    uint256 out;
}

/// @notice A purse, unpacked.
struct Purse {
    uint256 earned;
    uint256 reward;
    uint256 proved;
    uint256 lastRate;
    uint256 cureFrom;
}

uint256 constant MASK18 = (1 << 18) - 1;
uint256 constant MASK22 = (1 << 22) - 1;
uint256 constant MASK24 = (1 << 24) - 1;
uint256 constant MASK34 = (1 << 34) - 1;
uint256 constant MASK38 = (1 << 38) - 1;
uint256 constant MASK40 = (1 << 40) - 1;
uint256 constant MASK84 = (1 << 84) - 1;
