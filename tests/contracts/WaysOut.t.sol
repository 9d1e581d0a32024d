// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { VacancyLib } from "../../contracts/libraries/WordLib.sol";
import { Acceptance, DealState, DealView, NO_HINT, SlotState, Standing } from "../../contracts/types/Deals.sol";
import { DealId, NodeId, UNIT } from "../../contracts/types/Types.sol";
import { AskWord, Vacancy, VacancyWord } from "../../contracts/types/Words.sol";
import { Terms, World } from "./support/World.sol";

/// @notice Stuck funds: each test brings deals, slots, nodes and money into one state. From there a stranger, and the
/// owner of a node only for its wish to leave, brings every unit out of the vault.
contract WaysOutTest is World {
    using VacancyLib for VacancyWord;

    uint256 internal constant RATE = 1_024_000;
    uint64 internal constant STAKE = 1000e9;
    uint64 internal constant LEAVES = 9;
    uint256 internal constant NODES = 5;
    uint48 internal constant DEALS_MAX = 4;
    address internal constant STRANGER = address(0x57A46E4);

    function setUp() public {
        build();
        for (uint256 i = 1; i <= NODES; ++i) {
            register(i, STAKE);
            fund(ownerOf(i), 100e9);
        }
        fund(CLIENT, 10_000e9);
        fund(OTHER, 1000e9);
    }

    function reserve(uint256 i, DealId deal, uint8 slot) internal {
        vm.prank(ownerOf(i));
        market.reserve(deal, slot, id(i));
    }

    function declare(uint256 i, DealId deal, uint8 slot) internal {
        vm.prank(ownerOf(i));
        market.declareLoss(deal, slot);
    }

    function claim(uint256 i, DealId deal, uint8 slot) internal {
        bytes memory proof = takeoverProof(deal, slot, i);
        vm.prank(ownerOf(i));
        market.claim(deal, slot, id(i), NO_HINT, proof);
    }

    function cure(uint256 i) internal {
        bytes memory proof = proofOf(id(i), 20);
        vm.prank(ownerOf(i));
        market.cure(id(i), proof);
    }

    function askBy(address who, DealId deal, uint8 slot) internal {
        vm.prank(who);
        market.ask(deal, slot, 3);
    }

    // The walk

    /// @dev Everybody goes home, and the vault is empty.
    function everythingComesOut() internal {
        for (uint256 i = 1; i <= NODES; ++i) {
            if (lens.standing(id(i)).evicted) continue;
            vm.prank(ownerOf(i));
            registry.exit(id(i));
        }
        goTo(period() + 700);
        vm.startPrank(STRANGER);
        for (uint256 i = 1; i <= NODES; ++i) {
            for (uint256 j = 0; j < 3; ++j) market.roll(id(i), market.ROLL_MAX());
        }
        for (uint48 number = 1; number <= DEALS_MAX; ++number) {
            closeDeal(DealId.wrap((uint256(uint160(CLIENT)) << 96) | number));
        }
        NodeId[] memory nodes = new NodeId[](NODES);
        for (uint256 i = 1; i <= NODES; ++i) {
            nodes[i - 1] = id(i);
            registry.takeStake(id(i));
            market.collect(id(i));
        }
        bank.mintReward(nodes);
        bank.burnFees(only(CLIENT));
        vm.stopPrank();

        for (uint256 i = 1; i <= NODES; ++i) {
            Standing memory s = lens.standing(id(i));
            eq(registry.node(id(i)).stake + s.earned + s.reward + s.pot, 0, "nothing stays with a node");
            takeAll(ownerOf(i));
        }
        takeAll(CLIENT);
        takeAll(OTHER);
        takeAll(address(this));
        eq(token.balanceOf(address(escrow)), 0, "the vault is empty");
    }

    function closeDeal(DealId deal) internal {
        DealView memory v = lens.deal(deal);
        if (v.state == DealState.None) return;
        if (v.state == DealState.Open) settleOne(deal);
        v = lens.deal(deal);
        for (uint8 slot = 0; slot < 3; ++slot) {
            if (v.slots.length > slot && v.slots[slot].state == SlotState.Evicted) market.compensate(deal, slot);
            if (isAsked(deal, slot, OTHER)) market.withdrawAsk(deal, slot, OTHER);
            if (isAsked(deal, slot, CLIENT)) market.withdrawAsk(deal, slot, CLIENT);
            Vacancy memory vacancy = market.vacancyWord(deal, slot).unpack();
            if (vacancy.bond + vacancy.bounty != 0) market.release(deal, slot);
        }
    }

    function isAsked(DealId deal, uint8 slot, address asker) internal view returns (bool) {
        return AskWord.unwrap(market.askWord(deal, slot, asker)) != 0;
    }

    function takeAll(address who) internal {
        eq(locked(who), 0, "nothing stays locked");
        uint256 amount = free(who) * UNIT;
        if (amount == 0) return;
        vm.prank(who);
        escrow.withdraw(who, amount);
    }

    // The states

    function test_A_deal_that_was_held_to_its_end() public {
        open(1, RATE, LEAVES, 5, 3);
        pass(5, 1, 3);
        everythingComesOut();
    }

    function test_A_deal_that_nobody_proves() public {
        open(1, RATE, LEAVES, 300, 3);
        everythingComesOut();
    }

    function test_A_slot_that_was_never_filled() public {
        Terms memory terms = termsOf(1, RATE, LEAVES, 5, 3, 1);
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = accept(CLIENT, terms, 1, 2, keep(1, LEAVES));
        vm.prank(CLIENT);
        market.openDeal(CLIENT, word(terms), all);
        pass(2, 2, 2);
        everythingComesOut();
    }

    function test_A_deal_that_was_extended_by_a_gift_and_one_ended_early() public {
        DealId longer = open(1, RATE, LEAVES, 5, 3);
        DealId shorter = open(2, RATE, LEAVES, 90, 3);
        uint32 end = lens.deal(longer).end;
        vm.prank(OTHER);
        market.extend(longer, end + 9, OTHER);
        vm.prank(CLIENT);
        market.endEarly(shorter, period() + 20);
        pass(3, 1, 3);
        everythingComesOut();
    }

    function test_A_lost_slot_that_nobody_repairs() public {
        DealId deal = open(1, RATE, LEAVES, 60, 3);
        pass(1, 1, 3);
        declare(2, deal, 1);
        everythingComesOut();
    }

    function test_A_lost_slot_with_a_reservation_that_lapsed_and_one_that_runs() public {
        DealId deal = open(1, RATE, LEAVES, 60, 3);
        declare(2, deal, 1);
        reserve(4, deal, 1);
        goTo(period() + 3);
        reserve(5, deal, 1);
        everythingComesOut();
    }

    function test_A_lost_slot_that_was_repaired_and_one_that_was_handed_over() public {
        DealId deal = open(1, RATE, LEAVES, 60, 3);
        pass(1, 1, 3);
        declare(2, deal, 1);
        reserve(4, deal, 1);
        nextPeriod();
        claim(4, deal, 1);
        DealView memory v = lens.deal(deal);
        Terms memory terms = Terms(1, v.rate, LEAVES, v.end, v.maxEnd, v.n, v.k, v.k);
        Acceptance memory a = accept(CLIENT, terms, 2, 5, v.slots[2].root);
        bytes memory proof = takeoverProof(deal, 2, 5);
        prove(3);
        vm.prank(ownerOf(3));
        market.handOver(deal, a, proof);
        pass(2, 4, 5);
        everythingComesOut();
    }

    function test_A_slot_of_an_evicted_node_that_never_comes_back() public {
        open(1, RATE, LEAVES, 60, 3);
        open(2, 1000, LEAVES, 5, 3);
        evictAfterStrikes(1, 2);
        everythingComesOut();
    }

    function test_A_slot_of_an_evicted_node_that_was_compensated() public {
        DealId deal = open(1, RATE, LEAVES, 60, 3);
        evictAfterStrikes(1, 2);
        goTo(period() + 9);
        market.compensate(deal, 0);
        reserve(4, deal, 0);
        everythingComesOut();
    }

    function test_A_slot_of_an_evicted_node_that_was_reserved_and_one_that_was_claimed() public {
        DealId deal = open(1, RATE, LEAVES, 60, 3);
        DealId other = open(2, RATE, LEAVES, 60, 3);
        evictAfterStrikes(1, 2);
        reserve(4, deal, 0);
        reserve(5, other, 0);
        nextPeriod();
        claim(4, deal, 0);
        everythingComesOut();
    }

    function test_A_reservation_whose_holder_cured_and_held_to_the_end() public {
        DealId deal = open(1, RATE, LEAVES, 12, 3);
        pass(1, 1, 3);
        evictAfterStrikes(1, 2);
        reserve(4, deal, 0);
        nextPeriod();
        cure(1);
        uint32 end = lens.deal(deal).end;
        while (period() < end - 1) pass(1, 1, 3);
        nextPeriod();
        settleOne(deal);
        eq(lens.deal(deal).slots.length, 0, "settled for good");
        everythingComesOut();
    }

    function test_Questions_that_were_never_answered_nor_convicted() public {
        DealId deal = open(1, RATE, LEAVES, 12, 3);
        DealId quit = open(2, RATE, LEAVES, 6, 3);
        nextPeriod();
        askBy(OTHER, deal, 0);
        askBy(CLIENT, deal, 0);
        askBy(OTHER, quit, 2);
        proveAll(3);
        pass(5, 1, 3);
        nextPeriod();
        settleOne(quit);
        eq(lens.deal(quit).slots.length, 0, "settled for good");
        everythingComesOut();
    }

    function test_A_question_to_a_node_that_was_evicted_and_one_that_was_convicted() public {
        DealId deal = open(1, RATE, LEAVES, 40, 3);
        nextPeriod();
        askBy(OTHER, deal, 0);
        askBy(OTHER, deal, 2);
        pass(3, 2, 2);
        nextPeriod();
        market.convict(deal, 2, OTHER);
        market.evict(id(1), period() - 3, period() - 2, period() - 1);
        everythingComesOut();
    }

    function test_A_question_that_was_answered() public {
        DealId deal = open(1, RATE, LEAVES, 12, 3);
        nextPeriod();
        askBy(OTHER, deal, 1);
        market.answer(deal, 1, OTHER, openingOf(deal, 1, 3));
        everythingComesOut();
    }

    function test_A_node_that_was_evicted_with_nothing_left() public {
        DealId deal = open(1, RATE, LEAVES, 9, 2);
        evictAfterStrikes(1, 2);
        goTo(lens.deal(deal).end);
        settleOne(deal);
        market.compensate(deal, 0);
        everythingComesOut();
    }
}
