// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IEscrow } from "./interfaces/IEscrow.sol";
import { INodeRegistry } from "./interfaces/INodeRegistry.sol";
import { IStorageMarket } from "./interfaces/IStorageMarket.sol";
import { NodeId, UNIT } from "./types/Types.sol";

/// @title NodeRegistry
/// @notice Documented in INodeRegistry.
contract NodeRegistry is INodeRegistry {
    struct NodeRecord {
        // word 0: what an acceptance is checked against
        address hot;
        uint64 stake;
        uint32 spare;
        // word 1
        address owner;
        uint64 price;
        uint32 capacityMiB;
        // word 2
        bytes32 fingerprint;
        // word 3 and on
        string endpoint;
    }

    struct KeeperRecord {
        address owner;
        address key;
        string endpoint;
    }

    uint32 private constant NODE_LIMIT = 1 << 24;

    /// @inheritdoc INodeRegistry
    uint256 public constant ENDPOINT_BYTES_MAX = 256;
    /// @inheritdoc INodeRegistry
    uint256 public constant PAGE_MAX = 200;

    /// @inheritdoc INodeRegistry
    address public immutable ESCROW;
    /// @inheritdoc INodeRegistry
    address public immutable MARKET;
    /// @inheritdoc INodeRegistry
    uint64 public immutable STAKE_MIN;

    /// @inheritdoc INodeRegistry
    uint32 public nodeCount;
    /// @inheritdoc INodeRegistry
    uint32 public keeperCount;

    mapping(NodeId id => NodeRecord) private _nodes;
    mapping(uint32 id => KeeperRecord) private _keepers;
    mapping(address owner => uint32 id) private _keeperOf;

    modifier onlyOwner(NodeId id) {
        if (_nodes[id].owner != msg.sender) revert NodeRegistry_NotOwner(id, msg.sender);
        _;
    }

    modifier onlyNode(NodeId id) {
        if (!speaksFor(id, msg.sender)) revert NodeRegistry_NotNode(id, msg.sender);
        _;
    }

    constructor(address escrow, address market, uint64 stakeMin) {
        if (escrow == address(0) || market == address(0)) revert NodeRegistry_ZeroAddress();
        ESCROW = escrow;
        MARKET = market;
        STAKE_MIN = stakeMin;
    }

    // Nodes

    /// @inheritdoc INodeRegistry
    function register(
        address hot,
        uint64 stake,
        uint64 price,
        uint32 capacityMiB,
        bytes32 fingerprint,
        string calldata endpoint
    ) external returns (NodeId id) {
        return _register(hot, stake, price, capacityMiB, fingerprint, endpoint);
    }

    /// @inheritdoc INodeRegistry
    function registerWithDeposit(
        address hot,
        uint64 stake,
        uint64 price,
        uint32 capacityMiB,
        bytes32 fingerprint,
        string calldata endpoint
    ) external returns (NodeId id) {
        IEscrow(ESCROW).depositFrom(msg.sender, uint256(stake) * UNIT);
        return _register(hot, stake, price, capacityMiB, fingerprint, endpoint);
    }

    /// @inheritdoc INodeRegistry
    function setHot(NodeId id, address hot) external onlyOwner(id) {
        if (hot == address(0)) revert NodeRegistry_ZeroAddress();
        _nodes[id].hot = hot;
        emit HotChanged(id, hot);
    }

    /// @inheritdoc INodeRegistry
    function setEndpoint(NodeId id, bytes32 fingerprint, string calldata endpoint) external onlyNode(id) {
        _checkEndpoint(endpoint);
        _nodes[id].fingerprint = fingerprint;
        _nodes[id].endpoint = endpoint;
        emit EndpointChanged(id, fingerprint, endpoint);
    }

    /// @inheritdoc INodeRegistry
    function setOffer(NodeId id, uint64 price, uint32 capacityMiB) external onlyNode(id) {
        _nodes[id].price = price;
        _nodes[id].capacityMiB = capacityMiB;
        emit OfferChanged(id, price, capacityMiB);
    }

    /// @inheritdoc INodeRegistry
    function setOwner(NodeId id, address owner) external onlyOwner(id) {
        if (owner == address(0)) revert NodeRegistry_ZeroAddress();
        _nodes[id].owner = owner;
        emit OwnerChanged(id, owner, msg.sender);
    }

    /// @inheritdoc INodeRegistry
    function addStake(NodeId id, uint64 units) external {
        if (_nodes[id].owner == address(0)) revert NodeRegistry_NotNode(id, msg.sender);
        if (units == 0) revert NodeRegistry_ZeroAmount();
        uint64 stake = _nodes[id].stake + units;
        _nodes[id].stake = stake;
        emit StakeAdded(id, units, stake);
        IEscrow(ESCROW).stake(msg.sender, units);
    }

    /// @inheritdoc INodeRegistry
    function exit(NodeId id) external onlyOwner(id) {
        emit ExitStarted(id, IStorageMarket(MARKET).markLeaving(id));
    }

    /// @inheritdoc INodeRegistry
    function takeStake(NodeId id) external {
        uint64 stake = _nodes[id].stake;
        uint256 bound = IStorageMarket(MARKET).stakeBound(id);
        if (bound >= stake) revert NodeRegistry_StakeBound(id);
        uint64 units = stake - uint64(bound);
        address owner = _nodes[id].owner;
        _nodes[id].stake = uint64(bound);
        emit StakeTaken(id, owner, units);
        IEscrow(ESCROW).unstake(owner, units);
    }

    /// @inheritdoc INodeRegistry
    function slash(NodeId id, uint256 units) external returns (uint64 stake) {
        if (msg.sender != MARKET) revert NodeRegistry_NotMarket(msg.sender);
        // The market takes no more than the stake was asked to cover, so this never underflows.
        stake = uint64(_nodes[id].stake - units);
        _nodes[id].stake = stake;
        emit StakeSlashed(id, units, stake);
    }

    // Keepers

    /// @inheritdoc INodeRegistry
    function announceKeeper(address key, string calldata endpoint) external returns (uint32 id) {
        if (bytes(endpoint).length > ENDPOINT_BYTES_MAX) revert NodeRegistry_BadEndpoint(bytes(endpoint).length);
        if (key == address(0)) revert NodeRegistry_ZeroAddress();
        id = _keeperOf[msg.sender];
        if (id == 0) {
            id = ++keeperCount;
            _keeperOf[msg.sender] = id;
        }
        _keepers[id] = KeeperRecord(msg.sender, key, endpoint);
        emit KeeperAnnounced(id, msg.sender, key, endpoint);
    }

    // Reading

    /// @inheritdoc INodeRegistry
    function nodes(uint32 from, uint32 count) external view returns (NodeView[] memory page) {
        (uint256 first, uint256 size) = _page(from, count, nodeCount);
        page = new NodeView[](size);
        for (uint256 i = 0; i < size; ++i) page[i] = node(NodeId.wrap(uint32(first + i)));
    }

    /// @inheritdoc INodeRegistry
    function keepers(uint32 from, uint32 count) external view returns (KeeperView[] memory page) {
        (uint256 first, uint256 size) = _page(from, count, keeperCount);
        page = new KeeperView[](size);
        for (uint256 i = 0; i < size; ++i) {
            KeeperRecord storage record = _keepers[uint32(first + i)];
            page[i] = KeeperView(uint32(first + i), record.owner, record.key, record.endpoint);
        }
    }

    /// @inheritdoc INodeRegistry
    function node(NodeId id) public view returns (NodeView memory) {
        NodeRecord storage record = _nodes[id];
        return NodeView({
            id: id,
            owner: record.owner,
            hot: record.hot,
            stake: record.stake,
            price: record.price,
            capacityMiB: record.capacityMiB,
            fingerprint: record.fingerprint,
            endpoint: record.endpoint
        });
    }

    /// @inheritdoc INodeRegistry
    function keyOf(NodeId id) public view returns (uint256) {
        NodeRecord storage record = _nodes[id];
        return uint160(record.hot) | (uint256(record.stake) << 160);
    }

    /// @inheritdoc INodeRegistry
    function keysOf(NodeId[] calldata ids) external view returns (uint256[] memory keys) {
        keys = new uint256[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) keys[i] = keyOf(ids[i]);
    }

    /// @inheritdoc INodeRegistry
    function ownerOf(NodeId id) external view returns (address) {
        return _nodes[id].owner;
    }

    /// @inheritdoc INodeRegistry
    function speaksFor(NodeId id, address who) public view returns (bool) {
        return who != address(0) && (_nodes[id].owner == who || _nodes[id].hot == who);
    }

    function _register(
        address hot,
        uint64 stake,
        uint64 price,
        uint32 capacityMiB,
        bytes32 fingerprint,
        string calldata endpoint
    ) private returns (NodeId id) {
        if (hot == address(0)) revert NodeRegistry_ZeroAddress();
        if (stake < STAKE_MIN) revert NodeRegistry_StakeTooSmall(stake, STAKE_MIN);
        _checkEndpoint(endpoint);
        uint32 number = nodeCount + 1;
        if (number >= NODE_LIMIT) revert NodeRegistry_Full();

        nodeCount = number;
        id = NodeId.wrap(number);
        NodeRecord storage record = _nodes[id];
        record.hot = hot;
        record.stake = stake;
        record.owner = msg.sender;
        record.price = price;
        record.capacityMiB = capacityMiB;
        record.fingerprint = fingerprint;
        record.endpoint = endpoint;
        emit Registered(id, msg.sender, hot, stake, price, capacityMiB, fingerprint, endpoint);
        if (stake != 0) IEscrow(ESCROW).stake(msg.sender, stake);
    }

    function _checkEndpoint(string calldata endpoint) private pure {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > ENDPOINT_BYTES_MAX) revert NodeRegistry_BadEndpoint(length);
    }

    /// @dev Numbers start at 1; a page never reaches past the last one.
    function _page(uint256 from, uint256 count, uint256 last) private pure returns (uint256 first, uint256 size) {
        first = from == 0 ? 1 : from;
        if (first > last) return (first, 0);
        size = last - first + 1;
        if (size > count) size = count;
        if (size > PAGE_MAX) size = PAGE_MAX;
    }
}
