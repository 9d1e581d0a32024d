// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IMarketBase } from "../../contracts/interfaces/IMarketBase.sol";
import { OfferLib } from "../../contracts/libraries/WordLib.sol";
import { IEscrow } from "../../contracts/interfaces/IEscrow.sol";
import { Acceptance, DealState, DealView, NO_HINT, Refusal } from "../../contracts/types/Deals.sol";
import { DealId, NodeId, Rate, dealIdOf } from "../../contracts/types/Types.sol";
import { TermsWord } from "../../contracts/types/Words.sol";
import { Terms, World } from "./support/World.sol";

/// @notice Opening, filling and extending deals, and what operators may.
contract DealsTest is World {
    uint256 internal constant RATE = 1000;

    function setUp() public {
        build();
        for (uint256 i = 1; i <= 5; ++i) register(i, 100e9);
        fund(CLIENT, 1000e9);
    }

    function terms3() internal view returns (Terms memory) {
        return termsOf(1, RATE, 4, 10, 3, 1);
    }

    function root4() internal returns (bytes20) {
        return keep(1, 4);
    }

    // Opening

    function test_An_opened_deal_reads_as_it_was_agreed() public {
        DealId deal = open(1, RATE, 4, 10, 3);
        DealView memory v = lens.deal(deal);
        yes(v.state == DealState.Open, "open");
        eq(v.from, period() + 1, "from");
        eq(v.end, period() + 11, "end");
        eq(v.maxEnd, period() + 111, "maxEnd");
        eq(v.slots.length, 3, "slots");
        for (uint256 i = 0; i < 3; ++i) {
            eq(v.slots[i].index, i, "index");
            eq(NodeId.unwrap(v.slots[i].node), i + 1, "node");
            eq(v.slots[i].root, root4(), "root");
            eq(v.slots[i].leaves, 4, "leaves");
            eq(v.slots[i].from, v.from, "slot from");
        }
        eq(v.locked, 3 * 10 * RATE + 3 * 10 * RATE * FEE_BPS / 10_000, "locked");
        eq(locked(CLIENT), v.locked, "escrow locked");
        eq(free(CLIENT), 1000e9 - v.locked, "escrow free");
        eq(escrow.accountOf(CLIENT).lastNumber, 1, "number");
        eq(lens.dealsOf(CLIENT, 1, 10).length, 1, "deals of client");
    }

    function test_A_number_opens_one_deal_only() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        vm.prank(CLIENT);
        (DealId deal,) = market.openDeal(CLIENT, word(terms), all);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NumberUsed.selector, deal));
        market.openDeal(CLIENT, word(terms), all);
    }

    function test_Numbers_may_come_out_of_order_but_not_far_ahead() public {
        open(3, RATE, 4, 10, 2);
        open(1, RATE, 4, 10, 2);
        eq(escrow.accountOf(CLIENT).lastNumber, 3, "highest");
        Terms memory terms = termsOf(3 + 257, RATE, 4, 10, 1, 1);
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NumberTooFar.selector, uint48(260), uint48(259)));
        market.openDeal(CLIENT, word(terms), all);
        eq(lens.dealsOf(CLIENT, 1, 100).length, 2, "gaps are left out");
        eq(lens.dealsOf(CLIENT, 2, 1).length, 0, "the gap");
        eq(lens.dealsOf(CLIENT, 4, 10).length, 0, "behind the last");
    }

    function test_Number_zero_is_refused() public {
        Terms memory terms = termsOf(0, RATE, 4, 10, 1, 1);
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        vm.prank(CLIENT);
        vm.expectPartialRevert(IMarketBase.StorageMarket_NumberUsed.selector);
        market.openDeal(CLIENT, word(terms), all);
    }

    function refusesTerms(Terms memory terms) internal {
        refusesWord(TermsWord.unwrap(word(terms)));
    }

    function refusesWord(uint256 terms) internal {
        Acceptance[] memory none = new Acceptance[](0);
        vm.prank(CLIENT);
        vm.expectRevert(IMarketBase.StorageMarket_BadTerms.selector);
        market.openDeal(CLIENT, TermsWord.wrap(terms), none);
    }

    function test_Terms_out_of_range_are_refused() public {
        Terms memory t = terms3();
        t.rate = Rate.wrap(0);
        refusesTerms(t);
        t = terms3();
        t.rate = Rate.wrap((1 << 13) | 1);
        refusesTerms(t);
        t = terms3();
        t.leaves = 0;
        refusesTerms(t);
        t = terms3();
        t.leaves = 1 << 34;
        refusesTerms(t);
        t = terms3();
        t.k = 0;
        refusesTerms(t);
        t = terms3();
        t.k = 4;
        refusesTerms(t);
        t = terms3();
        t.n = 65;
        refusesTerms(t);
        t = terms3();
        t.k = 2;
        t.minFilled = 1;
        refusesTerms(t);
        t = terms3();
        t.minFilled = 4;
        refusesTerms(t);
        t = terms3();
        t.end = period() + 2;
        refusesTerms(t);
        t = terms3();
        t.maxEnd = t.end - 1;
        refusesTerms(t);
        t = terms3();
        t.maxEnd = (1 << 22) - 1;
        refusesTerms(t);
    }

    function test_Terms_with_something_where_nothing_must_be_are_refused() public {
        uint256 terms = TermsWord.unwrap(word(terms3()));
        uint8[5] memory gaps = [18, 39, 118, 123, 196];
        for (uint256 i = 0; i < gaps.length; ++i) refusesWord(terms | (1 << gaps[i]));
        refusesWord(terms | (1 << 255));
    }

    function test_Slots_must_ascend_and_exist() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        (all[0], all[1]) = (all[1], all[0]);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadSlot.selector, uint8(0)));
        market.openDeal(CLIENT, word(terms), all);

        all = acceptAll(CLIENT, terms, root4());
        all[2] = accept(CLIENT, terms, 1, 3, all[0].root);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadSlot.selector, uint8(1)));
        market.openDeal(CLIENT, word(terms), all);

        all = acceptAll(CLIENT, terms, root4());
        all[2].offer = OfferLib.pack(3, id(3), vm.getBlockNumber() + L, NO_HINT);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadSlot.selector, uint8(3)));
        market.openDeal(CLIENT, word(terms), all);
    }

    function test_A_node_holds_one_slot_of_a_deal() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        all[2] = accept(CLIENT, terms, 2, 1, all[0].root);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NodeTwice.selector, id(1)));
        market.openDeal(CLIENT, word(terms), all);
    }

    function test_Too_little_money_locks_nothing() public {
        open(2, RATE, 4, 10, 1);
        (uint256 free_, uint256 locked_) = (free(CLIENT), locked(CLIENT));
        Terms memory terms = termsOf(1, 30_000_000_000, 4, 100, 3, 1);
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        uint256 units = market.quote(terms.rate, 3, 100);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotEnough.selector, CLIENT, free_, units));
        market.openDeal(CLIENT, word(terms), all);
        eq(locked(CLIENT), locked_, "locked");
    }

    // Acceptances that no longer hold

    /// @dev Opens with the given acceptances, of which the one for slot 1 must be refused.
    function leavesSlot1Vacant(Terms memory terms, Acceptance[] memory all, Refusal why) internal {
        vm.prank(CLIENT);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketBase.SlotRefused(DealId.wrap((uint256(uint160(CLIENT)) << 96) | 1), nodeOf(all[1]), 1, why);
        (DealId deal, uint256 filled) = market.openDeal(CLIENT, word(terms), all);
        eq(filled, 2, "filled");
        DealView memory v = lens.deal(deal);
        eq(NodeId.unwrap(v.slots[1].node), 0, "vacant");
        eq(NodeId.unwrap(v.slots[2].node), 3, "the next is filled");
        eq(v.locked, market.quote(terms.rate, 3, 10), "money for the vacant slot is locked");
    }

    function test_A_changed_key_leaves_the_slot_vacant() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        vm.prank(ownerOf(2));
        registry.setHot(id(2), address(0x5555));
        leavesSlot1Vacant(terms, all, Refusal.Signature);
    }

    function test_A_signature_for_another_slot_or_client_or_rate_leaves_the_slot_vacant() public {
        uint256 start = vm.snapshotState();
        for (uint256 i = 0; i < 6; ++i) {
            Terms memory terms = terms3();
            Terms memory signed = terms3();
            Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
            address client = CLIENT;
            if (i == 0) client = OTHER;
            if (i == 1) signed.rate = rateOf(RATE - 1);
            if (i == 2) signed.leaves = 5;
            if (i == 3) signed.maxEnd -= 1;
            if (i == 4) signed.number = 2;
            Acceptance memory a = accept(client, signed, i == 5 ? 0 : 1, 2, all[0].root);
            a.offer = OfferLib.pack(1, id(2), vm.getBlockNumber() + L, NO_HINT);
            all[1] = a;
            leavesSlot1Vacant(terms, all, Refusal.Signature);
            vm.revertToState(start);
        }
    }

    function test_A_root_that_was_not_signed_leaves_the_slot_vacant() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        all[1].root = bytes20(uint160(all[1].root) ^ 1);
        leavesSlot1Vacant(terms, all, Refusal.Signature);
    }

    function test_A_deadline_passed_or_too_far_leaves_the_slot_vacant() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        uint256 start = vm.snapshotState();
        all[1].offer = OfferLib.pack(1, id(2), vm.getBlockNumber() - 1, NO_HINT);
        signWith(hotKey(2), CLIENT, terms, all[1]);
        leavesSlot1Vacant(terms, all, Refusal.Deadline);
        vm.revertToState(start);
        all[1].offer = OfferLib.pack(1, id(2), vm.getBlockNumber() + L + 1, NO_HINT);
        signWith(hotKey(2), CLIENT, terms, all[1]);
        leavesSlot1Vacant(terms, all, Refusal.Deadline);
    }

    function test_A_stake_that_does_not_cover_the_pay_leaves_the_slot_vacant() public {
        register(6, STAKE_MIN);
        Terms memory terms = termsOf(1, uint256(STAKE_MIN) / STAKE_PERIODS + 1, 4, 10, 3, 1);
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        all[1] = accept(CLIENT, terms, 1, 6, all[0].root);
        leavesSlot1Vacant(terms, all, Refusal.Stake);
    }

    function test_A_stake_covers_the_reporters_bounty_as_well() public {
        uint256 rate = 1 << 29;
        fund(CLIENT, 100 * rate);
        register(6, uint64(STAKE_PERIODS * rate + REPORT_BOUNTY - 1));
        bytes20 root = root4();
        Terms memory terms = termsOf(1, rate, 4, 2, 1, 1);
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = accept(CLIENT, terms, 0, 6, root);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_TooFewFilled.selector, 0, 1));
        market.openDeal(CLIENT, word(terms), all);
        vm.prank(CLIENT);
        registry.addStake(id(6), 1);
        vm.prank(CLIENT);
        market.openDeal(CLIENT, word(terms), all);
    }

    function test_A_leaving_node_takes_no_slot() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        vm.prank(ownerOf(2));
        registry.exit(id(2));
        leavesSlot1Vacant(terms, all, Refusal.Out);
    }

    function test_A_full_ledger_leaves_the_slot_vacant() public {
        uint256 rate = 1 << 37;
        register(6, uint64(100 * rate));
        register(7, uint64(100 * rate));
        fund(CLIENT, 1000 * rate);
        bytes20 root = root4();
        for (uint48 number = 1; number <= 2; ++number) {
            Terms memory terms = termsOf(number, rate, 4, 2, 2, 1);
            Acceptance[] memory all = new Acceptance[](number == 1 ? 1 : 2);
            all[0] = accept(CLIENT, terms, 0, 6, root);
            if (number == 2) all[1] = accept(CLIENT, terms, 1, 7, root);
            if (number == 2) {
                vm.expectEmit(true, true, true, true, address(market));
                emit IMarketBase.SlotRefused(dealIdOf(CLIENT, 2), id(6), 0, Refusal.Full);
            }
            vm.prank(CLIENT);
            (, uint256 filled) = market.openDeal(CLIENT, word(terms), all);
            eq(filled, 1, "filled");
        }
    }

    function test_An_unknown_node_leaves_the_slot_vacant() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        all[1] = accept(CLIENT, terms, 1, 77, all[0].root);
        // What is no signature has no signer, and an unknown node has no key.
        all[1].r = 0;
        leavesSlot1Vacant(terms, all, Refusal.Signature);
    }

    function test_Fewer_than_minFilled_opens_nothing() public {
        Terms memory terms = terms3();
        terms.minFilled = 3;
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        all[1].root = 0;
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_TooFewFilled.selector, 2, 3));
        market.openDeal(CLIENT, word(terms), all);
        eq(locked(CLIENT), 0, "locked");
    }

    // Filling later

    function partlyOpen() internal returns (DealId deal, Terms memory terms, bytes20 root) {
        terms = terms3();
        root = root4();
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = accept(CLIENT, terms, 1, 2, root);
        vm.prank(CLIENT);
        (deal,) = market.openDeal(CLIENT, word(terms), all);
    }

    function test_Vacant_slots_are_filled_later_and_paid_from_then_on() public {
        (DealId deal, Terms memory terms, bytes20 root) = partlyOpen();
        nextPeriod();
        Acceptance memory first = accept(CLIENT, terms, 0, 1, root);
        Acceptance memory last = accept(CLIENT, terms, 2, 3, root);
        vm.prank(CLIENT);
        market.fillSlot(deal, 4, first);
        vm.prank(CLIENT);
        market.fillSlot(deal, 4, last);
        DealView memory v = lens.deal(deal);
        eq(NodeId.unwrap(v.slots[0].node), 1, "slot 0");
        eq(NodeId.unwrap(v.slots[1].node), 2, "slot 1");
        eq(NodeId.unwrap(v.slots[2].node), 3, "slot 2");
        eq(v.slots[0].from, period() + 1, "from");
        eq(v.slots[1].from, period(), "the first holder's from");
        nextPeriod();
        proveAll(3);
        v = lens.deal(deal);
        eq(v.paid, 3 * RATE, "paid");
    }

    function test_fillSlot_refuses_what_does_not_fit() public {
        (DealId deal, Terms memory terms, bytes20 root) = partlyOpen();
        Acceptance memory a = accept(CLIENT, terms, 0, 1, root);
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotAllowed.selector, CLIENT, OTHER));
        market.fillSlot(deal, 4, a);

        vm.startPrank(CLIENT);
        vm.expectRevert(IMarketBase.StorageMarket_BadTerms.selector);
        market.fillSlot(deal, 0, a);
        vm.expectRevert(IMarketBase.StorageMarket_BadTerms.selector);
        market.fillSlot(deal, 1 << 34, a);
        vm.expectRevert(
            abi.encodeWithSelector(IMarketBase.StorageMarket_Refused.selector, id(1), Refusal.Signature)
        );
        market.fillSlot(deal, 5, a);
        Acceptance memory taken = accept(CLIENT, terms, 1, 1, root);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_SlotTaken.selector, deal, uint8(1)));
        market.fillSlot(deal, 4, taken);
        Acceptance memory beyond = accept(CLIENT, terms, 3, 1, root);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadSlot.selector, uint8(3)));
        market.fillSlot(deal, 4, beyond);
        Acceptance memory twice = accept(CLIENT, terms, 0, 2, root);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NodeTwice.selector, id(2)));
        market.fillSlot(deal, 4, twice);
        DealId unknown = DealId.wrap((uint256(uint160(CLIENT)) << 96) | 9);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotOpen.selector, unknown));
        market.fillSlot(unknown, 4, a);
        vm.stopPrank();

        goTo(terms.end - 1);
        a = accept(CLIENT, terms, 0, 1, root);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotOpen.selector, deal));
        market.fillSlot(deal, 4, a);
    }

    // Extending

    function test_An_extended_deal_runs_and_pays_on() public {
        DealId deal = open(1, RATE, 4, 3, 2);
        uint32 end = lens.deal(deal).end;
        uint256 before = locked(CLIENT);
        vm.prank(CLIENT);
        market.extend(deal, end + 2, CLIENT);
        DealView memory v = lens.deal(deal);
        eq(v.end, end + 2, "end");
        eq(locked(CLIENT) - before, 2 * 2 * RATE * 105 / 100, "more locked");
        eq(locked(CLIENT), v.locked, "as the deal says");
        for (uint32 p = v.from; p < v.end; ++p) {
            goTo(p);
            proveAll(2);
        }
        goTo(v.end);
        eq(lens.standing(id(1)).rate, 0, "rate after the end");
        (uint256 paid, uint256 refund) = settleOne(deal);
        eq(paid, 2 * 5 * RATE, "paid");
        eq(refund, 0, "refunded");
        eq(locked(CLIENT), 0, "locked");
    }

    function test_Anyone_may_pay_an_extension_and_refunds_go_to_the_client() public {
        DealId deal = open(1, RATE, 4, 3, 2);
        uint32 end = lens.deal(deal).end;
        fund(OTHER, 1e9);
        uint256 before = free(CLIENT);
        vm.prank(OTHER);
        market.extend(deal, end + 2, OTHER);
        eq(free(OTHER), 1e9 - 2 * 2 * RATE * 105 / 100, "the giver paid");
        eq(free(CLIENT), before, "the client did not");
        goTo(end + 2);
        settleOne(deal);
        eq(free(CLIENT), 1000e9 + 2 * 2 * RATE * 105 / 100, "everything unproved goes to the client");
        eq(locked(CLIENT), 0, "nothing stays locked");
    }

    function test_extend_refuses_ends_and_payers_that_do_not_fit() public {
        DealId deal = open(1, RATE, 4, 3, 2);
        DealView memory v = lens.deal(deal);
        vm.startPrank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadEnd.selector, v.end, v.maxEnd));
        market.extend(deal, v.end, CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_BadEnd.selector, v.maxEnd + 1, v.maxEnd));
        market.extend(deal, v.maxEnd + 1, CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotClient.selector, deal, CLIENT));
        market.extend(deal, v.end + 1, OTHER);
        vm.stopPrank();
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotAllowed.selector, CLIENT, OTHER));
        market.extend(deal, v.end + 1, CLIENT);
        goTo(v.end - 1);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotOpen.selector, deal));
        market.extend(deal, v.end + 1, CLIENT);
    }

    // Operators

    function allowOperator(uint64 total, uint256 refill, uint256 cap, uint256 maxPrice) internal {
        vm.prank(CLIENT);
        escrow.allow(
            OPERATOR,
            total,
            period() + 5,
            refill == 0 ? Rate.wrap(0) : rateOf(refill),
            cap == 0 ? Rate.wrap(0) : rateOf(cap),
            maxPrice == 0 ? Rate.wrap(0) : rateOf(maxPrice)
        );
    }

    function test_An_operator_opens_fills_and_extends_within_its_allowance() public {
        allowOperator(1e9, 0, 0, 0);
        Terms memory terms = terms3();
        bytes20 root = root4();
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = accept(CLIENT, terms, 0, 1, root);
        vm.startPrank(OPERATOR);
        (DealId deal,) = market.openDeal(CLIENT, word(terms), all);
        market.fillSlot(deal, 4, accept(CLIENT, terms, 1, 2, root));
        market.extend(deal, terms.end + 1, CLIENT);
        vm.stopPrank();
        // What fills a slot counts though it was locked before.
        uint256 used = locked(CLIENT) + market.quote(terms.rate, 1, 10);
        eq(escrow.allowanceOf(CLIENT, OPERATOR).left, 1e9 - used, "used");
        goTo(terms.end + 1);
        settleOne(deal);
        eq(free(CLIENT), 1000e9, "refunds go to the client");
        yes(escrow.allowanceOf(CLIENT, OPERATOR).left < 1e9, "and do not refill the allowance");
    }

    /// Else it would give what the client locked for all slots to a friend that keeps nothing.
    function test_An_operator_fills_no_slot_beyond_its_allowance_or_its_price() public {
        Terms memory terms = terms3();
        bytes20 root = root4();
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = accept(CLIENT, terms, 0, 1, root);
        vm.prank(CLIENT);
        (DealId deal,) = market.openDeal(CLIENT, word(terms), all);
        Acceptance memory a = accept(CLIENT, terms, 1, 2, root);
        uint256 units = market.quote(terms.rate, 1, 10);
        allowOperator(uint64(units - 1), 0, 0, 0);
        vm.prank(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_AllowanceTooSmall.selector, units - 1, units));
        market.fillSlot(deal, 4, a);
        allowOperator(uint64(units), 0, 0, 1);
        vm.prank(OPERATOR);
        vm.expectPartialRevert(IMarketBase.StorageMarket_TooDear.selector);
        market.fillSlot(deal, 4, a);
        allowOperator(uint64(units), 0, 0, 0);
        vm.prank(OPERATOR);
        market.fillSlot(deal, 4, a);
        eq(escrow.allowanceOf(CLIENT, OPERATOR).left, 0, "used up");
    }

    function test_A_stranger_opens_nothing() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        vm.prank(OTHER);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotAllowed.selector, CLIENT, OTHER));
        market.openDeal(CLIENT, word(terms), all);
    }

    function test_An_allowance_ends_in_total_and_in_time() public {
        Terms memory terms = terms3();
        Acceptance[] memory all = acceptAll(CLIENT, terms, root4());
        uint256 units = market.quote(terms.rate, 3, 10);
        allowOperator(uint64(units - 1), 0, 0, 0);
        vm.prank(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_AllowanceTooSmall.selector, units - 1, units));
        market.openDeal(CLIENT, word(terms), all);

        allowOperator(uint64(units), 0, 0, 0);
        goTo(period() + 5);
        terms = terms3();
        all = acceptAll(CLIENT, terms, root4());
        vm.prank(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotAllowed.selector, CLIENT, OPERATOR));
        market.openDeal(CLIENT, word(terms), all);
        yes(!escrow.mayAct(CLIENT, OPERATOR, period()), "may not act");
    }

    function test_A_bucket_limits_how_fast_an_operator_spends() public {
        uint256 units = market.quote(rateOf(RATE), 3, 10);
        allowOperator(1e9, units, 2 * units, 0);
        vm.startPrank(OPERATOR);
        for (uint48 number = 1; number <= 2; ++number) {
            Terms memory terms = termsOf(number, RATE, 4, 10, 3, 1);
            market.openDeal(CLIENT, word(terms), acceptAll(CLIENT, terms, root4()));
        }
        Terms memory third = termsOf(3, RATE, 4, 10, 3, 1);
        Acceptance[] memory all = acceptAll(CLIENT, third, root4());
        uint256 room = escrow.allowanceOf(CLIENT, OPERATOR).level;
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_AllowanceTooSmall.selector, room, units));
        market.openDeal(CLIENT, word(third), all);
        nextPeriod();
        third = termsOf(3, RATE, 4, 10, 3, 1);
        market.openDeal(CLIENT, word(third), acceptAll(CLIENT, third, root4()));
        vm.stopPrank();
    }

    function test_An_operator_pays_no_more_than_the_highest_price() public {
        uint64 leaves = 4_000_000;
        uint256 price = 1 << 30;
        uint256 rate = lens.lowestRate(uint64(price), leaves);
        allowOperator(1e12, 0, 0, price);
        Terms memory terms = terms3();
        terms.leaves = leaves;
        terms.rate = Rate.wrap(uint32(rate + 1));
        bytes20 root = bytes20(uint160(1));
        Acceptance[] memory all = acceptAll(CLIENT, terms, root);
        vm.prank(OPERATOR);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMarketBase.StorageMarket_TooDear.selector, terms.rate, Rate.wrap(uint32(rate))
            )
        );
        market.openDeal(CLIENT, word(terms), all);
        vm.prank(CLIENT);
        (DealId dear,) = market.openDeal(CLIENT, word(terms), all);
        vm.prank(OPERATOR);
        vm.expectPartialRevert(IMarketBase.StorageMarket_TooDear.selector);
        market.extend(dear, terms.end + 1, CLIENT);

        terms.number = 2;
        terms.rate = Rate.wrap(uint32(rate));
        all = acceptAll(CLIENT, terms, root);
        vm.prank(OPERATOR);
        market.openDeal(CLIENT, word(terms), all);
    }
}

/// @notice A market whose smallest deal pays for its own clean-up.
contract SmallDealsTest is World {
    function dealFeeMin() internal pure override returns (uint64) {
        return 100;
    }

    function test_A_deal_whose_fee_is_below_the_least_is_not_opened() public {
        build();
        register(1, 100e9);
        fund(CLIENT, 1e9);
        Terms memory terms = termsOf(1, 198, 4, 10, 1, 1);
        Acceptance[] memory all = acceptAll(CLIENT, terms, keep(1, 4));
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_TooSmall.selector, 99, 100));
        market.openDeal(CLIENT, word(terms), all);
        open(1, 200, 4, 10, 1);
    }
}
