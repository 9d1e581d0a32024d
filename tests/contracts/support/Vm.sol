// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice The cheat codes that these tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory logs);
    function roll(uint256 height) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function envOr(string calldata name, string calldata fallback_) external view returns (string memory);
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function expectRevert(bytes calldata reason) external;
    function expectRevert(bytes4 selector) external;
    function expectRevert() external;
    function expectPartialRevert(bytes4 selector) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function getNonce(address account) external view returns (uint64);
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function assume(bool condition) external pure;
    function getBlockNumber() external view returns (uint256);
    function setBlockhash(uint256 height, bytes32 hash) external;
    function etch(address target, bytes calldata code) external;
    function store(address target, bytes32 place, bytes32 value) external;
    function record() external;
    function accesses(address target) external returns (bytes32[] memory reads, bytes32[] memory writes);
    function chainId(uint256 id) external;
    function snapshotState() external returns (uint256);
    function revertToState(uint256 id) external returns (bool);
}
