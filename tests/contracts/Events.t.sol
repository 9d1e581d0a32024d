// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Bank } from "../../contracts/Bank.sol";
import { Escrow } from "../../contracts/Escrow.sol";
import { NodeRegistry } from "../../contracts/NodeRegistry.sol";
import { IBank } from "../../contracts/interfaces/IBank.sol";
import { IEscrow } from "../../contracts/interfaces/IEscrow.sol";
import { IMarketBase } from "../../contracts/interfaces/IMarketBase.sol";
import { INodeRegistry } from "../../contracts/interfaces/INodeRegistry.sol";
import { IStorageMarket } from "../../contracts/interfaces/IStorageMarket.sol";
import { MarketLens } from "../../contracts/MarketLens.sol";
import { BookLib } from "../../contracts/libraries/BookLib.sol";
import { RateLib } from "../../contracts/libraries/RateLib.sol";
import { DealLib, EntryLib, VacancyLib } from "../../contracts/libraries/WordLib.sol";
import { DealState, DealView, SlotState, Vacated } from "../../contracts/types/Deals.sol";
import { DealId, NodeId, Rate } from "../../contracts/types/Types.sol";
import { Book, DealWord, EntryWord, Vacancy } from "../../contracts/types/Words.sol";
import { Actors } from "./support/Actors.sol";
import { Assertions } from "./support/Assertions.sol";
import { Life } from "./support/Life.sol";
import { Vm } from "./support/Vm.sol";

