// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Bank } from "../../contracts/Bank.sol";
import { Clock } from "../../contracts/Clock.sol";
import { Custody } from "../../contracts/Custody.sol";
import { Faults } from "../../contracts/Faults.sol";
import { StorageMarket } from "../../contracts/StorageMarket.sol";
import { Token } from "../../contracts/Token.sol";
import { IBank } from "../../contracts/interfaces/IBank.sol";
import { IClock } from "../../contracts/interfaces/IClock.sol";
import { IMarketBase } from "../../contracts/interfaces/IMarketBase.sol";
import { IToken } from "../../contracts/interfaces/IToken.sol";
import { MarketParameters } from "../../contracts/types/Deals.sol";
import { DealId, NodeId, REWARD_PARTS, UNIT } from "../../contracts/types/Types.sol";
import { World } from "./support/World.sol";

contract BareClock is Clock {
    constructor(uint32 periodBlocks, uint32 seedDelay, uint32 blockSeconds) Clock(periodBlocks, seedDelay, blockSeconds) { }
}

/// @notice The mining reward, the token's cap, and the clock.
contract BankTest is World {
    /// @dev A value that the float holds exactly.
    uint256 internal constant RATE = 1_024_000;

    function setUp() public {
        build();
        for (uint256 i = 1; i <= 3; ++i) register(i, 1000e9);
        fund(CLIENT, 10_000e9);
    }

    function mint(uint256 i) internal {
        NodeId[] memory nodes = new NodeId[](1);
        nodes[0] = id(i);
        bank.mintReward(nodes);
    }

    function test_A_reward_comes_once_the_period_is_over() public {
        open(1, RATE, 4, 10, 1);
        nextPeriod();
        prove(1);
        mint(1);
        eq(free(ownerOf(1)), 0, "not before the end of the period");
        nextPeriod();
        uint256 supply = token.totalSupply();
        vm.expectEmit(true, true, true, true, address(bank));
        emit IBank.RewardMinted(id(1), ownerOf(1), RATE * 25 / 1000);
        mint(1);
        eq(free(ownerOf(1)), RATE * 25 / 1000, "half of the fee of 5 %");
        eq(token.totalSupply() - supply, RATE * 25 / 1000 * UNIT, "minted");
        mint(1);
        eq(free(ownerOf(1)), RATE * 25 / 1000, "once");
    }

    function test_Rewards_of_several_periods_wait_together() public {
        open(1, RATE, 4, 10, 2);
        for (uint256 i = 0; i < 3; ++i) {
            nextPeriod();
            proveAll(2);
        }
        eq(lens.standing(id(1)).reward, 2 * RATE * 25 / 1000, "two periods are counted");
        nextPeriod();
        mint(1);
        eq(free(ownerOf(1)), 3 * RATE * 25 / 1000, "the third as well");
    }

    function test_A_reward_is_for_what_was_proved_not_for_what_was_taken_on_since() public {
        open(1, RATE, 4, 10, 1);
        nextPeriod();
        open(2, 5 * RATE, 4, 10, 1);
        prove(1);
        nextPeriod();
        mint(1);
        eq(free(ownerOf(1)), RATE * 25 / 1000, "the first deal's part");
    }

    function test_The_emission_is_shared_when_it_is_less_than_the_part_of_the_fee() public view {
        uint32 p = period();
        eq(bank.rewardOf(p, 200e12, 100e12), FIRST_EMISSION * REWARD_PARTS / 2, "half of what was paid, half of the emission");
        eq(bank.rewardOf(p, 0, 1), 0, "nothing paid");
        eq(bank.emissionOf(p), FIRST_EMISSION, "first stretch");
        eq(bank.emissionOf(p + HALVING), FIRST_EMISSION / 2, "second stretch");
    }

    function testFuzz_All_rewards_of_a_period_stay_below_emission_and_part_of_fee(uint256 seed, uint8 count)
        public
        view
    {
        uint256 nodes = 1 + count % 20;
        uint256[] memory rates = new uint256[](nodes);
        uint256 paid;
        for (uint256 i = 0; i < nodes; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            rates[i] = 1 + (seed % (1 << (1 + (seed >> 128) % 38)));
            paid += rates[i];
        }
        uint256 sum;
        for (uint256 i = 0; i < nodes; ++i) sum += bank.rewardOf(period(), paid, rates[i]);
        yes(sum <= FIRST_EMISSION * REWARD_PARTS, "emission");
        yes(sum <= paid * FEE_BPS * LAMBDA_BPS, "part of the fee");
    }

    function test_Fees_are_burned() public {
        DealId deal = open(1, RATE, 4, 2, 1);
        nextPeriod();
        prove(1);
        goTo(period() + 2);
        settleOne(deal);
        uint256 supply = token.totalSupply();
        vm.expectEmit(true, true, true, true, address(bank));
        emit IBank.FeesBurned(RATE / 20 * UNIT);
        bank.burnFees(only(CLIENT));
        eq(supply - token.totalSupply(), RATE / 20 * UNIT, "burned");
        bank.burnFees(only(CLIENT));
        eq(supply - token.totalSupply(), RATE / 20 * UNIT, "once");
    }

    function test_Self_dealing_for_rewards_loses() public {
        uint256 before = token.totalSupply();
        DealId deal = open(1, RATE, 4, 5, 3);
        for (uint256 i = 0; i < 5; ++i) {
            nextPeriod();
            proveAll(3);
        }
        nextPeriod();
        settleOne(deal);
        NodeId[] memory nodes = new NodeId[](3);
        for (uint256 i = 0; i < 3; ++i) nodes[i] = id(i + 1);
        bank.mintReward(nodes);
        bank.burnFees(only(CLIENT));
        yes(token.totalSupply() < before, "more was burned than minted");
    }

    function test_A_bank_that_would_break_the_cap_is_not_made() public {
        vm.expectRevert(IBank.Bank_BadParameters.selector);
        newBank(uint64((CAP - GENESIS) / UNIT / 2 / 1000 + 1), 1000, LAMBDA_BPS);
        vm.expectRevert(IBank.Bank_BadParameters.selector);
        newBank(1, 0, LAMBDA_BPS);
        vm.expectRevert(IBank.Bank_BadParameters.selector);
        newBank(1, 1000, 10_000);
        newBank(uint64((CAP - GENESIS) / UNIT / 2 / 1000), 1000, 9999);
    }

    function test_More_coins_than_an_account_counts_are_not_made() public {
        uint256 most = uint256(type(uint64).max) * UNIT;
        token = new Token("Many", "MANY", most + UNIT, 0, address(this), address(this));
        vm.expectRevert(IBank.Bank_BadParameters.selector);
        newBank(1, 1, LAMBDA_BPS);
        token = new Token("Many", "MANY", most + UNIT - 1, 0, address(this), address(this));
        newBank(1, 1, LAMBDA_BPS);
    }

    function test_Before_there_was_a_bank_nothing_was_emitted() public {
        Bank later = newBank(7, 1000, LAMBDA_BPS);
        eq(later.FIRST_PERIOD(), period(), "it begins now");
        eq(later.emissionOf(period()), 7, "now");
        eq(later.emissionOf(period() - 1), 0, "before");
    }

    function newBank(uint64 emission, uint32 halving, uint16 lambda) internal returns (Bank) {
        return new Bank(
            address(token),
            address(escrow),
            address(market),
            address(registry),
            emission,
            halving,
            lambda
        );
    }

    // The token

    function test_Only_the_bank_mints_and_never_above_the_cap() public {
        vm.expectRevert(abi.encodeWithSelector(IToken.Token_NotBank.selector, address(this)));
        token.mint(OTHER, 1);
        uint256 room = CAP - GENESIS;
        vm.startPrank(address(bank));
        token.mint(OTHER, room);
        vm.expectRevert(abi.encodeWithSelector(IToken.Token_CapExceeded.selector, CAP + 1, CAP));
        token.mint(OTHER, 1);
        vm.stopPrank();
        vm.prank(OTHER);
        token.burn(room);
        eq(token.totalSupply(), GENESIS, "burned");
        vm.expectRevert(abi.encodeWithSelector(IToken.Token_CapExceeded.selector, 2, 1));
        new Token("T", "T", 1, 2, OTHER, OTHER);
    }

    // The clock and the market's parameters

    function test_A_clock_without_room_for_proofs_is_not_made() public {
        vm.expectRevert(IClock.Clock_BadParameters.selector);
        new BareClock(20, 19, 1);
        vm.expectRevert(IClock.Clock_BadParameters.selector);
        new BareClock(20, 2, 0);
        vm.roll(uint256(1 << 21) * 20);
        vm.expectRevert(IClock.Clock_BadParameters.selector);
        new BareClock(20, 2, 1);
    }

    function test_The_clock_knows_periods_and_seeds() public {
        vm.roll(205);
        (uint32 p, uint40 height) = clock.current();
        eq(p, 10, "period");
        eq(height, 205, "height");
        eq(clock.firstBlockOf(10), 200, "first");
        eq(clock.seedBlockOf(10), 202, "seed block");
        eq(clock.seedOf(10), bytes20(blockhash(202)), "seed");
        eq(clock.seedOf(11), bytes20(0), "to come");
        vm.roll(202 + 257);
        eq(clock.seedOf(10), bytes20(0), "forgotten");
    }

    function test_The_clock_asks_the_history_contract_when_it_exists() public {
        vm.roll(1000);
        // A contract that answers every call with the hash of the 32 bytes it was asked with.
        vm.etch(0x0000F90827F1C53a10cb7A02335B175320002935, hex"602060006000376020600020600052602060" hex"00f3");
        eq(clock.seedOf(10), bytes20(keccak256(abi.encode(uint256(202)))), "its answer");
        vm.roll(202);
        eq(clock.seedOf(10), bytes20(0), "it is not asked for a block that is not over");
        vm.roll(1000);
        // And one that reverts.
        vm.etch(0x0000F90827F1C53a10cb7A02335B175320002935, hex"60006000fd");
        eq(clock.seedOf(10), bytes20(0), "none");
    }

    function test_A_market_without_its_parts_is_not_made() public {
        bytes4 bad = IMarketBase.StorageMarket_BadParameters.selector;
        for (uint256 i = 0; i < 6; ++i) {
            MarketParameters memory p = made;
            if (i == 0) p.escrow = address(0);
            if (i == 1) p.registry = address(0);
            if (i == 2) p.bank = address(0);
            if (i == 3) p.stakePeriods = 19;
            if (i == 4) p.stakePeriods = 32;
            if (i == 5) p.feeBps = 10_001;
            vm.expectRevert(bad);
            new Custody(p);
        }
    }

    function test_The_parts_of_a_market_are_made_alike_or_not_at_all() public {
        bytes4 bad = IMarketBase.StorageMarket_BadParameters.selector;
        Custody custody = new Custody(made);
        MarketParameters memory other = made;
        other.askBond += 1;
        vm.expectRevert(bad);
        new Faults(other, address(custody));
        Faults faults = new Faults(made, address(custody));
        vm.expectRevert(bad);
        new StorageMarket(other, address(faults));
        new StorageMarket(made, address(faults));
    }
}
