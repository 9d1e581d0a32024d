// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BitsLib } from "../../contracts/libraries/BitsLib.sol";
import { BookLib, PurseLib } from "../../contracts/libraries/BookLib.sol";
import { Draw } from "../../contracts/libraries/Draw.sol";
import { RateLib } from "../../contracts/libraries/RateLib.sol";
import { Tree } from "../../contracts/libraries/Tree.sol";
import { DealLib, EntryLib, ExpiryLib, PeriodLib, TermsLib } from "../../contracts/libraries/WordLib.sol";
import { DealState } from "../../contracts/types/Deals.sol";
import { NodeId, Rate } from "../../contracts/types/Types.sol";
import {
    BitsWord,
    Book,
    BookWord,
    DealWord,
    EntryWord,
    ExpiryWord,
    PurseWord,
    Slot,
    SlotsWord,
    TermsWord
} from "../../contracts/types/Words.sol";
import { Assertions } from "./support/Assertions.sol";
import { Shards } from "./support/Shards.sol";

/// @notice The sums, which touch no storage, over all their inputs.
contract LibrariesTest is Assertions {
    using BitsLib for BitsWord;
    using BookLib for Book;
    using DealLib for DealWord;
    using TermsLib for TermsWord;
    using DealLib for SlotsWord;
    using EntryLib for EntryWord;
    using ExpiryLib for ExpiryWord;
    using RateLib for Rate;

    // Rates

    function testFuzz_A_rate_is_the_smallest_that_covers_its_units(uint256 units) public pure {
        units = within(units, 1, (uint256(8191) << 25));
        units >>= uint256(keccak256(abi.encode(units))) % 39;
        if (units == 0) units = 1;
        Rate rate = RateLib.fromUnitsUp(units);
        yes(rate.isValid(), "canonical");
        yes(rate.value() >= units, "covers");
        yes(rate.value() - units <= units >> 12, "by one part in 4096 at most");
        Rate lower = Rate.wrap(Rate.unwrap(rate) - 1);
        yes(!lower.isValid() || lower.value() < units, "no lower one does");
        eq(Rate.unwrap(RateLib.fromUnitsUp(rate.value())), Rate.unwrap(rate), "one encoding for each value");
    }

    function testFuzz_Of_all_encodings_only_the_canonical_are_valid(uint32 bits) public pure {
        Rate rate = Rate.wrap(bits);
        bool canonical;
        uint256 value = bits >> 13 > 25 ? 0 : rate.value();
        if (value != 0) canonical = Rate.unwrap(RateLib.fromUnitsUp(value)) == bits;
        yes(rate.isValid() == canonical, "valid");
    }

    function test_Rates_at_the_edges() public {
        eq(Rate.unwrap(RateLib.fromUnitsUp(0)), 1, "at least one unit");
        eq(Rate.unwrap(RateLib.fromUnitsUp(8191)), 8191, "largest with exponent 0");
        eq(Rate.unwrap(RateLib.fromUnitsUp(8192)), (1 << 13) | 4096, "smallest with exponent 1");
        eq(RateLib.fromUnitsUp(8193).value(), 8194, "up");
        eq(RateLib.fromUnitsUp(16383).value(), 16384, "up into the next exponent");
        eq(RateLib.fromUnitsUp(uint256(8191) << 25).value(), uint256(8191) << 25, "the largest");
        vm.expectRevert(abi.encodeWithSelector(RateLib.Rate_TooLarge.selector, (uint256(8191) << 25) + 1));
        this.fromUnitsUp((uint256(8191) << 25) + 1);
        vm.expectRevert(abi.encodeWithSelector(RateLib.Rate_TooLarge.selector, uint256(1) << 38));
        this.fromUnitsUp(1 << 38);
    }

    function fromUnitsUp(uint256 units) external pure returns (Rate) {
        return RateLib.fromUnitsUp(units);
    }

    function test_The_lowest_rate_of_a_GiB_is_its_price_by_the_month() public pure {
        // A period of 30 days: the rate is the price.
        eq(RateLib.lowest(5000, 1 << 22, 30 days).value(), 5000, "price");
        eq(RateLib.lowest(5000, 1 << 21, 30 days).value(), 2500, "half the bytes");
        eq(RateLib.lowest(1, 1, 1).value(), 1, "at least one unit");
        eq(RateLib.lowest(5000, 1 << 22, 30 days + 1).value(), 5001, "up");
    }

    // Trees

    function testFuzz_A_path_leads_to_the_root(uint256 seed, uint256 leaves, uint256 index) public view {
        leaves = within(leaves, 1, 33);
        index = within(index, 0, leaves - 1);
        bytes20 root = this.rootFrom(Shards.opening(seed, leaves, index), index, leaves);
        eq(root, Shards.root(seed, leaves), "root");
    }

    function testFuzz_A_path_leads_nowhere_else(uint256 seed, uint256 leaves, uint256 index, uint256 where) public view {
        leaves = within(leaves, 1, 33);
        index = within(index, 0, leaves - 1);
        bytes memory opening = Shards.opening(seed, leaves, index);
        opening[where % opening.length] ^= bytes1(uint8(1 << (where >> 200) % 8));
        yes(this.rootFrom(opening, index, leaves) != Shards.root(seed, leaves), "another root");
    }

    function testFuzz_Depth_is_the_number_of_levels(uint256 leaves) public pure {
        leaves = within(leaves, 1, (1 << 34) - 1) >> (uint256(keccak256(abi.encode(leaves))) % 34);
        if (leaves == 0) leaves = 1;
        eq(Tree.depth(leaves), Shards.depth(leaves), "depth");
    }

    function rootFrom(bytes calldata opening, uint256 index, uint256 leaves) external pure returns (bytes20) {
        uint256 leafAt;
        assembly ("memory-safe") {
            leafAt := opening.offset
        }
        return Tree.rootFrom(leafAt, index, leaves, Tree.depth(leaves));
    }

    // Draws

    function testFuzz_Draws_fall_within(uint256 draw, uint256 length, uint256 leaves) public pure {
        length = within(length, 1, (1 << 38) - 1);
        leaves = within(leaves, 1, (1 << 34) - 1);
        yes(Draw.position(draw, length) < length, "position");
        yes(Draw.leaf(draw, leaves) < leaves, "leaf");
        eq(Draw.position(type(uint256).max, length), length - 1, "last position");
        eq(Draw.leaf(type(uint256).max, leaves), leaves - 1, "last leaf");
    }

    function testFuzz_A_draw_is_a_hash_of_base_and_index(bytes32 base, uint16 t) public pure {
        eq(Draw.number(base, t), uint256(keccak256(abi.encodePacked(base, t))), "draw");
    }

    function test_A_base_names_domain_chain_market_node_period_and_seed() public pure {
        bytes32 base = Draw.base(31337, address(0x1234), NodeId.wrap(5), 77, bytes20(uint160(9)));
        bytes memory plain = bytes.concat(
            "storage-market challenge v1",
            new bytes(5),
            abi.encode(uint256(31337)),
            hex"0000000000000000000000000000000000001234",
            hex"00000005",
            hex"0000004d",
            hex"0000000000000000000000000000000000000009",
            new bytes(12)
        );
        eq(plain.length, 124, "bytes");
        eq(base, keccak256(plain), "base");
    }

    // Words

    function testFuzz_An_entry_reads_back(bytes20 root, uint256 seed) public pure {
        uint256 leaves = seed % (1 << 34);
        uint256 from = (seed >> 40) % (1 << 22);
        uint256 until = (seed >> 80) % (1 << 22);
        Rate rate = Rate.wrap(uint32((seed >> 120) % (1 << 18)));
        EntryWord w = EntryLib.pack(root, leaves, from, until, rate);
        for (uint256 i = 0; i < 2; ++i) {
            eq(w.rootOf(), root, "root");
            eq(w.leavesOf(), leaves, "leaves");
            eq(w.fromOf(), from, "from");
            eq(w.untilOf(), until, "until");
            eq(Rate.unwrap(w.rateOf()), Rate.unwrap(rate), "rate");
            until = (seed >> 140) % (1 << 22);
            w = w.withUntil(until);
        }
        yes(w.isLive(until == 0 ? 0 : until - 1) == (until != 0 && from < until), "live until");
        yes(!w.isLive(until), "dead at until");
    }

    function testFuzz_A_deal_and_its_slots_read_back(uint256 seed) public pure {
        TermsWord terms = TermsWord.wrap(seed);
        DealWord w = TermsLib.openedFrom(terms, (seed >> 18) % (1 << 22));
        Slot memory slot = Slot(
            NodeId.wrap(uint32((seed >> 100) % (1 << 24))),
            uint64((seed >> 124) % (1 << 38)),
            uint32((seed >> 162) % (1 << 22))
        );
        uint256 end = (seed >> 190) % (1 << 22);
        eq(w.endOf(), terms.endOf(), "end as agreed");
        yes(w.stateOf() == DealState.Open, "open");
        w = w.withSlot0(slot).withEnd(end).withState(DealState.Settled);
        eq(Rate.unwrap(w.rateOf()), Rate.unwrap(terms.rateOf()), "rate");
        eq(w.fromOf(), (seed >> 18) % (1 << 22), "from");
        eq(w.endOf(), end, "end");
        eq(w.maxEndOf(), terms.maxEndOf(), "maxEnd");
        eq(w.formerOf(), 0, "former");
        eq(w.nOf(), terms.nOf(), "n");
        eq(w.kOf(), terms.kOf(), "k");
        yes(w.stateOf() == DealState.Settled, "state");
        sameSlot(w.slot0Of(), slot);

        SlotsWord slots = SlotsWord.wrap(seed);
        uint256 place = seed % 3;
        uint256 other = (place + 1) % 3;
        Slot memory before = slots.slotOf(other);
        slots = slots.withSlot(place, slot);
        sameSlot(slots.slotOf(place), slot);
        sameSlot(slots.slotOf(other), before);
    }

    function sameSlot(Slot memory a, Slot memory b) internal pure {
        eq(NodeId.unwrap(a.node), NodeId.unwrap(b.node), "node");
        eq(a.start, b.start, "start");
        eq(a.from, b.from, "from");
    }

    function testFuzz_A_book_and_a_purse_read_back(uint256 seed) public pure {
        uint256 b = seed % (1 << 240);
        eq(BookWord.unwrap(BookLib.pack(BookLib.unpack(BookWord.wrap(b)))), b, "book");
        uint256 p = seed % (1 << 252);
        eq(PurseWord.unwrap(PurseLib.pack(PurseLib.unpack(PurseWord.wrap(p)))), p, "purse");
        bytes20 root = bytes20(uint160(seed));
        eq(PeriodLib.seedOf(PeriodLib.pack(root, uint96(seed >> 160))), root, "seed");
        eq(PeriodLib.paidOf(PeriodLib.pack(root, uint96(seed >> 160))), uint96(seed >> 160), "paid");
    }

    function testFuzz_Expiries_of_six_periods_do_not_mix(uint256 seed) public pure {
        ExpiryWord w;
        uint256[6] memory sums;
        for (uint256 i = 0; i < 20; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 rate = (seed >> 8) % (1 << 33);
            w = w.plus(60 + seed % 6, rate);
            sums[seed % 6] += rate;
        }
        w = w.minus(61, sums[1]);
        for (uint256 i = 0; i < 6; ++i) eq(w.rateAt(60 + i), i == 1 ? 0 : sums[i], "sum");
    }

    // Bits

    function testFuzz_Popcount_counts(uint256 x) public pure {
        x >>= 8;
        uint256 count;
        for (uint256 y = x; y != 0; y >>= 1) count += y & 1;
        eq(BitsLib.popcount(x), count, "bits");
    }

    function testFuzz_Ranks_count_the_bits_before(uint256 seed) public pure {
        uint256 proved = seed % 1000;
        BitsWord w;
        uint256 first = 224 * 7;
        bool[224] memory set;
        uint256 before = proved;
        for (uint256 i = 0; i < 224; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            set[i] = seed % 3 != 0;
            if (set[i]) w = w.set(first + i, proved++);
        }
        for (uint256 i = 0; i < 224; ++i) {
            yes(w.isSet(first + i) == set[i], "bit");
            if (!w.isEmpty()) eq(w.rank(first + i), before, "rank");
            if (set[i]) ++before;
        }
        eq(w.rankAtEnd(), before, "rank at the end");
    }

    // Books

    /// @dev Against a list of ranges that is added up anew in every period.
    function testFuzz_A_book_adds_up_like_a_list(uint256 seed) public pure {
        Book memory book;
        uint256[40] memory from;
        uint256[40] memory until;
        uint256[40] memory rate;
        uint256[100] memory expiring;
        uint256 count;
        book.skipTo(1);
        for (uint256 p = 0; p < 60; ++p) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 3 == 0 && count < 40) {
                from[count] = book.asOf;
                until[count] = book.asOf + 2 + (seed >> 8) % 20;
                rate[count] = 1 + (seed >> 32) % 1e6;
                book = BookLib.unpack(BookLib.take(book.pack(), rate[count], 0));
                expiring[until[count]] += rate[count];
                ++count;
            }
            if (book.rate == 0) book.skipTo(book.asOf + 1);
            else book.step(expiring[book.asOf + 1]);
            uint256 live;
            uint256 livePrev;
            for (uint256 i = 0; i < count; ++i) {
                if (from[i] <= book.asOf && book.asOf < until[i]) live += rate[i];
                if (from[i] <= book.asOf - 1 && book.asOf - 1 < until[i]) livePrev += rate[i];
            }
            eq(book.rate, live, "rate");
            eq(book.ratePrev, livePrev, "rate before");
        }
    }

    function test_Silence_is_counted_from_the_last_proof_or_the_first_duty() public pure {
        Book memory book;
        book.skipTo(50);
        book = BookLib.unpack(BookLib.take(book.pack(), 10, 0));
        eq(book.dutyFrom, 50, "duty");
        yes(!book.isSilent(250), "within");
        yes(book.isSilent(251), "beyond");
        book.lastProved = 100;
        yes(!book.isSilent(300), "within");
        yes(book.isSilent(301), "beyond");
        book.asOf = 301;
        book.step(0);
        eq(book.out, 301, "out");
        book.step(10);
        eq(book.dutyFrom, 303, "idle since");
    }
}
