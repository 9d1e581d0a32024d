// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { MessageHashUtils } from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import { IMarketBase } from "./interfaces/IMarketBase.sol";
import { Ledgers } from "./Ledgers.sol";
import { DealLib, EntryLib, OfferLib } from "./libraries/WordLib.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { Acceptance, MarketParameters, Refusal } from "./types/Deals.sol";
import { DealId, LOST, NodeId, Rate } from "./types/Types.sol";
import { AskWord, DealWord, EntryWord, OfferWord, Slot, SlotsWord, VacancyWord } from "./types/Words.sol";

/// @title Deals
/// @notice Deals and their slots, on top of what nodes hold. StorageMarket and Custody both are this, so that they read
/// and write one storage.
abstract contract Deals is Ledgers, EIP712 {
    using RateLib for Rate;
    using DealLib for DealWord;
    using DealLib for SlotsWord;
    using OfferLib for OfferWord;
    using EntryLib for EntryWord;

    /// @dev What is the same for every slot of an opening or filling, and the form that each acceptance is written into
    /// to be hashed.
    struct Filling {
        DealId id;
        DealWord deal;
        uint256 from;
        // What a node is given, but for the root.
        EntryWord range;
        uint256 blockNumber;
        bytes32 domain;
        Form form;
    }

    /// @dev What EIP-712 hashes of an acceptance, word for word.
    struct Form {
        bytes32 typeHash;
        address client;
        uint256 number;
        uint256 slot;
        NodeId node;
        bytes32 root;
        uint256 leaves;
        Rate rate;
        uint256 maxEnd;
        uint256 deadline;
        uint256 follows;
    }

    uint256 private constant BPS = 10_000;
    bytes32 private constant ACCEPTANCE_TYPE = keccak256(
        "Acceptance(address client,uint48 number,uint8 slot,uint32 node,bytes20 root,uint64 leaves,uint32 rate,uint32 maxEnd,uint40 deadline,uint96 follows)"
    );

    /// @inheritdoc IMarketBase
    uint32 public constant DEAL_PERIODS_MIN = 2;
    /// @inheritdoc IMarketBase
    uint8 public constant SLOTS_MAX = 64;

    /// @inheritdoc IMarketBase
    uint16 public immutable FEE_BPS;

    uint256 private immutable _PERIOD_SECONDS;

    mapping(DealId id => DealWord) internal _deals;
    mapping(DealId id => mapping(uint256 i => SlotsWord)) internal _slots;
    mapping(DealId id => mapping(uint256 slot => VacancyWord)) internal _vacancies;
    mapping(DealId id => mapping(uint256 slot => mapping(address asker => AskWord))) internal _asks;

    constructor(MarketParameters memory p) Ledgers(p) EIP712("StorageMarket", "1") {
        if (p.feeBps > BPS) revert StorageMarket_BadParameters();
        FEE_BPS = p.feeBps;
        _PERIOD_SECONDS = uint256(p.periodBlocks) * p.blockSeconds;
    }

    function _filling(DealId id, DealWord deal, uint256 leaves, uint256 from, uint256 blockNumber)
        internal
        view
        returns (Filling memory f)
    {
        f.id = id;
        f.deal = deal;
        f.from = from;
        f.range = EntryLib.pack(0, leaves, from, deal.endOf(), deal.rateOf());
        f.blockNumber = blockNumber;
        f.domain = _domainSeparatorV4();
        f.form = _form(id, deal.rateOf(), leaves, deal.maxEndOf());
    }

    function _form(DealId id, Rate rate, uint256 leaves, uint256 maxEnd) internal pure returns (Form memory form) {
        form.typeHash = ACCEPTANCE_TYPE;
        form.client = id.clientOf();
        form.number = id.numberOf();
        form.leaves = leaves;
        form.rate = rate;
        form.maxEnd = maxEnd;
    }

    /// @dev Fills one slot if the acceptance still holds.
    /// @param key of the node, as the registry tells it
    /// @return why it was not filled
    /// @return slot in bits, see DealLib.slotBits
    function _fill(Filling memory f, Acceptance calldata a, uint256 key) internal returns (Refusal why, uint256 slot) {
        unchecked {
            OfferWord offer = a.offer;
            NodeId node = offer.nodeOf();
            bytes20 root = a.root;
            {
                uint256 deadline = offer.deadlineOf();
                if (deadline < f.blockNumber || deadline > f.blockNumber + PERIOD_BLOCKS) return (Refusal.Deadline, 0);
                // No more is made of a signature than that it is one, so it does not matter that there are two of each.
                uint256 vs = uint256(a.vs);
                address signer = ecrecover(
                    _acceptanceHash(f.domain, f.form, offer, root),
                    uint8(27 + (vs >> 255)),
                    a.r,
                    bytes32(vs & uint256(type(int256).max))
                );
                if (signer == address(0) || signer != address(uint160(key))) return (Refusal.Signature, 0);
            }

            EntryWord entry = f.range.withRoot(root);
            (why, slot) = _take(node, key >> 160, entry, offer.hintOf());
            if (why != Refusal.None) return (why, 0);
            emit SlotFilled(f.id, node, DealLib.placeBits(offer.slotOf(), slot), entry);
            slot = DealLib.slotBits(node, slot, f.from);
        }
    }

    function _acceptanceHash(bytes32 domain, Form memory form, OfferWord offer, bytes20 root)
        internal
        pure
        returns (bytes32)
    {
        form.slot = offer.slotOf();
        form.node = offer.nodeOf();
        form.root = root;
        form.deadline = offer.deadlineOf();
        bytes32 hash;
        assembly ("memory-safe") {
            hash := keccak256(form, 0x160)
        }
        return MessageHashUtils.toTypedDataHash(domain, hash);
    }

    function _slotOf(DealId id, DealWord deal, uint256 index) internal view returns (Slot memory) {
        if (index == 0) return deal.slot0Of();
        (uint256 word, uint256 j) = DealLib.placeOf(index);
        return _slots[id][word].slotOf(j);
    }

    function _putSlot(DealId id, DealWord deal, uint256 index, Slot memory slot) internal returns (DealWord) {
        if (index == 0) return deal.withSlot0(slot);
        (uint256 word, uint256 j) = DealLib.placeOf(index);
        _slots[id][word] = _slots[id][word].withSlot(j, slot);
        return deal;
    }

    /// @dev Units that a deal locks, the fee included.
    /// @dev Below 2^68, because a rate is below 2^38, n below 2^8 and a period below 2^22.
    function _quote(Rate rate, uint256 n, uint256 periods) internal view returns (uint256 units) {
        unchecked {
            units = rate.value() * n * periods;
            units += _feeOn(units);
        }
    }

    /// @dev Units that wait for whoever refills a slot that is lost, rounded down slot by slot: what its holder was fined
    /// less what the client was paid then.
    function _bountyOf(uint256 from, uint256 units) internal pure returns (uint256) {
        unchecked {
            return (from - LOST) * units / 2;
        }
    }

    /// @dev Rounded up, so that the fee on a part is never more than on the whole.
    function _feeOn(uint256 units) internal view returns (uint256) {
        unchecked {
            return (units * FEE_BPS + BPS - 1) / BPS;
        }
    }

    /// @dev `price` is the highest price that the client gave its operator, 0 = any.
    function _checkPrice(Rate rate, Rate price, uint256 leaves) internal view {
        if (Rate.unwrap(price) == 0) return;
        Rate highest = RateLib.lowest(price.value(), leaves, _PERIOD_SECONDS);
        if (rate.value() > highest.value()) revert StorageMarket_TooDear(rate, highest);
    }
}
