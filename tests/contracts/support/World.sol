// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Bank } from "../../../contracts/Bank.sol";
import { IStorageMarket } from "../../../contracts/interfaces/IStorageMarket.sol";
import { OfferLib } from "../../../contracts/libraries/WordLib.sol";
import { IClock } from "../../../contracts/interfaces/IClock.sol";
import { Escrow } from "../../../contracts/Escrow.sol";
import { MarketLens } from "../../../contracts/MarketLens.sol";
import { NodeRegistry } from "../../../contracts/NodeRegistry.sol";
import { Token } from "../../../contracts/Token.sol";
import { RateLib } from "../../../contracts/libraries/RateLib.sol";
import { Acceptance, DealView, Duty, EntryView, MarketParameters, NO_HINT } from "../../../contracts/types/Deals.sol";
import { DealId, NodeId, Rate, UNIT } from "../../../contracts/types/Types.sol";
import { TermsWord } from "../../../contracts/types/Words.sol";
import { Assertions } from "./Assertions.sol";
import { Shards } from "./Shards.sol";

/// @notice What a TermsWord is made of.
struct Terms {
    uint48 number;
    Rate rate;
    uint64 leaves;
    uint32 end;
    uint32 maxEnd;
    uint8 n;
    uint8 k;
    uint8 minFilled;
}

