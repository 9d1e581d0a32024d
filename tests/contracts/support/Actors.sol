// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {
    Acceptance,
    DealState,
    DealView,
    Duty,
    EntryView,
    NO_HINT,
    SlotState,
    SlotView,
    Standing
} from "../../../contracts/types/Deals.sol";
import { DealId, NodeId, Rate, UNIT, dealIdOf } from "../../../contracts/types/Types.sol";
import { DealWord } from "../../../contracts/types/Words.sol";
import { BookLib } from "../../../contracts/libraries/BookLib.sol";
import { RateLib } from "../../../contracts/libraries/RateLib.sol";
import { Shards } from "./Shards.sol";
import { Terms, World } from "./World.sol";

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
    /// @dev What cures cost, which the bank burns.
    uint256 public penalties;
    uint256 public rewarded;
    uint256 public credited;
    uint256 public collected;
    /// @dev Bonds of questions that nodes earned.
    uint256 public answered;
    mapping(NodeId node => uint256) public creditedTo;

    /// @dev What a deal came to, because the market forgets deals that owe nobody anything.
    struct Settled {
        uint64 paid;
        uint64 fee;
        uint8 n;
    }

    mapping(DealId id => Settled) internal settledAs;

    /// @dev Hashes of acceptances that filled a slot.
    mapping(bytes32 hash => bool) internal used;

    struct Question {
        DealId id;
        uint8 slot;
        address asker;
    }

    /// @dev What happened, so that a test can see that something did.
    struct Done {
        uint256 losses;
        uint256 convictions;
        uint256 evictions;
        uint256 cures;
        uint256 compensations;
        uint256 claims;
        uint256 handOvers;
        uint256 earlyEnds;
    }

    Done internal done;
    Question[] internal asks;
    Question[] internal reserved;
    uint256[] internal reservedBy;

    /// @dev What was seen of a deal, a node, and a client, none of which ever goes back.
    struct Seen {
        DealState state;
        mapping(uint256 slot => bool) wasHeld;
    }

    mapping(DealId id => Seen) internal seenOf;
    mapping(NodeId node => Standing) internal seenAt;
    mapping(uint256 client => uint256) internal seenNumber;
    mapping(uint256 period => bytes20) internal seenSeed;

    /// @notice Status never runs backward.
    modifier watched() {
        _;
        for (uint256 i = 0; i < deals.length; ++i) {
            Seen storage seen = seenOf[deals[i]];
            if (seen.state == DealState.Settled && DealWord.unwrap(market.dealWord(deals[i])) == 0) continue;
            DealView memory v = lens.deal(deals[i]);
            yes(v.state >= seen.state && v.state != DealState.None, "a deal goes on");
            seen.state = v.state;
            for (uint256 j = 0; j < v.slots.length; ++j) {
                bool isHeld = v.slots[j].state != SlotState.Vacant;
                yes(isHeld || !seen.wasHeld[j], "a slot that was held is never as if it had not been");
                seen.wasHeld[j] = isHeld;
            }
        }
        for (uint256 i = 1; i <= NODES; ++i) {
            Standing memory s = lens.standing(id(i));
            Standing storage seen = seenAt[id(i)];
            yes(s.provedPeriods >= seen.provedPeriods && s.lastProved >= seen.lastProved, "proofs stay");
            seenAt[id(i)] = s;
        }
        for (uint256 i = 1; i <= CLIENTS; ++i) {
            uint256 number = escrow.accountOf(client(i)).lastNumber;
            yes(number >= seenNumber[i], "numbers are not given back");
            seenNumber[i] = number;
        }
        uint32 p = period();
        (bytes20 seed,) = lens.period(p);
        yes(seenSeed[p] == 0 || seed == seenSeed[p], "a pinned seed stays");
        seenSeed[p] = seed;
    }

    function whatHappened() external view returns (Done memory) {
        return done;
    }

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

    function passBlocks(uint256 blocks) external watched {
        uint256 height = vm.getBlockNumber() + within(blocks, 1, L);
        if (height / L != period()) faithfulProves();
        vm.roll(height);
    }

    function passPeriods(uint256 periods) external watched {
        passPeriodsNow(within(periods, 1, 3));
    }

    /// @dev The chain stands still, or lets no proof through: that is nobody's fault.
    function passALongTime(uint256 periods) external watched {
        if (periods % 5 != 0) return;
        faithfulProves();
        goTo(period() + within(periods, 100, 190));
    }

    function passPeriodsNow(uint256 periods) internal {
        for (uint256 i = 0; i < periods; ++i) {
            faithfulProves();
            goTo(period() + 1);
        }
    }

    /// @dev One node proves every period that it can.
    function faithfulProves() internal {
        uint256 first = uint256(period()) * L + D + 1;
        if (vm.getBlockNumber() < first) vm.roll(first);
        proveIfDue(NODES);
    }

    // Clients

    function putMoneyIn(uint256 who, uint256 units) external watched {
        units = within(units, 1, 1e12);
        fund(client(within(who, 1, CLIENTS)), units);
        deposited += units;
    }

    function takeMoneyOut(uint256 who, uint256 units) external watched {
        address account = within(who, 0, 9) > 6 ? ownerOf(within(who, 1, NODES)) : client(within(who, 1, CLIENTS));
        uint256 most = free(account);
        if (most == 0) return;
        units = within(units, 1, most > 1e9 ? most / 8 : most);
        vm.prank(account);
        escrow.withdraw(account, units * UNIT);
        withdrawn += units;
    }

    function openDeal(uint256 who, uint256 rate, uint256 leaves, uint256 periods, uint256 slots, uint256 seed) external watched {
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
        Acceptance[] memory all = acceptSome(client(who), terms, within(slots >> 8, 1, terms.n), seed);
        bytes32[] memory hashes = new bytes32[](all.length);
        for (uint256 i = 0; i < all.length; ++i) hashes[i] = market.acceptanceHash(client(who), word(terms), all[i]);
        vm.prank(client(who));
        try market.openDeal(client(who), word(terms), all) {
            for (uint256 i = 0; i < all.length; ++i) used[hashes[i]] = true;
            numbers[who] += 1;
            deals.push(dealIdOf(client(who), numbers[who]));
        } catch {
            // Every node that was asked is out.
            for (uint256 i = 0; i < all.length; ++i) {
                Standing memory s = lens.standing(nodeOf(all[i]));
                yes(s.out != 0 || behind(nodeOf(all[i])) || s.ledgerLength > 1 << 37 || stakeShort(nodeOf(all[i]), terms.rate), "refused for a reason");
            }
        }
    }

    /// @dev The last `count` slots, by nodes in a row.
    function acceptSome(address account, Terms memory terms, uint256 count, uint256 seed)
        private
        returns (Acceptance[] memory all)
    {
        bytes20 root = keep(++shards, terms.leaves);
        all = new Acceptance[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 node = 1 + (seed % NODES + i) % NODES;
            uint64 hint = hintFor(id(node), terms.rate, seed);
            all[i] = acceptWith(account, terms, uint8(i + terms.n - count), node, root, hint);
        }
    }

    function openByOperator(uint256 who, uint256 rate, uint256 seed) external watched {
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
        try market.openDeal(account, word(terms), all) {
            yes(units <= total && units <= 10_000, "within its allowance");
            numbers[who] += 1;
            deals.push(dealIdOf(account, numbers[who]));
            eq(locked(account) - before, units, "no more than the quote");
        } catch { }
    }

    function fillSlot(uint256 which, uint256 node, uint256 seed) external watched {
        (bool found, DealView memory v) = someOpenDeal(which, 2);
        if (!found) return;
        node = within(node, 1, NODES);
        uint256 slot = v.n;
        for (uint256 i = 0; i < v.n; ++i) {
            if (holds(v.slots[i], node)) return;
            if (v.slots[i].state != SlotState.Held) slot = i;
        }
        if (slot == v.n || stakeShort(id(node), v.rate)) return;
        if (lens.standing(id(node)).out != 0 || behind(id(node))) return;
        if (NodeId.unwrap(lens.vacancy(v.id, uint8(slot)).reservedBy) != 0) return;
        Terms memory terms;
        terms.number = v.id.numberOf();
        terms.rate = v.rate;
        terms.leaves = uint64(within(seed, 1, 4));
        terms.maxEnd = v.maxEnd;
        bytes20 root = keep(++shards, terms.leaves);
        Acceptance memory a =
            acceptWith(v.id.clientOf(), terms, uint8(slot), node, root, hintFor(id(node), v.rate, seed));
        useOnce(market.acceptanceHash(v.id.clientOf(), word(terms), a));
        bool byOperator = seed % 3 == 0;
        uint256 units = market.quote(v.rate, 1, v.end - period() - 1);
        if (byOperator) {
            vm.prank(v.id.clientOf());
            escrow.allow(OPERATOR, uint64(units), period() + 1, Rate.wrap(0), Rate.wrap(0), Rate.wrap(0));
        }
        vm.prank(byOperator ? OPERATOR : v.id.clientOf());
        market.fillSlot(v.id, terms.leaves, a);
        eq(byOperator ? escrow.allowanceOf(v.id.clientOf(), OPERATOR).left : 0, 0, "what fills a slot is spent");
    }

    function extend(uint256 which, uint256 periods, uint256 who) external watched {
        (bool found, DealView memory v) = someOpenDeal(which, 2);
        if (!found || v.end >= v.maxEnd) return;
        uint32 end = v.end + uint32(within(periods, 1, v.maxEnd - v.end > 6 ? 6 : v.maxEnd - v.end));
        address payer = client(within(who, 1, CLIENTS));
        if (free(payer) < market.quote(v.rate, v.n, end - v.from)) return;
        vm.prank(payer);
        market.extend(v.id, end, payer);
    }

    function settledOf(DealId deal) external view returns (Settled memory) {
        return settledAs[deal];
    }

    function settle(uint256 which) external watched {
        if (deals.length == 0) return;
        DealView memory v = lens.deal(deals[which % deals.length]);
        if (v.state != DealState.Open || period() < v.end) return;
        uint256 before = free(v.id.clientOf());
        uint256 bounties;
        for (uint256 i = 0; i < v.n; ++i) if (v.slots[i].state == SlotState.Lost) bounties += v.slots[i].bounty;
        settleOne(v.id);
        settledAs[v.id] = Settled(v.paid, v.fee, v.n);
        eq(free(v.id.clientOf()) - before, v.locked - v.paid - v.fee + bounties, "the refund reached the client");
        yes(lens.deal(v.id).state == DealState.Settled, "settled");
    }

    // Nodes

    function prove(uint256 node, uint256) external watched {
        proveIfDue(within(node, 1, NODES));
    }

    function proveEverything(uint256) external watched {
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

    function collect(uint256 node) external watched {
        NodeId n = id(within(node, 1, NODES));
        collected += lens.standing(n).earned;
        market.collect(n);
    }

    function mintReward(uint256 node) external watched {
        NodeId[] memory all = new NodeId[](1);
        all[0] = id(within(node, 1, NODES));
        uint256 before = token.totalSupply();
        bank.mintReward(all);
        rewarded += (token.totalSupply() - before) / UNIT;
    }

    function burnFees() external watched {
        uint256 before = token.totalSupply();
        address[] memory clients = new address[](CLIENTS);
        for (uint256 i = 0; i < CLIENTS; ++i) clients[i] = client(i + 1);
        bank.burnFees(clients);
        burned += (before - token.totalSupply()) / UNIT;
    }

    function trim(uint256 node) external watched {
        NodeId n = id(within(node, 1, NODES));
        if (behind(n) || lens.standing(n).evicted) return;
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

    function exit(uint256 node, uint256 odds) external watched {
        NodeId n = id(within(node, 1, NODES));
        if (odds % 8 != 0 || behind(n) || lens.standing(n).evicted) return;
        vm.prank(ownerOf(NodeId.unwrap(n)));
        registry.exit(n);
    }

    function takeStake(uint256 node) external watched {
        NodeId n = id(within(node, 1, NODES));
        if (market.stakeBound(n) < registry.node(n).stake) registry.takeStake(n);
    }

    function addStake(uint256 node, uint256 units) external watched {
        uint256 i = within(node, 1, NODES);
        uint256 most = free(ownerOf(i));
        if (most == 0) return;
        vm.prank(ownerOf(i));
        registry.addStake(id(i), uint64(within(units, 1, most)));
    }

    // Faults

    /// @dev One slot of one deal that runs on.
    function someSlot(uint256 which, uint256 seed, uint32 left) internal view returns (bool, DealView memory v, uint8 slot) {
        bool found;
        (found, v) = someOpenDeal(which, left);
        if (found) slot = uint8(seed % v.n);
        return (found, v, slot);
    }

    function declareLoss(uint256 which, uint256 seed) external watched {
        (bool found, DealView memory v, uint8 slot) = someSlot(which, seed, 2);
        if (!found || v.slots[slot].state != SlotState.Held) return;
        NodeId node = v.slots[slot].node;
        if (NodeId.unwrap(node) == NODES || behind(node)) return;
        uint256 before = owedTo(v.id.clientOf());
        vm.prank(ownerOf(NodeId.unwrap(node)));
        market.declareLoss(v.id, slot);
        yes(owedTo(v.id.clientOf()) > before || v.end == period() + 2, "the client is better off");
        done.losses += 1;
    }

    function ask(uint256 which, uint256 seed, uint256 who) external watched {
        (bool found, DealView memory v, uint8 slot) = someSlot(which, seed, 4);
        if (!found || v.slots[slot].state != SlotState.Held) return;
        address asker = client(within(who, 1, CLIENTS));
        (, uint32 due) = lens.question(v.id, slot, asker);
        if (due != 0 || free(asker) < ASK_BOND) return;
        uint64 leaf = uint64(seed % v.slots[slot].leaves);
        vm.prank(asker);
        market.ask(v.id, slot, leaf);
        asks.push(Question(v.id, slot, asker));
        // The faithful node answers at once, others when they like.
        if (NodeId.unwrap(v.slots[slot].node) == NODES) answerOne(asks.length - 1);
    }

    function answer(uint256 which) external watched {
        if (asks.length != 0) answerOne(which % asks.length);
    }

    function answerOne(uint256 i) internal {
        Question memory q = asks[i];
        (uint64 leaf,) = lens.question(q.id, q.slot, q.asker);
        DealView memory v = lens.deal(q.id);
        if (v.n == 0) return;
        Shard memory shard = disks[v.slots[q.slot].root];
        if (v.slots[q.slot].leaves == 0) return;
        if (leaf >= shard.leaves) return;
        try market.answer(q.id, q.slot, q.asker, Shards.opening(shard.seed, shard.leaves, leaf)) {
            answered += ASK_BOND;
            forget(i);
        } catch { }
    }

    function closeAsk(uint256 which) external watched {
        if (asks.length == 0) return;
        uint256 i = which % asks.length;
        Question memory q = asks[i];
        // Of a deal that is settled for good only the question is left, to be withdrawn.
        DealView memory v = lens.deal(q.id);
        NodeId node = v.n == 0 ? id(0) : v.slots[q.slot].node;
        if (v.n != 0 && behind(node)) return;
        try market.convict(q.id, q.slot, q.asker) {
            yes(NodeId.unwrap(node) != NODES, "the faithful node is never convicted");
            done.convictions += 1;
            forget(i);
        } catch {
            try market.withdrawAsk(q.id, q.slot, q.asker) {
                forget(i);
            } catch { }
        }
    }

    function forget(uint256 i) internal {
        asks[i] = asks[asks.length - 1];
        asks.pop();
    }

    function evict(uint256 node) external watched {
        node = within(node, 1, NODES);
        uint32[3] memory strikes;
        uint256 found;
        uint32 p = period();
        Standing memory s = lens.standing(id(node));
        for (uint32 back = 1; back < 60 && back < p && found < 3; ++back) {
            (, uint96 paid) = lens.period(p - back);
            if (paid == 0 || p - back == s.forfeited) continue;
            strikes[2 - found++] = p - back;
        }
        if (found < 3) return;
        try market.evict(id(node), strikes[0], strikes[1], strikes[2]) {
            yes(node != NODES, "the faithful node is never evicted");
            done.evictions += 1;
        } catch { }
    }

    /// @dev Misses three periods on purpose that another proves, and is evicted.
    function strike(uint256 node, uint256 odds) external watched {
        node = within(node, 1, NODES - 1);
        if (odds % 3 != 0 || lens.standing(id(node)).rate == 0 || lens.duty(id(NODES)).barred) return;
        passPeriodsNow(4);
        this.evict(node - 1);
    }

    function cure(uint256 node) external watched {
        node = within(node, 1, NODES);
        if (!lens.standing(id(node)).evicted || lens.duty(id(node)).seed == 0) return;
        if (lens.standing(id(node)).rate == 0) return;
        bytes memory proof;
        try this.cureProof(id(node)) returns (bytes memory p) {
            proof = p;
        } catch {
            return;
        }
        uint256 before = registry.node(id(node)).stake;
        vm.prank(ownerOf(node));
        try market.cure(id(node), proof) {
            penalties += before - registry.node(id(node)).stake;
            done.cures += 1;
        } catch { }
    }

    /// @dev Outside, because there is none if all the node held is over.
    function cureProof(NodeId node) external view returns (bytes memory) {
        uint64 cursor;
        bool any;
        EntryView[] memory entries;
        (entries, cursor) = lens.ledger(node, 0, 100);
        for (uint256 i = 0; i < entries.length; ++i) {
            any = any || (entries[i].from <= period() && period() < entries[i].until);
        }
        yes(any, "something is live");
        return proofOf(node, 20);
    }

    function compensate(uint256 which, uint256 seed) external watched {
        if (deals.length == 0) return;
        DealView memory v = lens.deal(deals[which % deals.length]);
        if (v.n == 0) return;
        uint8 slot = uint8(seed % v.n);
        if (v.slots[slot].state != SlotState.Evicted) return;
        uint256 before = owedTo(v.id.clientOf());
        try market.compensate(v.id, slot) {
            yes(owedTo(v.id.clientOf()) >= before + 15 * RateLib.value(v.rate), "half of the pot at least");
            done.compensations += 1;
        } catch { }
    }

    // Repair

    function reserve(uint256 which, uint256 seed, uint256 node) external watched {
        (bool found, DealView memory v, uint8 slot) = someSlot(which, seed, 3);
        if (!found) return;
        for (uint8 i = 0; i < v.n; ++i) if (v.slots[i].state > SlotState.Held) slot = i;
        node = within(node, 1, NODES);
        if (v.slots[slot].state <= SlotState.Held) return;
        if (free(ownerOf(node)) < market.bondOf(v.id, slot)) return;
        vm.prank(ownerOf(node));
        try market.reserve(v.id, slot, id(node)) {
            reserved.push(Question(v.id, slot, ownerOf(node)));
            reservedBy.push(node);
        } catch {
            yes(NodeId.unwrap(lens.vacancy(v.id, slot).reservedBy) != 0, "reserved by another");
        }
    }

    function claim(uint256 which, bool wait) external watched {
        if (reserved.length == 0) return;
        uint256 i = which % reserved.length;
        Question memory q = reserved[i];
        if (wait) passPeriodsNow(1);
        DealView memory v = lens.deal(q.id);
        if (v.n == 0 || lens.duty(id(reservedBy[i])).seed == 0 || v.slots[q.slot].leaves == 0) return;
        bytes memory proof = takeoverProof(q.id, q.slot, reservedBy[i]);
        vm.prank(ownerOf(reservedBy[i]));
        try market.claim(q.id, q.slot, id(reservedBy[i]), NO_HINT, proof) {
            done.claims += 1;
        } catch { }
    }

    function release(uint256 which, uint256 seed) external watched {
        if (deals.length == 0) return;
        DealView memory v = lens.deal(deals[which % deals.length]);
        try market.release(v.id, uint8(seed % (v.n == 0 ? settledAs[v.id].n : v.n))) { } catch { }
    }

    function handOver(uint256 which, uint256 seed, uint256 to) external watched {
        (bool found, DealView memory v, uint8 slot) = someSlot(which, seed, 2);
        if (!found || v.slots[slot].state != SlotState.Held || lens.duty(id(1)).seed == 0) return;
        to = within(to, 1, NODES);
        uint256 from = NodeId.unwrap(v.slots[slot].node);
        Terms memory terms;
        terms.number = v.id.numberOf();
        terms.rate = v.rate;
        terms.leaves = v.slots[slot].leaves;
        terms.maxEnd = v.maxEnd;
        Acceptance memory a = accept(v.id.clientOf(), terms, slot, to, v.slots[slot].root);
        bytes memory proof = takeoverProof(v.id, slot, to);
        bytes32 hash = market.acceptanceHash(v.id.clientOf(), word(terms), a);
        vm.prank(ownerOf(from));
        try market.handOver(v.id, a, proof) {
            useOnce(hash);
            done.handOvers += 1;
        } catch { }
    }

    function endEarly(uint256 which, uint256 odds) external watched {
        (bool found, DealView memory v) = someOpenDeal(which, 13);
        if (!found || odds % 3 != 0) return;
        vm.prank(v.id.clientOf());
        market.endEarly(v.id, period() + 11);
        done.earlyEnds += 1;
    }

    // Helpers

    /// @dev What a node signs for a slot as it is now did not serve before, not even in the same block.
    function useOnce(bytes32 hash) internal {
        yes(!used[hash], "an acceptance serves once");
        used[hash] = true;
    }

    function holds(SlotView memory slot, uint256 node) internal pure returns (bool) {
        return NodeId.unwrap(slot.node) == node && slot.state != SlotState.Lost;
    }

    function owedTo(address account) internal view returns (uint256) {
        return free(account) + locked(account);
    }

    function askCount() external view returns (uint256) {
        return asks.length;
    }

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

    /// @notice True if the node's book is too far behind to be told from where it stands.
    function isBehind(NodeId node) external view returns (bool) {
        return behind(node);
    }

    function behind(NodeId node) internal view returns (bool) {
        uint256 asOf = bookAsOf(node);
        Standing memory s = lens.standing(node);
        return !s.evicted && s.rate != 0 && asOf + 256 < period() + 1;
    }

    function bookAsOf(NodeId node) internal view returns (uint256) {
        return BookLib.unpack(market.bookWord(node)).asOf;
    }

    function stakeShort(NodeId node, Rate rate) internal view returns (bool) {
        return (lens.standing(node).rate + RateLib.value(rate)) * STAKE_PERIODS + REPORT_BOUNTY > registry.node(node).stake;
    }
}
