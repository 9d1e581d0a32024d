// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IMarketBase } from "../../contracts/interfaces/IMarketBase.sol";
import { INodeRegistry } from "../../contracts/interfaces/INodeRegistry.sol";
import { Acceptance, DealView, SlotState, Standing, Vacated } from "../../contracts/types/Deals.sol";
import { VacancyLib } from "../../contracts/libraries/WordLib.sol";
import { DealId, NodeId } from "../../contracts/types/Types.sol";
import { Vacancy, VacancyWord } from "../../contracts/types/Words.sol";
import { Terms, World } from "./support/World.sol";

/// @notice Told losses, questions, evictions and cures.
contract FaultsTest is World {
    uint256 internal constant RATE = 1000;
    uint64 internal constant STAKE = 1000e9;

    function setUp() public {
        build();
        for (uint256 i = 1; i <= 4; ++i) register(i, STAKE);
        fund(CLIENT, 10_000e9);
        fund(OTHER, 10_000e9);
    }

    function stakeOf(uint256 i) internal view returns (uint256) {
        return registry.node(id(i)).stake;
    }

    function declare(uint256 i, DealId deal, uint8 slot) internal {
        vm.prank(ownerOf(i));
        market.declareLoss(deal, slot);
    }

    // Told losses

    function test_A_told_loss_costs_ten_periods_half_for_the_client_and_half_for_a_refill() public {
        DealId deal = open(1, RATE, 4, 40, 3);
        nextPeriod();
        prove(2);
        uint256 before = free(CLIENT);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketBase.SlotVacated(deal, id(2), 1, Vacated.Told, 5 * RATE, 5 * RATE);
        declare(2, deal, 1);
        eq(stakeOf(2), STAKE - 10 * RATE, "stake");
        eq(free(CLIENT) - before, 5 * RATE, "client");
        DealView memory v = lens.deal(deal);
        yes(v.slots[1].state == SlotState.Lost, "lost");
        eq(v.slots[1].bounty, 5 * RATE, "bounty");
        eq(v.slots[1].root, v.slots[0].root, "its root is still known");
        eq(v.paid, RATE, "what it proved stays paid");
        eq(lens.standing(id(2)).rate, 0, "rate from the next period on");
        eq(lens.vacancy(deal, 1).bounty, 5 * RATE, "vacancy");
    }

    function test_Near_the_end_a_told_loss_costs_what_is_left() public {
        DealId deal = open(1, RATE, 4, 4, 1);
        nextPeriod();
        declare(1, deal, 0);
        eq(stakeOf(1), STAKE - 3 * RATE, "three periods are left");
    }

    function test_However_much_is_left_a_told_loss_costs_ten_periods() public {
        DealId deal = open(1, RATE, 4, 16, 1);
        nextPeriod();
        declare(1, deal, 0);
        eq(stakeOf(1), STAKE - 10 * RATE, "of fifteen");
    }

    function test_Before_the_slot_begins_a_told_loss_forfeits_nothing() public {
        DealId first = open(1, RATE, 4, 40, 1);
        nextPeriod();
        DealId second = open(2, 500, 4, 40, 1);
        declare(1, second, 0);
        prove(1);
        eq(lens.standing(id(1)).earned, RATE, "the other slot is paid");
        eq(lens.standing(id(1)).rate, RATE, "and goes on");
        eq(lens.deal(first).paid, RATE, "first");
        eq(lens.deal(second).paid, 0, "second");
    }

    function test_A_loss_told_before_the_proof_forfeits_the_period_but_is_no_strike() public {
        open(1, RATE, 4, 40, 2);
        DealId lost = open(2, 10, 4, 40, 1);
        nextPeriod();
        declare(1, lost, 0);
        uint32 p = period();
        bytes memory proof = proofOf(id(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Forfeited.selector, id(1), p));
        market.prove(id(1), p, proof);
        yes(lens.duty(id(1)).barred, "barred");
        prove(2);
        pass(2, 2, 2);
        nextPeriod();
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NoStrike.selector, id(1), p));
        market.evict(id(1), p, p + 1, p + 2);
        prove(1);
        eq(lens.standing(id(1)).earned, RATE, "proves on without the lost slot");
    }

    function test_A_loss_told_after_the_proof_keeps_the_pay_and_all_adds_up() public {
        DealId kept = open(1, RATE, 4, 3, 1);
        DealId lost = open(2, 10, 4, 3, 1);
        nextPeriod();
        prove(1);
        declare(1, lost, 0);
        pass(2, 1, 1);
        nextPeriod();
        uint256 before = free(CLIENT);
        (uint256 keptPaid, uint256 keptRefund) = settleOne(kept);
        (uint256 lostPaid, uint256 lostRefund) = settleOne(lost);
        eq(lens.standing(id(1)).earned, 3 * RATE + 10, "earned");
        eq(keptPaid + lostPaid, 3 * RATE + 10, "the same by the deals");
        eq(free(CLIENT) - before, lostRefund + keptRefund + 10, "with the bounty nobody earned");
    }

    function test_Only_the_holder_tells_and_only_of_what_it_holds() public {
        DealId deal = open(1, RATE, 4, 3, 2);
        vm.prank(ownerOf(2));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotNode.selector, id(1), ownerOf(2)));
        market.declareLoss(deal, 0);
        vm.startPrank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadSlot.selector, uint8(2)));
        market.declareLoss(deal, 2);
        market.declareLoss(deal, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IMarketBase.StorageMarket_WrongState.selector, deal, uint8(0), SlotState.Lost)
        );
        market.declareLoss(deal, 0);
        vm.stopPrank();
        goTo(lens.deal(deal).end - 1);
        vm.prank(ownerOf(2));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotOpen.selector, deal));
        market.declareLoss(deal, 1);
    }

    // Evictions

    function test_Three_missed_periods_evict_and_the_reporter_is_paid() public {
        open(1, RATE, 4, 40, 2);
        DealId more = open(2, 300, 4, 40, 1);
        nextPeriod();
        proveAll(2);
        pass(3, 2, 2);
        nextPeriod();
        uint32 p = period();
        uint256 before = free(OTHER);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketBase.Evicted(id(1), p + 1, 30 * (RATE + 300), OTHER, REPORT_BOUNTY);
        vm.prank(OTHER);
        market.evict(id(1), p - 3, p - 2, p - 1);
        eq(free(OTHER) - before, REPORT_BOUNTY, "bounty");
        Standing memory s = lens.standing(id(1));
        yes(s.evicted && s.out == p + 1, "evicted");
        eq(s.pot, 30 * (RATE + 300), "pot");
        yes(lens.deal(more).slots[0].state == SlotState.Evicted, "its slots want a holder");
        eq(lens.deal(more).slots[0].bounty, 15 * 300, "bounty");
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Evicted.selector, id(1)));
        market.prove(id(1), p, "");
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Evicted.selector, id(1)));
        market.evict(id(1), p - 3, p - 2, p - 1);
        vm.prank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Evicted.selector, id(1)));
        market.declareLoss(more, 0);
    }

    function noStrike(uint32 bad, uint32 a, uint32 b, uint32 c) internal {
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NoStrike.selector, id(1), bad));
        market.evict(id(1), a, b, c);
    }

    function test_What_is_no_strike_does_not_evict() public {
        open(1, RATE, 4, 40, 2);
        nextPeriod();
        proveAll(2);
        uint32 p = period();
        pass(3, 2, 2);
        noStrike(p + 3, p + 1, p + 2, p + 3);
        nextPeriod();
        noStrike(p, p, p + 1, p + 2);
        noStrike(p + 1, p + 1, p + 1, p + 2);
        noStrike(p + 2, p + 1, p + 2, p + 2);
        noStrike(p + 4, p + 2, p + 3, p + 4);
        prove(1);
        noStrike(p + 1, p + 1, p + 2, p + 3);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotEvictable.selector, id(4)));
        market.evict(id(4), 1, 2, 3);
    }

    function test_Misses_before_the_first_duty_are_no_strikes() public {
        open(1, RATE, 4, 4, 2);
        pass(4, 2, 2);
        nextPeriod();
        uint32 p = period();
        open(2, RATE, 4, 40, 1);
        noStrike(p - 3, p - 3, p - 2, p - 1);
    }

    function test_Who_proves_one_period_in_three_is_not_evicted() public {
        open(1, RATE, 4, 40, 2);
        for (uint256 i = 0; i < 4; ++i) {
            pass(2, 2, 2);
            pass(1, 1, 2);
        }
        uint32 p = period();
        nextPeriod();
        noStrike(p - 2, p - 2, p - 1, p);
    }

    // The pot

    function test_Clients_are_compensated_once_the_node_can_cure_no_more() public {
        DealId deal = open(1, RATE, 4, 60, 2);
        evictAfterStrikes(1, 2);
        uint32 e = period();
        vm.expectRevert(
            abi.encodeWithSelector(IMarketBase.StorageMarket_MayStillCure.selector, id(1), e + 8)
        );
        market.compensate(deal, 0);
        goTo(e + 8);
        vm.expectPartialRevert(IMarketBase.StorageMarket_MayStillCure.selector);
        market.compensate(deal, 0);
        goTo(e + 9);
        uint256 before = free(CLIENT);
        market.compensate(deal, 0);
        eq(free(CLIENT) - before, 15 * RATE, "half");
        eq(stakeOf(1), STAKE - REPORT_BOUNTY - 30 * RATE, "stake");
        eq(lens.deal(deal).slots[0].bounty, 15 * RATE, "half waits for a refill");
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongState.selector);
        market.compensate(deal, 0);
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongState.selector);
        market.compensate(deal, 1);
        registry.takeStake(id(1));
        eq(stakeOf(1), 0, "the rest is the owner's");
        goTo(lens.deal(deal).end);
        before = free(CLIENT);
        settleOne(deal);
        eq(free(CLIENT) - before, lens.deal(deal).refunded + 15 * RATE, "the other half, since nobody refilled");
    }

    function test_After_the_deals_end_the_whole_part_is_the_clients_even_when_settled() public {
        DealId deal = open(1, RATE, 4, 6, 2);
        evictAfterStrikes(1, 2);
        goTo(lens.deal(deal).end);
        settleOne(deal);
        DealView memory settled = lens.deal(deal);
        uint256 before = free(CLIENT);
        market.compensate(deal, 0);
        eq(free(CLIENT) - before, 30 * RATE, "all of it");
        eq(lens.deal(deal).paid, settled.paid, "the account of the deal does not change");
        eq(lens.standing(id(1)).pot, 0, "the pot is empty");
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongState.selector);
        market.compensate(deal, 0);
    }

    function test_A_deal_that_was_over_before_has_no_part_in_the_pot() public {
        DealId early = open(1, 77, 4, 2, 2);
        DealId deal = open(2, RATE, 4, 40, 2);
        evictAfterStrikes(1, 2);
        eq(lens.standing(id(1)).pot, 30 * RATE, "pot");
        goTo(period() + 20);
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongState.selector);
        market.compensate(early, 0);
        yes(lens.deal(early).slots[0].state == SlotState.Held, "it was held to its end");
        market.compensate(deal, 0);
    }

    function test_The_stake_of_an_evicted_node_leaves_but_for_its_pot() public {
        open(1, RATE, 4, 60, 2);
        evictAfterStrikes(1, 2);
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, id(1)));
        registry.takeStake(id(1));
        goTo(period() + 9);
        registry.takeStake(id(1));
        eq(stakeOf(1), 30 * RATE, "the pot stays");
        eq(free(ownerOf(1)), STAKE - REPORT_BOUNTY - 30 * RATE, "the rest left");
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, id(1)));
        registry.takeStake(id(1));
    }

    // Cure

    function cure(uint256 i) internal {
        bytes memory proof = proofOf(id(i), 20);
        vm.prank(ownerOf(i));
        market.cure(id(i), proof);
    }

    function test_A_cure_gives_back_what_nobody_claimed_for_a_tenth_of_the_pot() public {
        DealId deal = open(1, RATE, 4, 60, 2);
        nextPeriod();
        proveAll(2);
        evictAfterStrikes(1, 2);
        uint32 e = period();
        nextPeriod();
        uint256 before = free(address(bank));
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketBase.Cured(id(1), e + 2, 3 * RATE);
        cure(1);
        eq(stakeOf(1), STAKE - REPORT_BOUNTY - 3 * RATE, "stake");
        eq(free(address(bank)) - before, 3 * RATE, "burned with the fees");
        yes(lens.deal(deal).slots[0].state == SlotState.Held, "held again");
        yes(!lens.standing(id(1)).evicted, "back");
        uint32 p = period();
        bytes memory proof = proofOf(id(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Forfeited.selector, id(1), p));
        market.prove(id(1), p, proof);
        prove(2);
        pass(1, 1, 2);
        eq(lens.standing(id(1)).earned, 2 * RATE, "paid for what it proved");
        noStrike(e - 3, e - 3, e - 2, e - 1);
    }

    function test_A_cure_comes_under_a_later_seed_in_time_with_a_whole_stake_and_by_the_node() public {
        open(1, RATE, 4, 60, 2);
        evictAfterStrikes(1, 2);
        uint32 e = period();
        bytes memory none;
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotNode.selector, id(1), address(this)));
        market.cure(id(1), none);
        vm.startPrank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotCurable.selector, id(1)));
        market.cure(id(1), none);
        goTo(e + 1);
        bytes memory proof = proofOf(id(1), 5);
        vm.expectPartialRevert(IMarketBase.StorageMarket_BadProofLength.selector);
        market.cure(id(1), proof);
        goTo(e + 9);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotCurable.selector, id(1)));
        market.cure(id(1), none);
        vm.stopPrank();
        vm.prank(ownerOf(2));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotCurable.selector, id(2)));
        market.cure(id(2), none);
    }

    function test_A_cure_needs_a_stake_that_covers_what_the_node_holds() public {
        uint256 rate = 1 << 30;
        register(5, uint64(30 * rate + REPORT_BOUNTY));
        fund(CLIENT, 1000 * rate);
        bytes20 root = keep(9, 4);
        Terms memory terms = termsOf(1, rate, 4, 60, 2, 1);
        Acceptance[] memory all = new Acceptance[](2);
        (all[0], all[1]) = (accept(CLIENT, terms, 0, 5, root), accept(CLIENT, terms, 1, 2, root));
        vm.prank(CLIENT);
        market.openDeal(CLIENT, word(terms), all);
        evictAfterStrikes(5, 2);
        nextPeriod();
        bytes memory proof = proofOf(id(5), 20);
        vm.prank(ownerOf(5));
        vm.expectPartialRevert(IMarketBase.StorageMarket_StakeTooSmall.selector);
        market.cure(id(5), proof);
        vm.prank(OTHER);
        registry.addStake(id(5), uint64(REPORT_BOUNTY + 3 * rate));
        cure(5);
    }

    function test_A_node_whose_deals_are_over_has_nothing_to_cure() public {
        DealId deal = open(1, RATE, 4, 5, 2);
        evictAfterStrikes(1, 2);
        goTo(lens.deal(deal).end);
        vm.prank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NothingToProve.selector, id(1), period()));
        market.cure(id(1), "");
    }

    function test_After_a_cure_strikes_are_counted_anew() public {
        open(1, RATE, 4, 60, 2);
        evictAfterStrikes(1, 2);
        uint32 e = period();
        prove(2);
        nextPeriod();
        cure(1);
        prove(2);
        pass(3, 2, 2);
        nextPeriod();
        noStrike(e, e, e + 2, e + 3);
        noStrike(e + 1, e + 1, e + 2, e + 3);
        market.evict(id(1), e + 2, e + 3, e + 4);
        yes(lens.standing(id(1)).evicted, "evicted again");
    }

    function test_Who_is_silent_for_too_long_cures_no_more() public {
        open(1, RATE, 4, 600, 2);
        uint32 from = period() + 1;
        pass(4, 2, 2);
        goTo(from + 197);
        market.evict(id(1), from, from + 1, from + 2);
        goTo(from + 201);
        vm.prank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Silent.selector, id(1)));
        market.cure(id(1), "");
    }

    // Questions

    function test_A_slot_has_room_for_so_many_questions_at_once() public {
        DealId deal = open(1, RATE, 9, 40, 1);
        Vacancy memory crowded;
        crowded.asks = type(uint16).max;
        put(address(market), abi.encodeCall(market.vacancyWord, (deal, 0)), VacancyWord.unwrap(VacancyLib.pack(crowded)));
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_AskOpen.selector, deal, uint8(0)));
        market.ask(deal, 0, 1);
    }

    function askOther(DealId deal, uint8 slot, uint64 leaf) internal {
        vm.prank(OTHER);
        market.ask(deal, slot, leaf);
    }

    function test_An_answered_question_pays_the_node() public {
        DealId deal = open(1, RATE, 9, 40, 2);
        nextPeriod();
        uint256 before = free(OTHER);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketBase.Asked(deal, id(2), 1, 7, period() + 1, OTHER);
        askOther(deal, 1, 7);
        eq(before - free(OTHER), ASK_BOND, "bond");
        (uint64 leaf, uint32 due) = lens.question(deal, 1, OTHER);
        eq(leaf, 7, "leaf");
        eq(due, period() + 1, "due");
        eq(lens.vacancy(deal, 1).asks, 1, "open questions");
        nextPeriod();
        vm.roll(uint256(period() + 1) * L - 1);
        market.answer(deal, 1, OTHER, openingOf(deal, 1, 7));
        eq(lens.standing(id(2)).earned, ASK_BOND, "earned");
        eq(lens.vacancy(deal, 1).asks, 0, "closed");
        vm.expectPartialRevert(IMarketBase.StorageMarket_NoAsk.selector);
        market.answer(deal, 1, OTHER, "");
        vm.expectPartialRevert(IMarketBase.StorageMarket_NoAsk.selector);
        market.withdrawAsk(deal, 1, OTHER);
    }

    function test_A_wrong_answer_is_none() public {
        DealId deal = open(1, RATE, 9, 40, 2);
        nextPeriod();
        askOther(deal, 1, 7);
        bytes memory other = openingOf(deal, 1, 6);
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
        market.answer(deal, 1, OTHER, other);
        bytes memory longer = bytes.concat(openingOf(deal, 1, 7), hex"00");
        vm.expectRevert(IMarketBase.StorageMarket_BadProofLength.selector);
        market.answer(deal, 1, OTHER, longer);
        vm.expectRevert(IMarketBase.StorageMarket_BadProofLength.selector);
        market.answer(deal, 1, OTHER, hex"00");
        goTo(period() + 2);
        bytes memory late = openingOf(deal, 1, 7);
        vm.expectPartialRevert(IMarketBase.StorageMarket_PeriodClosed.selector);
        market.answer(deal, 1, OTHER, late);
    }

    function test_Who_does_not_answer_loses_the_slot_and_twice_the_fine() public {
        DealId deal = open(1, RATE, 9, 40, 2);
        nextPeriod();
        askOther(deal, 1, 7);
        vm.expectPartialRevert(IMarketBase.StorageMarket_NotConvictable.selector);
        market.convict(deal, 1, OTHER);
        pass(1, 1, 2);
        vm.expectPartialRevert(IMarketBase.StorageMarket_NotConvictable.selector);
        market.convict(deal, 1, OTHER);
        vm.expectPartialRevert(IMarketBase.StorageMarket_AskPending.selector);
        market.withdrawAsk(deal, 1, OTHER);
        nextPeriod();
        vm.expectPartialRevert(IMarketBase.StorageMarket_AskPending.selector);
        market.withdrawAsk(deal, 1, OTHER);
        (uint256 client, uint256 other) = (free(CLIENT), free(OTHER));
        market.convict(deal, 1, OTHER);
        eq(stakeOf(2), STAKE - 20 * RATE, "stake");
        eq(free(CLIENT) - client, 10 * RATE, "client");
        eq(free(OTHER) - other, 5 * RATE + ASK_BOND, "asker");
        eq(lens.deal(deal).slots[1].bounty, 5 * RATE, "refill");
        yes(lens.deal(deal).slots[1].state == SlotState.Lost, "lost");
        yes(lens.duty(id(2)).barred, "this period is forfeited");
        vm.expectPartialRevert(IMarketBase.StorageMarket_NotConvictable.selector);
        market.convict(deal, 1, OTHER);
    }

    function test_If_the_chain_stood_still_nobody_is_convicted() public {
        DealId deal = open(1, RATE, 9, 40, 2);
        nextPeriod();
        uint256 before = free(OTHER);
        askOther(deal, 1, 7);
        proveAll(2);
        goTo(period() + 2);
        vm.expectPartialRevert(IMarketBase.StorageMarket_NotConvictable.selector);
        market.convict(deal, 1, OTHER);
        market.withdrawAsk(deal, 1, OTHER);
        eq(free(OTHER), before, "the bond is back");
    }

    function test_A_question_that_binds_nobody_any_more_comes_back() public {
        DealId deal = open(1, RATE, 9, 40, 3);
        nextPeriod();
        uint256 before = free(OTHER);
        askOther(deal, 1, 7);
        vm.expectPartialRevert(IMarketBase.StorageMarket_AskPending.selector);
        market.withdrawAsk(deal, 1, OTHER);
        declare(2, deal, 1);
        vm.expectPartialRevert(IMarketBase.StorageMarket_NoAsk.selector);
        market.answer(deal, 1, OTHER, "");
        market.withdrawAsk(deal, 1, OTHER);
        eq(free(OTHER), before, "told meanwhile");

        askOther(deal, 0, 7);
        goTo(lens.deal(deal).end - 1);
        market.withdrawAsk(deal, 0, OTHER);
        eq(free(OTHER), before, "the deal is over");
    }

    /// Else a client would ask a friend, have it tell a loss, and fill the slot with a node that knows of no question.
    function test_A_question_binds_its_holder_alone_though_the_next_begins_in_the_same_period() public {
        Terms memory terms = termsOf(1, RATE, 4, 40, 1, 1);
        DealId deal = open(1, RATE, 4, 40, 1);
        vm.prank(CLIENT);
        market.ask(deal, 0, 3);
        declare(1, deal, 0);
        Acceptance memory next = accept(CLIENT, terms, 0, 2, keep(1, 4));
        vm.prank(CLIENT);
        market.fillSlot(deal, 4, next);
        pass(2, 2, 2);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotConvictable.selector, period() - 1));
        market.convict(deal, 0, CLIENT);
        uint256 before = free(CLIENT);
        market.withdrawAsk(deal, 0, CLIENT);
        eq(free(CLIENT) - before, ASK_BOND, "the bond comes back");
    }

    function test_Questions_are_asked_of_leaves_that_exist_while_there_is_time() public {
        DealId deal = open(1, RATE, 9, 6, 2);
        nextPeriod();
        vm.startPrank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NoSuchLeaf.selector, 9, 9));
        market.ask(deal, 1, 9);
        market.ask(deal, 1, 8);
        vm.expectPartialRevert(IMarketBase.StorageMarket_NoAsk.selector);
        market.ask(deal, 1, 8);
        vm.stopPrank();
        vm.prank(CLIENT);
        market.ask(deal, 1, 8);
        eq(lens.vacancy(deal, 1).asks, 2, "one for each asker");
        goTo(lens.deal(deal).end - 3);
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotOpen.selector, deal));
        market.ask(deal, 0, 1);
    }

    function test_A_slot_without_a_holder_is_not_asked() public {
        DealId deal = open(1, RATE, 9, 40, 2);
        declare(1, deal, 0);
        vm.prank(OTHER);
        vm.expectRevert(
            abi.encodeWithSelector(IMarketBase.StorageMarket_WrongState.selector, deal, uint8(0), SlotState.Lost)
        );
        market.ask(deal, 0, 1);
    }

    function test_Only_the_market_slashes() public {
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_NotMarket.selector, address(this)));
        registry.slash(NodeId.wrap(1), 1);
    }
}
