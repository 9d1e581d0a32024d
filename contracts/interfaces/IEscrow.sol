// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Rate } from "../types/Types.sol";

/// @title The one vault. Every token of the market lies here; who owns how much is an entry in this contract or in
/// the market, the registry and the bank that were fixed when it was made.
/// @notice `amount` is base units of the token, `units` is units (10^9 base units). No token moves outside deposit
/// and withdraw. Nobody can stop a withdrawal.
interface IEscrow {
    /// @notice What an account holds. `locked` is what the account's open deals hold, before settlement.
    struct Account {
        uint64 free;
        uint64 locked;
        /// fees on what its settled deals paid, until the bank burns them
        uint40 fees;
        /// the highest deal number used by this client
        uint48 lastNumber;
        /// the block of the last opening or extension of a deal of this client
        uint40 lastLock;
    }

    /// @notice What an operator may lock for a client.
    struct Allowance {
        /// units still to lock in all
        uint64 left;
        /// units that may be locked now, if `refill` or `cap` is set: a bucket
        uint64 level;
        /// units that flow into the bucket each period, an 18-bit float; with `cap` 0 there is no bucket
        Rate refill;
        /// the most the bucket holds, an 18-bit float; 0 = no bucket
        Rate cap;
        /// highest price, units per GiB and 30 days, an 18-bit float; 0 = any
        Rate maxPrice;
        /// period at which `level` was right
        uint32 asOf;
        /// first period in which the operator may no longer act
        uint32 until;
    }

    /// @notice `amount` base units arrived from `from` and made `units` for `account`, which now has `free`.
    event Deposited(address indexed account, address indexed from, uint256 amount, uint256 units, uint256 free);

    /// @notice `account` took `units` out to `to` and now has `free`.
    event Withdrawn(address indexed account, address indexed to, uint256 units, uint256 free);

    /// @notice `client` lets `operator` lock money for it; a total of 0 ends it.
    event Allowed(
        address indexed client,
        address indexed operator,
        uint64 total,
        Rate refill,
        Rate cap,
        Rate maxPrice,
        uint32 until
    );

    /// @notice The operator used its allowance, of which `left` remains in all and `level` at once, as of period `asOf`.
    event AllowanceUsed(
        address indexed client, address indexed operator, uint256 units, uint256 left, uint256 level, uint32 asOf
    );

    /// @notice `client` allowed an operator by its signature number `nonce`, which serves no more.
    event SignatureUsed(address indexed client, uint256 nonce);

    /// @notice `units` of `account` were put down as a bond in the market.
    event Charged(address indexed account, uint256 units, uint256 free);

    /// @notice `units` were credited to `account` by the market: pay of a node, a bond, a bounty, or the fee.
    event Credited(address indexed account, uint256 units, uint256 free);

    /// @notice `units` of `account` became stake.
    event Staked(address indexed account, uint256 units, uint256 free);

    /// @notice `units` of stake came back to `account`.
    event Unstaked(address indexed account, uint256 units, uint256 free);

    /// @notice `units` of fees that waited in the account of `client` went to the bank.
    event FeesTaken(address indexed client, uint256 units);

    error Escrow_NotMarket(address caller);
    error Escrow_NotRegistry(address caller);
    error Escrow_NotBank(address caller);
    /// @notice The amount is zero or not a whole number of units.
    error Escrow_NotWholeUnits(uint256 amount);
    /// @notice The token took more or gave less than it was asked for and nothing is left to credit.
    error Escrow_NothingReceived();
    /// @notice An account holds less than 2^64 units. The market's own token has fewer; this is for others.
    error Escrow_TooMuch(address account, uint256 units);
    /// @notice `account` has `free` units where `needed` are asked for.
    error Escrow_NotEnough(address account, uint256 free, uint256 needed);
    /// @notice The operator has no allowance in this period.
    error Escrow_NotAllowed(address client, address operator);
    /// @notice The operator's allowance has room for `room` units now, `needed` are asked for.
    error Escrow_AllowanceTooSmall(uint256 room, uint256 needed);
    /// @notice An allowance with a float that is not canonical or an end out of range.
    error Escrow_BadAllowance();
    /// @notice Deal numbers run without wide gaps: at most `highest` now.
    error Escrow_NumberTooFar(uint48 number, uint48 highest);
    error Escrow_ZeroAddress();
    error Escrow_Expired(uint256 deadline);
    /// @notice Neither a signature of the client's key nor one that the client, a contract, takes for its own.
    error Escrow_BadSignature(address client);

