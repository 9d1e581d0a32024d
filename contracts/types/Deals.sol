// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { DealId, NodeId, Rate } from "./Types.sol";
import { OfferWord } from "./Words.sol";

/// @notice A node's signed promise to keep one shard; see StorageMarket.acceptanceHash.
struct Acceptance {
    /// slot, node, deadline and hint
    OfferWord offer;
    bytes20 root;
    /// EIP-2098 signature of the hot key: r, and s with the parity of v in its highest bit
    bytes32 r;
    bytes32 vs;
}

/// @dev The hint that offers no dead range for refill.
uint64 constant NO_HINT = type(uint64).max;

/// @notice Why an acceptance did not fill its slot.
enum Refusal {
    None,
    /// not signed by the node's hot key over these terms
    Signature,
    /// the deadline passed or lies more than a period ahead
    Deadline,
    /// the stake does not cover so many periods of pay
    Stake,
    /// the node is leaving, or was silent for too long
    Out,
    /// the ledger of the node is full
    Full
}

enum DealState {
    None,
    /// until settled; ended and to be settled from period `end` on
    Open,
    Settled
}

/// @notice What a market is made with; the same for all its contracts.
struct MarketParameters {
    /// blocks in a period (L), from its first to the one whose hash is its seed (D), and nominal seconds between two
    uint32 periodBlocks;
    uint32 seedDelay;
    uint32 blockSeconds;
    address escrow;
    address registry;
    address bank;
    /// fee on what nodes are paid, basis points
    uint16 feeBps;
    /// periods of pay that a stake covers: twice the longest fine at least, so that no fine is ever uncovered
    uint16 stakePeriods;
    /// units for the reporter of an eviction
    uint64 reportBounty;
    /// units put down with a question, and at least with a reservation
    uint64 askBond;
    /// units of fee that a deal must promise
    uint64 dealFeeMin;
}

/// @notice Who has a slot.
enum SlotState {
    /// nobody ever had it; its root is not known
    Vacant,
    Held,
    /// told, convicted or compensated for; the root is known and the slot can be claimed
    Lost,
    /// its holder is evicted and may cure; it can be claimed all the same
    Evicted
}

/// @notice How a slot lost its holder.
enum Vacated {
    Told,
    Convicted,
    Evicted
}

/// @notice A slot as the views tell it.
struct SlotView {
    uint8 index;
    /// 0 if nobody ever held it
    NodeId node;
    /// first byte position of its range in the node's ledger
    uint64 start;
    /// first period that the holder is paid for
    uint32 from;
    /// root and leaves, zero if the slot is vacant or its range was given to another after its end
    bytes20 root;
    uint64 leaves;
    /// periods proved by the holder between `from` and the deal's end
    uint32 provedPeriods;
    /// units paid to the holder for these
    uint64 paid;
    /// the holder's last proved period
    uint32 lastProved;
    /// `node` is the last holder where it is Lost or Evicted
    SlotState state;
    /// units that wait for whoever refills it
    uint64 bounty;
}

/// @notice A deal as the views tell it.
struct DealView {
    DealId id;
    DealState state;
    Rate rate;
    uint32 from;
    uint32 end;
    uint32 maxEnd;
    uint8 n;
    uint8 k;
    /// units that were locked for it, the fee included
    uint64 locked;
    /// units paid to nodes so far
    uint64 paid;
    /// units of fee on what was paid so far
    uint64 fee;
    /// units that went back to the client, once settled
    uint64 refunded;
    SlotView[] slots;
}

/// @notice A range of a node's ledger.
struct EntryView {
    uint64 start;
    Rate rate;
    /// the range is [start, start + length), length is the value of rate
    uint64 length;
    bytes20 root;
    uint64 leaves;
    /// live in periods from <= p < until
    uint32 from;
    uint32 until;
}

/// @notice What a node has to prove in a period.
struct Duty {
    uint32 period;
    /// zero if not yet known
    bytes20 seed;
    /// first and last block in which a proof is taken
    uint40 firstBlock;
    uint40 lastBlock;
    /// length of the ledger as frozen for the period: what positions are drawn from
    uint64 frozenLength;
    /// length of the ledger now
    uint64 length;
    /// units that a proof pays
    uint64 rate;
    /// the node proved this period already
    bool proved;
    /// the node was silent for too long or has nothing to prove
    bool barred;
}

/// @notice A node's standing in the market.
struct Standing {
    NodeId node;
    /// units per period that it earns from the next period on
    uint64 rate;
    /// units of stake that this rate needs
    uint64 stakeNeeded;
    uint64 ledgerLength;
    /// 0 = never
    uint32 lastProved;
    /// periods proved since ever
    uint32 provedPeriods;
    /// units earned and not collected
    uint64 earned;
    /// units of reward not minted yet
    uint64 reward;
    /// period from which the node takes no shards, 0 = takes them
    uint32 out;
    /// evicted from period `out` on
    bool evicted;
    /// units of its stake that wait for its clients and whoever takes over
    uint64 pot;
    /// the first period whose miss counts as a strike
    uint32 strikesFrom;
    /// the period in which it told of a loss or cured, whose miss is none
    uint32 forfeited;
}

/// @notice A slot that wants a holder.
struct VacancyView {
    SlotState state;
    /// units for whoever refills it
    uint64 bounty;
    /// who may claim it up to period `until`, 0 = nobody
    NodeId reservedBy;
    uint32 until;
    /// units of bond for the next reservation
    uint64 bond;
    /// questions open on it
    uint16 asks;
}
