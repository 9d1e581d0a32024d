// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { NodeId } from "./Types.sol";

// The market's storage, one word each. Fields are named from the lowest bit up, with their bits behind the name.

/// @notice rate18 until22 from22 leaves34 root160: a range of a node's ledger; [start, start + rate).
type EntryWord is uint256;

/// @notice rate18 from22 end22 maxEnd22 former40 n8 k8 state8 slot84: a deal and its slot 0.
/// former: slot-periods paid to past holders. Zero again once the deal is settled and owes nobody anything.
type DealWord is uint256;

/// @notice rate18 zero22 end22 maxEnd22 leaves34 zero6 n8 k8 minFilled8 number48: what a client opens a deal with. Every
/// acceptance of the deal was signed over number, rate, leaves and maxEnd. What the deal keeps of it stands where it
/// stands in a DealWord.
/// rate: units for a slot and period, the same for every slot. leaves: of every shard; a shard has 256 times as many
/// bytes. end: first period after the deal, which runs from the period after the opening. maxEnd: up to here it may be
/// extended. n: slots, of which k give the bundle back. minFilled: fewest slots to fill now, at least k. number: of the
/// deal, unused, at most NUMBER_GAP_MAX ahead of the client's highest.
type TermsWord is uint256;

/// @notice slot84 slot84 slot84 used4, each slot node24 start38 from22: three slots of a deal; see Slot. `used` is 1 in
/// the first of a deal's words since its opening, so that its number serves once.
type SlotsWord is uint256;

/// @notice len38 lenPrev38 rate38 ratePrev38 asOf22 lastProved22 dutyFrom22 out22 evicted1: a node's book. len and
/// rate are right at the first block of period asOf, lenPrev and ratePrev were at the first block of asOf - 1. The book
/// of an evicted node stands still: `rate` is what its pot still owes, a period's worth.
type BookWord is uint256;

/// @notice earned64 reward88 proved22 lastRate38 cureFrom22 forfeited22: a node's pay. reward is in parts of a unit.
/// lastRate is what it was paid in its last proved period and waits for its reward; 0 once that is counted. Misses
/// before cureFrom and in `forfeited` are no strikes. A rate is below 2^38 and periods are below 2^22, so nothing can
/// earn 2^64.
type PurseWord is uint256;

/// @notice slot8 node24 deadline40 hint40: what an acceptance is for, and the last block in which it may be used, at most
/// a period ahead. hint is 1 + the start of a dead range of exactly the deal's rate in the node's ledger that may be
/// refilled, or 0; it is not signed, and a wrong one appends.
type OfferWord is uint256;

/// @notice before32 flags224: the periods 224i .. 224i + 223 that a node proved, and how many it had proved before.
type BitsWord is uint256;

/// @notice rate38 six times: what leaves a node's rate at the first block of periods 6i .. 6i + 5.
type ExpiryWord is uint256;

/// @notice paid96 seed160: units paid by all proofs of a period, and its seed.
type PeriodWord is uint256;

/// @notice bounty64 bond64 by24 until22 lapses8 asks16: what waits at a slot: units for whoever refills it, the bond of
/// the node that may claim it up to period `until`, reservations that lapsed, questions that are open.
type VacancyWord is uint256;

/// @notice leaf34 due22 slot84: a question, and the slot as it was when it was asked: it binds that holder alone.
type AskWord is uint256;

/// @notice A slot: node24 start38 from22. node 0: nobody ever held it. from >= LOST: its holder lost it, but its entry
/// still tells the root; from - LOST is the bounty for a refill, in halves of the slot's rate.
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
    bool evicted;
}

/// @notice A purse, unpacked.
struct Purse {
    uint256 earned;
    uint256 reward;
    uint256 proved;
    uint256 lastRate;
    uint256 cureFrom;
    uint256 forfeited;
}

/// @notice A vacancy, unpacked.
struct Vacancy {
    uint256 bounty;
    uint256 bond;
    NodeId by;
    uint32 until;
    uint256 lapses;
    uint256 asks;
}

uint256 constant MASK18 = (1 << 18) - 1;
uint256 constant MASK22 = (1 << 22) - 1;
uint256 constant MASK24 = (1 << 24) - 1;
uint256 constant MASK34 = (1 << 34) - 1;
uint256 constant MASK38 = (1 << 38) - 1;
uint256 constant MASK40 = (1 << 40) - 1;
uint256 constant MASK84 = (1 << 84) - 1;