/// @notice A whole market on a chain of its own, its participants, and a prover.
abstract contract World is Assertions {
    struct Shard {
        uint256 seed;
        uint256 leaves;
    }

    uint32 internal constant L = 20;
    uint32 internal constant D = 2;
    uint16 internal constant FEE_BPS = 500;
    uint16 internal constant LAMBDA_BPS = 5000;
    uint16 internal constant STAKE_PERIODS = 30;
    uint64 internal constant STAKE_MIN = 10e9;
    uint64 internal constant REPORT_BOUNTY = 1e6;
    uint64 internal constant ASK_BOND = 2e6;
    uint64 internal constant FIRST_EMISSION = 95e9;
    uint32 internal constant HALVING = 3_000_000;
    uint256 internal constant CAP = 1e27;
    uint256 internal constant GENESIS = 4e26;
    bytes32 internal constant FINGERPRINT = keccak256("certificate");

    address internal constant CLIENT = address(0xC11E47);
    address internal constant OTHER = address(0x07E4);
    address internal constant OPERATOR = address(0x09E4A704);

    IClock internal clock;
    Token internal token;
    Escrow internal escrow;
    NodeRegistry internal registry;
    IStorageMarket internal market;
    /// @dev What the market was made with.
    MarketParameters internal made;
    Bank internal bank;
    MarketLens internal lens;

    /// @dev What the nodes keep on their disks.
    mapping(bytes20 root => Shard) internal disks;

    /// @notice Deploys a contract as the tests were compiled with, or, if MARKET_ARTIFACTS names a folder, from there.
    function deploy(string memory name, bytes memory parameters) internal returns (address made_) {
        string memory folder = vm.envOr("MARKET_ARTIFACTS", string(""));
        string memory artifact = bytes(folder).length == 0
            ? string.concat(name, ".sol:", name)
            : string.concat(folder, "/", name, ".sol/", name, ".json");
        bytes memory code = bytes.concat(vm.getCode(artifact), parameters);
        assembly ("memory-safe") {
            made_ := create(0, add(code, 0x20), mload(code))
        }
        yes(made_ != address(0), name);
    }

    function build() internal {
        uint256 nonce = vm.getNonce(address(this));
        address escrowAt = vm.computeCreateAddress(address(this), nonce + 1);
        address registryAt = vm.computeCreateAddress(address(this), nonce + 2);
        address marketAt = vm.computeCreateAddress(address(this), nonce + 5);
        address bankAt = vm.computeCreateAddress(address(this), nonce + 6);
        token = Token(deploy("Token", abi.encode("Storage Market Token", "STORE", CAP, GENESIS, address(this), bankAt)));
        escrow = Escrow(deploy("Escrow", abi.encode(token, marketAt, registryAt, bankAt)));
        registry = NodeRegistry(deploy("NodeRegistry", abi.encode(escrowAt, marketAt, STAKE_MIN)));
        made = MarketParameters({
            periodBlocks: L,
            seedDelay: D,
            blockSeconds: 1,
            escrow: escrowAt,
            registry: registryAt,
            bank: bankAt,
            feeBps: FEE_BPS,
            stakePeriods: STAKE_PERIODS,
            reportBounty: REPORT_BOUNTY,
            askBond: ASK_BOND,
            dealFeeMin: dealFeeMin()
        });
        address custody = deploy("Custody", abi.encode(made));
        address faults = deploy("Faults", abi.encode(made, custody));
        market = IStorageMarket(deploy("StorageMarket", abi.encode(made, faults)));
        bank = Bank(
            deploy(
                "Bank", abi.encode(token, escrowAt, marketAt, registryAt, FIRST_EMISSION, HALVING, LAMBDA_BPS)
            )
        );
        lens = MarketLens(deploy("MarketLens", abi.encode(marketAt)));
        clock = IClock(marketAt);
        vm.roll(10 * L);
    }

    /// @notice Least fee of a deal, units.
    function dealFeeMin() internal pure virtual returns (uint64) {
        return 1;
    }

    // Time

    function period() internal view returns (uint32) {
        return uint32(vm.getBlockNumber() / L);
    }

    /// @notice Goes to the first block of the period in which a proof is taken.
    function goTo(uint256 p) internal {
        vm.roll(p * L + D + 1);
    }

    function nextPeriod() internal {
        goTo(period() + 1);
    }

    // Participants

    /// @notice Puts `units` into the account of `who` in Escrow.
    function fund(address who, uint256 units) internal {
        token.transfer(who, units * UNIT);
        vm.startPrank(who);
        token.approve(address(escrow), units * UNIT);
        escrow.deposit(units * UNIT);
        vm.stopPrank();
    }

    function free(address who) internal view returns (uint256) {
        return escrow.accountOf(who).free;
    }

    function only(address who) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = who;
    }

    function locked(address who) internal view returns (uint256) {
        return escrow.accountOf(who).locked;
    }

    function hotKey(uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("hot", i)));
    }

    function ownerOf(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    /// @notice Registers node number `i`, whose key is hotKey(i) and whose owner is ownerOf(i).
    function register(uint256 i, uint64 stake) internal returns (NodeId node) {
        fund(ownerOf(i), stake);
        vm.prank(ownerOf(i));
        node = registry.register(vm.addr(hotKey(i)), stake, 1e7, 1024, FINGERPRINT, "https://127.0.0.1:1");
    }

    function id(uint256 i) internal pure returns (NodeId) {
        return NodeId.wrap(uint32(i));
    }

    function rateOf(uint256 units) internal pure returns (Rate) {
        return RateLib.fromUnitsUp(units);
    }

    // Deals

    function keep(uint256 seed, uint256 leaves) internal returns (bytes20 root) {
        root = Shards.root(seed, leaves);
        disks[root] = Shard(seed, leaves);
    }

    /// @notice The terms as the market takes them.
    function word(Terms memory t) internal pure returns (TermsWord) {
        return TermsWord.wrap(
            Rate.unwrap(t.rate) | (uint256(t.end) << 40) | (uint256(t.maxEnd) << 62) | (uint256(t.leaves) << 84)
                | (uint256(t.n) << 124) | (uint256(t.k) << 132) | (uint256(t.minFilled) << 140)
                | (uint256(t.number) << 148)
        );
    }

    function termsOf(uint48 number, uint256 rate, uint64 leaves, uint32 periods, uint8 n, uint8 k)
        internal
        view
        returns (Terms memory)
    {
        uint32 end = period() + 1 + periods;
        return Terms({
            number: number,
            rate: rateOf(rate),
            leaves: leaves,
            end: end,
            maxEnd: end + 100,
            n: n,
            k: k,
            minFilled: k
        });
    }

    /// @notice Node `i` accepts slot `slot`.
    function accept(address client, Terms memory terms, uint8 slot, uint256 i, bytes20 root)
        internal
        view
        returns (Acceptance memory)
    {
        return acceptWith(client, terms, slot, i, root, NO_HINT);
    }

    function acceptWith(address client, Terms memory terms, uint8 slot, uint256 i, bytes20 root, uint64 hint)
        internal
        view
        returns (Acceptance memory a)
    {
        a.offer = OfferLib.pack(slot, id(i), vm.getBlockNumber() + L, hint);
        a.root = root;
        signWith(hotKey(i), client, terms, a);
    }

    function nodeOf(Acceptance memory a) internal pure returns (NodeId) {
        return OfferLib.nodeOf(a.offer);
    }

    function signWith(uint256 key, address client, Terms memory terms, Acceptance memory a) internal view {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, market.acceptanceHash(client, word(terms), a));
        a.r = r;
        a.vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
    }

    /// @notice Acceptances of nodes 1 to n for slots 0 to n - 1, all of the same root.
    function acceptAll(address client, Terms memory terms, bytes20 root)
        internal
        view
        returns (Acceptance[] memory all)
    {
        all = new Acceptance[](terms.n);
        for (uint8 i = 0; i < terms.n; ++i) {
            all[i] = accept(client, terms, i, uint256(i) + 1, root);
        }
    }

    /// @notice Opens a deal of CLIENT on nodes 1 to n.
    function open(uint48 number, uint256 rate, uint64 leaves, uint32 periods, uint8 n) internal returns (DealId deal) {
        bytes20 root = keep(number, leaves);
        Terms memory terms = termsOf(number, rate, leaves, periods, n, 1);
        Acceptance[] memory all = acceptAll(CLIENT, terms, root);
        vm.prank(CLIENT);
        uint256 filled;
        (deal, filled) = market.openDeal(CLIENT, word(terms), all);
        eq(filled, n, "filled");
    }

    /// @notice Settles a deal and tells what its nodes were paid and its client got back, as the deal said before.
    function settleOne(DealId deal) internal returns (uint256 paid, uint256 refund) {
        DealView memory v = lens.deal(deal);
        DealId[] memory all = new DealId[](1);
        all[0] = deal;
        market.settle(all);
        return (v.paid, v.locked - v.paid - v.fee);
    }

    // Proofs

    /// @notice The proof of `node` for the present period.
    function proofOf(NodeId node) internal view returns (bytes memory proof) {
        return proofOf(node, 5);
    }

    /// @notice The proof of `node` for the present period with so many live draws.
    function proofOf(NodeId node, uint256 draws) internal view returns (bytes memory proof) {
        Duty memory duty = lens.duty(node);
        bytes32 base = keccak256(
            abi.encodePacked(
                bytes32("storage-market challenge v1"),
                block.chainid,
                address(market),
                NodeId.unwrap(node),
                duty.period,
                bytes32(duty.seed)
            )
        );
        uint256 live;
        uint256 total;
        EntryView[] memory gone = new EntryView[](0);
        for (uint16 t = 0; live < draws; ++t) {
            uint256 draw = uint256(keccak256(abi.encodePacked(base, t)));
            uint256 position = ((draw >> 128) * (duty.frozenLength - total)) >> 128;
            position = passOver(gone, position);
            EntryView memory entry = rangeAt(node, position);
            proof = bytes.concat(proof, bytes5(uint40(entry.start)));
            if (entry.from > duty.period || duty.period >= entry.until) {
                gone = insert(gone, entry);
                total += entry.length;
                continue;
            }
            Shard memory shard = disks[entry.root];
            uint256 leaf = (uint256(uint128(draw)) * shard.leaves) >> 128;
            proof = bytes.concat(proof, Shards.opening(shard.seed, shard.leaves, leaf));
            ++live;
        }
    }

    /// @notice The proof with which node `i` takes a slot over in the present period.
    function takeoverProof(DealId deal, uint8 slot, uint256 i) internal view returns (bytes memory proof) {
        bytes32 base = keccak256(
            abi.encodePacked(
                bytes32("storage-market takeover v1"),
                block.chainid,
                address(market),
                uint32(i),
                period(),
                bytes32(clock.seedOf(period())),
                deal,
                slot
            )
        );
        Shard memory shard = disks[lens.deal(deal).slots[slot].root];
        for (uint16 t = 0; t < 5; ++t) {
            uint256 draw = uint256(keccak256(abi.encodePacked(base, t)));
            uint256 leaf = (uint256(uint128(draw)) * shard.leaves) >> 128;
            proof = bytes.concat(proof, Shards.opening(shard.seed, shard.leaves, leaf));
        }
    }

    /// @notice Leaf number `leaf` of a slot's shard with its path.
    function openingOf(DealId deal, uint8 slot, uint256 leaf) internal view returns (bytes memory) {
        Shard memory shard = disks[lens.deal(deal).slots[slot].root];
        return Shards.opening(shard.seed, shard.leaves, leaf);
    }

    function passOver(EntryView[] memory gone, uint256 position) internal pure returns (uint256) {
        for (uint256 i = 0; i < gone.length && position >= gone[i].start; ++i) position += gone[i].length;
        return position;
    }

    function insert(EntryView[] memory gone, EntryView memory entry) internal pure returns (EntryView[] memory longer) {
        longer = new EntryView[](gone.length + 1);
        uint256 j;
        for (uint256 i = 0; i < longer.length; ++i) {
            bool here = i == j && (j == gone.length || gone[j].start > entry.start);
            longer[i] = here ? entry : gone[j++];
        }
    }

    function rangeAt(NodeId node, uint256 position) internal view returns (EntryView memory) {
        uint64 cursor;
        while (true) {
            EntryView[] memory entries;
            (entries, cursor) = lens.ledger(node, cursor, 50);
            if (entries.length == 0) revert NotTrue("the ledger covers every position");
            for (uint256 i = 0; i < entries.length; ++i) {
                if (position < entries[i].start + entries[i].length) return entries[i];
            }
        }
        revert NotTrue("unreachable");
    }

    function prove(uint256 i) internal {
        market.prove(id(i), period(), proofOf(id(i)));
    }

    /// @notice Goes through `periods` periods in which nodes `from` to `to` prove.
    function pass(uint256 periods, uint256 from, uint256 to) internal {
        for (uint256 i = 0; i < periods; ++i) {
            nextPeriod();
            for (uint256 j = from; j <= to; ++j) prove(j);
        }
    }

    /// @notice Node `i` misses three periods that node `witness` proves, and is evicted in the period after.
    function evictAfterStrikes(uint256 i, uint256 witness) internal {
        pass(3, witness, witness);
        nextPeriod();
        market.evict(id(i), period() - 3, period() - 2, period() - 1);
    }

    function proveAll(uint256 n) internal {
        for (uint256 i = 1; i <= n; ++i) {
            prove(i);
        }
    }
}