/// @notice Whoever reads all events, and nothing else, knows all that the market holds.
contract EventsTest is Assertions, Life {
    using DealLib for DealWord;
    using EntryLib for EntryWord;

    struct Account {
        uint256 free;
        uint256 locked;
        uint256 fees;
    }

    struct Node {
        address owner;
        address hot;
        uint256 stake;
        uint256 earned;
        uint256 length;
        uint256 out;
        bool evicted;
        uint256 lastProved;
        bytes32 endpoint;
    }

    struct Holder {
        NodeId node;
        uint256 start;
        uint256 from;
        bytes20 root;
        bool isLost;
        uint256 bounty;
    }

    struct Deal {
        DealState state;
        uint256 rate;
        uint256 n;
        uint256 from;
        uint256 end;
        uint256 paid;
        uint256 locked;
    }

    struct Reserved {
        NodeId by;
        uint256 until;
        uint256 bond;
        uint256 bounty;
        uint256 asks;
    }

    Actors internal actors;
    Escrow internal escrow;
    NodeRegistry internal registry;
    IStorageMarket internal market;
    Bank internal bank;
    MarketLens internal lens;

    mapping(address account => Account) internal accounts;
    mapping(address client => mapping(address operator => IEscrow.Allowance)) internal allowances;
    mapping(address client => uint256) internal nonces;
    uint256 internal allowancesUsed;
    address internal constant OPERATOR = address(0x09E4A704);
    mapping(NodeId node => Node) internal nodes;
    mapping(DealId deal => Deal) internal deals;
    mapping(DealId deal => mapping(uint256 slot => Holder)) internal holders;
    mapping(DealId deal => mapping(uint256 slot => Reserved)) internal waiting;
    mapping(DealId deal => mapping(uint256 slot => mapping(address asker => uint256 leaf))) internal questions;
    mapping(uint256 period => bytes20 seed) internal seeds;
    mapping(uint256 period => uint256) internal paidIn;

    function setUp() public {
        vm.recordLogs();
        actors = new Actors();
        (, address e, address r, address m, address b, address view_) = actors.parts();
        escrow = Escrow(e);
        registry = NodeRegistry(r);
        market = IStorageMarket(m);
        bank = Bank(b);
        lens = MarketLens(view_);
    }

    function test_Events_alone_rebuild_all_state() public {
        live(actors, 8007, 12);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            i = passOverUndone(logs, i);
            if (i == logs.length) break;
            if (logs[i].emitter == address(escrow)) readEscrow(logs[i]);
            else if (logs[i].emitter == address(registry)) readRegistry(logs[i]);
            else if (logs[i].emitter == address(market)) readMarket(logs[i]);
            else if (logs[i].emitter == address(bank)) readBank(logs[i]);
        }
        Actors.Done memory done = actors.whatHappened();
        yes(done.losses != 0 && done.convictions != 0 && done.evictions != 0 && done.handOvers != 0, "much happened");

        for (uint256 i = 0; i < actors.dealCount(); ++i) compareDeal(actors.dealAt(i));
        for (uint256 i = 1; i <= actors.CLIENTS(); ++i) {
            compareAccount(actors.client(i));
            compareAllowance(actors.client(i), OPERATOR);
        }
        yes(allowancesUsed != 0, "operators acted");
        compareAccount(address(actors));
        for (uint256 i = 1; i <= actors.NODES(); ++i) {
            compareAccount(actors.owner(i));
            compareNode(NodeId.wrap(uint32(i)));
        }
        for (uint32 p = 0; p < vm.getBlockNumber() / market.PERIOD_BLOCKS(); ++p) {
            (bytes20 seed, uint96 paid) = lens.period(p);
            eq(seeds[p], seed, "seed");
            eq(paidIn[p], paid, "paid in a period");
        }
    }

    /// @dev Forge records what reverted calls told, too. The actors make one such call: a deal that no node takes.
    function passOverUndone(Vm.Log[] memory logs, uint256 i) internal pure returns (uint256) {
        if (logs[i].topics[0] != IMarketBase.DealOpened.selector) return i;
        for (uint256 j = i + 1; j < logs.length; ++j) {
            bytes32 kind = logs[j].topics[0];
            if (kind == IMarketBase.SlotFilled.selector) return i;
            if (kind != IMarketBase.SlotRefused.selector && kind != IMarketBase.NodeOut.selector) {
                return passOverUndone(logs, j);
            }
        }
        return logs.length;
    }

    // What the contracts say

    function compareAccount(address who) internal view {
        IEscrow.Account memory a = escrow.accountOf(who);
        eq(accounts[who].free, a.free, "free");
        eq(accounts[who].locked, a.locked, "locked");
        eq(accounts[who].fees, a.fees, "fees");
    }

    function compareNode(NodeId node) internal view {
        INodeRegistry.NodeView memory v = registry.node(node);
        Book memory book = BookLib.unpack(market.bookWord(node));
        Node storage n = nodes[node];
        eq(n.owner, v.owner, "owner");
        eq(n.hot, v.hot, "hot");
        eq(n.stake, v.stake, "stake");
        eq(n.endpoint, keccak256(bytes(v.endpoint)), "endpoint");
        eq(n.earned, lens.standing(node).earned, "earned");
        eq(n.length, book.len, "ledger");
        eq(n.out, book.out, "out");
        eq(n.lastProved, book.lastProved, "last proof");
        yes(n.evicted == book.evicted, "evicted");
    }

    function compareDeal(DealId id) internal view {
        Deal storage d = deals[id];
        DealView memory v = lens.deal(id);
        eq(uint256(d.state), uint256(v.state), "state");
        for (uint8 i = 0; i < d.n; ++i) compareWaiting(id, i);
        if (v.state == DealState.Settled && v.slots.length == 0) return;
        eq(d.rate, RateLib.value(v.rate), "rate");
        eq(d.from, v.from, "from");
        eq(d.end, v.end, "end");
        eq(d.n, v.n, "slots");
        eq(d.locked, v.locked, "locked for it");
        if (d.state == DealState.Settled) eq(d.paid, v.paid, "paid");
        for (uint256 i = 0; i < d.n; ++i) {
            Holder storage h = holders[id][i];
            bool isEvicted = nodes[h.node].evicted && d.end > nodes[h.node].out;
            SlotState state = NodeId.unwrap(h.node) == 0
                ? SlotState.Vacant
                : h.isLost ? SlotState.Lost : isEvicted ? SlotState.Evicted : SlotState.Held;
            eq(uint256(state), uint256(v.slots[i].state), "slot");
            eq(h.node, NodeId.unwrap(v.slots[i].node), "node");
            if (NodeId.unwrap(h.node) == 0) continue;
            eq(h.start, v.slots[i].start, "start");
            if (state == SlotState.Lost) eq(h.bounty, v.slots[i].bounty, "bounty");
            else eq(h.from, v.slots[i].from, "held from");
            if (v.slots[i].root != 0) eq(h.root, v.slots[i].root, "root");
        }
    }

    function compareWaiting(DealId id, uint8 slot) internal view {
        Vacancy memory vacancy = VacancyLib.unpack(market.vacancyWord(id, slot));
        Reserved storage r = waiting[id][slot];
        eq(r.asks, vacancy.asks, "questions");
        eq(r.bond, vacancy.bond, "bond");
        eq(r.bounty, vacancy.bounty, "lapsed bonds");
        eq(r.by, NodeId.unwrap(vacancy.by), "reserved by");
        eq(r.until, vacancy.until, "reserved until");
        for (uint256 i = 1; i <= actors.CLIENTS(); ++i) {
            address asker = actors.client(i);
            (uint64 leaf, uint32 due) = lens.question(id, slot, asker);
            eq(questions[id][slot][asker], due == 0 ? 0 : uint256(leaf) + 1, "leaf");
        }
    }

    // What the events say

    function addressIn(bytes32 topic) internal pure returns (address) {
        return address(uint160(uint256(topic)));
    }

    function nodeIn(bytes32 topic) internal pure returns (NodeId) {
        return NodeId.wrap(uint32(uint256(topic)));
    }

    function dealIn(bytes32 topic) internal pure returns (DealId) {
        return DealId.wrap(uint256(topic));
    }

    /// @dev Each tells what is free afterwards, in its last word.
    function readEscrow(Vm.Log memory log) internal {
        bytes32 kind = log.topics[0];
        if (kind == IEscrow.Allowed.selector || kind == IEscrow.AllowanceUsed.selector) return readAllowance(log);
        if (kind == IEscrow.SignatureUsed.selector) {
            nonces[addressIn(log.topics[1])] = abi.decode(log.data, (uint256)) + 1;
            return;
        }
        Account storage account = accounts[addressIn(log.topics[1])];
        if (kind == IEscrow.FeesTaken.selector) {
            account.fees -= abi.decode(log.data, (uint256));
            return;
        }
        bytes memory data = log.data;
        uint256 free;
        assembly ("memory-safe") {
            free := mload(add(data, mload(data)))
        }
        account.free = free;
    }

    function readAllowance(Vm.Log memory log) internal {
        IEscrow.Allowance storage allowance = allowances[addressIn(log.topics[1])][addressIn(log.topics[2])];
        if (log.topics[0] == IEscrow.AllowanceUsed.selector) {
            ++allowancesUsed;
            uint256 left;
            uint256 level;
            (, left, level, allowance.asOf) = abi.decode(log.data, (uint256, uint256, uint256, uint32));
            (allowance.left, allowance.level) = (uint64(left), uint64(level));
            return;
        }
        (uint256 total, Rate refill, Rate cap, Rate maxPrice, uint32 until) =
            abi.decode(log.data, (uint256, Rate, Rate, Rate, uint32));
        (allowance.left, allowance.level) = (uint64(total), uint64(RateLib.value(cap)));
        (allowance.refill, allowance.cap, allowance.maxPrice) = (refill, cap, maxPrice);
        (allowance.until, allowance.asOf) = (until, 0);
    }

    function compareAllowance(address client, address operator) internal view {
        IEscrow.Allowance memory is_ = escrow.allowanceOf(client, operator);
        IEscrow.Allowance memory told = allowances[client][operator];
        eq(told.left, is_.left, "left");
        eq(told.level, is_.level, "level");
        eq(Rate.unwrap(told.refill), Rate.unwrap(is_.refill), "refill");
        eq(Rate.unwrap(told.cap), Rate.unwrap(is_.cap), "cap");
        eq(Rate.unwrap(told.maxPrice), Rate.unwrap(is_.maxPrice), "dearest");
        eq(told.asOf, is_.asOf, "as of");
        eq(told.until, is_.until, "until");
        eq(nonces[client], escrow.nonces(client), "signatures");
    }

    function readRegistry(Vm.Log memory log) internal {
        bytes32 kind = log.topics[0];
        Node storage node = nodes[nodeIn(log.topics[1])];
        if (kind == INodeRegistry.Registered.selector) {
            (uint64 stake,,,, string memory endpoint) =
                abi.decode(log.data, (uint64, uint64, uint32, bytes32, string));
            node.owner = addressIn(log.topics[2]);
            node.hot = addressIn(log.topics[3]);
            node.stake = stake;
            node.endpoint = keccak256(bytes(endpoint));
        } else if (kind == INodeRegistry.StakeAdded.selector) {
            (, node.stake) = abi.decode(log.data, (uint64, uint64));
        } else if (kind == INodeRegistry.StakeSlashed.selector) {
            (, node.stake) = abi.decode(log.data, (uint256, uint64));
        } else if (kind == INodeRegistry.StakeTaken.selector) {
            node.stake -= abi.decode(log.data, (uint64));
        }
    }

    function readBank(Vm.Log memory log) internal {
        if (log.topics[0] == IBank.RewardMinted.selector) {
            accounts[addressIn(log.topics[2])].free += abi.decode(log.data, (uint256));
        }
    }

    function readMarket(Vm.Log memory log) internal {
        bytes32 kind = log.topics[0];
        if (kind == IMarketBase.PeriodPinned.selector) {
            seeds[uint256(log.topics[1])] = abi.decode(log.data, (bytes20));
        } else if (kind == IMarketBase.Proved.selector) {
            (uint256 pay, uint256 earned,) = abi.decode(log.data, (uint256, uint256, address));
            nodes[nodeIn(log.topics[1])].earned = earned;
            nodes[nodeIn(log.topics[1])].lastProved = uint256(log.topics[2]);
            paidIn[uint256(log.topics[2])] += pay;
        } else if (kind == IMarketBase.Collected.selector) {
            nodes[nodeIn(log.topics[1])].earned -= abi.decode(log.data, (uint256));
        } else if (kind == IMarketBase.Trimmed.selector) {
            nodes[nodeIn(log.topics[1])].length = abi.decode(log.data, (uint64));
        } else if (kind == IMarketBase.NodeOut.selector) {
            nodes[nodeIn(log.topics[1])].out = abi.decode(log.data, (uint32));
        } else if (kind == IMarketBase.Evicted.selector) {
            (nodes[nodeIn(log.topics[1])].out,,) = abi.decode(log.data, (uint32, uint256, uint256));
            nodes[nodeIn(log.topics[1])].evicted = true;
        } else if (kind == IMarketBase.Cured.selector) {
            nodes[nodeIn(log.topics[1])].out = 0;
            nodes[nodeIn(log.topics[1])].evicted = false;
        } else if (kind != IMarketBase.SlotRefused.selector) {
            readDeal(log, kind, dealIn(log.topics[1]));
        }
    }

    function readDeal(Vm.Log memory log, bytes32 kind, DealId id) internal {
        if (kind == IMarketBase.DealOpened.selector) {
            (DealWord word, uint256 units) = abi.decode(log.data, (DealWord, uint256));
            deals[id] = Deal(
                DealState.Open, RateLib.value(word.rateOf()), word.nOf(), word.fromOf(), word.endOf(), 0, units
            );
            lock(id, addressIn(log.topics[2]), units);
        } else if (kind == IMarketBase.DealExtended.selector) {
            (uint32 end, uint256 units,) = abi.decode(log.data, (uint32, uint256, uint40));
            deals[id].end = end;
            deals[id].locked += units;
            lock(id, addressIn(log.topics[2]), units);
        } else if (kind == IMarketBase.DealEndedEarly.selector) {
            (uint32 end, uint256 refund) = abi.decode(log.data, (uint32, uint256));
            deals[id].end = end;
            deals[id].locked -= refund;
            accounts[id.clientOf()].locked -= refund;
            accounts[id.clientOf()].free += refund;
        } else if (kind == IMarketBase.DealSettled.selector) {
            readSettled(log, id);
        } else {
            readSlot(log, kind, id);
        }
    }

    function lock(DealId id, address payer, uint256 units) internal {
        accounts[payer].free -= units;
        accounts[id.clientOf()].locked += units;
    }

    function readSettled(Vm.Log memory log, DealId id) internal {
        (uint256 paid, uint256 refund) = abi.decode(log.data, (uint256, uint256));
        Deal storage deal = deals[id];
        Account storage account = accounts[id.clientOf()];
        (deal.state, deal.paid) = (DealState.Settled, paid);
        account.locked -= deal.locked;
        account.fees += deal.locked - paid - refund;
        account.free += refund;
        // What waited for a refill is the client's.
        for (uint256 i = 0; i < deal.n; ++i) {
            if (holders[id][i].isLost) account.free += holders[id][i].bounty;
        }
    }

    function readSlot(Vm.Log memory log, bytes32 kind, DealId id) internal {
        if (kind == IMarketBase.SlotFilled.selector) {
            (uint256 place, EntryWord entry) = abi.decode(log.data, (uint256, EntryWord));
            uint256 start = place & ((1 << 38) - 1);
            NodeId node = nodeIn(log.topics[2]);
            holders[id][place >> 38] = Holder(node, start, entry.fromOf(), entry.rootOf(), false, 0);
            uint256 end = start + RateLib.value(entry.rateOf());
            if (end > nodes[node].length) nodes[node].length = end;
        } else if (kind == IMarketBase.SlotVacated.selector) {
            (uint8 slot,,, uint256 bounty) = abi.decode(log.data, (uint8, Vacated, uint256, uint256));
            holders[id][slot].isLost = true;
            holders[id][slot].bounty = deals[id].state == DealState.Open ? bounty : 0;
        } else if (kind == IMarketBase.SlotReserved.selector) {
            (uint8 slot, uint32 until, uint256 bond) = abi.decode(log.data, (uint8, uint32, uint256));
            Reserved storage r = waiting[id][slot];
            (r.by, r.until, r.bond) = (nodeIn(log.topics[2]), until, bond);
        } else if (kind == IMarketBase.ReservationEnded.selector) {
            (uint8 slot,, uint256 toBounty) = abi.decode(log.data, (uint8, uint256, uint256));
            Reserved storage r = waiting[id][slot];
            (r.by, r.until, r.bond) = (NodeId.wrap(0), 0, 0);
            r.bounty = toBounty == 0 ? 0 : r.bounty + toBounty;
        } else if (kind == IMarketBase.SlotRepaired.selector) {
            (uint8 slot,) = abi.decode(log.data, (uint8, uint256));
            Reserved storage r = waiting[id][slot];
            (r.by, r.until, r.bond, r.bounty) = (NodeId.wrap(0), 0, 0, 0);
        } else {
            readQuestion(log, kind, id);
        }
    }

    function readQuestion(Vm.Log memory log, bytes32 kind, DealId id) internal {
        if (kind == IMarketBase.Asked.selector) {
            (uint8 slot, uint64 leaf,) = abi.decode(log.data, (uint8, uint64, uint32));
            questions[id][slot][addressIn(log.topics[3])] = uint256(leaf) + 1;
            waiting[id][slot].asks += 1;
        } else if (kind == IMarketBase.Answered.selector) {
            uint8 slot = abi.decode(log.data, (uint8));
            questions[id][slot][addressIn(log.topics[3])] = 0;
            waiting[id][slot].asks -= 1;
            nodes[nodeIn(log.topics[2])].earned += market.ASK_BOND();
        } else if (kind == IMarketBase.AskClosed.selector) {
            (uint8 slot,) = abi.decode(log.data, (uint8, uint256));
            questions[id][slot][addressIn(log.topics[2])] = 0;
            waiting[id][slot].asks -= 1;
        } else {
            yes(kind == IMarketBase.SlotHandedOver.selector, "every event is read");
        }
    }
}
