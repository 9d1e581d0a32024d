// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Bank } from "../../contracts/Bank.sol";
import { Escrow } from "../../contracts/Escrow.sol";
import { MarketLens } from "../../contracts/MarketLens.sol";
import { NodeRegistry } from "../../contracts/NodeRegistry.sol";
import { IStorageMarket } from "../../contracts/interfaces/IStorageMarket.sol";
import { Token } from "../../contracts/Token.sol";
import { BookLib, PurseLib } from "../../contracts/libraries/BookLib.sol";
import { VacancyLib } from "../../contracts/libraries/WordLib.sol";
import { DealState, DealView, EntryView, SlotState, Standing } from "../../contracts/types/Deals.sol";
import { DealId, NodeId, UNIT } from "../../contracts/types/Types.sol";
import { Book, Vacancy } from "../../contracts/types/Words.sol";
import { Actors } from "./support/Actors.sol";
import { Assertions } from "./support/Assertions.sol";
import { Life } from "./support/Life.sol";

/// @notice What holds after anything that anyone does:
/// 1. The vault holds exactly what it owes: free money, stakes, what nodes earned, and what open deals have left.
/// 2. What nodes were credited is what the bits of all slots say.
/// 3. A settled deal was paid, charged and refunded exactly what it had locked.
/// 4. A client's lock is the sum of its open deals.
/// 5. A node's rate is the sum of its live ranges, and its ranges tile its ledger.
/// 6. Rewards are a part of the fee on what was paid, and never lift the supply above the cap.
contract InvariantsTest is Assertions, Life {
    Actors internal actors;
    Token internal token;
    Escrow internal escrow;
    NodeRegistry internal registry;
    IStorageMarket internal market;
    Bank internal bank;
    MarketLens internal lens;

    function setUp() public {
        actors = new Actors();
        (address t, address e, address r, address m, address b, address view_) = actors.parts();
        token = Token(t);
        escrow = Escrow(e);
        registry = NodeRegistry(r);
        market = IStorageMarket(m);
        bank = Bank(b);
        lens = MarketLens(view_);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    function invariant_The_vault_holds_what_it_owes() public view {
        // The actors themselves report who is evicted.
        uint256 owed = unburned() + escrow.accountOf(address(actors)).free;
        for (uint256 i = 1; i <= actors.CLIENTS(); ++i) owed += escrow.accountOf(actors.client(i)).free;
        for (uint256 i = 1; i <= actors.NODES(); ++i) {
            NodeId node = NodeId.wrap(uint32(i));
            owed += escrow.accountOf(actors.owner(i)).free + registry.node(node).stake + lens.standing(node).earned;
        }
        for (uint256 i = 0; i < actors.dealCount(); ++i) {
            DealView memory v = lens.deal(actors.dealAt(i));
            if (v.state == DealState.Open) owed += v.locked - v.paid;
            // Of a deal that is settled for good the views tell nothing, but what was put down at its slots is there.
            uint8 n = v.state == DealState.Settled ? actors.settledOf(v.id).n : v.n;
            for (uint8 j = 0; j < n; ++j) {
                Vacancy memory vacancy = VacancyLib.unpack(market.vacancyWord(v.id, j));
                owed += vacancy.bounty + vacancy.bond + vacancy.asks * market.ASK_BOND();
                if (v.state == DealState.Open && v.slots[j].state == SlotState.Lost) owed += v.slots[j].bounty;
            }
        }
        eq(token.balanceOf(address(escrow)), owed * UNIT, "vault");
        eq(
            owed + actors.withdrawn() + actors.burned(), actors.deposited() + actors.rewarded(), "what came in and out"
        );
    }

    function unburned() internal view returns (uint256 units) {
        units = escrow.accountOf(address(bank)).free;
        for (uint256 i = 1; i <= actors.CLIENTS(); ++i) units += escrow.accountOf(actors.client(i)).fees;
    }

    function paidOf(DealId deal) internal view returns (uint256) {
        DealView memory v = lens.deal(deal);
        return v.state == DealState.Settled ? actors.settledOf(deal).paid : v.paid;
    }

    function invariant_Credits_are_what_the_bits_say() public view {
        uint256 byBits;
        for (uint256 i = 0; i < actors.dealCount(); ++i) byBits += paidOf(actors.dealAt(i));
        eq(actors.credited(), byBits, "credits");
        uint256 earned = actors.collected();
        for (uint256 i = 1; i <= actors.NODES(); ++i) earned += lens.standing(NodeId.wrap(uint32(i))).earned;
        eq(actors.credited() + actors.answered(), earned, "earned and collected");
    }

    function invariant_A_settled_deal_adds_up_and_a_lock_is_the_sum_of_open_deals() public view {
        uint256[] memory sums = new uint256[](actors.CLIENTS() + 1);
        uint256 fees;
        for (uint256 i = 0; i < actors.dealCount(); ++i) {
            DealView memory v = lens.deal(actors.dealAt(i));
            if (v.state == DealState.Settled) {
                fees += actors.settledOf(v.id).fee;
                continue;
            }
            yes(v.paid + v.fee <= v.locked, "open");
            for (uint256 c = 1; c <= actors.CLIENTS(); ++c) {
                if (actors.client(c) == v.id.clientOf()) sums[c] += v.locked;
            }
        }
        for (uint256 c = 1; c <= actors.CLIENTS(); ++c) {
            eq(escrow.accountOf(actors.client(c)).locked, sums[c], "lock");
        }
        eq(unburned() + actors.burned(), fees + actors.penalties(), "fees");
    }

    function invariant_A_ledger_is_tiled_and_its_live_ranges_are_the_rate() public view {
        for (uint256 i = 1; i <= actors.NODES(); ++i) {
            NodeId node = NodeId.wrap(uint32(i));
            Book memory book = BookLib.unpack(market.bookWord(node));
            uint256 live;
            uint256 livePrev;
            uint64 cursor;
            while (cursor < book.len) {
                EntryView[] memory entries;
                (entries, cursor) = lens.ledger(node, cursor, 200);
                if (entries.length == 0) revert NotTrue("tiled");
                for (uint256 j = 0; j < entries.length; ++j) {
                    EntryView memory e = entries[j];
                    if (e.from <= book.asOf && book.asOf < e.until) live += e.length;
                    if (e.from + 1 <= book.asOf && book.asOf < uint256(e.until) + 1) livePrev += e.length;
                }
            }
            eq(cursor, book.len, "length");
            eq(book.rate, live, "rate");
            // What was lost in a period that is proved or given up is dead at once.
            uint256 forfeited = PurseLib.unpack(market.purseWord(node)).forfeited;
            bool isOver = book.evicted || book.lastProved + 1 >= book.asOf || forfeited + 1 == book.asOf;
            if (isOver) yes(livePrev <= book.ratePrev, "rate of a period that is over");
            else eq(book.ratePrev, livePrev, "rate of the period before");
            yes(book.lenPrev >= book.ratePrev, "what is frozen holds what pays");
        }
    }

    function invariant_Rewards_are_part_of_the_fee() public view {
        uint256 waiting;
        for (uint256 i = 1; i <= actors.NODES(); ++i) waiting += lens.standing(NodeId.wrap(uint32(i))).reward;
        uint256 most = actors.credited() * bank.REWARD_PER_1E8() / 1e8;
        yes(actors.rewarded() + waiting <= most, "part of the fee");
        yes(token.totalSupply() <= token.CAP(), "cap");
    }

    function invariant_A_stake_covers_all_that_a_node_can_lose() public view {
        for (uint256 i = 1; i <= actors.NODES(); ++i) {
            NodeId node = NodeId.wrap(uint32(i));
            if (actors.isBehind(node)) continue;
            Standing memory s = lens.standing(node);
            uint256 bounty = s.evicted || s.rate == 0 ? 0 : market.REPORT_BOUNTY();
            yes(registry.node(node).stake >= s.rate * market.STAKE_PERIODS() + bounty, "covered");
        }
    }

    /// @dev The last node proves every period and answers every question.
    function invariant_Who_proves_every_period_is_never_slashed() public view {
        NodeId node = NodeId.wrap(uint32(actors.NODES()));
        yes(!lens.standing(node).evicted, "not evicted");
        yes(registry.node(node).stake >= 1000e9 || lens.standing(node).out != 0, "stake");
    }

    /// @dev Not an invariant, but without it the others might hold of nothing.
    function test_The_actors_get_something_done() public {
        live(actors, 8007, 12);
        Actors.Done memory done = actors.whatHappened();
        yes(done.losses != 0, "losses");
        yes(done.convictions != 0, "convictions");
        yes(done.evictions != 0, "evictions");
        yes(done.compensations != 0, "compensations");
        yes(done.handOvers != 0, "hand-overs");
        yes(actors.dealCount() > 10, "deals");
        yes(actors.credited() > 1000, "proofs");
        uint256 settled;
        for (uint256 i = 0; i < actors.dealCount(); ++i) {
            if (lens.deal(actors.dealAt(i)).state == DealState.Settled) ++settled;
        }
        yes(settled > 1, "settled");
        invariant_The_vault_holds_what_it_owes();
        invariant_Credits_are_what_the_bits_say();
        invariant_A_settled_deal_adds_up_and_a_lock_is_the_sum_of_open_deals();
        invariant_A_ledger_is_tiled_and_its_live_ranges_are_the_rate();
        invariant_Rewards_are_part_of_the_fee();
        invariant_A_stake_covers_all_that_a_node_can_lose();
        invariant_Who_proves_every_period_is_never_slashed();
    }
}
