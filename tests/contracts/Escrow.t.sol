// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { Escrow } from "../../contracts/Escrow.sol";
import { IEscrow } from "../../contracts/interfaces/IEscrow.sol";
import { Rate, UNIT } from "../../contracts/types/Types.sol";
import { Acceptance } from "../../contracts/types/Deals.sol";
import {
    BlacklistingToken,
    CallingToken,
    FeeToken,
    GenerousToken,
    RebasingToken,
    SigningWallet,
    ThievingToken
} from "./support/OddTokens.sol";
import { Terms, World } from "./support/World.sol";

/// @notice The vault.
contract EscrowTest is World {
    uint256 internal constant KEY = 0xA11CE;

    function setUp() public {
        build();
    }

    function test_What_is_deposited_can_be_withdrawn() public {
        fund(CLIENT, 10);
        eq(free(CLIENT), 10, "free");
        vm.prank(CLIENT);
        vm.expectEmit(true, true, true, true, address(escrow));
        emit IEscrow.Withdrawn(CLIENT, OTHER, 4, 6);
        escrow.withdraw(OTHER, 4 * UNIT);
        eq(token.balanceOf(OTHER), 4 * UNIT, "out");
        eq(free(CLIENT), 6, "left");
    }

    function test_A_deposit_may_be_for_another() public {
        token.approve(address(escrow), 5 * UNIT);
        vm.expectEmit(true, true, true, true, address(escrow));
        emit IEscrow.Deposited(OTHER, address(this), 5 * UNIT, 5, 5);
        escrow.depositFor(OTHER, 5 * UNIT);
        eq(free(OTHER), 5, "free");
        vm.expectRevert(IEscrow.Escrow_ZeroAddress.selector);
        escrow.depositFor(address(0), UNIT);
    }

    function test_Only_whole_units_move() public {
        token.approve(address(escrow), 10 * UNIT);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotWholeUnits.selector, 0));
        escrow.deposit(0);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotWholeUnits.selector, UNIT + 1));
        escrow.deposit(UNIT + 1);
        escrow.deposit(UNIT);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotWholeUnits.selector, UNIT - 1));
        escrow.withdraw(OTHER, UNIT - 1);
    }

    function test_Nobody_withdraws_more_than_is_his() public {
        fund(CLIENT, 10);
        fund(OTHER, 10);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotEnough.selector, CLIENT, 10, 11));
        escrow.withdraw(CLIENT, 11 * UNIT);
        vm.prank(CLIENT);
        vm.expectRevert(IEscrow.Escrow_ZeroAddress.selector);
        escrow.withdraw(address(0), UNIT);
    }

    function permit(uint256 amount) internal view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 inner = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                vm.addr(KEY),
                address(escrow),
                amount,
                token.nonces(vm.addr(KEY)),
                type(uint256).max
            )
        );
        return vm.sign(KEY, keccak256(bytes.concat(hex"1901", token.DOMAIN_SEPARATOR(), inner)));
    }

    function test_A_permit_spares_the_approval() public {
        token.transfer(vm.addr(KEY), 3 * UNIT);
        (uint8 v, bytes32 r, bytes32 s) = permit(3 * UNIT);
        vm.prank(vm.addr(KEY));
        escrow.depositWithPermit(3 * UNIT, type(uint256).max, v, r, s);
        eq(free(vm.addr(KEY)), 3, "free");
    }

    function test_A_permit_that_somebody_used_first_does_no_harm() public {
        token.transfer(vm.addr(KEY), 3 * UNIT);
        (uint8 v, bytes32 r, bytes32 s) = permit(3 * UNIT);
        token.permit(vm.addr(KEY), address(escrow), 3 * UNIT, type(uint256).max, v, r, s);
        vm.prank(vm.addr(KEY));
        escrow.depositWithPermit(3 * UNIT, type(uint256).max, v, r, s);
        eq(free(vm.addr(KEY)), 3, "free");
    }

    function test_Fee_on_transfer_tokens_credit_what_arrived() public {
        FeeToken odd = new FeeToken();
        Escrow vault = new Escrow(address(odd), address(1), address(2), address(3));
        odd.approve(address(vault), 100 * UNIT);
        vault.deposit(100 * UNIT);
        eq(vault.accountOf(address(this)).free, 99, "credited");
        eq(odd.balanceOf(address(vault)), 99 * UNIT, "held");
    }

    function test_A_token_that_gives_more_than_was_sent_credits_what_was_sent() public {
        GenerousToken odd = new GenerousToken();
        Escrow vault = new Escrow(address(odd), address(1), address(2), address(3));
        odd.approve(address(vault), 100 * UNIT);
        vault.deposit(100 * UNIT);
        eq(vault.accountOf(address(this)).free, 100, "credited");
    }

    function test_An_account_that_would_overflow_takes_nothing_more() public {
        RebasingToken odd = new RebasingToken();
        Escrow vault = new Escrow(address(odd), address(1), address(2), address(3));
        odd.grow(address(this), UNIT << 64);
        odd.approve(address(vault), type(uint256).max);
        vault.deposit(uint256(type(uint64).max) * UNIT);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_TooMuch.selector, address(this), 1));
        vault.deposit(UNIT);
        eq(odd.balanceOf(address(vault)), uint256(type(uint64).max) * UNIT, "nothing moved");
        vault.depositFor(OTHER, UNIT);
    }

    function test_Fees_that_an_account_has_no_room_for_are_the_banks_at_once() public {
        uint256 fee = 1 << 39;
        fund(CLIENT, 10 * fee);
        vm.startPrank(address(market));
        escrow.lock(CLIENT, CLIENT, 1, 1, 1, 4 * fee);
        escrow.unlock(CLIENT, fee, 0, fee);
        eq(escrow.accountOf(CLIENT).fees, fee, "waiting");
        escrow.unlock(CLIENT, 2 * fee, fee, fee);
        vm.stopPrank();
        eq(escrow.accountOf(CLIENT).fees, 0, "no longer");
        eq(free(address(bank)), 2 * fee, "both");
        eq(locked(CLIENT), fee, "locked");
        eq(free(CLIENT), 7 * fee, "refunded");
    }

    function test_A_token_that_delivers_nothing_credits_nothing() public {
        ThievingToken odd = new ThievingToken();
        Escrow vault = new Escrow(address(odd), address(1), address(2), address(3));
        odd.approve(address(vault), 100 * UNIT);
        vm.expectRevert(IEscrow.Escrow_NothingReceived.selector);
        vault.deposit(100 * UNIT);
    }

    function test_Re_entrancy_through_the_token_gets_nowhere() public {
        CallingToken odd = new CallingToken();
        Escrow vault = new Escrow(address(odd), address(1), address(2), address(3));
        odd.approve(address(vault), 100 * UNIT);
        vault.deposit(10 * UNIT);
        bytes4 guard = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        odd.callDuringTransfer(address(vault), abi.encodeCall(vault.deposit, (UNIT)));
        vm.expectRevert(guard);
        vault.deposit(UNIT);
        odd.callDuringTransfer(address(vault), abi.encodeCall(vault.withdraw, (address(odd), UNIT)));
        vm.expectRevert(guard);
        vault.withdraw(OTHER, UNIT);
    }

    function test_A_vault_without_its_parts_is_not_made() public {
        vm.expectRevert(IEscrow.Escrow_ZeroAddress.selector);
        new Escrow(address(0), address(1), address(2), address(3));
        vm.expectRevert(IEscrow.Escrow_ZeroAddress.selector);
        new Escrow(address(1), address(0), address(2), address(3));
        vm.expectRevert(IEscrow.Escrow_ZeroAddress.selector);
        new Escrow(address(1), address(2), address(0), address(3));
        vm.expectRevert(IEscrow.Escrow_ZeroAddress.selector);
        new Escrow(address(1), address(2), address(3), address(0));
    }

    function test_Rebasing_tokens_make_nobody_richer_or_poorer() public {
        RebasingToken odd = new RebasingToken();
        Escrow vault = new Escrow(address(odd), address(1), address(2), address(3));
        odd.approve(address(vault), 100 * UNIT);
        vault.deposit(10 * UNIT);
        odd.grow(address(vault), 5 * UNIT + 3);
        vault.deposit(10 * UNIT);
        eq(vault.accountOf(address(this)).free, 20, "what was deposited");
        vault.withdraw(OTHER, 20 * UNIT);
        eq(odd.balanceOf(OTHER), 20 * UNIT, "comes back");
    }

    function test_Blacklisting_tokens_strand_nobody() public {
        BlacklistingToken odd = new BlacklistingToken();
        Escrow vault = new Escrow(address(odd), address(1), address(2), address(3));
        odd.approve(address(vault), 100 * UNIT);
        vault.depositFor(CLIENT, 10 * UNIT);
        vault.depositFor(OTHER, 10 * UNIT);
        odd.ban(CLIENT);
        vm.prank(CLIENT);
        vm.expectRevert(abi.encodeWithSelector(BlacklistingToken.Banned.selector, CLIENT));
        vault.withdraw(CLIENT, 10 * UNIT);
        vm.prank(CLIENT);
        vault.withdraw(address(0xBEEF), 10 * UNIT);
        vm.prank(OTHER);
        vault.withdraw(OTHER, 10 * UNIT);
    }

    // Allowances by signature

    function signedAllow(address client, uint256 key, uint64 total, uint256 nonce, uint256 deadline)
        internal
        view
        returns (bytes memory)
    {
        bytes32 inner = keccak256(
            abi.encode(
                keccak256(
                    "Allow(address client,address operator,uint64 total,uint32 until,uint32 refill,uint32 cap,uint32 maxPrice,uint256 nonce,uint256 deadline)"
                ),
                client,
                OPERATOR,
                total,
                uint32(50),
                uint32(0),
                uint32(0),
                uint32(0),
                nonce,
                deadline
            )
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Escrow"),
                keccak256("1"),
                block.chainid,
                address(escrow)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(bytes.concat(hex"1901", domain, inner)));
        return abi.encodePacked(r, s, v);
    }

    function allowSigned(address client, uint64 total, uint256 deadline, bytes memory signature) internal {
        Rate none = Rate.wrap(0);
        escrow.allowBySignature(client, OPERATOR, total, 50, none, none, none, deadline, signature);
    }

    function test_A_signed_allowance_serves_once_in_time_and_as_signed() public {
        address client = vm.addr(KEY);
        uint256 soon = block.timestamp + 10;
        bytes memory signature = signedAllow(client, KEY, 77, 0, soon);
        bytes memory bad = abi.encodeWithSelector(IEscrow.Escrow_BadSignature.selector, client);
        vm.expectRevert(bad);
        allowSigned(client, 78, soon, signature);
        vm.expectEmit(true, true, true, true, address(escrow));
        emit IEscrow.SignatureUsed(client, 0);
        allowSigned(client, 77, soon, signature);
        eq(escrow.allowanceOf(client, OPERATOR).left, 77, "allowed");
        eq(escrow.nonces(client), 1, "nonce");
        vm.expectRevert(bad);
        allowSigned(client, 77, soon, signature);
        signature = signedAllow(client, KEY, 77, 1, block.timestamp - 1);
        vm.expectPartialRevert(IEscrow.Escrow_Expired.selector);
        allowSigned(client, 77, block.timestamp - 1, signature);
    }

    function test_A_client_that_is_a_contract_signs_by_EIP_1271_and_deals_through_its_operator() public {
        SigningWallet wallet = new SigningWallet(vm.addr(KEY));
        register(1, 100e9);
        token.approve(address(escrow), 1000e9 * UNIT);
        escrow.depositFor(address(wallet), 1000e9 * UNIT);
        bytes memory signature = signedAllow(address(wallet), KEY + 1, 1e9, 0, block.timestamp);
        vm.expectPartialRevert(IEscrow.Escrow_BadSignature.selector);
        allowSigned(address(wallet), 1e9, block.timestamp, signature);
        signature = signedAllow(address(wallet), KEY, 1e9, 0, block.timestamp);
        allowSigned(address(wallet), 1e9, block.timestamp, signature);

        Terms memory terms = termsOf(1, 1000, 4, 10, 1, 1);
        Acceptance[] memory all = acceptAll(address(wallet), terms, keep(1, 4));
        vm.prank(OPERATOR);
        (, uint256 filled) = market.openDeal(address(wallet), word(terms), all);
        eq(filled, 1, "opened for the wallet");
        eq(locked(address(wallet)), market.quote(terms.rate, 1, 10), "on its money");
    }

    function test_Locks_and_credits_are_the_markets_alone_and_stakes_the_registrys() public {
        bytes memory notMarket = abi.encodeWithSelector(IEscrow.Escrow_NotMarket.selector, address(this));
        vm.expectRevert(notMarket);
        escrow.lock(CLIENT, CLIENT, 1, 1, 1, 1);
        vm.expectRevert(notMarket);
        escrow.lockGift(CLIENT, CLIENT, 1, 1);
        vm.expectRevert(notMarket);
        escrow.spend(CLIENT, CLIENT, 1, 1);
        vm.expectRevert(notMarket);
        escrow.unlock(CLIENT, 1, 1, 0);
        vm.expectRevert(notMarket);
        escrow.credit(CLIENT, 1);
        vm.expectRevert(notMarket);
        escrow.charge(CLIENT, 1);
        bytes memory notBank = abi.encodeWithSelector(IEscrow.Escrow_NotBank.selector, address(this));
        vm.expectRevert(notBank);
        escrow.takeFees(only(CLIENT));
        vm.expectRevert(notBank);
        escrow.creditMinted(CLIENT, 1);
        bytes memory notRegistry = abi.encodeWithSelector(IEscrow.Escrow_NotRegistry.selector, address(this));
        vm.expectRevert(notRegistry);
        escrow.stake(CLIENT, 1);
        vm.expectRevert(notRegistry);
        escrow.unstake(CLIENT, 1);
        vm.expectRevert(notRegistry);
        escrow.depositFrom(CLIENT, UNIT);
    }

    function test_An_allowance_reads_as_it_was_given() public {
        vm.prank(CLIENT);
        escrow.allow(OPERATOR, type(uint64).max, 99, rateOf(5), rateOf(1 << 30), rateOf(77));
        IEscrow.Allowance memory a = escrow.allowanceOf(CLIENT, OPERATOR);
        eq(a.left, type(uint64).max, "left");
        eq(a.level, 1 << 30, "a full bucket");
        eq(a.until, 99, "until");
        eq(Rate.unwrap(a.refill), 5, "refill");
        eq(Rate.unwrap(a.maxPrice), 77, "price");
        yes(escrow.mayAct(CLIENT, OPERATOR, 98) && !escrow.mayAct(CLIENT, OPERATOR, 99), "until is not in it");
        vm.prank(CLIENT);
        escrow.allow(OPERATOR, 0, 99, Rate.wrap(0), Rate.wrap(0), Rate.wrap(0));
        yes(!escrow.mayAct(CLIENT, OPERATOR, 1), "ended");
    }

    function test_A_bad_allowance_is_refused() public {
        Rate none = Rate.wrap(0);
        Rate bad = Rate.wrap(1 << 13);
        vm.expectRevert(IEscrow.Escrow_ZeroAddress.selector);
        escrow.allow(address(0), 1, 1, none, none, none);
        vm.expectRevert(IEscrow.Escrow_BadAllowance.selector);
        escrow.allow(OPERATOR, 1, 1 << 22, none, none, none);
        vm.expectRevert(IEscrow.Escrow_BadAllowance.selector);
        escrow.allow(OPERATOR, 1, 1, bad, none, none);
        vm.expectRevert(IEscrow.Escrow_BadAllowance.selector);
        escrow.allow(OPERATOR, 1, 1, none, bad, none);
        vm.expectRevert(IEscrow.Escrow_BadAllowance.selector);
        escrow.allow(OPERATOR, 1, 1, none, none, bad);
    }

    function testFuzz_A_bucket_never_lets_through_more_than_cap_and_refill(uint256 seed) public {
        vm.prank(address(market));
        escrow.credit(CLIENT, 1e15);
        uint256 refill = 1 + seed % 1000;
        uint256 cap = 1 + (seed >> 64) % 5000;
        vm.prank(CLIENT);
        escrow.allow(OPERATOR, 1e12, 1000, rateOf(refill), rateOf(cap), Rate.wrap(0));
        uint256 spent;
        uint32 first = period();
        uint32 p = first;
        for (uint256 i = 0; i < 30; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            p += uint32(seed % 3);
            uint256 units = 1 + (seed >> 16) % 3000;
            vm.prank(address(market));
            try escrow.lock(CLIENT, OPERATOR, 0, p, 1, units) {
                spent += units;
            } catch { }
            yes(spent <= cap + refill * (p - first), "within the bucket");
            eq(escrow.allowanceOf(CLIENT, OPERATOR).left, 1e12 - spent, "total");
        }
        eq(locked(CLIENT), spent, "locked");
    }
}
