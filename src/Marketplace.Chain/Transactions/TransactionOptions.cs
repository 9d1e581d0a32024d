using System.Numerics;

namespace Marketplace.Chain.Transactions;

/// <summary>Wishes for one transaction; what is null is found out.</summary>
public sealed record TransactionOptions
{
    /// <summary>Wei to send along.</summary>
    public BigInteger Value { get; init; }

    /// <summary>Gas that it may use; null to estimate.</summary>
    public ulong? GasLimit { get; init; }

    /// <summary>How long to wait for a block that holds it.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>How many blocks must hold or follow it before it counts as done; 1 is the block that holds it.</summary>
    public uint Confirmations { get; init; } = 1;
}

/// <summary>How transactions are paid for and waited for.</summary>
public sealed record TransactionPolicy
{
    /// <summary>Pause between two looks for a receipt, at first; it grows with the time waited, so that a look is late by an eighth of it.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause between two looks.</summary>
    public TimeSpan PollIntervalMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long to wait for a receipt.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A transaction that is in no block after this time is sent again with a higher fee.</summary>
    public TimeSpan BumpAfter { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>What this process does not know, stands before a transaction and is in no block after this time is replaced by nothing: whoever sent it would have raised its fee twice.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The most wei per unit of gas that is ever offered: 1,000 gwei.</summary>
    public BigInteger MaxFeePerGasMax { get; init; } = 1_000_000_000_000;

    /// <summary>The least tip, in wei per unit of gas.</summary>
    public BigInteger PriorityFeeMin { get; init; } = 1_000_000;

    /// <summary>The most gas that a transaction may use (EIP-7825).</summary>
    public ulong GasLimitMax { get; init; } = 16_777_216;

    /// <summary>Estimates are raised by this many percent, since the chain moves between estimate and block.</summary>
    public uint GasMarginPercent { get; init; } = 25;
}

/// <summary>The deadline passed and no block holds the transaction. It may still come into one later.</summary>
public sealed class TransactionTimeoutException(string action, ulong nonce, IReadOnlyList<Domain.Hash32> hashes, TimeSpan waited, Exception? inner)
    : Exception($"{action}: no block holds the transaction after {waited.TotalSeconds:0} s (nonce {nonce}, {hashes[^1]}). It may still come into one.", inner)
{
    /// <summary>Every version that was sent, oldest first; at most one of them can take effect.</summary>
    public IReadOnlyList<Domain.Hash32> Hashes { get; } = hashes;

    /// <summary>Their common nonce.</summary>
    public ulong Nonce { get; } = nonce;
}

/// <summary>Another transaction of the same account took the nonce; this one had and will have no effect.</summary>
public sealed class TransactionReplacedException(string action, ulong nonce)
    : Exception($"{action}: another transaction of this account took its place (nonce {nonce}). Is the same key used elsewhere?")
{
    /// <summary>The nonce that was taken.</summary>
    public ulong Nonce { get; } = nonce;
}
