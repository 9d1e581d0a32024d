// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Acceptance, DealState, DealView, Duty, EntryView, NO_HINT, Standing, Terms } from "../../../contracts/types/Deals.sol";
import { DealId, NodeId, Rate, UNIT, dealIdOf } from "../../../contracts/types/Types.sol";
import { BookLib } from "../../../contracts/libraries/BookLib.sol";
import { RateLib } from "../../../contracts/libraries/RateLib.sol";
import { World } from "./World.sol";

/// @notice Does what clients, nodes, operators and passers-by can do, in any order, and remembers what must come of it.
/// Every action is one that must succeed; what is not possible just now is left out.
contract Actors is World {
    uint256 public constant CLIENTS = 3;
    uint256 public constant NODES = 6;

    uint48[CLIENTS + 1] internal numbers;
    DealId[] internal deals;
    uint256 internal shards;

    // What must come of it, in units.
    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public burned;
    uint256 public rewarded;
    uint256 public credited;
    uint256 public collected;
    mapping(NodeId node => uint256) public creditedTo;

    constructor() {
        build();
        for (uint256 i = 1; i <= CLIENTS; ++i) {
            fund(client(i), 1_000_000e9);
            deposited += 1_000_000e9;
        }
        for (uint256 i = 1; i <= NODES; ++i) {
            register(i, 1000e9);
            deposited += 1000e9;
        }
    }

    function client(uint256 i) public pure returns (address) {
        return address(uint160(0xC000 + i));
    }

    function dealCount() external view returns (uint256) {
        return deals.length;
    }

    function dealAt(uint256 i) external view returns (DealId) {
        return deals[i];
    }

    function parts()
        external
        view
        returns (address token_, address escrow_, address registry_, address market_, address bank_, address lens_)
    {
        return (address(token), address(escrow), address(registry), address(market), address(bank), address(lens));
    }

    function owner(uint256 i) external pure returns (address) {
        return ownerOf(i);
    }

    // Time

    function passBlocks(uint256 blocks) external {
        vm.roll(vm.getBlockNumber() + within(blocks, 1, L));
    }

    function passPeriods(uint256 periods) external {
        goTo(period() + within(periods, 1, 3));
    }

    function passALongTime(uint256 periods) external {
        if (periods % 5 == 0) goTo(period() + within(periods, 100, 260));
    }

    // Clients

    function putMoneyIn(uint256 who, uint256 units) external {
        units = within(units, 1, 1e12);
        fund(client(within(who, 1, CLIENTS)), units);
        deposited += units;
    }

    function takeMoneyOut(uint256 who, uint256 units) external {
        address account = within(who, 0, 9) > 6 ? ownerOf(within(who, 1, NODES)) : client(within(who, 1, CLIENTS));
        uint256 most = free(account);
        if (most == 0) return;
        units = within(units, 1, most > 1e9 ? most / 8 : most);
        vm.prank(account);
        escrow.withdraw(account, units * UNIT);
        withdrawn += units;
    }

    function openDeal(uint256 who, uint256 rate, uint256 leaves, uint256 periods, uint256 slots, uint256 seed) external {
        who = within(who, 1, CLIENTS);
        Terms memory terms = termsOf(
            numbers[who] + 1,
            within(rate, 1, 3) * within(rate >> 8, 1, 5) ** within(rate >> 16, 0, 6),
            uint64(within(leaves, 1, 9)),
            uint32(within(periods, 0, 9) == 0 ? within(periods, 200, 300) : within(periods, 2, 9)),
            uint8(within(slots, 1, 5)),
            1
        );
        if (market.quote(terms.rate, terms.n, terms.end - period() - 1) > free(client(who))) return;
        bytes20 root = keep(++shards, terms.leaves);
        Acceptance[] memory all = new Acceptance[](within(slots >> 8, 1, terms.n));
        uint256 first = seed % NODES;
        for (uint256 i = 0; i < all.length; ++i) {
            uint256 node = 1 + (first + i) % NODES;
            uint8 slot = uint8(i + terms.n - all.length);
            all[i] = acceptWith(client(who), terms, slot, node, root, hintFor(id(node), terms.rate, seed));
        }
        vm.prank(client(who));
        try market.openDeal(client(who), terms, all) {
            numbers[who] += 1;
            deals.push(dealIdOf(client(who), numbers[who]));
        } catch {
            // Every node that was asked is out.
            for (uint256 i = 0; i < all.length; ++i) {
                Standing memory s = lens.standing(all[i].node);
                yes(s.out != 0 || behind(all[i].node) || s.ledgerLength > 1 << 37 || stakeShort(all[i].node, terms.rate), "refused for a reason");
            }
        }
    }

    function openByOperator(uint256 who, uint256 rate, uint256 seed) external {
        who = within(who, 1, CLIENTS);
        address account = client(who);
        uint64 total = uint64(within(seed, 0, 1e6));
        vm.prank(account);
        escrow.allow(OPERATOR, total, period() + 3, rateOf(100), rateOf(10_000), Rate.wrap(0));
        Terms memory terms = termsOf(numbers[who] + 1, within(rate, 1, 1000), 1, 3, 2, 1);
        uint256 units = market.quote(terms.rate, 2, 3);
        bytes20 root = keep(++shards, 1);
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = accept(account, terms, 0, 1 + seed % NODES, root);
        uint256 before = locked(account);
        vm.prank(OPERATOR);
        try market.openDeal(account, terms, all) {
            yes(units <= total && units <= 10_000, "within its allowance");
            numbers[who] += 1;
            deals.push(dealIdOf(account, numbers[who]));
            eq(locked(account) - before, units, "no more than the quote");
        } catch { }
    }

    function fillSlot(uint256 which, uint256 node, uint256 seed) external {
        (bool found, DealView memory v) = someOpenDeal(which, 2);
        if (!found) return;
        node = within(node, 1, NODES);
        uint256 slot = v.n;
        for (uint256 i = 0; i < v.n; ++i) {
            if (NodeId.unwrap(v.slots[i].node) == node) return;
            if (NodeId.unwrap(v.slots[i].node) == 0) slot = i;
        }
        if (slot == v.n || stakeShort(id(node), v.rate)) return;
        if (lens.standing(id(node)).out != 0 || behind(id(node))) return;
        Terms memory terms;
        terms.number = v.id.numberOf();
        terms.rate = v.rate;
        terms.leaves = uint64(within(seed, 1, 4));
        terms.maxEnd = v.maxEnd;
        bytes20 root = keep(++shards, terms.leaves);
        Acceptance memory a =
            acceptWith(v.id.clientOf(), terms, uint8(slot), node, root, hintFor(id(node), v.rate, seed));
        vm.prank(v.id.clientOf());
        market.fillSlot(v.id, terms.leaves, a);
    }

    function extend(uint256 which, uint256 periods, uint256 who) external {
        (bool found, DealView memory v) = someOpenDeal(which, 2);
        if (!found || v.end >= v.maxEnd) return;
        uint32 end = v.end + uint32(within(periods, 1, v.maxEnd - v.end > 6 ? 6 : v.maxEnd - v.end));
        address payer = client(within(who, 1, CLIENTS));
        if (free(payer) < market.quote(v.rate, v.n, end - v.from)) return;
        vm.prank(payer);
        market.extend(v.id, end, payer);
    }

    function settle(uint256 which) external {
        if (deals.length == 0) return;
        DealView memory v = lens.deal(deals[which % deals.length]);
        if (v.state != DealState.Open || period() < v.end) return;
        uint256 before = free(v.id.clientOf());
        settleOne(v.id);
        DealView memory after_ = lens.deal(v.id);
        eq(after_.paid, v.paid, "settling pays nobody");
        eq(free(v.id.clientOf()) - before, after_.refunded, "the refund reached the client");
    }

    // Nodes

    function prove(uint256 node, uint256) external {
        proveIfDue(within(node, 1, NODES));
    }

    function proveEverything(uint256) external {
        for (uint256 i = 1; i <= NODES; ++i) proveIfDue(i);
    }

    function proveIfDue(uint256 i) internal {
        NodeId node = id(i);
        if (behind(node)) {
            market.roll(node, 256);
            return;
        }
        Duty memory d = lens.duty(node);
        if (d.barred || d.proved || d.seed == 0) return;
        market.prove(node, d.period, proofOf(node));
        credited += d.rate;
        creditedTo[node] += d.rate;
    }

    function collect(uint256 node) external {
        NodeId n = id(within(node, 1, NODES));
        collected += lens.standing(n).earned;
        market.collect(n);
    }

    function mintReward(uint256 node) external {
        NodeId[] memory all = new NodeId[](1);
        all[0] = id(within(node, 1, NODES));
        uint256 before = token.minted();
        bank.mintReward(all);
        rewarded += (token.minted() - before) / UNIT;
    }

    function burnFees() external {
        uint256 before = token.totalSupply();
        bank.burnFees();
        burned += (before - token.totalSupply()) / UNIT;
    }

    function trim(uint256 node) external {
        NodeId n = id(within(node, 1, NODES));
        if (behind(n)) return;
        uint64 cursor;
        EntryView memory last;
        while (true) {
            EntryView[] memory entries;
            (entries, cursor) = lens.ledger(n, cursor, 100);
            if (entries.length == 0) break;
            last = entries[entries.length - 1];
        }
        if (last.length == 0 || last.until > period()) return;
        Duty memory d = lens.duty(n);
        if (!d.barred && !d.proved) return;
        uint64[] memory starts = new uint64[](1);
        starts[0] = last.start;
        vm.prank(vm.addr(hotKey(NodeId.unwrap(n))));
        market.trim(n, starts);
    }

    function exit(uint256 node, uint256 odds) external {
        NodeId n = id(within(node, 1, NODES));
        if (odds % 8 != 0 || behind(n)) return;
        vm.prank(ownerOf(NodeId.unwrap(n)));
        registry.exit(n);
    }

    function takeStake(uint256 node) external {
        NodeId n = id(within(node, 1, NODES));
        if (market.stakeBound(n) < registry.node(n).stake) registry.takeStake(n);
    }

    function addStake(uint256 node, uint256 units) external {
        uint256 i = within(node, 1, NODES);
        uint256 most = free(ownerOf(i));
        if (most == 0) return;
        vm.prank(ownerOf(i));
        registry.addStake(id(i), uint64(within(units, 1, most)));
    }

    // Helpers

    function someOpenDeal(uint256 which, uint32 periodsLeft) internal view returns (bool, DealView memory v) {
        if (deals.length == 0) return (false, v);
        v = lens.deal(deals[which % deals.length]);
        return (v.state == DealState.Open && v.end >= period() + periodsLeft, v);
    }

    /// @dev A range of the node that might be refilled, or anything else.
    function hintFor(NodeId node, Rate rate, uint256 seed) internal view returns (uint64) {
        if (seed % 4 == 0) return uint64(seed >> 32);
        (EntryView[] memory entries,) = lens.ledger(node, 0, 100);
        for (uint256 i = 0; i < entries.length; ++i) {
            if (Rate.unwrap(entries[i].rate) == Rate.unwrap(rate)) return entries[i].start;
        }
        return NO_HINT;
    }

    function behind(NodeId node) internal view returns (bool) {
        uint256 asOf = bookAsOf(node);
        return lens.standing(node).rate != 0 && asOf + 256 < period() + 1;
    }

    function bookAsOf(NodeId node) internal view returns (uint256) {
        return BookLib.unpack(market.bookWord(node)).asOf;
    }

    function stakeShort(NodeId node, Rate rate) internal view returns (bool) {
        return (lens.standing(node).rate + RateLib.value(rate)) * STAKE_PERIODS + REPORT_BOUNTY > registry.node(node).stake;
    }
}
