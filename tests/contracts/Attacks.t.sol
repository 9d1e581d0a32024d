// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IMarketBase } from "../../contracts/interfaces/IMarketBase.sol";
import { INodeRegistry } from "../../contracts/interfaces/INodeRegistry.sol";
import { IStorageMarket } from "../../contracts/interfaces/IStorageMarket.sol";
import { Draw } from "../../contracts/libraries/Draw.sol";
import { Acceptance, DealView, Duty, NO_HINT, Refusal, SlotState } from "../../contracts/types/Deals.sol";
import { DealId, UNIT, dealIdOf } from "../../contracts/types/Types.sol";
import { Terms, World } from "./support/World.sol";

/// @notice One test for each attack on proofs, acceptances, money and repair, named after it. Those on the vault through
/// its token are in Escrow.t.sol, self-dealing in Bank.t.sol, stuck funds in WaysOut.t.sol.
contract AttacksTest is World {
    /// @dev A value that the float holds exactly.
    uint256 internal constant RATE = 1_024_000;
    uint64 internal constant STAKE = 1000e9;
    uint64 internal constant LEAVES = 9;
    uint256 internal constant FINE = 10 * RATE;

    function setUp() public {
        build();
        populate();
    }

    function populate() internal {
        for (uint256 i = 1; i <= 5; ++i) {
            register(i, STAKE);
            fund(ownerOf(i), 100e9);
        }
        fund(CLIENT, 10_000e9);
        fund(OTHER, 1000e9);
    }

    /// @dev What the owner of node `i` has in all.
    function wealth(uint256 i) internal view returns (uint256) {
        return free(ownerOf(i)) + registry.node(id(i)).stake + lens.standing(id(i)).earned;
    }

    /// @dev True if the present proof of a node, whose ranges all live, opens a leaf of [start, start + length).
    function isDrawn(uint256 i, uint256 start, uint256 length) internal view returns (bool) {
        Duty memory duty = lens.duty(id(i));
        bytes32 base = market.challengeBase(id(i), duty.period, duty.seed);
        for (uint256 t = 0; t < market.CHALLENGES(); ++t) {
            uint256 position = Draw.position(Draw.number(base, t), duty.frozenLength);
            if (position >= start && position < start + length) return true;
        }
        return false;
    }

    /// @dev Opens a deal of one slot at `terms`, or expects that its one acceptance does not hold.
    function openWith(address client, Terms memory terms, Acceptance memory acceptance, bool holds) internal {
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = acceptance;
        vm.prank(client);
        if (!holds) vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_TooFewFilled.selector, 0, 1));
        market.openDeal(client, word(terms), all);
    }

    function termsOfDeal(DealId deal) internal view returns (Terms memory) {
        DealView memory v = lens.deal(deal);
        return Terms(deal.numberOf(), v.rate, LEAVES, v.end, v.maxEnd, v.n, v.k, v.k);
    }

    function declare(uint256 i, DealId deal, uint8 slot) internal {
        vm.prank(ownerOf(i));
        market.declareLoss(deal, slot);
    }

    function reserve(uint256 i, DealId deal, uint8 slot) internal {
        vm.prank(ownerOf(i));
        market.reserve(deal, slot, id(i));
    }

    function claim(uint256 i, DealId deal, uint8 slot) internal {
        bytes memory proof = takeoverProof(deal, slot, i);
        vm.prank(ownerOf(i));
        market.claim(deal, slot, id(i), NO_HINT, proof);
    }

    function expectNoStrike(uint256 i, uint32 bad, uint32 first) internal {
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NoStrike.selector, id(i), bad));
        market.evict(id(i), first, first + 1, first + 2);
    }

    // The challenge

    /// Once the seed is known, nothing that a node or its friends do changes what is drawn in this period.
    function test_Grinding_the_challenge() public {
        open(1, RATE, LEAVES, 2, 1);
        DealId deal = open(2, RATE, LEAVES, 60, 1);
        goTo(period() + 3);
        bytes32 due = keccak256(proofOf(id(1)));

        open(3, 100 * RATE, LEAVES, 60, 1);
        Terms memory refill = termsOf(4, RATE, LEAVES, 60, 1, 1);
        openWith(CLIENT, refill, acceptWith(CLIENT, refill, 0, 1, keep(4, LEAVES), 0), true);
        uint32 end = lens.deal(deal).end;
        vm.prank(CLIENT);
        market.extend(deal, end + 1, CLIENT);
        vm.startPrank(ownerOf(1));
        vm.expectPartialRevert(IMarketBase.StorageMarket_ProofDue.selector);
        market.trim(id(1), new uint64[](0));
        Acceptance memory friend = accept(CLIENT, termsOfDeal(deal), 0, 2, lens.deal(deal).slots[0].root);
        vm.expectPartialRevert(IMarketBase.StorageMarket_ProofDue.selector);
        market.handOver(deal, friend, "");
        vm.stopPrank();

        eq(keccak256(proofOf(id(1))), due, "the same proof is due");
        prove(1);
    }

    /// A node that lost its shard makes another, whose tree is as good, when it knows what is asked.
    function test_Grinding_the_data_after_the_challenge() public {
        DealId deal = open(1, RATE, LEAVES, 10, 1);
        nextPeriod();
        disks[lens.deal(deal).slots[0].root] = Shard(99, LEAVES);
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
        market.prove(id(1), p, proof);
    }

    /// Whoever keeps a node's proof out of blocks must do so for whole windows, of three periods, from everybody.
    function test_Censoring_a_proof_to_its_deadline() public {
        open(1, RATE, LEAVES, 60, 2);
        pass(1, 1, 2);
        pass(2, 2, 2);
        nextPeriod();
        prove(2);
        vm.roll(uint256(period() + 1) * L - 1);
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        vm.prank(OTHER);
        market.prove(id(1), p, proof);
        nextPeriod();
        expectNoStrike(1, p - 2, p - 2);
        eq(registry.node(id(1)).stake, STAKE, "two censored periods cost their pay alone");
        eq(lens.standing(id(1)).earned, 2 * RATE, "pay");
    }

    /// The other branch has another hash for the seed's block: it takes its own proof, and only that, and pays once.
    function test_A_reorganisation_around_a_proof() public {
        open(1, RATE, 64, 10, 1);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        uint256 fork = vm.snapshotState();
        market.prove(id(1), p, proof);
        vm.revertToState(fork);
        vm.setBlockhash(clock.seedBlockOf(p), keccak256("the other branch"));
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
        market.prove(id(1), p, proof);
        prove(1);
        eq(lens.standing(id(1)).earned, RATE, "paid once");
    }

    /// Nobody can tell from outside how many disks there are. What is held: each identity has its own stake at risk and
    /// answers for itself, and one proof never serves two.
    function test_One_disk_answering_for_several_nodes() public {
        DealId deal = open(1, RATE, 64, 60, 3);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        market.prove(id(1), p, proof);
        for (uint256 i = 2; i <= 3; ++i) {
            vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
            market.prove(id(i), p, proof);
        }
        // The one disk dies: all three are evicted, and each loses its own part.
        fund(CLIENT, 10e9);
        bytes20 root = keep(2, 4);
        Terms memory terms = termsOf(2, RATE, 4, 60, 1, 1);
        openWith(CLIENT, terms, accept(CLIENT, terms, 0, 4, root), true);
        pass(3, 4, 4);
        nextPeriod();
        for (uint256 i = 1; i <= 3; ++i) market.evict(id(i), period() - 3, period() - 2, period() - 1);
        goTo(period() + 9);
        uint256 before = free(CLIENT);
        for (uint8 slot = 0; slot < 3; ++slot) market.compensate(deal, slot);
        eq(free(CLIENT) - before, 3 * 15 * RATE, "three stakes paid");
    }

    // Replay

    function test_Replay_across_deal_slot_node_period_chain_and_contract() public {
        DealId deal = open(1, RATE, 64, 60, 3);
        DealId twin = open(2, RATE, 64, 60, 3);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        vm.expectRevert();
        market.prove(id(2), p, proof);
        vm.chainId(5);
        vm.expectRevert();
        market.prove(id(1), p, proof);
        vm.chainId(31337);
        market.prove(id(1), p, proof);
        nextPeriod();
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_PeriodClosed.selector, p, p + 1));
        market.prove(id(1), p, proof);
        vm.expectRevert();
        market.prove(id(1), p + 1, proof);

        // The proof of a claim serves one slot of one deal.
        declare(2, deal, 1);
        declare(2, twin, 1);
        declare(3, deal, 2);
        reserve(4, deal, 1);
        reserve(4, twin, 1);
        reserve(4, deal, 2);
        nextPeriod();
        bytes memory claimed = takeoverProof(deal, 1, 4);
        vm.startPrank(ownerOf(4));
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
        market.claim(twin, 1, id(4), NO_HINT, claimed);
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
        market.claim(deal, 2, id(4), NO_HINT, claimed);
        market.claim(deal, 1, id(4), NO_HINT, claimed);
        vm.stopPrank();

        // Another market on the same chain.
        IStorageMarket former = market;
        bytes memory other = proofOf(id(1));
        build();
        populate();
        open(1, RATE, 64, 60, 3);
        nextPeriod();
        p = period();
        yes(address(former) != address(market), "two markets");
        vm.expectRevert();
        market.prove(id(1), p, other);
        former.roll(id(1), 256);
    }

    function test_Copying_a_pending_proof() public {
        open(1, RATE, LEAVES, 10, 1);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        uint256 before = free(OTHER);
        vm.prank(OTHER);
        market.prove(id(1), p, proof);
        vm.prank(OTHER);
        market.collect(id(1));
        eq(free(OTHER), before, "nothing for the copier");
        eq(free(ownerOf(1)), 100e9 + RATE, "the owner is paid");
    }

    /// What a client can do to a node that holds its data: nothing but pay it.
    function test_Deleting_by_the_client_to_force_a_fault() public {
        DealId deal = open(1, RATE, LEAVES, 60, 1);
        nextPeriod();
        DealView memory v = lens.deal(deal);
        Terms memory terms = termsOfDeal(deal);
        Acceptance memory other = accept(CLIENT, terms, 0, 2, v.slots[0].root);
        DealId[] memory ids = new DealId[](1);
        ids[0] = deal;
        uint256 amount = (free(CLIENT) + 1) * UNIT;
        vm.startPrank(CLIENT);
        vm.expectPartialRevert(IMarketBase.StorageMarket_SlotTaken.selector);
        market.fillSlot(deal, LEAVES, other);
        vm.expectPartialRevert(IMarketBase.StorageMarket_BadNotice.selector);
        market.endEarly(deal, period() + 2);
        vm.expectPartialRevert(IMarketBase.StorageMarket_NotEnded.selector);
        market.settle(ids);
        vm.expectRevert();
        escrow.withdraw(CLIENT, amount);
        market.ask(deal, 0, 3);
        vm.stopPrank();
        market.answer(deal, 0, CLIENT, openingOf(deal, 0, 3));
        prove(1);
        eq(lens.standing(id(1)).earned, RATE + ASK_BOND, "paid for the proof and for the answer");
    }

    function test_An_acceptance_used_twice_late_or_by_another_client() public {
        Terms memory terms = termsOf(1, RATE, LEAVES, 10, 1, 1);
        Acceptance memory a = accept(CLIENT, terms, 0, 1, keep(1, LEAVES));
        openWith(OTHER, terms, a, false);
        Terms memory longer = termsOf(1, RATE, LEAVES, 11, 1, 1);
        openWith(CLIENT, longer, a, false);
        openWith(CLIENT, terms, a, true);
        terms.number = 2;
        openWith(CLIENT, terms, a, false);
        Acceptance memory late = accept(CLIENT, terms, 0, 1, keep(1, LEAVES));
        vm.roll(vm.getBlockNumber() + L + 1);
        openWith(CLIENT, terms, late, false);

        // Nor is a node bound once more to what it told that it lost, or handed over.
        nextPeriod();
        terms = termsOf(2, RATE, LEAVES, 40, 1, 1);
        a = accept(CLIENT, terms, 0, 1, keep(1, LEAVES));
        openWith(CLIENT, terms, a, true);
        DealId deal = dealIdOf(CLIENT, 2);
        Acceptance memory taken = accept(CLIENT, terms, 0, 2, keep(1, LEAVES));
        bytes memory proof = takeoverProof(deal, 0, 2);
        vm.prank(ownerOf(1));
        market.handOver(deal, taken, proof);
        declare(2, deal, 0);
        vm.startPrank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Refused.selector, id(1), Refusal.Signature));
        market.fillSlot(deal, LEAVES, a);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Refused.selector, id(2), Refusal.Signature));
        market.fillSlot(deal, LEAVES, taken);
        vm.stopPrank();
    }

    /// One node that changes its mind while the deal is on its way leaves its own slot vacant.
    function test_One_of_n_vetoes_the_opening() public {
        Terms memory terms = termsOf(1, RATE, LEAVES, 10, 3, 1);
        bytes20 root = keep(1, LEAVES);
        Acceptance[] memory all = acceptAll(CLIENT, terms, root);
        vm.prank(ownerOf(2));
        registry.setHot(id(2), OTHER);
        vm.prank(CLIENT);
        (DealId deal, uint256 filled) = market.openDeal(CLIENT, word(terms), all);
        eq(filled, 2, "the others hold it");
        yes(lens.deal(deal).slots[1].state == SlotState.Vacant, "vacant");
        Acceptance memory instead = accept(CLIENT, terms, 1, 4, root);
        vm.prank(CLIENT);
        market.fillSlot(deal, LEAVES, instead);
        nextPeriod();
        prove(4);
    }

    /// A hint to a range that was trimmed away meanwhile, and a proof that names it.
    function test_Stale_hint_after_trim() public {
        open(1, RATE, LEAVES, 60, 1);
        open(2, RATE, LEAVES, 2, 1);
        open(3, RATE, LEAVES, 2, 1);
        goTo(period() + 3);
        prove(1);
        uint64[] memory starts = new uint64[](2);
        (starts[0], starts[1]) = (uint64(2 * RATE), uint64(RATE));
        vm.prank(ownerOf(1));
        market.trim(id(1), starts);
        DealId dear = open(4, 2 * RATE, LEAVES, 60, 1);
        eq(lens.deal(dear).slots[0].start, RATE, "over both that were there");
        Terms memory terms = termsOf(5, RATE, LEAVES, 60, 1, 1);
        openWith(CLIENT, terms, acceptWith(CLIENT, terms, 0, 1, keep(5, LEAVES), uint64(2 * RATE)), true);
        eq(lens.standing(id(1)).ledgerLength, 4 * RATE, "appended, not laid into the range that lives there");

        nextPeriod();
        while (!isDrawn(1, 2 * RATE, RATE)) nextPeriod();
        bytes memory proof = proofOf(id(1));
        uint256 offset;
        while (uint40(bytes5(slice(proof, offset))) != RATE) offset += 5 + 256 + 4 * 20;
        bytes5 stale = bytes5(uint40(2 * RATE));
        for (uint256 i = 0; i < 5; ++i) proof[offset + i] = stale[i];
        uint32 p = period();
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongRange.selector);
        market.prove(id(1), p, proof);
        prove(1);
    }

    function slice(bytes memory data, uint256 offset) internal pure returns (bytes32 found) {
        assembly ("memory-safe") {
            found := mload(add(add(data, 32), offset))
        }
    }

    // Pretending

    /// A node that lost what it is paid 300 for stuffs itself with garbage of its own at 1000. It fails as often as the
    /// share of honest pay says: in 1 - (1000 / 1300)^5 = 73 % of the periods. Bytes do not count.
    function test_Dilution() public {
        DealId honest = open(1, 300, 1, 190, 1);
        open(2, 1000, 16, 190, 1);
        delete disks[lens.deal(honest).slots[0].root];
        uint256 failed;
        uint256 proved;
        for (uint256 i = 0; i < 150; ++i) {
            nextPeriod();
            if (isDrawn(1, 0, 300)) {
                ++failed;
            } else {
                this.proveAlone(1);
                ++proved;
            }
        }
        eq(failed + proved, 150, "periods");
        yes(failed > 93 && failed < 126, "109.6 are expected, deviation 5.4");
    }

    /// @dev In a memory of its own.
    function proveAlone(uint256 i) external {
        prove(i);
    }

    /// Two nodes hold the same ten shards and lose the same one. Node 1 tells as soon as it may without losing the
    /// period; node 2 goes on until the lost one is drawn, and tells then.
    function test_Hide_until_hit_loses() public {
        uint256 told;
        uint256 hidden;
        for (uint256 trial = 0; trial < 10; ++trial) {
            uint256 state = vm.snapshotState();
            goTo(period() + 10 * trial);
            DealId lost;
            for (uint48 number = 1; number <= 10; ++number) lost = open(number, RATE, 1, 40, 2);
            bool isTold;
            bool isHidden = true;
            for (uint256 i = 0; i < 12; ++i) {
                nextPeriod();
                if (!isTold) {
                    if (!isDrawn(1, 9 * RATE, RATE)) prove(1);
                    declare(1, lost, 0);
                    isTold = true;
                } else {
                    prove(1);
                }
                if (isHidden && isDrawn(2, 9 * RATE, RATE)) {
                    declare(2, lost, 1);
                    isHidden = false;
                } else {
                    prove(2);
                }
            }
            (told, hidden) = (told + wealth(1), hidden + wealth(2));
            vm.revertToState(state);
        }
        yes(hidden + 30 * RATE < told, "hiding costs three periods of the shard's pay and more each time");
    }

    /// Periods that nobody proved, because the chain stood still or let nothing through, are nobody's strike.
    function test_Chain_halt_evicts_nobody() public {
        open(1, RATE, LEAVES, 60, 2);
        pass(1, 1, 2);
        uint32 p = period();
        goTo(p + 5);
        for (uint256 i = 1; i <= 2; ++i) expectNoStrike(i, p + 1, p + 1);
        pass(1, 1, 2);
        pass(2, 2, 2);
        nextPeriod();
        expectNoStrike(1, p + 5, p + 5);
        eq(registry.node(id(1)).stake + registry.node(id(2)).stake, 2 * STAKE, "stakes");
    }

    // Repair

    function lostSlot() internal returns (DealId deal) {
        deal = open(1, RATE, LEAVES, 200, 3);
        pass(1, 1, 3);
        declare(2, deal, 1);
    }

    /// Who reserves and does not repair blocks the slot for two periods and pays for them.
    function test_Reservation_griefing() public {
        DealId deal = lostSlot();
        uint256 griefer = wealth(4);
        uint256 client = free(CLIENT);
        reserve(4, deal, 1);
        goTo(period() + 3);
        reserve(5, deal, 1);
        nextPeriod();
        claim(5, deal, 1);
        eq(griefer - wealth(4), 2 * RATE, "the bond is lost");
        eq(free(CLIENT) - client, RATE, "half of it to the client, half to the repairer");
        eq(lens.deal(deal).slots[1].node, 5, "repaired");
    }

    /// Whoever keeps a slot reserved pays double each time: j lapses cost 2^(j + 1) - 2 periods of its pay. Even if the
    /// squatter claims in the end, the client keeps half of it.
    function test_Squatting_by_lapsed_reservations() public {
        DealId deal = lostSlot();
        uint256 squatters = wealth(4) + wealth(5);
        uint256 client = free(CLIENT);
        for (uint256 j = 1; j <= 6; ++j) {
            eq(market.bondOf(deal, 1), RATE << j, "bond");
            reserve(4 + j % 2, deal, 1);
            goTo(period() + 3);
        }
        reserve(4, deal, 1);
        nextPeriod();
        claim(4, deal, 1);
        uint256 lapsed = (RATE << 7) - 2 * RATE;
        uint256 back = 30 * RATE;
        eq(squatters - wealth(4) - wealth(5), lapsed - back, "all bonds but the last, less the bounty");
        eq(free(CLIENT) - client, lapsed + 5 * RATE - back, "are the client's");
    }

    /// A node and its friend tell losses and repair them in turn, for the bounty.
    function test_Self_report_ping_pong() public {
        DealId deal = open(1, RATE, LEAVES, 200, 1);
        pass(1, 1, 1);
        uint256 both = wealth(1) + wealth(4);
        uint256 client = free(CLIENT);
        for (uint256 i = 0; i < 6; ++i) {
            (uint256 holder, uint256 friend) = i % 2 == 0 ? (uint256(1), uint256(4)) : (uint256(4), uint256(1));
            declare(holder, deal, 0);
            reserve(friend, deal, 0);
            nextPeriod();
            claim(friend, deal, 0);
        }
        eq(both - wealth(1) - wealth(4), 6 * FINE / 2, "each turn costs half of the fine, and the pay besides");
        eq(free(CLIENT) - client, 6 * FINE / 2, "which is the client's");

        // The same with an eviction, reported by a friend.
        Terms memory terms = termsOf(2, RATE, LEAVES, 100, 1, 1);
        openWith(CLIENT, terms, accept(CLIENT, terms, 0, 3, keep(2, LEAVES)), true);
        uint256 all = wealth(1) + wealth(4) + free(address(this));
        client = free(CLIENT);
        evictAfterStrikes(1, 3);
        reserve(4, deal, 0);
        nextPeriod();
        claim(4, deal, 0);
        eq(all - wealth(1) - wealth(4) - free(address(this)), 15 * RATE, "half of the slot's part of the pot");
        eq(free(CLIENT) - client, 15 * RATE, "is the client's");
    }

    /// A node that stops for three periods at a time and cures each time earns less than one that proves on, by the pay
    /// of eight periods each time: five in which it is not paid, and three that the cure costs.
    function test_Cure_as_a_holiday() public {
        open(1, RATE, LEAVES, 100, 2);
        pass(1, 1, 2);
        uint256 idle = wealth(1);
        uint256 busy = wealth(2);
        for (uint256 i = 0; i < 4; ++i) {
            pass(3, 2, 2);
            nextPeriod();
            prove(2);
            uint256 friend = free(OTHER);
            vm.prank(OTHER);
            market.evict(id(1), period() - 3, period() - 2, period() - 1);
            idle -= free(OTHER) - friend;
            vm.prank(ownerOf(1));
            vm.expectPartialRevert(IMarketBase.StorageMarket_NotCurable.selector);
            market.cure(id(1), "");
            nextPeriod();
            prove(2);
            bytes memory proof = proofOf(id(1), 20);
            vm.prank(ownerOf(1));
            market.cure(id(1), proof);
            pass(1, 1, 2);
        }
        uint256 gained = wealth(2) - busy;
        eq(gained, 4 * 6 * RATE, "who proves on is paid for each period");
        eq(wealth(1), idle + gained - 4 * 8 * RATE, "the holidays cost eight each");
    }

    // Getting away

    /// A node that lost everything and leaves at once cannot take its stake before its clients are paid from it.
    function test_Stake_withdrawn_before_the_fault_shows() public {
        DealId deal = open(1, RATE, LEAVES, 60, 2);
        pass(1, 1, 2);
        vm.prank(ownerOf(1));
        registry.exit(id(1));
        for (uint256 i = 0; i < 3; ++i) {
            pass(1, 2, 2);
            vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, id(1)));
            registry.takeStake(id(1));
        }
        nextPeriod();
        market.evict(id(1), period() - 3, period() - 2, period() - 1);
        for (uint256 i = 0; i < 8; ++i) {
            nextPeriod();
            vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, id(1)));
            registry.takeStake(id(1));
        }
        nextPeriod();
        registry.takeStake(id(1));
        eq(registry.node(id(1)).stake, 30 * RATE, "what its client may ask for stays");
        uint256 before = free(CLIENT);
        market.compensate(deal, 0);
        eq(free(CLIENT) - before, 15 * RATE, "and is paid");
    }

    /// What a call costs does not grow with what others put into the market; what one deal may hold is bounded.
    function test_Unbounded_loops() public {
        uint256 transactionMax = 1 << 24;
        open(1, RATE, 1, 300, 2);
        uint256 state = vm.snapshotState();
        uint256 few = gasOfEviction();
        vm.revertToState(state);
        for (uint48 number = 2; number <= 60; ++number) open(number, 1000, 1, 300, 1);
        uint256 many = gasOfEviction();
        yes(many < few + few / 20, "an eviction costs the same for 60 shards as for one");

        for (uint256 i = 6; i <= 64; ++i) register(i, STAKE);
        Terms memory terms = termsOf(100, RATE, 1, 2, 64, 1);
        Acceptance[] memory all = new Acceptance[](63);
        bytes20 root = keep(100, 1);
        for (uint8 i = 0; i < 63; ++i) all[i] = accept(CLIENT, terms, i, uint256(i) + 2, root);
        vm.prank(CLIENT);
        uint256 left = gasleft();
        (DealId deal,) = market.openDeal(CLIENT, word(terms), all);
        yes(left - gasleft() < transactionMax, "the largest deal fits a transaction");
        goTo(period() + 3);
        DealId[] memory ids = new DealId[](1);
        ids[0] = deal;
        left = gasleft();
        market.settle(ids);
        yes(left - gasleft() < transactionMax, "so does its settlement");
        goTo(period() + 2000);
        left = gasleft();
        market.roll(id(2), type(uint32).max);
        yes(left - gasleft() < transactionMax, "and a book that is far behind goes on in steps");
    }

    function gasOfEviction() internal returns (uint256 used) {
        pass(3, 2, 2);
        nextPeriod();
        uint32 p = period();
        uint256 left = gasleft();
        market.evict(id(1), p - 3, p - 2, p - 1);
        used = left - gasleft();
    }
}
