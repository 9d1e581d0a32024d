// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { NodeRegistry } from "../../contracts/NodeRegistry.sol";
import { IEscrow } from "../../contracts/interfaces/IEscrow.sol";
import { INodeRegistry } from "../../contracts/interfaces/INodeRegistry.sol";
import { DealId, NodeId, UNIT } from "../../contracts/types/Types.sol";
import { World } from "./support/World.sol";

/// @notice Nodes and keepers.
contract NodeRegistryTest is World {
    address internal constant HOT = address(0x407);

    function setUp() public {
        build();
    }

    function test_A_registered_node_reads_as_it_registered() public {
        NodeId node = register(1, 50e9);
        INodeRegistry.NodeView memory v = registry.node(node);
        eq(NodeId.unwrap(node), 1, "the first number");
        eq(v.owner, ownerOf(1), "owner");
        eq(v.hot, vm.addr(hotKey(1)), "hot");
        eq(v.stake, 50e9, "stake");
        eq(v.price, 1e7, "price");
        eq(v.capacityMiB, 1024, "capacity");
        eq(v.fingerprint, FINGERPRINT, "fingerprint");
        eq(keccak256(bytes(v.endpoint)), keccak256("https://127.0.0.1:1"), "endpoint");
        eq(free(ownerOf(1)), 0, "the stake left the free money");
        eq(NodeId.unwrap(register(2, STAKE_MIN)), 2, "the second number");
    }

    function test_A_node_may_register_with_a_deposit_in_one_go() public {
        token.transfer(OTHER, 20e9 * UNIT);
        vm.startPrank(OTHER);
        token.approve(address(escrow), 20e9 * UNIT);
        NodeId node = registry.registerWithDeposit(HOT, 20e9, 1, 1, FINGERPRINT, "https://a");
        vm.stopPrank();
        eq(registry.node(node).stake, 20e9, "stake");
        eq(registry.ownerOf(node), OTHER, "owner");
        eq(token.balanceOf(OTHER), 0, "tokens");
    }

    function test_register_refuses_what_does_not_fit() public {
        fund(address(this), 100e9);
        vm.expectRevert(INodeRegistry.NodeRegistry_ZeroAddress.selector);
        registry.register(address(0), 10e9, 1, 1, FINGERPRINT, "https://a");
        vm.expectRevert(
            abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeTooSmall.selector, STAKE_MIN - 1, STAKE_MIN)
        );
        registry.register(HOT, STAKE_MIN - 1, 1, 1, FINGERPRINT, "https://a");
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_BadEndpoint.selector, 0));
        registry.register(HOT, 10e9, 1, 1, FINGERPRINT, "");
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_BadEndpoint.selector, 257));
        registry.register(HOT, 10e9, 1, 1, FINGERPRINT, string(new bytes(257)));
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotEnough.selector, address(this), 100e9, 101e9));
        registry.register(HOT, 101e9, 1, 1, FINGERPRINT, "https://a");
        eq(registry.nodeCount(), 0, "none was registered");
    }

    function test_Only_the_owner_changes_keys_and_leaves() public {
        NodeId node = register(1, 50e9);
        bytes memory notOwner =
            abi.encodeWithSelector(INodeRegistry.NodeRegistry_NotOwner.selector, node, vm.addr(hotKey(1)));
        vm.startPrank(vm.addr(hotKey(1)));
        vm.expectRevert(notOwner);
        registry.setHot(node, HOT);
        vm.expectRevert(notOwner);
        registry.setOwner(node, HOT);
        vm.expectRevert(notOwner);
        registry.exit(node);
        vm.stopPrank();

        vm.startPrank(ownerOf(1));
        vm.expectRevert(INodeRegistry.NodeRegistry_ZeroAddress.selector);
        registry.setHot(node, address(0));
        vm.expectRevert(INodeRegistry.NodeRegistry_ZeroAddress.selector);
        registry.setOwner(node, address(0));
        registry.setHot(node, HOT);
        registry.setOwner(node, OTHER);
        vm.stopPrank();
        eq(registry.node(node).hot, HOT, "hot");
        eq(registry.ownerOf(node), OTHER, "owner");
        vm.prank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_NotOwner.selector, node, ownerOf(1)));
        registry.setHot(node, HOT);
    }

    function test_Owner_and_hot_key_change_endpoint_and_offer() public {
        NodeId node = register(1, 50e9);
        vm.prank(vm.addr(hotKey(1)));
        registry.setEndpoint(node, bytes32(uint256(7)), "https://b https://c");
        vm.prank(ownerOf(1));
        registry.setOffer(node, 9, 10);
        INodeRegistry.NodeView memory v = registry.node(node);
        eq(v.fingerprint, bytes32(uint256(7)), "fingerprint");
        eq(keccak256(bytes(v.endpoint)), keccak256("https://b https://c"), "endpoint");
        eq(v.price, 9, "price");
        eq(v.capacityMiB, 10, "capacity");
        bytes memory notNode = abi.encodeWithSelector(INodeRegistry.NodeRegistry_NotNode.selector, node, OTHER);
        vm.startPrank(OTHER);
        vm.expectRevert(notNode);
        registry.setEndpoint(node, 0, "https://d");
        vm.expectRevert(notNode);
        registry.setOffer(node, 1, 1);
        vm.stopPrank();
        vm.prank(ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_BadEndpoint.selector, 0));
        registry.setEndpoint(node, 0, "");
    }

    function test_Anyone_adds_stake() public {
        NodeId node = register(1, 50e9);
        fund(OTHER, 5);
        vm.startPrank(OTHER);
        registry.addStake(node, 5);
        eq(registry.node(node).stake, 50e9 + 5, "stake");
        vm.expectRevert(INodeRegistry.NodeRegistry_ZeroAmount.selector);
        registry.addStake(node, 0);
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_NotNode.selector, id(9), OTHER));
        registry.addStake(id(9), 5);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.Escrow_NotEnough.selector, OTHER, 0, 1));
        registry.addStake(node, 1);
        vm.stopPrank();
    }

    // The way out

    function test_The_stake_of_a_node_that_never_held_anything_is_soon_free() public {
        NodeId node = register(1, 50e9);
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, node));
        registry.takeStake(node);
        vm.prank(ownerOf(1));
        registry.exit(node);
        uint32 out = period() + 1;
        goTo(out + 4);
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, node));
        registry.takeStake(node);
        goTo(out + 5);
        registry.takeStake(node);
        eq(free(ownerOf(1)), 50e9, "free");
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, id(1)));
        registry.takeStake(node);
    }

    function test_The_stake_stays_until_some_periods_after_the_last_shard() public {
        NodeId node = register(1, 50e9);
        fund(CLIENT, 1e9);
        DealId deal = open(1, 1000, 4, 30, 1);
        vm.prank(ownerOf(1));
        registry.exit(node);
        uint32 end = lens.deal(deal).end;
        goTo(end - 3);
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, node));
        registry.takeStake(node);
        goTo(end - 1);
        prove(1);
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, node));
        registry.takeStake(node);
        goTo(end + 4);
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, node));
        registry.takeStake(node);
        goTo(end + 5);
        registry.takeStake(node);
        market.collect(node);
        eq(free(ownerOf(1)), 50e9 + 1000, "stake and pay");
    }

    function test_A_silent_node_gets_its_stake_back_in_the_end() public {
        NodeId node = register(1, 50e9);
        fund(CLIENT, 1e9);
        open(1, 1000, 4, 700, 1);
        goTo(period() + 800);
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_StakeBound.selector, node));
        registry.takeStake(node);
        for (uint256 i = 0; i < 4; ++i) market.roll(node, 256);
        registry.takeStake(node);
        eq(free(ownerOf(1)), 50e9, "stake");
    }

    // Keepers and pages

    function test_Keepers_announce_change_and_withdraw_themselves() public {
        vm.prank(OTHER);
        eq(registry.announceKeeper(HOT, "http://k1"), 1, "number");
        vm.prank(CLIENT);
        eq(registry.announceKeeper(HOT, "http://k2"), 2, "number");
        vm.prank(OTHER);
        eq(registry.announceKeeper(CLIENT, ""), 1, "the same number");
        INodeRegistry.KeeperView[] memory all = registry.keepers(1, 10);
        eq(all.length, 2, "keepers");
        eq(all[0].owner, OTHER, "owner");
        eq(all[0].key, CLIENT, "key");
        eq(bytes(all[0].endpoint).length, 0, "withdrawn");
        eq(all[1].id, 2, "id");
        vm.expectRevert(INodeRegistry.NodeRegistry_ZeroAddress.selector);
        registry.announceKeeper(address(0), "http://k");
        vm.expectRevert(abi.encodeWithSelector(INodeRegistry.NodeRegistry_BadEndpoint.selector, 257));
        registry.announceKeeper(HOT, string(new bytes(257)));
    }

    function test_Nodes_are_read_in_pages() public {
        for (uint256 i = 1; i <= 5; ++i) register(i, STAKE_MIN);
        eq(registry.nodes(0, 2).length, 2, "from the first");
        INodeRegistry.NodeView[] memory page = registry.nodes(4, 10);
        eq(page.length, 2, "the rest");
        eq(NodeId.unwrap(page[1].id), 5, "the last");
        eq(registry.nodes(6, 10).length, 0, "none");
        eq(registry.keepers(1, 10).length, 0, "no keepers");
        eq(lens.standings(id(2), 3).length, 3, "standings");
    }

    function test_A_page_is_never_longer_than_PAGE_MAX() public {
        uint256 most = registry.PAGE_MAX();
        for (uint256 i = 1; i <= most + 1; ++i) register(i, STAKE_MIN);
        eq(registry.nodes(1, type(uint32).max).length, most, "nodes");
        eq(lens.standings(id(1), type(uint32).max).length, most, "standings");
    }

    function test_When_all_numbers_are_given_away_no_node_registers() public {
        put(address(registry), abi.encodeCall(registry.nodeCount, ()), (1 << 24) - 2);
        eq(register(1, STAKE_MIN), (1 << 24) - 1, "the last number");
        fund(OTHER, STAKE_MIN);
        vm.prank(OTHER);
        vm.expectRevert(INodeRegistry.NodeRegistry_Full.selector);
        registry.register(HOT, STAKE_MIN, 1, 1, FINGERPRINT, "https://a");
    }

    function test_A_registry_without_its_parts_is_not_made() public {
        vm.expectRevert(INodeRegistry.NodeRegistry_ZeroAddress.selector);
        new NodeRegistry(address(0), address(1), 1);
        vm.expectRevert(INodeRegistry.NodeRegistry_ZeroAddress.selector);
        new NodeRegistry(address(1), address(0), 1);
    }
}
