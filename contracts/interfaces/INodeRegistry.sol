// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { NodeId } from "../types/Types.sol";

/// @title Who stores and who keeps records.
/// @notice A node is a number, an owner key (stake, payouts) and a hot key (acceptances, beats) that the owner
/// replaces at will. Prices are units per GiB and 30 days. Stakes are units in Escrow.
interface INodeRegistry {
    /// @notice What is known of a node, as read by clients and keepers.
    struct NodeView {
        NodeId id;
        address owner;
        address hot;
        /// units in stake
        uint64 stake;
        /// units per GiB and 30 days
        uint64 price;
        /// MiB offered
        uint32 capacityMiB;
        /// SHA-256 of the DER of the TLS certificate
        bytes32 fingerprint;
        /// where it is reached: one address or several with a space between, of any transport, the preferred first; who
        /// does not speak one passes over it
        string endpoint;
    }

    /// @notice A record keeper as it announced itself.
    struct KeeperView {
        /// from 1
        uint32 id;
        address owner;
        /// signs the keeper's answers
        address key;
        /// the same as of a node; empty once the keeper withdrew
        string endpoint;
    }

    event Registered(
        NodeId indexed node,
        address indexed owner,
        address indexed hot,
        uint64 stake,
        uint64 price,
        uint32 capacityMiB,
        bytes32 fingerprint,
        string endpoint
    );
    event HotChanged(NodeId indexed node, address indexed hot);
    event EndpointChanged(NodeId indexed node, bytes32 fingerprint, string endpoint);
    event OfferChanged(NodeId indexed node, uint64 price, uint32 capacityMiB);
    event OwnerChanged(NodeId indexed node, address indexed owner, address indexed previous);
    event StakeAdded(NodeId indexed node, uint64 units, uint64 stake);
    /// @notice The node takes no more shards; its stake is free some periods after its last one.
    event ExitStarted(NodeId indexed node, uint32 from);
    /// @notice `units` of stake were lost; the market says for what.
    event StakeSlashed(NodeId indexed node, uint256 units, uint64 stake);
    event StakeTaken(NodeId indexed node, address indexed owner, uint64 units);
    event KeeperAnnounced(uint32 indexed keeper, address indexed owner, address indexed key, string endpoint);

    error NodeRegistry_NotOwner(NodeId node, address caller);
    /// @notice Neither the owner nor the hot key of the node.
    error NodeRegistry_NotNode(NodeId node, address caller);
    error NodeRegistry_NotMarket(address caller);
    error NodeRegistry_ZeroAddress();
    /// @notice The endpoint is empty or longer than ENDPOINT_BYTES_MAX.
    error NodeRegistry_BadEndpoint(uint256 length);
    error NodeRegistry_StakeTooSmall(uint256 units, uint256 needed);
    /// @notice All numbers for nodes are given away.
    error NodeRegistry_Full();
    /// @notice The stake still covers shards, or the periods after the last one are not over.
    error NodeRegistry_StakeBound(NodeId node);
    error NodeRegistry_ZeroAmount();

    function ESCROW() external view returns (address);

    function MARKET() external view returns (address);

    /// @notice The smallest stake of a node, units.
    function STAKE_MIN() external view returns (uint64);

    /// @notice Bytes of an endpoint at most.
    function ENDPOINT_BYTES_MAX() external view returns (uint256);

    /// @notice Nodes and keepers that one view returns at most.
    function PAGE_MAX() external view returns (uint256);

    // Nodes

    /// @notice Registers a node of the caller with `stake` units of the caller's free money in Escrow.
    function register(
        address hot,
        uint64 stake,
        uint64 price,
        uint32 capacityMiB,
        bytes32 fingerprint,
        string calldata endpoint
    ) external returns (NodeId node);

    /// @notice The same, but takes the stake from the caller's tokens, which Escrow must be approved for.
    function registerWithDeposit(
        address hot,
        uint64 stake,
        uint64 price,
        uint32 capacityMiB,
        bytes32 fingerprint,
        string calldata endpoint
    ) external returns (NodeId node);

    /// @notice Replaces the hot key; acceptances signed by the former one no longer hold. Owner only.
    function setHot(NodeId node, address hot) external;

    /// @notice Replaces endpoint and certificate. Owner or hot key.
    function setEndpoint(NodeId node, bytes32 fingerprint, string calldata endpoint) external;

    /// @notice Replaces price and capacity. Owner or hot key.
    function setOffer(NodeId node, uint64 price, uint32 capacityMiB) external;

    /// @notice Hands the whole node with its stake and whatever was not collected to `owner`. Owner only.
    function setOwner(NodeId node, address owner) external;

    /// @notice Adds `units` of the caller's free money to the stake. Anyone.
    function addStake(NodeId node, uint64 units) external;

    /// @notice From the next period on the node takes no more shards; it goes on proving those it has. Owner only.
    function exit(NodeId node) external;

    /// @notice Pays the stake to the owner's free money, once the node has left and its last shard ended long enough
    /// ago; of an evicted node what its pot does not owe, once it can cure no more. Anyone may call.
    function takeStake(NodeId node) external;

    /// @notice Takes `units` off the stake, which the market gives to others; tells what is left. Market only.
    function slash(NodeId node, uint256 units) external returns (uint64 stake);

    // Keepers

    /// @notice Announces or changes the caller's keeper; an empty endpoint withdraws it.
    function announceKeeper(address key, string calldata endpoint) external returns (uint32 keeper);

    // Reading

    /// @notice The highest node number.
    function nodeCount() external view returns (uint32);

    /// @notice The highest keeper number.
    function keeperCount() external view returns (uint32);

    /// @notice Up to `count` nodes from number `from` (1 is the first).
    function nodes(uint32 from, uint32 count) external view returns (NodeView[] memory);

    /// @notice Up to `count` keepers from number `from`.
    function keepers(uint32 from, uint32 count) external view returns (KeeperView[] memory);

    /// @notice One node; owner is zero if there is none of that number.
    function node(NodeId id) external view returns (NodeView memory);

    /// @notice Hot key (160 bits, low) and units of stake behind it, in one word.
    function keyOf(NodeId id) external view returns (uint256);

    /// @notice The same for several nodes.
    function keysOf(NodeId[] calldata ids) external view returns (uint256[] memory);

    /// @notice Owner, who is paid.
    function ownerOf(NodeId id) external view returns (address);

    /// @notice True if `who` is the owner or the hot key of the node.
    function speaksFor(NodeId id, address who) external view returns (bool);
}
