// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IMarketBase } from "../../contracts/interfaces/IMarketBase.sol";
import { Acceptance, DealView, Duty, EntryView, Standing } from "../../contracts/types/Deals.sol";
import { DealId } from "../../contracts/types/Types.sol";
import { EntryWord, OfferWord } from "../../contracts/types/Words.sol";
import { BookLib } from "../../contracts/libraries/BookLib.sol";
import { RateLib } from "../../contracts/libraries/RateLib.sol";
import { Terms, World } from "./support/World.sol";

/// @notice Proving, being paid for it, and the ledger behind it.
contract ProofsTest is World {
    uint256 internal constant RATE = 1000;

    function setUp() public {
        build();
        for (uint256 i = 1; i <= 3; ++i) register(i, 1000e9);
        fund(CLIENT, 10_000e9);
    }

    // Proving

    function test_A_proof_pays_the_whole_rate_at_once() public {
        open(1, RATE, 4, 10, 2);
        open(2, 50, 9, 10, 1);
        nextPeriod();
        Duty memory d = lens.duty(id(1));
        eq(d.rate, RATE + 50, "duty");
        yes(!d.proved && !d.barred, "to do");
        bytes memory proof = proofOf(id(1));
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketBase.Proved(id(1), period(), RATE + 50, RATE + 50, OTHER);
        vm.prank(OTHER);
        market.prove(id(1), period(), proof);
        Standing memory s = lens.standing(id(1));
        eq(s.earned, RATE + 50, "earned");
        eq(s.lastProved, period(), "last");
        eq(s.provedPeriods, 1, "count");
        yes(lens.provedIn(id(1), period()), "bit");
        yes(!lens.provedIn(id(1), period() - 1), "no bit before");
        yes(lens.duty(id(1)).proved, "done");
        (bytes20 seed, uint96 paid) = lens.period(period());
        eq(paid, RATE + 50, "period's total");
        eq(seed, clock.seedOf(period()), "seed");
    }

    function test_A_period_is_proved_once() public {
        open(1, RATE, 4, 10, 1);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        market.prove(id(1), period(), proof);
        uint32 p = period();
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_AlreadyProved.selector, id(1), p));
        market.prove(id(1), p, proof);
    }

    function test_What_was_opened_in_a_period_counts_from_the_next() public {
        open(1, RATE, 4, 10, 1);
        goTo(period());
        uint32 p = period();
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NothingToProve.selector, id(1), p));
        market.prove(id(1), p, "");
        nextPeriod();
        prove(1);
    }

    function test_A_deal_opened_after_the_seed_does_not_change_the_challenge() public {
        open(1, RATE, 4, 10, 1);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        open(2, 5000, 4, 10, 1);
        eq(keccak256(proofOf(id(1))), keccak256(proof), "the same proof");
        market.prove(id(1), period(), proof);
        eq(lens.standing(id(1)).earned, RATE, "paid as frozen");
    }

    function test_A_proof_of_another_period_is_refused() public {
        open(1, RATE, 4, 10, 1);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        nextPeriod();
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_PeriodClosed.selector, p, p + 1));
        market.prove(id(1), p, proof);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_PeriodClosed.selector, p + 2, p + 1));
        market.prove(id(1), p + 2, proof);
        vm.expectRevert();
        market.prove(id(1), p + 1, proof);
    }

    function test_A_proof_serves_no_other_node_though_it_holds_the_same() public {
        open(1, RATE, 64, 10, 2);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
        market.prove(id(2), p, proof);
    }

    function test_A_proof_serves_no_other_chain() public {
        open(1, RATE, 64, 10, 1);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        uint32 p = period();
        vm.chainId(5);
        vm.expectPartialRevert(IMarketBase.StorageMarket_WrongPath.selector);
        market.prove(id(1), p, proof);
    }

    function test_Before_the_seed_block_nothing_is_proved() public {
        open(1, RATE, 4, 10, 1);
        uint32 p = period() + 1;
        vm.roll(uint256(p) * L + D);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NoSeed.selector, p));
        market.prove(id(1), p, "");
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NoSeed.selector, p));
        market.pin();
        vm.roll(uint256(p) * L + D + 1);
        prove(1);
    }

    function test_The_last_block_of_the_period_takes_a_proof() public {
        open(1, RATE, 4, 10, 1);
        uint32 p = period() + 1;
        vm.roll(uint256(p + 1) * L - 1);
        eq(lens.duty(id(1)).lastBlock, vm.getBlockNumber(), "window");
        prove(1);
    }

    function test_A_pinned_seed_is_the_seed() public {
        open(1, RATE, 4, 10, 1);
        nextPeriod();
        bytes20 seed = market.pin();
        eq(seed, bytes20(blockhash(uint256(period()) * L + D)), "hash of the block decided in advance");
        eq(market.pin(), seed, "again");
        prove(1);
    }

    function test_A_proof_names_no_range_beyond_the_ledger() public {
        open(1, RATE, 4, 10, 2);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        // What would be the first range of node 2.
        proof[0] = 0x40;
        uint32 p = period();
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_WrongRange.selector, 0));
        market.prove(id(1), p, proof);
    }

    function test_The_bases_that_programs_ask_for_are_those_of_the_format() public {
        DealId deal = open(1, RATE, 4, 10, 1);
        goTo(period());
        (uint32 p,) = lens.current();
        bytes20 seed = clock.seedOf(p);
        bytes memory rest = abi.encodePacked(block.chainid, address(market), uint32(7), p, bytes32(seed));
        eq(
            market.challengeBase(id(7), p, seed),
            keccak256(bytes.concat(bytes32("storage-market challenge v1"), rest)),
            "challenge"
        );
        eq(
            market.takeoverBase(deal, 3, id(7), p, seed),
            keccak256(bytes.concat(bytes32("storage-market takeover v1"), rest, abi.encodePacked(deal, uint8(3)))),
            "takeover"
        );
    }

    /// @dev Flips one bit anywhere, cuts and appends: nothing but the proof itself is taken.
    function testFuzz_Any_changed_proof_is_refused(uint256 where, uint8 bit, uint8 kind) public {
        open(1, RATE, 5, 10, 1);
        open(2, 700, 9, 10, 1);
        open(3, 7, 1, 10, 1);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        if (kind % 8 == 0) {
            proof = bytes.concat(proof, bytes1(bit));
        } else if (kind % 8 == 1) {
            uint256 keepBytes = where % proof.length;
            assembly ("memory-safe") {
                mstore(proof, keepBytes)
            }
        } else {
            where = where % proof.length;
            proof[where] ^= bytes1(uint8(1 << (bit % 8)));
        }
        uint32 p = period();
        vm.expectRevert();
        market.prove(id(1), p, proof);
    }

    function testFuzz_Any_mix_of_shards_is_provable(uint256 seed) public {
        uint256 deals = 1 + seed % 6;
        for (uint48 number = 1; number <= deals; ++number) {
            seed = uint256(keccak256(abi.encode(seed)));
            open(number, 1 + (seed >> 8) % 100_000, uint64(1 + (seed >> 64) % 20), uint32(2 + (seed >> 128) % 5), 1);
        }
        // While deals die one by one.
        for (uint256 i = 0; i < 5; ++i) {
            nextPeriod();
            if (!lens.duty(id(1)).barred) prove(1);
        }
    }

    // The ledger

    function test_A_dead_range_is_refilled_at_its_rate_alone() public {
        open(1, RATE, 4, 2, 1);
        open(2, 50, 4, 20, 1);
        uint32 end = period() + 3;
        vm.roll(uint256(end) * L);
        // Another rate does not fit into the dead range.
        DealId other = openWithHint(3, RATE + 1, 0);
        eq(lens.deal(other).slots[0].start, RATE + 50, "appended");
        DealId same = openWithHint(4, RATE, 0);
        eq(lens.deal(same).slots[0].start, 0, "refilled");
        eq(lens.standing(id(1)).ledgerLength, RATE + 50 + rateValue(RATE + 1), "the ledger did not grow");
        // The old deal no longer names the root that lies there now.
        DealView memory old = lens.deal(DealId.wrap((uint256(uint160(CLIENT)) << 96) | 1));
        eq(old.slots[0].root, bytes20(0), "no root");
        goTo(period());
        prove(1);
        nextPeriod();
        prove(1);
        eq(lens.standing(id(1)).earned, 50 + 50 + RATE + rateValue(RATE + 1), "paid");
    }

    function test_A_live_range_is_not_refilled() public {
        open(1, RATE, 4, 2, 1);
        vm.roll(uint256(period() + 3) * L - 1);
        DealId deal = openWithHint(2, RATE, 0);
        eq(lens.deal(deal).slots[0].start, RATE, "appended");
        DealId middle = openWithHint(3, RATE, 7);
        eq(lens.deal(middle).slots[0].start, 2 * RATE, "a hint into a range is passed over");
    }

    function test_A_hint_into_another_nodes_ledger_is_passed_over() public {
        open(1, RATE, 4, 2, 3);
        goTo(period() + 4);
        Terms memory terms = termsOf(2, RATE, 4, 5, 1, 1);
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = accept(CLIENT, terms, 0, 2, keep(2, 4));
        // 1 + the place that lies 2^38 behind the first of node 2: where the first of node 3 is, which is dead.
        all[0].offer = OfferWord.wrap(OfferWord.unwrap(all[0].offer) | (((1 << 38) + 1) << 72));
        vm.prank(CLIENT);
        (DealId deal,) = market.openDeal(CLIENT, word(terms), all);
        eq(lens.deal(deal).slots[0].start, RATE, "appended");
    }

    function test_A_draw_on_the_first_position_behind_a_range_is_not_in_it() public {
        open(1, 1, 4, 100, 1);
        open(2, 1, 4, 100, 1);
        nextPeriod();
        bytes memory proof = proofOf(id(1));
        while (uint40(bytes5(proof)) != 1) {
            nextPeriod();
            proof = proofOf(id(1));
        }
        proof[4] = 0;
        uint32 p = period();
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_WrongRange.selector, 0));
        market.prove(id(1), p, proof);
    }

    function test_A_trimmed_tail_leaves_nothing_stale() public {
        open(1, RATE, 4, 20, 1);
        open(2, 5000, 4, 2, 1);
        open(3, 6000, 4, 2, 1);
        goTo(period() + 3);
        uint64[] memory starts = new uint64[](2);
        (starts[0], starts[1]) = (uint64(6000), uint64(RATE));
        uint32 p = period();
        vm.startPrank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_ProofDue.selector, id(1), p));
        market.trim(id(1), starts);
        vm.stopPrank();
        prove(1);
        vm.prank(ownerOf(1));
        market.trim(id(1), starts);
        eq(lens.standing(id(1)).ledgerLength, RATE, "length");
        open(4, 4000, 4, 5, 1);
        nextPeriod();
        eq(lens.duty(id(1)).frozenLength, RATE + 4000, "the next period is drawn from what is there");
        prove(1);
        (EntryView[] memory entries,) = lens.ledger(id(1), 0, 10);
        eq(entries.length, 2, "ranges");
        eq(EntryWord.unwrap(market.entryWord(id(1), 6000)), 0, "nothing stale is left");
    }

    function test_A_dear_deal_that_died_costs_one_draw_and_no_more() public {
        open(1, 1, 4, 100, 1);
        open(2, 1_000_000, 4, 2, 1);
        open(3, 1, 4, 100, 1);
        goTo(period() + 3);
        bytes memory proof = proofOf(id(1));
        yes(proof.length <= 5 * (5 + 256 + 40) + 5, "one void draw");
        market.prove(id(1), period(), proof);
    }

    function test_trim_refuses_strangers_live_ranges_and_gaps() public {
        open(1, RATE, 4, 3, 1);
        open(2, 5000, 4, 2, 1);
        uint64[] memory starts = new uint64[](1);
        vm.expectRevert(
            abi.encodeWithSelector(IMarketBase.StorageMarket_NotNode.selector, id(1), address(this))
        );
        market.trim(id(1), starts);
        vm.startPrank(ownerOf(1));
        starts[0] = uint64(RATE);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotTrimmable.selector, starts[0]));
        market.trim(id(1), starts);
        goTo(period() + 2);
        prove(1);
        // In its last period it still lives.
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotTrimmable.selector, starts[0]));
        market.trim(id(1), starts);
        goTo(period() + 1);
        prove(1);
        starts[0] = 0;
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotTrimmable.selector, starts[0]));
        market.trim(id(1), starts);
        starts[0] = 17;
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotTrimmable.selector, starts[0]));
        market.trim(id(1), starts);
        starts[0] = 1 << 39;
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotTrimmable.selector, starts[0]));
        market.trim(id(1), starts);
        vm.stopPrank();
        starts[0] = uint64(RATE);
        vm.prank(vm.addr(hotKey(1)));
        market.trim(id(1), starts);
    }

    function test_The_ledger_is_read_in_pages() public {
        for (uint48 i = 1; i <= 5; ++i) open(i, 100 * i, 4, 10, 1);
        (EntryView[] memory page, uint64 next) = lens.ledger(id(1), 0, 2);
        eq(page.length, 2, "first page");
        eq(next, 300, "cursor");
        (page, next) = lens.ledger(id(1), next, 2);
        eq(page[0].start, 300, "second page");
        (page, next) = lens.ledger(id(1), next, 2);
        eq(page.length, 1, "last page");
        eq(next, 1500, "the end");
        (page,) = lens.ledger(id(1), 5, 2);
        eq(page.length, 0, "no range starts there");
    }

    // Silence and the book

    function test_A_node_silent_for_too_long_proves_no_more_and_takes_no_slots() public {
        DealId deal = open(1, RATE, 4, 600, 2);
        uint32 from = period() + 1;
        goTo(from);
        proveAll(2);
        goTo(from + 200);
        prove(2);
        goTo(from + 201);
        yes(lens.duty(id(1)).barred, "barred");
        bytes memory proof = proofOf(id(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Silent.selector, id(1)));
        market.prove(id(1), from + 201, proof);
        eq(lens.standing(id(1)).out, from + 201, "out");
        prove(2);

        Terms memory terms = termsOf(2, RATE, 4, 10, 1, 1);
        Acceptance[] memory all = acceptAll(CLIENT, terms, keep(2, 4));
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_TooFewFilled.selector, 0, 1));
        market.openDeal(CLIENT, word(terms), all);

        goTo(from + 600);
        settleOne(deal);
        eq(lens.deal(deal).paid, 4 * RATE, "both are paid for what they proved");
    }

    function test_A_book_far_behind_is_rolled_by_anyone() public {
        open(1, RATE, 4, 1000, 1);
        uint32 p = period() + 400;
        goTo(p);
        vm.expectPartialRevert(IMarketBase.StorageMarket_BookBehind.selector);
        market.prove(id(1), p, "");
        vm.prank(ownerOf(1));
        vm.expectPartialRevert(IMarketBase.StorageMarket_BookBehind.selector);
        registry.exit(id(1));
        uint256 asOf = BookLib.unpack(market.bookWord(id(1))).asOf;
        market.roll(id(1), 1000);
        eq(BookLib.unpack(market.bookWord(id(1))).asOf, asOf + market.ROLL_MAX(), "so far at once");
        market.roll(id(1), 1000);
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_Silent.selector, id(1)));
        market.prove(id(1), p, "");
        vm.prank(ownerOf(1));
        registry.exit(id(1));
        eq(lens.standing(id(1)).out, p - 400 + 1 + 200 + 1, "out since it was too late to prove");
    }

    function test_A_node_that_held_nothing_for_long_starts_again() public {
        DealId first = open(1, RATE, 4, 3, 1);
        for (uint256 i = 0; i < 3; ++i) {
            nextPeriod();
            prove(1);
        }
        goTo(period() + 1000);
        DealId second = open(2, RATE, 4, 3, 1);
        for (uint256 i = 0; i < 3; ++i) {
            nextPeriod();
            prove(1);
        }
        nextPeriod();
        DealId[] memory both = new DealId[](2);
        (both[0], both[1]) = (second, first);
        eq(lens.deal(first).paid, 3 * RATE, "first");
        eq(lens.deal(second).paid, 3 * RATE, "second");
        uint256 before = free(CLIENT);
        market.settle(both);
        eq(free(CLIENT), before, "nothing comes back");
        eq(locked(CLIENT), 0, "locked");
    }

    /// @dev Deals of every length, nodes that miss now and then: bits, books and refunds agree over bitmap words.
    function testFuzz_Bits_count_what_was_credited(uint256 seed) public {
        uint256 number;
        uint256 credited;
        for (uint256 i = 0; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            open(uint48(++number), 1 + seed % 50, 1, uint32(2 + (seed >> 16) % 300), 1);
            goTo(period() + 1 + (seed >> 32) % 180);
            if (lens.duty(id(1)).barred) continue;
            credited += lens.duty(id(1)).rate;
            prove(1);
        }
        goTo(period() + 400);
        DealId[] memory all = new DealId[](number);
        for (uint256 i = 0; i < number; ++i) all[i] = DealId.wrap((uint256(uint160(CLIENT)) << 96) | (i + 1));
        uint256 paid;
        for (uint256 i = 0; i < number; ++i) paid += lens.deal(all[i]).paid;
        market.settle(all);
        eq(paid, credited, "sum of bits = sum of credits");
        eq(lens.standing(id(1)).earned, credited, "earned");
        eq(locked(CLIENT), 0, "locked");
    }

    // Collecting

    function test_Pay_goes_to_the_owner_whoever_calls() public {
        open(1, RATE, 4, 10, 1);
        nextPeriod();
        prove(1);
        vm.prank(OTHER);
        market.collect(id(1));
        eq(free(ownerOf(1)), RATE, "free");
        market.collect(id(1));
        eq(free(ownerOf(1)), RATE, "once");
        vm.prank(ownerOf(1));
        escrow.withdraw(ownerOf(1), RATE * 1e9);
        eq(token.balanceOf(ownerOf(1)), RATE * 1e9, "out");
    }

    function test_Only_the_registry_marks_and_only_the_bank_takes() public {
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotRegistry.selector, address(this)));
        market.markLeaving(id(1));
        vm.expectRevert(abi.encodeWithSelector(IMarketBase.StorageMarket_NotBank.selector, address(this)));
        market.takeReward(id(1));
    }

    function openWithHint(uint48 number, uint256 rate, uint64 hint) internal returns (DealId deal) {
        bytes20 root = keep(number, 4);
        Terms memory terms = termsOf(number, rate, 4, 5, 1, 1);
        Acceptance[] memory all = new Acceptance[](1);
        all[0] = acceptWith(CLIENT, terms, 0, 1, root, hint);
        vm.prank(CLIENT);
        (deal,) = market.openDeal(CLIENT, word(terms), all);
    }

    function rateValue(uint256 units) internal pure returns (uint256) {
        return RateLib.value(rateOf(units));
    }
}
