// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IBank } from "./interfaces/IBank.sol";
import { IClock } from "./interfaces/IClock.sol";
import { IEscrow } from "./interfaces/IEscrow.sol";
import { INodeRegistry } from "./interfaces/INodeRegistry.sol";
import { IStorageMarket } from "./interfaces/IStorageMarket.sol";
import { IToken } from "./interfaces/IToken.sol";
import { NodeId, REWARD_PARTS, UNIT } from "./types/Types.sol";

/// @title Bank
/// @notice Documented in IBank.
contract Bank is IBank {
    uint256 private constant BPS = 10_000;

    /// @inheritdoc IBank
    address public immutable TOKEN;
    /// @inheritdoc IBank
    address public immutable ESCROW;
    /// @inheritdoc IBank
    address public immutable MARKET;
    /// @inheritdoc IBank
    address public immutable REGISTRY;
    /// @inheritdoc IBank
    uint64 public immutable FIRST_EMISSION;
    /// @inheritdoc IBank
    uint32 public immutable HALVING_PERIODS;
    /// @inheritdoc IBank
    uint32 public immutable FIRST_PERIOD;
    /// @inheritdoc IBank
    uint32 public immutable REWARD_PER_1E8;

    /// @dev Token and market exist already; escrow and registry need not.
    /// @param lambdaBps share of the fee that may come back as reward, below 10,000
    constructor(
        address token,
        address escrow,
        address market,
        address registry,
        uint64 firstEmission,
        uint32 halvingPeriods,
        uint16 lambdaBps
    ) {
        // The emission halves, so all of it together is less than twice the first stretch.
        uint256 all = 2 * uint256(firstEmission) * halvingPeriods * UNIT;
        uint256 cap = IToken(token).CAP();
        // Escrow keeps what is free and what is locked of an account in 64 bits each, however much there is.
        if (
            halvingPeriods == 0 || lambdaBps >= BPS || all > cap - IToken(token).totalSupply()
                || cap / UNIT > type(uint64).max
        ) revert Bank_BadParameters();
        TOKEN = token;
        ESCROW = escrow;
        MARKET = market;
        REGISTRY = registry;
        FIRST_EMISSION = firstEmission;
        HALVING_PERIODS = halvingPeriods;
        (FIRST_PERIOD,) = IClock(market).current();
        REWARD_PER_1E8 = uint32(lambdaBps) * IStorageMarket(market).FEE_BPS();
    }

    /// @inheritdoc IBank
    function emissionOf(uint32 period) public view returns (uint256 units) {
        if (period < FIRST_PERIOD) return 0;
        return uint256(FIRST_EMISSION) >> ((period - FIRST_PERIOD) / HALVING_PERIODS);
    }

    /// @inheritdoc IBank
    function rewardOf(uint32 period, uint256 paid, uint256 rate) external view returns (uint256 parts) {
        if (paid == 0) return 0;
        uint256 bySchedule = (rate * emissionOf(period) * REWARD_PARTS) / paid;
        uint256 byFee = rate * REWARD_PER_1E8;
        return bySchedule < byFee ? bySchedule : byFee;
    }

    /// @inheritdoc IBank
    function mintReward(NodeId[] calldata nodes) external {
        for (uint256 i = 0; i < nodes.length; ++i) {
            uint256 units = IStorageMarket(MARKET).takeReward(nodes[i]);
            if (units == 0) continue;

            address owner = INodeRegistry(REGISTRY).ownerOf(nodes[i]);
            emit RewardMinted(nodes[i], owner, units);
            IToken(TOKEN).mint(ESCROW, units * UNIT);
            IEscrow(ESCROW).creditMinted(owner, units);
        }
    }

    /// @inheritdoc IBank
    function burnFees(address[] calldata clients) external {
        IEscrow(ESCROW).takeFees(clients);
        uint256 amount = uint256(IEscrow(ESCROW).accountOf(address(this)).free) * UNIT;
        if (amount == 0) return;
        emit FeesBurned(amount);
        IEscrow(ESCROW).withdraw(address(this), amount);
        IToken(TOKEN).burn(amount);
    }
}
