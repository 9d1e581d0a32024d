// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IMarketBase } from "../../contracts/interfaces/IMarketBase.sol";
import { Acceptance, DealState, DealView } from "../../contracts/types/Deals.sol";
import { DealId } from "../../contracts/types/Types.sol";
import { Terms, World } from "./support/World.sol";

/// @notice What a deal comes to at its end.
contract SettlingTest is World {
    uint256 internal constant RATE = 1000;

    function setUp() public {
        build();
        for (uint256 i = 1; i <= 5; ++i) register(i, 100e9);
        fund(CLIENT, 1000e9);
    }

    function root4() internal returns (bytes20) {
        return keep(1, 4);
    }

    function test_What_was_not_proved_comes_back() public {
        DealId deal = open(1, RATE, 4, 4, 3);
        DealView memory v = lens.deal(deal);
        goTo(v.from);
        proveAll(3);
        goTo(v.from + 2);
        prove(2);
        goTo(v.end);
        uint256 paid = 4 * RATE;
        settleOne(deal);
        v = lens.deal(deal);
        yes(v.state == DealState.Settled, "settled");
        eq(v.paid, paid, "paid");
        eq(v.fee, paid * 5 / 100, "fee");
        eq(v.refunded, v.locked - paid - paid * 5 / 100, "refunded");
        eq(free(CLIENT), 1000e9 - paid - paid * 5 / 100, "free");
        eq(locked(CLIENT), 0, "locked");
        eq(escrow.accountOf(CLIENT).fees, paid * 5 / 100, "fees");
        eq(v.slots[1].provedPeriods, 2, "node 2 proved twice");
        eq(v.slots[1].paid, 2 * RATE, "and was paid twice");
        eq(lens.standing(id(2)).earned, 2 * RATE, "and earned it");
    }

    function test_A_deal_is_settled_once_and_not_before_its_end() public {
        DealId deal = open(1, RATE, 4, 4, 3);
        uint32 end = lens.deal(deal).end;
        DealId[] memory all = new DealId[](1);
        all[0] = deal;
        vm.roll(uint256(end) * L - 1);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotEnded.selector, deal, end));
        market.settle(all);
        vm.roll(uint256(end) * L);
        market.settle(all);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotOpen.selector, deal));
        market.settle(all);
    }

    function test_Rounding_drains_nothing_and_dust_deals_add_up() public {
        DealId deal = open(1, 1, 1, 2, 3);
        DealView memory v = lens.deal(deal);
        eq(v.locked, 7, "six units and a unit of fee");
        goTo(v.from);
        prove(1);
        goTo(v.end);
        settleOne(deal);
        v = lens.deal(deal);
        eq(v.paid + v.fee + v.refunded, v.locked, "adds up");
        eq(v.fee, 1, "rounded up");
    }

    /// Each slot's odd half was given to the client when it was lost; two of them make no unit.
    function test_Bounties_that_nobody_earned_come_back_as_they_were_taken() public {
        DealId deal = open(1, 3, 4, 6, 2);
        uint256 most = free(CLIENT) + locked(CLIENT);
        nextPeriod();
        for (uint8 slot = 0; slot < 2; ++slot) {
            uint256 stake = registry.node(id(slot + 1)).stake;
            vm.prank(ownerOf(slot + 1));
            market.declareLoss(deal, slot);
            eq(stake - registry.node(id(slot + 1)).stake, 15, "five periods of three units");
        }
        goTo(lens.deal(deal).end);
        settleOne(deal);
        eq(free(CLIENT), most + 30, "what both nodes lost and no unit more");
    }

    function test_Like_deals_settled_together_come_to_what_they_come_to_alone() public {
        DealId first = open(1, RATE, 4, 4, 3);
        DealId second = open(2, RATE, 4, 4, 3);
        pass(3, 1, 3);
        pass(1, 1, 2);
        goTo(lens.deal(first).end);
        DealId[] memory both = new DealId[](2);
        (both[0], both[1]) = (first, second);
        uint256 state = vm.snapshotState();
        settleOne(first);
        settleOne(second);
        (uint256 alone, uint256 fees) = (free(CLIENT), escrow.accountOf(CLIENT).fees);
        vm.revertToState(state);
        market.settle(both);
        eq(free(CLIENT), alone, "together");
        eq(escrow.accountOf(CLIENT).fees, fees, "fees");
        eq(locked(CLIENT), 0, "locked");
    }

    function test_Deals_alike_in_their_first_slot_alone_are_counted_each() public {
        DealId first = open(1, RATE, 4, 4, 2);
        Terms memory terms = termsOf(2, RATE, 4, 4, 2, 1);
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        all[1] = accept(CLIENT, terms, 1, 3, all[0].root);
        vm.prank(CLIENT);
        (DealId second,) = market.openDeal(CLIENT, word(terms), all);
        pass(3, 1, 2);
        pass(1, 1, 3);
        nextPeriod();
        DealId[] memory both = new DealId[](2);
        (both[0], both[1]) = (first, second);
        uint256 before = free(CLIENT) + locked(CLIENT);
        market.settle(both);
        eq(before - free(CLIENT), (4 + 4 + 4 + 1) * RATE * 105 / 100, "the third node proved once");
    }

    function test_Like_deals_that_were_kept_to_the_end_are_counted_once() public {
        uint256 before = free(CLIENT);
        DealId[] memory all = new DealId[](3);
        for (uint48 i = 0; i < 3; ++i) all[i] = open(i + 1, RATE, 4, 4, 3);
        pass(4, 1, 3);
        nextPeriod();
        market.settle(all);
        eq(before - free(CLIENT), 3 * 3 * 4 * RATE * 105 / 100, "all of it was earned");
        eq(locked(CLIENT), 0, "locked");
    }

    function test_A_deal_of_many_slots_reads_is_paid_and_settles_as_one_of_few() public {
        for (uint256 i = 6; i <= 12; ++i) register(i, 100e9);
        DealId deal = open(1, RATE, 4, 3, 12);
        DealView memory v = lens.deal(deal);
        for (uint256 i = 0; i < 12; ++i) {
            eq(v.slots[i].node, i + 1, "node");
            eq(v.slots[i].root, root4(), "root");
        }
        pass(3, 1, 12);
        nextPeriod();
        (uint256 paid, uint256 refund) = settleOne(deal);
        eq(paid, 12 * 3 * RATE, "paid");
        eq(refund, 0, "refund");
    }

    function test_A_page_of_deals_is_never_longer_than_PAGE_MAX() public {
        open(250, RATE, 4, 10, 1);
        open(100, RATE, 4, 10, 1);
        eq(lens.lastNumber(CLIENT), 250, "last");
        eq(lens.dealsOf(CLIENT, 1, 1000).length, 1, "numbers 1 to 200");
        eq(lens.dealsOf(CLIENT, 201, 1000).length, 1, "and the rest");
    }
}
