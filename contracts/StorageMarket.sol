// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { IClock } from "./interfaces/IClock.sol";
import { IEscrow } from "./interfaces/IEscrow.sol";
import { INodeRegistry } from "./interfaces/INodeRegistry.sol";
import { IStorageMarket } from "./interfaces/IStorageMarket.sol";
import { Ledgers } from "./Ledgers.sol";
import { DealLib } from "./libraries/WordLib.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { Acceptance, DealState, Refusal, Terms } from "./types/Deals.sol";
import { DealId, NodeId, PERIOD_LIMIT, Rate, dealIdOf } from "./types/Types.sol";
import { DealWord, MASK34, Slot, SlotsWord } from "./types/Words.sol";

/// @title StorageMarket
/// @notice Documented in IStorageMarket. Deals and slots are here, what nodes hold and prove is in Ledgers.
contract StorageMarket is Ledgers, EIP712 {
    using RateLib for Rate;
    using DealLib for DealWord;
    using DealLib for SlotsWord;

    /// @dev What is the same for every slot of an opening or filling.
    struct Filling {
        DealId id;
        address client;
        uint48 number;
        Rate rate;
        uint64 leaves;
        uint32 from;
        uint32 end;
        uint32 maxEnd;
        uint40 blockNumber;
    }

    uint256 private constant BPS = 10_000;
    bytes32 private constant ACCEPTANCE_TYPE = keccak256(
        "Acceptance(address client,uint48 number,uint8 slot,uint32 node,bytes20 root,uint64 leaves,uint32 rate,uint32 maxEnd,uint40 deadline)"
    );

    /// @inheritdoc IStorageMarket
    uint32 public constant DEAL_PERIODS_MIN = 2;
    /// @inheritdoc IStorageMarket
    uint8 public constant SLOTS_MAX = 64;

    /// @inheritdoc IStorageMarket
    uint16 public immutable FEE_BPS;

    uint256 private immutable PERIOD_BLOCKS;
    uint256 private immutable PERIOD_SECONDS;

    mapping(DealId id => DealWord) private _deals;
    mapping(DealId id => mapping(uint256 i => SlotsWord)) private _slots;

    /// @dev Clock exists already; the others need not.
    constructor(address clock, address escrow, address registry, address bank, uint16 feeBps, uint16 stakePeriods)
        Ledgers(clock, escrow, registry, bank, stakePeriods)
        EIP712("StorageMarket", "1")
    {
        if (feeBps > BPS) revert StorageMarket_BadParameters();
        FEE_BPS = feeBps;
        PERIOD_BLOCKS = IClock(clock).PERIOD_BLOCKS();
        PERIOD_SECONDS = PERIOD_BLOCKS * IClock(clock).BLOCK_SECONDS();
    }

    // Deals

    /// @inheritdoc IStorageMarket
    function openDeal(address client, Terms calldata terms, Acceptance[] calldata acceptances)
        external
        returns (DealId id, uint256 filled)
    {
        (uint32 period, uint40 blockNumber) = IClock(CLOCK).current();
        id = dealIdOf(client, terms.number);
        _checkTerms(terms, period + 1);
        if (terms.number == 0 || DealWord.unwrap(_deals[id]) != 0) revert StorageMarket_NumberUsed(id);

        Filling memory f = Filling({
            id: id,
            client: client,
            number: terms.number,
            rate: terms.rate,
            leaves: terms.leaves,
            from: period + 1,
            end: terms.end,
            maxEnd: terms.maxEnd,
            blockNumber: blockNumber
        });
        uint256 units = quote(terms.rate, terms.n, terms.end - f.from);
        Rate highest = IEscrow(ESCROW).lock(client, msg.sender, terms.number, period, blockNumber, units);
        _checkPrice(terms.rate, highest, terms.leaves);
        emit DealOpened(id, client, msg.sender, terms, f.from, units);

        filled = _fillAll(f, terms, acceptances);
        if (filled < terms.minFilled) revert StorageMarket_TooFewFilled(filled, terms.minFilled);
    }

    /// @inheritdoc IStorageMarket
    function fillSlot(DealId id, uint64 leaves, Acceptance calldata acceptance) external {
        (uint32 period, uint40 blockNumber) = IClock(CLOCK).current();
        DealWord deal = _deals[id];
        address client = id.clientOf();
        if (msg.sender != client && !IEscrow(ESCROW).mayAct(client, msg.sender, period)) {
            revert StorageMarket_NotClient(id, msg.sender);
        }
        if (deal.stateOf() != DealState.Open || deal.endOf() <= period + 1) revert StorageMarket_NotOpen(id);
        if (leaves == 0 || leaves > MASK34) revert StorageMarket_BadTerms();
        if (acceptance.slot >= deal.nOf()) revert StorageMarket_BadSlot(acceptance.slot);
        _checkVacant(id, deal, acceptance);

        Filling memory f = Filling({
            id: id,
            client: client,
            number: id.numberOf(),
            rate: deal.rateOf(),
            leaves: leaves,
            from: period + 1,
            end: deal.endOf(),
            maxEnd: deal.maxEndOf(),
            blockNumber: blockNumber
        });
        (Refusal why, Slot memory slot) = _fill(f, acceptance);
        if (why != Refusal.None) revert StorageMarket_Refused(acceptance.node, why);
        if (acceptance.slot == 0) {
            _deals[id] = deal.withSlot0(slot);
        } else {
            (uint256 word, uint256 j) = DealLib.placeOf(acceptance.slot);
            _slots[id][word] = _slots[id][word].withSlot(j, slot);
        }
    }

    /// @inheritdoc IStorageMarket
    function extend(DealId id, uint32 end, address payer) external {
        (uint32 period, uint40 blockNumber) = IClock(CLOCK).current();
        DealWord deal = _deals[id];
        uint32 formerEnd = deal.endOf();
        if (deal.stateOf() != DealState.Open || formerEnd <= period + 1) revert StorageMarket_NotOpen(id);
        if (end <= formerEnd || end > deal.maxEndOf()) revert StorageMarket_BadEnd(end, deal.maxEndOf());

        _deals[id] = deal.withEnd(end);
        uint256 n = deal.nOf();
        Rate rate = deal.rateOf();
        uint256 leaves;
        for (uint256 i = 0; i < n; ++i) {
            Slot memory slot = _slotOf(id, deal, i);
            if (NodeId.unwrap(slot.node) == 0) continue;
            leaves = _prolong(slot.node, slot.start, rate.value(), formerEnd, end);
        }
        uint32 from = deal.fromOf();
        uint256 units = quote(rate, uint8(n), end - from) - quote(rate, uint8(n), formerEnd - from);
        emit DealExtended(id, payer, end, units);
        address client = id.clientOf();
        if (payer == client) {
            Rate highest = IEscrow(ESCROW).lock(client, msg.sender, 0, period, blockNumber, units);
            _checkPrice(rate, highest, leaves);
        } else {
            if (payer != msg.sender) revert StorageMarket_NotClient(id, msg.sender);
            IEscrow(ESCROW).lockGift(payer, client, blockNumber, units);
        }
    }

    /// @inheritdoc IStorageMarket
    function settle(DealId[] calldata ids) external {
        (uint32 period, uint40 blockNumber) = IClock(CLOCK).current();
        uint256 fees;
        for (uint256 i = 0; i < ids.length; ++i) fees += _settle(ids[i], period, blockNumber);
        if (fees != 0) IEscrow(ESCROW).credit(BANK, fees);
    }

    // Reading

    /// @inheritdoc IStorageMarket
    function acceptanceHash(address client, Terms calldata terms, Acceptance calldata acceptance)
        external
        view
        returns (bytes32)
    {
        Filling memory f;
        f.client = client;
        f.number = terms.number;
        f.rate = terms.rate;
        f.leaves = terms.leaves;
        f.maxEnd = terms.maxEnd;
        return _acceptanceHash(f, acceptance);
    }

    /// @inheritdoc IStorageMarket
    function quote(Rate rate, uint8 n, uint32 periods) public view returns (uint256 units) {
        units = rate.value() * n * periods;
        units += _feeOn(units);
    }

    /// @inheritdoc IStorageMarket
    function dealWord(DealId id) external view returns (DealWord) {
        return _deals[id];
    }

    /// @inheritdoc IStorageMarket
    function slotsWord(DealId id, uint256 i) external view returns (SlotsWord) {
        return _slots[id][i];
    }

    /// @dev Rounded up, so that the fee on a part is never more than on the whole.
    function _feeOn(uint256 units) private view returns (uint256) {
        return (units * FEE_BPS + BPS - 1) / BPS;
    }

    function _checkTerms(Terms calldata t, uint32 from) private pure {
        if (
            !t.rate.isValid() || t.leaves == 0 || t.leaves > MASK34 || t.k == 0 || t.n < t.k || t.n > SLOTS_MAX
                || t.minFilled < t.k || t.minFilled > t.n || t.end < from + DEAL_PERIODS_MIN || t.maxEnd < t.end
                || t.maxEnd >= PERIOD_LIMIT
        ) revert StorageMarket_BadTerms();
    }

    /// @dev `price` is the highest price that the client gave its operator, 0 = any.
    function _checkPrice(Rate rate, Rate price, uint256 leaves) private view {
        if (Rate.unwrap(price) == 0) return;
        Rate highest = RateLib.lowest(price.value(), leaves, PERIOD_SECONDS);
        if (rate.value() > highest.value()) revert StorageMarket_TooDear(rate, highest);
    }

    function _fillAll(Filling memory f, Terms calldata terms, Acceptance[] calldata acceptances)
        private
        returns (uint256 filled)
    {
        DealWord deal = DealLib.pack(f.rate, f.from, f.end, f.maxEnd, terms.n, terms.k);
        SlotsWord slots;
        uint256 openWord = type(uint256).max;
        uint256 next;
        for (uint256 i = 0; i < acceptances.length; ++i) {
            Acceptance calldata a = acceptances[i];
            if (a.slot < next || a.slot >= terms.n) revert StorageMarket_BadSlot(a.slot);
            next = uint256(a.slot) + 1;
            for (uint256 j = 0; j < i; ++j) {
                if (acceptances[j].node == a.node) revert StorageMarket_NodeTwice(a.node);
            }

            (Refusal why, Slot memory slot) = _fill(f, a);
            if (why != Refusal.None) {
                emit SlotRefused(f.id, a.node, a.slot, why);
                continue;
            }
            unchecked {
                ++filled;
            }
            if (a.slot == 0) {
                deal = deal.withSlot0(slot);
                continue;
            }
            (uint256 word, uint256 place) = DealLib.placeOf(a.slot);
            if (word != openWord) {
                if (openWord != type(uint256).max) _slots[f.id][openWord] = slots;
                openWord = word;
                slots = SlotsWord.wrap(0);
            }
            slots = slots.withSlot(place, slot);
        }
        if (openWord != type(uint256).max) _slots[f.id][openWord] = slots;
        _deals[f.id] = deal;
    }

    /// @dev Fills one slot if the acceptance still holds.
    function _fill(Filling memory f, Acceptance calldata a) private returns (Refusal why, Slot memory slot) {
        if (a.deadline < f.blockNumber || a.deadline > f.blockNumber + PERIOD_BLOCKS) return (Refusal.Deadline, slot);
        (address hot, uint64 stake) = INodeRegistry(REGISTRY).keyOf(a.node);
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(_acceptanceHash(f, a), a.r, a.vs);
        if (failure != ECDSA.RecoverError.NoError || signer != hot) return (Refusal.Signature, slot);

        uint64 start;
        (why, start) = _take(a.node, f.rate, stake, a.root, f.leaves, f.from, f.end, a.hint);
        if (why != Refusal.None) return (why, slot);
        emit SlotFilled(f.id, a.node, a.slot, start, a.root, f.leaves, f.from);
        return (Refusal.None, Slot(a.node, start, f.from));
    }

    function _acceptanceHash(Filling memory f, Acceptance calldata a) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    ACCEPTANCE_TYPE, f.client, f.number, a.slot, a.node, a.root, f.leaves, f.rate, f.maxEnd, a.deadline
                )
            )
        );
    }

    function _checkVacant(DealId id, DealWord deal, Acceptance calldata acceptance) private view {
        uint256 n = deal.nOf();
        for (uint256 i = 0; i < n; ++i) {
            Slot memory slot = _slotOf(id, deal, i);
            if (NodeId.unwrap(slot.node) == 0) continue;
            if (i == acceptance.slot) revert StorageMarket_SlotTaken(id, acceptance.slot);
            if (slot.node == acceptance.node) revert StorageMarket_NodeTwice(acceptance.node);
        }
    }

    function _slotOf(DealId id, DealWord deal, uint256 index) private view returns (Slot memory) {
        if (index == 0) return deal.slot0Of();
        (uint256 word, uint256 j) = DealLib.placeOf(index);
        return _slots[id][word].slotOf(j);
    }

    function _settle(DealId id, uint32 period, uint40 blockNumber) private returns (uint256 fee) {
        DealWord deal = _deals[id];
        if (deal.stateOf() != DealState.Open) revert StorageMarket_NotOpen(id);
        uint32 end = deal.endOf();
        if (period < end) revert StorageMarket_NotEnded(id, end);
        _deals[id] = deal.withState(DealState.Settled);

        uint256 slotPeriods = deal.formerOf();
        uint256 n = deal.nOf();
        for (uint256 i = 0; i < n; ++i) {
            Slot memory slot = _slotOf(id, deal, i);
            if (NodeId.unwrap(slot.node) != 0) slotPeriods += provedBetween(slot.node, slot.from, end);
        }
        uint256 paid = slotPeriods * deal.rateOf().value();
        fee = _feeOn(paid);
        uint256 locked = quote(deal.rateOf(), uint8(n), end - deal.fromOf());
        uint256 refund = locked - paid - fee;
        address client = id.clientOf();
        emit DealSettled(id, client, paid, fee, refund);
        IEscrow(ESCROW).unlock(client, blockNumber, locked, refund);
    }
}