    function TOKEN() external view returns (address);

    function MARKET() external view returns (address);

    function REGISTRY() external view returns (address);

    function BANK() external view returns (address);

    /// @notice How far ahead of the last used number the next may be, so that uploads can run side by side.
    function NUMBER_GAP_MAX() external view returns (uint48);

    // Money in and out

    /// @notice Takes `amount` base units (whole units) of the caller and credits what arrived to the caller.
    function deposit(uint256 amount) external;

    /// @notice The same, credited to `account`.
    function depositFor(address account, uint256 amount) external;

    /// @notice Deposit with an EIP-2612 signature of the caller. A permit that was already used or that fails is
    /// passed over: the deposit then rests on the allowance that the token knows.
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Sends `amount` base units (whole units) of the caller's free money to `to`.
    function withdraw(address to, uint256 amount) external;

    /// @notice Lets `operator` lock up to `total` units for deals of the caller before period `until`. With `cap` the
    /// operator's money flows through a bucket: it starts full and `refill` flows in each period. With `maxPrice` no
    /// deal may be dearer. Replaces what was allowed before; refunds go to the client and do not refill it.
    function allow(address operator, uint64 total, uint32 until, Rate refill, Rate cap, Rate maxPrice) external;

    /// @notice The same for a client that signed it (EIP-712, domain Escrow, version 1): with its key, or a contract by
    /// EIP-1271. Signatures serve once, in order of `nonces`, and until the second `deadline`. Anyone may send it.
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
    ) external;

    // Reading

    /// @notice The nonce that the client's next signature must name.
    function nonces(address client) external view returns (uint256);

    function accountOf(address account) external view returns (Account memory);

    function allowanceOf(address client, address operator) external view returns (Allowance memory);

    /// @notice True if `operator` may act for `client` in `period`.
    function mayAct(address client, address operator, uint32 period) external view returns (bool);

    // For the market and the registry alone

    /// @notice Moves `units` of `client` from free to locked for its deal `number`, on the allowance of `operator` if
    /// that is another. Market only.
    /// @param number 0 when the deal was opened before
    /// @param blockNumber the present block
    /// @return maxPrice the operator's highest price, 0 = any
    /// @return previous the block of the client's lock before
    function lock(address client, address operator, uint48 number, uint32 period, uint40 blockNumber, uint256 units)
        external
        returns (Rate maxPrice, uint40 previous);

    /// @notice Counts `units` against the allowance of `operator`, which moves money of `client` that is locked already.
    /// Market only.
    /// @return maxPrice the operator's highest price, 0 = any
    function spend(address client, address operator, uint32 period, uint256 units) external returns (Rate maxPrice);

    /// @notice Moves `units` of `payer`'s free money into the lock of `client`. Market only.
    /// @return previous the block of the client's lock before
    function lockGift(address payer, address client, uint40 blockNumber, uint256 units)
        external
        returns (uint40 previous);

    /// @notice Takes `units` out of the lock of `client`, of which `refund` is free again and `fee` waits for the bank;
    /// what nodes were paid is theirs already. Market only.
    function unlock(address client, uint256 units, uint256 refund, uint256 fee) external;

    /// @notice Moves the fees that wait at `clients` to the bank's account. Bank only.
    function takeFees(address[] calldata clients) external returns (uint256 units);

    /// @notice Credits `units` that the bank minted into the vault. Bank only.
    function creditMinted(address account, uint256 units) external;

    /// @notice Takes `units` of free money of `account` as a bond. Market only.
    function charge(address account, uint256 units) external;

    /// @notice Credits `units` that left a lock to `account`. Market only.
    function credit(address account, uint256 units) external;

    /// @notice Turns `units` of free money of `account` into stake. Registry only.
    function stake(address account, uint256 units) external;

    /// @notice Gives stake back to `account`. Registry only.
    function unstake(address account, uint256 units) external;

    /// @notice Takes `amount` base units of the `payer`'s tokens, who called the registry, for `payer`. Registry only.
    function depositFrom(address payer, uint256 amount) external;
}
