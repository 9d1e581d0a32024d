// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SignatureChecker } from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { IEscrow } from "./interfaces/IEscrow.sol";
import { RateLib } from "./libraries/RateLib.sol";
import { PERIOD_LIMIT, Rate, UNIT } from "./types/Types.sol";

/// @title Escrow
/// @notice Documented in IEscrow.
contract Escrow is IEscrow, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using RateLib for Rate;

    /// @dev One word: free64 locked64 fees40 lastNumber48 lastLock40, from the lowest bit up. 64 bits of units are more
    /// than the token's cap can be.
    type AccountWord is uint256;

    /// @dev One word: left64 level64 refill18 cap18 maxPrice18 asOf22 until22, from the lowest bit up.
    type AllowanceWord is uint256;

    uint256 private constant _LOCKED_AT = 64;
    uint256 private constant _FEES_AT = 128;
    uint256 private constant _NUMBER_AT = 168;
    uint256 private constant _LOCK_AT = 216;

    bytes32 private constant ALLOW_TYPE = keccak256(
        "Allow(address client,address operator,uint64 total,uint32 until,uint32 refill,uint32 cap,uint32 maxPrice,uint256 nonce,uint256 deadline)"
    );

    /// @inheritdoc IEscrow
    uint48 public constant NUMBER_GAP_MAX = 256;

    /// @inheritdoc IEscrow
    address public immutable TOKEN;
    /// @inheritdoc IEscrow
    address public immutable MARKET;
    /// @inheritdoc IEscrow
    address public immutable REGISTRY;
    /// @inheritdoc IEscrow
    address public immutable BANK;

    mapping(address account => AccountWord) private _accounts;
    mapping(address client => mapping(address operator => AllowanceWord)) private _allowances;
    /// @inheritdoc IEscrow
    mapping(address client => uint256) public nonces;

    modifier onlyMarket() {
        if (msg.sender != MARKET) revert Escrow_NotMarket(msg.sender);
        _;
    }

    modifier onlyRegistry() {
        if (msg.sender != REGISTRY) revert Escrow_NotRegistry(msg.sender);
        _;
    }

    modifier onlyBank() {
        if (msg.sender != BANK) revert Escrow_NotBank(msg.sender);
        _;
    }

    constructor(address token, address market, address registry, address bank) EIP712("Escrow", "1") {
        if (token == address(0) || market == address(0) || registry == address(0) || bank == address(0)) {
            revert Escrow_ZeroAddress();
        }
        TOKEN = token;
        MARKET = market;
        REGISTRY = registry;
        BANK = bank;
    }

    // Money in and out

    /// @inheritdoc IEscrow
    function deposit(uint256 amount) external {
        _deposit(msg.sender, msg.sender, amount);
    }

    /// @inheritdoc IEscrow
    function depositFor(address account, uint256 amount) external {
        if (account == address(0)) revert Escrow_ZeroAddress();
        _deposit(msg.sender, account, amount);
    }

    /// @inheritdoc IEscrow
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        // Whoever saw the permit may have used it already; the allowance it gave is there all the same.
        try IERC20Permit(TOKEN).permit(msg.sender, address(this), amount, deadline, v, r, s) { } catch { }
        _deposit(msg.sender, msg.sender, amount);
    }

    /// @inheritdoc IEscrow
    function depositFrom(address payer, uint256 amount) external onlyRegistry {
        _deposit(payer, payer, amount);
    }

    /// @inheritdoc IEscrow
    function withdraw(address to, uint256 amount) external nonReentrant {
        if (to == address(0)) revert Escrow_ZeroAddress();
        uint256 units = _wholeUnits(amount);
        uint256 free = _take(msg.sender, units);
        emit Withdrawn(msg.sender, to, units, free);
        IERC20(TOKEN).safeTransfer(to, amount);
    }

    /// @inheritdoc IEscrow
    function allow(address operator, uint64 total, uint32 until, Rate refill, Rate cap, Rate maxPrice) external {
        _allow(msg.sender, operator, total, until, refill, cap, maxPrice);
    }

    /// @inheritdoc IEscrow
    function allowBySignature(
        address client,
        address operator,
        uint64 total,
        uint32 until,
        Rate refill,
        Rate cap,
        Rate maxPrice,
        uint256 deadline,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) revert Escrow_Expired(deadline);
        uint256 nonce = nonces[client]++;
        bytes32 hash = keccak256(
            abi.encode(ALLOW_TYPE, client, operator, total, until, refill, cap, maxPrice, nonce, deadline)
        );
        // A contract may change its mind about signatures, hence asked in a static call, and each nonce serves once.
        if (!SignatureChecker.isValidSignatureNow(client, _hashTypedDataV4(hash), signature)) {
            revert Escrow_BadSignature(client);
        }
        emit SignatureUsed(client, nonce);
        _allow(client, operator, total, until, refill, cap, maxPrice);
    }

    // For the market

    /// @inheritdoc IEscrow
    function lock(address client, address operator, uint48 number, uint32 period, uint40 blockNumber, uint256 units)
        external
        onlyMarket
        returns (Rate maxPrice, uint40 previous)
    {
        if (operator != client) maxPrice = _useAllowance(client, operator, period, units);

        uint256 word = AccountWord.unwrap(_accounts[client]);
        if (uint64(word) < units) revert Escrow_NotEnough(client, uint64(word), units);
        unchecked {
            uint256 last = uint48(word >> _NUMBER_AT);
            if (number > last) {
                uint256 highest = last + NUMBER_GAP_MAX;
                if (number > highest) revert Escrow_NumberTooFar(number, uint48(highest));
                word += (number - last) << _NUMBER_AT;
            }
            // What is locked was free, and both together are below 2^64 because the token's cap is.
            word += (units << _LOCKED_AT) - units;
        }
        previous = uint40(word >> _LOCK_AT);
        _accounts[client] = _lockedIn(word, blockNumber);
    }

    /// @inheritdoc IEscrow
    function spend(address client, address operator, uint32 period, uint256 units)
        external
        onlyMarket
        returns (Rate maxPrice)
    {
        return _useAllowance(client, operator, period, units);
    }

    /// @inheritdoc IEscrow
    function lockGift(address payer, address client, uint40 blockNumber, uint256 units)
        external
        onlyMarket
        returns (uint40 previous)
    {
        _take(payer, units);
        uint256 word = AccountWord.unwrap(_accounts[client]);
        previous = uint40(word >> _LOCK_AT);
        _accounts[client] = _lockedIn(word + (units << _LOCKED_AT), blockNumber);
    }

    /// @inheritdoc IEscrow
    function unlock(address client, uint256 units, uint256 refund, uint256 fee) external onlyMarket {
        uint256 word = AccountWord.unwrap(_accounts[client]);
        uint256 fees = uint40(word >> _FEES_AT);
        unchecked {
            // The market unlocks what it locked, in parts.
            word = word - (units << _LOCKED_AT) + refund;
            bool hasRoom = fees + fee <= type(uint40).max;
            _accounts[client] = AccountWord.wrap(hasRoom ? word + (fee << _FEES_AT) : word - (fees << _FEES_AT));
            if (!hasRoom) _give(BANK, fees + fee);
        }
    }

    /// @inheritdoc IEscrow
    function credit(address account, uint256 units) external onlyMarket {
        uint256 free = _give(account, units);
        emit Credited(account, units, free);
    }

    /// @inheritdoc IEscrow
    function charge(address account, uint256 units) external onlyMarket {
        uint256 free = _take(account, units);
        emit Charged(account, units, free);
    }

    // For the bank

    /// @inheritdoc IEscrow
    function takeFees(address[] calldata clients) external onlyBank returns (uint256 units) {
        for (uint256 i = 0; i < clients.length; ++i) {
            uint256 word = AccountWord.unwrap(_accounts[clients[i]]);
            uint256 fees = uint40(word >> _FEES_AT);
            units += fees;
            _accounts[clients[i]] = AccountWord.wrap(word - (fees << _FEES_AT));
            emit FeesTaken(clients[i], fees);
        }
        _give(BANK, units);
    }

    /// @inheritdoc IEscrow
    function creditMinted(address account, uint256 units) external onlyBank {
        _give(account, units);
    }

    // For the registry

    /// @inheritdoc IEscrow
    function stake(address account, uint256 units) external onlyRegistry {
        uint256 free = _take(account, units);
        emit Staked(account, units, free);
    }

    /// @inheritdoc IEscrow
    function unstake(address account, uint256 units) external onlyRegistry {
        uint256 free = _give(account, units);
        emit Unstaked(account, units, free);
    }

    // Reading

    /// @inheritdoc IEscrow
    function accountOf(address account) external view returns (Account memory) {
        return _unpackAccount(_accounts[account]);
    }

    /// @inheritdoc IEscrow
    function allowanceOf(address client, address operator) external view returns (Allowance memory) {
        return _unpack(_allowances[client][operator]);
    }

    /// @inheritdoc IEscrow
    function mayAct(address client, address operator, uint32 period) external view returns (bool) {
        Allowance memory allowance = _unpack(_allowances[client][operator]);
        return allowance.left != 0 && period < allowance.until;
    }

    function _allow(
        address client,
        address operator,
        uint64 total,
        uint32 until,
        Rate refill,
        Rate cap,
        Rate maxPrice
    ) private {
        if (operator == address(0)) revert Escrow_ZeroAddress();
        if (
            until >= PERIOD_LIMIT || !_isNoneOrValid(refill) || !_isNoneOrValid(cap) || !_isNoneOrValid(maxPrice)
        ) revert Escrow_BadAllowance();
        _allowances[client][operator] = _pack(
            Allowance({
                left: total,
                level: uint64(cap.value()),
                refill: refill,
                cap: cap,
                maxPrice: maxPrice,
                // The bucket starts full, so it does not matter since when.
                asOf: 0,
                until: until
            })
        );
        emit Allowed(client, operator, total, refill, cap, maxPrice, until);
    }

    /// @dev Credits what arrived, because a token may take a fee on the way. What is less than a unit of it stays
    /// in the vault without an owner.
    function _deposit(address from, address account, uint256 amount) private nonReentrant {
        _wholeUnits(amount);
        uint256 before = IERC20(TOKEN).balanceOf(address(this));
        IERC20(TOKEN).safeTransferFrom(from, address(this), amount);
        uint256 received = IERC20(TOKEN).balanceOf(address(this)) - before;
        if (received > amount) received = amount;
        uint256 units = received / UNIT;
        if (units == 0) revert Escrow_NothingReceived();
        uint256 free = _give(account, units);
        emit Deposited(account, from, received, units, free);
    }

    function _take(address owner, uint256 units) private returns (uint256 free) {
        uint256 word = AccountWord.unwrap(_accounts[owner]);
        free = uint64(word);
        if (free < units) revert Escrow_NotEnough(owner, free, units);
        unchecked {
            free -= units;
            _accounts[owner] = AccountWord.wrap(word - units);
        }
    }

    function _give(address owner, uint256 units) private returns (uint256 free) {
        uint256 word = AccountWord.unwrap(_accounts[owner]);
        free = uint64(word) + units;
        if (free > type(uint64).max) revert Escrow_TooMuch(owner, units);
        unchecked {
            _accounts[owner] = AccountWord.wrap(word + units);
        }
    }

    function _useAllowance(address client, address operator, uint32 period, uint256 units)
        private
        returns (Rate maxPrice)
    {
        Allowance memory allowance = _unpack(_allowances[client][operator]);
        if (allowance.left == 0 || period >= allowance.until) revert Escrow_NotAllowed(client, operator);

        uint256 room = allowance.left;
        uint256 cap = allowance.cap.value();
        if (cap != 0) {
            uint256 level = allowance.level + allowance.refill.value() * (period - allowance.asOf);
            if (level > cap) level = cap;
            if (level < room) room = level;
            if (units <= level) allowance.level = uint64(level - units);
            allowance.asOf = period;
        }
        if (units > room) revert Escrow_AllowanceTooSmall(room, units);
        allowance.left -= uint64(units);
        _allowances[client][operator] = _pack(allowance);
        emit AllowanceUsed(client, operator, units, allowance.left, allowance.level, allowance.asOf);
        return allowance.maxPrice;
    }

    function _wholeUnits(uint256 amount) private pure returns (uint256 units) {
        if (amount == 0 || amount % UNIT != 0) revert Escrow_NotWholeUnits(amount);
        return amount / UNIT;
    }

    function _isNoneOrValid(Rate rate) private pure returns (bool) {
        return Rate.unwrap(rate) == 0 || rate.isValid();
    }

    function _lockedIn(uint256 word, uint40 blockNumber) private pure returns (AccountWord) {
        return AccountWord.wrap((word & ((1 << _LOCK_AT) - 1)) | (uint256(blockNumber) << _LOCK_AT));
    }

    function _unpackAccount(AccountWord word) private pure returns (Account memory a) {
        uint256 w = AccountWord.unwrap(word);
        a.free = uint64(w);
        a.locked = uint64(w >> _LOCKED_AT);
        a.fees = uint40(w >> _FEES_AT);
        a.lastNumber = uint48(w >> _NUMBER_AT);
        a.lastLock = uint40(w >> _LOCK_AT);
    }

    function _pack(Allowance memory a) private pure returns (AllowanceWord) {
        return AllowanceWord.wrap(
            a.left | (uint256(a.level) << 64) | (uint256(Rate.unwrap(a.refill)) << 128)
                | (uint256(Rate.unwrap(a.cap)) << 146) | (uint256(Rate.unwrap(a.maxPrice)) << 164)
                | (uint256(a.asOf) << 182) | (uint256(a.until) << 204)
        );
    }

    function _unpack(AllowanceWord word) private pure returns (Allowance memory a) {
        uint256 w = AllowanceWord.unwrap(word);
        a.left = uint64(w);
        a.level = uint64(w >> 64);
        a.refill = Rate.wrap(uint32((w >> 128) & 0x3ffff));
        a.cap = Rate.wrap(uint32((w >> 146) & 0x3ffff));
        a.maxPrice = Rate.wrap(uint32((w >> 164) & 0x3ffff));
        a.asOf = uint32((w >> 182) & 0x3fffff);
        a.until = uint32((w >> 204) & 0x3fffff);
    }
}
