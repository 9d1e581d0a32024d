// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IMarketBase } from "../../contracts/interfaces/IMarketBase.sol";
import { Acceptance, DealView, EntryView, NO_HINT, Refusal, SlotState, VacancyView } from "../../contracts/types/Deals.sol";
import { DealId } from "../../contracts/types/Types.sol";
import { Terms, World } from "./support/World.sol";

/// @notice Reservations, claims, refills, hand-over, early ends, and several calls as one.
contract RepairTest is World {
    uint256 internal constant RATE = 1_024_000;
    uint64 internal constant STAKE = 1000e9;

    function setUp() public {
        build();
        for (uint256 i = 1; i <= 5; ++i) {
            register(i, STAKE);
            fund(ownerOf(i), 100e9);
        }
        fund(CLIENT, 10_000e9);
    }

    function lostSlot() internal returns (DealId deal) {
        deal = open(1, RATE, 9, 60, 3);
        pass(1, 1, 3);
        vm.prank(ownerOf(2));
        market.declareLoss(deal, 1);
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

    // Reservation and claim

    function test_A_lost_slot_is_reserved_rebuilt_and_claimed() public {
        DealId deal = lostSlot();
        eq(market.bondOf(deal, 1), 2 * RATE, "two periods of pay");
        eq(lens.vacancy(deal, 3).bond, 0, "a slot that the deal does not have");
        uint256 before = free(ownerOf(4));
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketBase.SlotReserved(deal, id(4), 1, period() + 2, 2 * RATE);
        reserve(4, deal, 1);
        eq(before - free(ownerOf(4)), 2 * RATE, "bond");
        VacancyView memory vacancy = lens.vacancy(deal, 1);
        eq(vacancy.reservedBy, 4, "by");
        eq(vacancy.until, period() + 2, "until");
        nextPeriod();
        claim(4, deal, 1);
        eq(free(ownerOf(4)) - before, 5 * RATE, "bounty, and the bond is back");
        DealView memory v = lens.deal(deal);
        yes(v.slots[1].state == SlotState.Held, "held");
        eq(v.slots[1].node, 4, "by the repairer");
        eq(v.slots[1].from, period() + 1, "from the next period");
        eq(v.slots[1].root, v.slots[0].root, "the same shard");
        prove(3);
        pass(2, 3, 4);
        eq(lens.standing(id(4)).earned, 2 * RATE, "paid");
        goTo(v.end);
        settleOne(deal);
        eq(lens.deal(deal).paid, 8 * RATE, "first, former and new holders");
        eq(locked(CLIENT), 0, "nothing is left");
    }

    function test_A_claim_comes_in_a_later_period_and_in_time() public {
        DealId deal = lostSlot();
        reserve(4, deal, 1);
        bytes memory proof = takeoverProof(deal, 1, 4);
        vm.startPrank(ownerOf(4));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotReserved.selector, id(4)));
        market.claim(deal, 1, id(4), NO_HINT, proof);
        goTo(period() + 3);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotReserved.selector, id(4)));
        market.claim(deal, 1, id(4), NO_HINT, proof);
        vm.stopPrank();
    }

    function test_A_claim_needs_the_shard_the_node_and_the_reservation() public {
        DealId deal = lostSlot();
        reserve(4, deal, 1);
        nextPeriod();
        bytes memory proof = takeoverProof(deal, 1, 4);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotNode.selector, id(4), address(this)));
        market.claim(deal, 1, id(4), NO_HINT, proof);
        vm.prank(ownerOf(5));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotReserved.selector, id(5)));
        market.claim(deal, 1, id(5), NO_HINT, proof);
        bytes memory other = takeoverProof(deal, 1, 5);
        vm.startPrank(ownerOf(4));
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
        market.claim(deal, 1, id(4), NO_HINT, other);
        vm.expectRevert(IMarketBase.StorageMarket_BadProofLength.selector);
        market.claim(deal, 1, id(4), NO_HINT, bytes.concat(proof, hex"00"));
        vm.stopPrank();
        claim(4, deal, 1);
        vm.prank(ownerOf(4));
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongState.selector);
        market.claim(deal, 1, id(4), NO_HINT, proof);
    }

    function test_Who_holds_a_slot_already_or_is_leaving_claims_none() public {
        DealId deal = lostSlot();
        reserve(1, deal, 1);
        nextPeriod();
        bytes memory proof = takeoverProof(deal, 1, 1);
        vm.prank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NodeTwice.selector, id(1)));
        market.claim(deal, 1, id(1), NO_HINT, proof);
        goTo(period() + 3);
        reserve(4, deal, 1);
        vm.prank(ownerOf(4));
        registry.exit(id(4));
        nextPeriod();
        proof = takeoverProof(deal, 1, 4);
        vm.prank(ownerOf(4));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Refused.selector, id(4), Refusal.Out));
        market.claim(deal, 1, id(4), NO_HINT, proof);
    }

    function test_A_lapsed_reservation_costs_its_bond_and_doubles_the_next() public {
        DealId deal = lostSlot();
        reserve(4, deal, 1);
        vm.prank(ownerOf(5));
        vm.expectRevert(
            abi.encodeWithSelector(IMarketBase.StorageMarket_Reserved.selector, id(4), period() + 2)
        );
        market.reserve(deal, 1, id(5));
        goTo(period() + 2);
        vm.prank(ownerOf(5));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Reserved.selector, id(4), period()));
        market.reserve(deal, 1, id(5));
        nextPeriod();
        eq(market.bondOf(deal, 1), 4 * RATE, "double");
        uint256 before = free(CLIENT);
        reserve(5, deal, 1);
        eq(free(CLIENT) - before, RATE, "half of the bond is the client's");
        eq(lens.vacancy(deal, 1).bounty, 6 * RATE, "half is for the refill");
        nextPeriod();
        before = free(ownerOf(5));
        claim(5, deal, 1);
        eq(free(ownerOf(5)) - before, 6 * RATE + 4 * RATE, "bounty and bond");
    }

    function test_A_slot_that_is_held_or_was_never_filled_is_not_reserved() public {
        DealId deal = lostSlot();
        vm.prank(ownerOf(4));
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongState.selector);
        market.reserve(deal, 0, id(4));
        vm.prank(ownerOf(5));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotNode.selector, id(4), ownerOf(5)));
        market.reserve(deal, 1, id(4));
        goTo(lens.deal(deal).end - 2);
        vm.prank(ownerOf(4));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotOpen.selector, deal));
        market.reserve(deal, 1, id(4));
    }

    function test_An_evicted_nodes_slot_is_claimed_while_it_may_still_cure() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        DealId kept = open(2, 1000, 9, 60, 1);
        evictAfterStrikes(1, 2);
        reserve(4, deal, 0);
        nextPeriod();
        (uint256 client, uint256 repairer) = (free(CLIENT), free(ownerOf(4)));
        claim(4, deal, 0);
        eq(free(CLIENT) - client, 15 * RATE, "the client's half");
        eq(free(ownerOf(4)) - repairer, 15 * RATE + 2 * RATE, "the repairer's half and the bond");
        eq(lens.standing(id(1)).pot, 30 * 1000, "the rest of the pot");
        bytes memory proof = proofOf(id(1), 20);
        vm.prank(ownerOf(1));
        market.cure(id(1), proof);
        yes(lens.deal(kept).slots[0].state == SlotState.Held, "what nobody claimed");
        eq(lens.deal(deal).slots[0].node, 4, "what was claimed is gone");
        prove(2);
        nextPeriod();
        eq(lens.duty(id(1)).rate, 1000, "its duty");
        prove(1);
        prove(2);
        prove(4);
        goTo(lens.deal(deal).end);
        settleOne(deal);
        settleOne(kept);
        eq(lens.deal(deal).paid, RATE * (3 + 1 + 1 + 1), "as proved");
        eq(lens.deal(kept).paid, 1000, "as proved");
    }

    function test_A_bounty_above_the_stake_that_the_slot_adds_goes_to_the_client() public {
        DealId deal = lostSlot();
        for (uint256 i = 0; i < 5; ++i) {
            reserve(4, deal, 1);
            goTo(period() + 3);
        }
        reserve(5, deal, 1);
        nextPeriod();
        uint256 bounty = lens.vacancy(deal, 1).bounty;
        yes(bounty > 30 * RATE, "large");
        (uint256 client, uint256 bond) = (free(CLIENT), 64 * RATE);
        uint256 before = free(ownerOf(5));
        claim(5, deal, 1);
        eq(free(ownerOf(5)) - before, 30 * RATE + bond, "the most");
        eq(free(CLIENT) - client, bounty - 30 * RATE, "the rest");
    }

    function test_A_claimed_range_may_be_a_dead_one() public {
        DealId short = open(7, RATE, 4, 2, 4);
        goTo(lens.deal(short).end);
        DealId deal = lostSlot();
        reserve(4, deal, 1);
        nextPeriod();
        bytes memory proof = takeoverProof(deal, 1, 4);
        vm.prank(ownerOf(4));
        market.claim(deal, 1, id(4), 0, proof);
        eq(lens.standing(id(4)).ledgerLength, RATE, "refilled");
    }

    // Release

    function test_A_bond_comes_back_when_the_holder_cures() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        evictAfterStrikes(1, 2);
        uint256 before = free(ownerOf(4));
        reserve(4, deal, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IMarketBase.StorageMarket_NothingToRelease.selector, deal, uint8(0))
        );
        market.release(deal, 0);
        nextPeriod();
        bytes memory proof = proofOf(id(1), 20);
        vm.prank(ownerOf(1));
        market.cure(id(1), proof);
        market.release(deal, 0);
        eq(free(ownerOf(4)), before, "back");
        vm.expectPartialRevert(IMarketBase.StorageMarket_NothingToRelease.selector);
        market.release(deal, 0);
    }

    function test_After_the_deal_a_lapsed_bond_is_the_clients_and_one_that_had_no_time_comes_back() public {
        DealId deal = lostSlot();
        DealView memory v = lens.deal(deal);
        reserve(4, deal, 1);
        goTo(v.end - 3);
        reserve(5, deal, 1);
        goTo(v.end);
        (uint256 client, uint256 repairer) = (free(CLIENT), free(ownerOf(5)));
        market.release(deal, 1);
        eq(free(ownerOf(5)) - repairer, 4 * RATE, "it could not have been used to the end");
        eq(free(CLIENT) - client, RATE, "half of the first bond had waited for a refill");

        DealId next = lostIn(2);
        reserve(4, next, 1);
        goTo(lens.deal(next).end);
        client = free(CLIENT);
        market.release(next, 1);
        eq(free(CLIENT) - client, 2 * RATE, "let lapse");
    }

    function lostIn(uint48 number) internal returns (DealId deal) {
        deal = open(number, RATE, 9, 60, 3);
        vm.prank(ownerOf(2));
        market.declareLoss(deal, 1);
    }

    // Refill by the client

    function refill(DealId deal, uint8 slot, uint256 i) internal {
        DealView memory v = lens.deal(deal);
        Terms memory terms = Terms(deal.numberOf(), v.rate, 9, v.end, v.maxEnd, v.n, v.k, v.k);
        Acceptance memory a = accept(CLIENT, terms, slot, i, v.slots[slot].root);
        vm.prank(CLIENT);
        market.fillSlot(deal, 9, a);
    }

    function test_The_client_refills_a_lost_slot_and_gets_its_bounty() public {
        DealId deal = lostSlot();
        uint256 before = free(CLIENT);
        refill(deal, 1, 4);
        eq(free(CLIENT) - before, 5 * RATE, "bounty");
        eq(lens.deal(deal).slots[1].node, 4, "new holder");
    }

    function test_The_client_refills_an_evicted_nodes_slot_and_gets_its_part_of_the_pot() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        evictAfterStrikes(1, 2);
        uint256 before = free(CLIENT);
        refill(deal, 0, 4);
        eq(free(CLIENT) - before, 30 * RATE, "both halves");
        eq(lens.standing(id(1)).pot, 0, "pot");
        eq(lens.deal(deal).slots[0].node, 4, "new holder");
    }

    /// Else the slot could come to be as it was when an acceptance was signed, and the acceptance would serve again.
    function test_A_lost_range_is_not_given_again_while_an_acceptance_that_follows_it_is_good() public {
        DealId deal = lostSlot();
        DealView memory v = lens.deal(deal);
        Terms memory terms = Terms(1, v.rate, 9, v.end, v.maxEnd, v.n, v.k, v.k);
        Acceptance memory used = accept(CLIENT, terms, 1, 2, v.slots[1].root);
        vm.prank(CLIENT);
        market.fillSlot(deal, 9, used);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(ownerOf(2));
            market.declareLoss(deal, 1);
            if (i == 1) break;
            nextPeriod();
            Acceptance memory a = acceptWith(CLIENT, terms, 1, 2, v.slots[1].root, v.slots[1].start);
            vm.prank(CLIENT);
            market.fillSlot(deal, 9, a);
        }
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Refused.selector, id(2), Refusal.Signature));
        market.fillSlot(deal, 9, used);
    }

    function test_A_reserved_slot_is_not_refilled_before_the_reservation_lapses() public {
        DealId deal = lostSlot();
        reserve(5, deal, 1);
        DealView memory v = lens.deal(deal);
        Terms memory terms = Terms(1, v.rate, 9, v.end, v.maxEnd, v.n, v.k, v.k);
        Acceptance memory a = accept(CLIENT, terms, 1, 4, v.slots[1].root);
        vm.prank(CLIENT);
        vm.expectPartialRevert(IMarketBase.StorageMarket_Reserved.selector);
        market.fillSlot(deal, 9, a);
        goTo(period() + 3);
        uint256 before = free(CLIENT);
        refill(deal, 1, 4);
        eq(free(CLIENT) - before, 5 * RATE + 2 * RATE, "bounty and lapsed bond");
    }

    // Hand-over

    function handOver(DealId deal, uint8 slot, uint256 from, uint256 to, bytes20 root) internal {
        DealView memory v = lens.deal(deal);
        Terms memory terms = Terms(deal.numberOf(), v.rate, 9, v.end, v.maxEnd, v.n, v.k, v.k);
        Acceptance memory a = accept(CLIENT, terms, slot, to, root);
        bytes memory proof = takeoverProof(deal, slot, to);
        vm.prank(ownerOf(from));
        market.handOver(deal, a, proof);
    }

    function test_A_slot_is_handed_over_without_cost() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        pass(1, 1, 3);
        bytes20 root = lens.deal(deal).slots[2].root;
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketBase.SlotHandedOver(deal, id(3), id(4), 2);
        handOver(deal, 2, 3, 4, root);
        eq(registry.node(id(3)).stake, STAKE, "stake");
        eq(lens.standing(id(3)).rate, 0, "nothing left");
        pass(2, 4, 4);
        DealView memory v = lens.deal(deal);
        eq(v.slots[2].node, 4, "holder");
        eq(v.paid, 3 * RATE + 2 * RATE, "paid to both");
        (EntryView[] memory entries,) = lens.ledger(id(3), 0, 1);
        uint64[] memory starts = new uint64[](1);
        starts[0] = entries[0].start;
        vm.prank(ownerOf(3));
        market.trim(id(3), starts);
    }

    function test_A_hand_over_waits_for_the_proof_and_for_open_questions() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        bytes20 root = lens.deal(deal).slots[2].root;
        nextPeriod();
        vm.prank(CLIENT);
        market.ask(deal, 2, 3);
        Acceptance memory a = handOverTerms(deal, 2, 4, root);
        bytes memory proof = takeoverProof(deal, 2, 4);
        vm.prank(ownerOf(3));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_ProofDue.selector, id(3), period()));
        market.handOver(deal, a, proof);
        prove(3);
        vm.prank(ownerOf(3));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_AskOpen.selector, deal, uint8(2)));
        market.handOver(deal, a, proof);
        market.answer(deal, 2, CLIENT, openingOf(deal, 2, 3));
        handOver(deal, 2, 3, 4, root);
    }

    function handOverTerms(DealId deal, uint8 slot, uint256 to, bytes20 root) internal view returns (Acceptance memory) {
        DealView memory v = lens.deal(deal);
        return accept(CLIENT, Terms(deal.numberOf(), v.rate, 9, v.end, v.maxEnd, v.n, v.k, v.k), slot, to, root);
    }

    function test_A_hand_over_is_of_the_same_shard_by_the_holder_to_another_with_a_proof() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        pass(1, 1, 3);
        bytes20 root = lens.deal(deal).slots[2].root;
        Acceptance memory a = handOverTerms(deal, 2, 4, root);
        bytes memory proof = takeoverProof(deal, 2, 4);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotNode.selector, id(3), address(this)));
        market.handOver(deal, a, proof);
        vm.startPrank(ownerOf(3));
        vm.expectRevert(IMarketBase.StorageMarket_BadProofLength.selector);
        market.handOver(deal, a, "");
        a.root = bytes20(uint160(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_OtherRoot.selector, root));
        market.handOver(deal, a, proof);
        a = handOverTerms(deal, 2, 1, root);
        proof = takeoverProof(deal, 2, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NodeTwice.selector, id(1)));
        market.handOver(deal, a, proof);
        a = handOverTerms(deal, 2, 4, root);
        a.vs = 0;
        proof = takeoverProof(deal, 2, 4);
        vm.expectRevert(
            abi.encodeWithSelector(IMarketBase.StorageMarket_Refused.selector, id(4), Refusal.Signature)
        );
        market.handOver(deal, a, proof);
        vm.stopPrank();
    }

    function test_A_whole_node_changes_hands_in_one_transaction() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        pass(1, 1, 3);
        vm.prank(ownerOf(1));
        registry.setOwner(id(1), CLIENT);
        uint256 before = free(CLIENT);
        market.collect(id(1));
        eq(free(CLIENT) - before, RATE, "what it earned");
        pass(1, 1, 1);
        eq(lens.deal(deal).slots[0].provedPeriods, 2, "it goes on");
        vm.prank(ownerOf(1));
        vm.expectRevert();
        registry.exit(id(1));
        vm.prank(CLIENT);
        registry.exit(id(1));
    }

    // Ends

    function test_A_deal_is_ended_early_with_notice_and_the_money_comes_back_at_once() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        DealView memory v = lens.deal(deal);
        (uint256 before, uint256 was) = (free(CLIENT), locked(CLIENT));
        uint32 end = period() + 11;
        vm.startPrank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadNotice.selector, end - 1, end));
        market.endEarly(deal, end - 1);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadNotice.selector, v.end, end));
        market.endEarly(deal, v.end);
        market.endEarly(deal, end);
        vm.stopPrank();
        uint256 back = market.quote(v.rate, 3, 60) - market.quote(v.rate, 3, end - v.from);
        eq(free(CLIENT) - before, back, "back");
        eq(was - locked(CLIENT), back, "unlocked");
        for (uint32 p = v.from; p < end; ++p) pass(1, 1, 3);
        nextPeriod();
        eq(lens.standing(id(1)).rate, 0, "the nodes are free");
        settleOne(deal);
        eq(lens.deal(deal).refunded, 0, "all was proved");
        eq(locked(CLIENT), 0, "locked");
    }

    function test_Only_the_client_ends_early() public {
        DealId deal = open(1, RATE, 9, 60, 3);
        vm.prank(CLIENT);
        escrow.allow(OPERATOR, 1e9, period() + 50, rateOf(5), rateOf(5), rateOf(5));
        uint32 end = period() + 20;
        vm.prank(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotClient.selector, deal, OPERATOR));
        market.endEarly(deal, end);
    }

    function test_A_lost_slot_of_a_longer_deal_keeps_its_root_and_costs_its_former_holder_nothing() public {
        DealId deal = lostSlot();
        DealView memory v = lens.deal(deal);
        vm.prank(CLIENT);
        market.extend(deal, v.end + 50, CLIENT);
        goTo(v.end + 1);
        eq(lens.deal(deal).slots[1].root, v.slots[0].root, "root");
        uint64[] memory starts = new uint64[](1);
        vm.prank(ownerOf(2));
        vm.expectPartialRevert(IMarketBase.StorageMarket_NotTrimmable.selector);
        market.trim(id(2), starts);
        reserve(4, deal, 1);
        nextPeriod();
        claim(4, deal, 1);
        goTo(period() + 2);
        vm.prank(ownerOf(2));
        market.trim(id(2), starts);
    }

    // Several at once

    function test_Several_deals_are_opened_in_one_transaction_or_none() public {
        bytes[] memory calls = new bytes[](2);
        Terms memory first = termsOf(1, RATE, 4, 10, 2, 1);
        Terms memory second = termsOf(2, RATE, 4, 10, 2, 1);
        bytes20 root = keep(1, 4);
        calls[0] = abi.encodeCall(market.openDeal, (CLIENT, word(first), acceptAll(CLIENT, first, root)));
        calls[1] = abi.encodeCall(market.openDeal, (CLIENT, word(second), acceptAll(CLIENT, second, root)));
        vm.prank(CLIENT);
        bytes[] memory answers = market.multicall(calls);
        (DealId deal, uint256 filled) = abi.decode(answers[1], (DealId, uint256));
        eq(filled, 2, "filled");
        yes(DealId.unwrap(deal) == (uint256(uint160(CLIENT)) << 96 | 2), "the second");
        vm.prank(CLIENT);
        vm.expectPartialRevert(IMarketBase.StorageMarket_NumberUsed.selector);
        market.multicall(calls);
        calls = new bytes[](1);
        calls[0] = abi.encodeCall(market.endEarly, (deal, 1));
        vm.prank(CLIENT);
        vm.expectPartialRevert(IMarketBase.StorageMarket_BadNotice.selector);
        market.multicall(calls);
    }
}
