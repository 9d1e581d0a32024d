// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IEscrow } from "../../contracts/interfaces/IEscrow.sol";
import { BitsLib } from "../../contracts/libraries/BitsLib.sol";
import { BookLib, PurseLib } from "../../contracts/libraries/BookLib.sol";
import {
    AskLib,
    DealLib,
    EntryLib,
    ExpiryLib,
    OfferLib,
    PeriodLib,
    TermsLib,
    VacancyLib
} from "../../contracts/libraries/WordLib.sol";
import { DealState } from "../../contracts/types/Deals.sol";
import { NodeId, Rate } from "../../contracts/types/Types.sol";
import {
    AskWord,
    BitsWord,
    Book,
    BookWord,
    DealWord,
    EntryWord,
    ExpiryWord,
    OfferWord,
    PeriodWord,
    Purse,
    PurseWord,
    Slot,
    SlotsWord,
    TermsWord,
    Vacancy,
    VacancyWord
} from "../../contracts/types/Words.sol";
import { World } from "./support/World.sol";

/// @notice docs/formats/chain-words.md and its vectors.
contract ChainWordsTest is World {
    string internal vectors;

    function setUp() public {
        vectors = vm.readFile("docs/formats/chain-words.json");
    }

    function vector(string memory word, string memory field) internal view returns (uint256) {
        return vm.parseJsonUint(vectors, string.concat(".", word, ".", field));
    }

    /// @dev One field, where it was read and where the vectors have it.
    function same(uint256 actual, string memory word, string memory field) internal view {
        eq(actual, vector(word, field), string.concat(word, " ", field));
    }

    function test_Terms() public view {
        TermsWord w = TermsWord.wrap(vector("terms", "word"));
        same(Rate.unwrap(TermsLib.rateOf(w)), "terms", "rate");
        same(TermsLib.endOf(w), "terms", "end");
        same(TermsLib.maxEndOf(w), "terms", "maxEnd");
        same(TermsLib.leavesOf(w), "terms", "leaves");
        same(TermsLib.nOf(w), "terms", "n");
        same(TermsLib.kOf(w), "terms", "k");
        same(TermsLib.minFilledOf(w), "terms", "minFilled");
        same(TermsLib.numberOf(w), "terms", "number");
        yes(!TermsLib.hasMore(w), "nothing more");
        DealWord opened = TermsLib.openedFrom(w, vector("announced", "from"));
        DealWord announced = DealLib.announced(opened, vector("announced", "leaves"), vector("announced", "previous"));
        eq(DealWord.unwrap(announced), vector("announced", "word"), "announced");
    }

    function test_Deals_and_slots() public view {
        DealWord w = DealWord.wrap(vector("deal", "word"));
        same(Rate.unwrap(DealLib.rateOf(w)), "deal", "rate");
        same(DealLib.fromOf(w), "deal", "from");
        same(DealLib.endOf(w), "deal", "end");
        same(DealLib.maxEndOf(w), "deal", "maxEnd");
        same(DealLib.formerOf(w), "deal", "former");
        same(DealLib.nOf(w), "deal", "n");
        same(DealLib.kOf(w), "deal", "k");
        yes(DealLib.stateOf(w) == DealState.Open, "state");
        Slot memory slot = DealLib.slot0Of(w);
        same(NodeId.unwrap(slot.node), "deal", "slot0Node");
        same(slot.start, "deal", "slot0Start");
        same(slot.from, "deal", "slot0From");

        SlotsWord slots = DealLib.USED;
        string[3] memory digits = ["0", "1", "2"];
        for (uint256 j = 0; j < 3; ++j) {
            slot = Slot(
                NodeId.wrap(uint32(vector("slots", string.concat("node", digits[j])))),
                uint64(vector("slots", string.concat("start", digits[j]))),
                uint32(vector("slots", string.concat("from", digits[j])))
            );
            slots = DealLib.withSlot(slots, j, slot);
        }
        eq(SlotsWord.unwrap(slots), vector("slots", "word"), "slots");
    }

    function test_Entries_places_and_offers() public view {
        EntryWord entry = EntryLib.pack(
            bytes20(uint160(vector("entry", "root"))),
            vector("entry", "leaves"),
            vector("entry", "from"),
            vector("entry", "until"),
            Rate.wrap(uint32(vector("entry", "rate")))
        );
        eq(EntryWord.unwrap(entry), vector("entry", "word"), "entry");
        eq(DealLib.placeBits(vector("place", "slot"), vector("place", "start")), vector("place", "word"), "place");
        OfferWord offer = OfferLib.pack(
            vector("offer", "slot"),
            NodeId.wrap(uint32(vector("offer", "node"))),
            vector("offer", "deadline"),
            vector("offer", "hint") - 1
        );
        eq(OfferWord.unwrap(offer), vector("offer", "word"), "offer");
    }

    function test_Books_and_purses() public view {
        Book memory b;
        b.len = vector("book", "len");
        b.lenPrev = vector("book", "lenPrev");
        b.rate = vector("book", "rate");
        b.ratePrev = vector("book", "ratePrev");
        b.asOf = vector("book", "asOf");
        b.lastProved = vector("book", "lastProved");
        b.dutyFrom = vector("book", "dutyFrom");
        b.out = vector("book", "out");
        b.evicted = vector("book", "evicted") == 1;
        eq(BookWord.unwrap(BookLib.pack(b)), vector("book", "word"), "book");
        Purse memory p;
        p.earned = vector("purse", "earned");
        p.reward = vector("purse", "reward");
        p.proved = vector("purse", "proved");
        p.lastRate = vector("purse", "lastRate");
        p.cureFrom = vector("purse", "cureFrom");
        p.forfeited = vector("purse", "forfeited");
        eq(PurseWord.unwrap(PurseLib.pack(p)), vector("purse", "word"), "purse");
    }

    function test_Periods() public view {
        BitsWord bits = BitsWord.wrap(vector("bits", "word"));
        same(BitsLib.before(bits), "bits", "before");
        uint256 flags = vector("bits", "flags");
        for (uint256 i = 0; i < 224; ++i) yes(BitsLib.isSet(bits, 2240 + i) == ((flags >> i) & 1 == 1), "flag");
        ExpiryWord expiry = ExpiryWord.wrap(vector("expiry", "word"));
        string[6] memory names = ["rate0", "rate1", "rate2", "rate3", "rate4", "rate5"];
        for (uint256 i = 0; i < 6; ++i) same(ExpiryLib.rateAt(expiry, 600 + i), "expiry", names[i]);
        PeriodWord word_ = PeriodLib.pack(bytes20(uint160(vector("period", "seed"))), vector("period", "paid"));
        eq(PeriodWord.unwrap(word_), vector("period", "word"), "period");
    }

    function test_Vacancies_and_questions() public view {
        Vacancy memory v;
        v.bounty = vector("vacancy", "bounty");
        v.bond = vector("vacancy", "bond");
        v.by = NodeId.wrap(uint32(vector("vacancy", "by")));
        v.until = uint32(vector("vacancy", "until"));
        v.lapses = vector("vacancy", "lapses");
        v.asks = vector("vacancy", "asks");
        eq(VacancyWord.unwrap(VacancyLib.pack(v)), vector("vacancy", "word"), "vacancy");
        NodeId holder = NodeId.wrap(uint32(vector("ask", "node")));
        uint256 slot = DealLib.slotBits(holder, vector("ask", "start"), vector("ask", "from"));
        AskWord ask = AskLib.pack(vector("ask", "leaf"), vector("ask", "due"), slot);
        eq(AskWord.unwrap(ask), vector("ask", "word"), "ask");
    }

    function test_Accounts_and_allowances() public {
        build();
        put(address(escrow), abi.encodeCall(escrow.accountOf, (CLIENT)), vector("account", "word"));
        IEscrow.Account memory a = escrow.accountOf(CLIENT);
        same(a.free, "account", "free");
        same(a.locked, "account", "locked");
        same(a.fees, "account", "fees");
        same(a.lastNumber, "account", "lastNumber");
        same(a.lastLock, "account", "lastLock");
        put(address(escrow), abi.encodeCall(escrow.allowanceOf, (CLIENT, OPERATOR)), vector("allowance", "word"));
        IEscrow.Allowance memory allowance = escrow.allowanceOf(CLIENT, OPERATOR);
        same(allowance.left, "allowance", "left");
        same(allowance.level, "allowance", "level");
        same(Rate.unwrap(allowance.refill), "allowance", "refill");
        same(Rate.unwrap(allowance.cap), "allowance", "cap");
        same(Rate.unwrap(allowance.maxPrice), "allowance", "maxPrice");
        same(allowance.asOf, "allowance", "asOf");
        same(allowance.until, "allowance", "until");
    }
}
