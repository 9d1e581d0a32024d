using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>
/// Where the bytes of shards lie: one shard under one root, with the upper part of its tree beside it. It knows nothing of deals.
/// A shard becomes readable in two steps, so that a record of it can be written in between: sealed bytes survive a crash, and
/// <see cref="RecoverAsync"/> then keeps those that were recorded and removes the others.
/// Every implementation passes the suite <c>ShardStoreContract</c>.
/// </summary>
public interface IShardStore
{
    /// <summary>Bytes that the storage itself has left; <see cref="long.MaxValue"/> if it does not say.</summary>
    long FreeBytes { get; }

    /// <summary>Begins to take a shard. Nothing of it is readable, and nothing survives, before it is sealed.</summary>
    ValueTask<IShardIntake> BeginAsync(CancellationToken token);

    /// <summary>
    /// Opens a kept shard for reading, or null if there is none. One without its tree can be read, but not proved, until
    /// <see cref="MendTreeAsync"/>. The caller disposes it.
    /// </summary>
    ValueTask<IShardContent?> OpenAsync(ShardCommitment shard, CancellationToken token);

    /// <summary>Reads a kept shard whole and makes its tree anew, durably. False, and nothing changes, if it is not there or its bytes are not right.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="pace">As for <see cref="IShardContent.CheckAsync"/>.</param>
    /// <param name="token">Cancels.</param>
    /// <exception cref="IOException">The storage does not answer, or does not take it.</exception>
    ValueTask<bool> MendTreeAsync(ShardCommitment shard, Func<int, CancellationToken, ValueTask>? pace, CancellationToken token);

    /// <summary>Removes a shard durably. Readers that have it open may finish. Does nothing if there is none.</summary>
    ValueTask DeleteAsync(Root root, CancellationToken token);

    /// <summary>To be called once, before anything else: keeps what was sealed and recorded, removes all else that a crash left.</summary>
    ValueTask RecoverAsync(Func<Root, bool> isRecorded, CancellationToken token);

    /// <summary>All kept shards, by looking at the storage itself: what a lost record is rebuilt from.</summary>
    IAsyncEnumerable<ShardCommitment> ScanAsync(CancellationToken token);

    /// <summary>Looks whether this storage was marked so: an empty mount point or another bucket is told from the right one.</summary>
    /// <exception cref="StorageAwayException">The storage does not answer.</exception>
    ValueTask<StoreMark> FindMarkAsync(string mark, CancellationToken token);

    /// <summary>Marks the storage durably, with one line of ASCII. It may be marked so already.</summary>
    /// <exception cref="MarketException">It belongs to somebody else.</exception>
    ValueTask MarkAsync(string mark, CancellationToken token);

    /// <summary>Takes a mark away; does nothing if there is none.</summary>
    ValueTask UnmarkAsync(string mark, CancellationToken token);
}

/// <summary>What a storage says about a mark.</summary>
public enum StoreMark
{
    /// <summary>It was not marked so: it is new, or another one.</summary>
    Absent,

    /// <summary>It was not marked so, and somebody else marked it as theirs alone.</summary>
    Foreign,

    /// <summary>It was.</summary>
    Here,

    /// <summary>It was, but what is kept beside it on this machine is lost and must be made again by <see cref="IShardStore.ScanAsync"/>.</summary>
    WithoutIndex,
}

/// <summary>A shard on its way in. Disposing it without <see cref="KeepAsync"/> leaves nothing behind. Not for concurrent use.</summary>
public interface IShardIntake : IAsyncDisposable
{
    /// <summary>Bytes taken so far.</summary>
    long Bytes { get; }

    /// <summary>Takes the next bytes; they are hashed on their way to the storage.</summary>
    ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken token);

    /// <summary>
    /// Ends the shard and makes it durable. Null if it is not a whole number of leaves, or empty; then only disposing is left.
    /// </summary>
    ValueTask<ShardCommitment?> SealAsync(CancellationToken token);

    /// <summary>Makes the sealed shard readable. It takes the place of a kept one with the same root.</summary>
    ValueTask KeepAsync(CancellationToken token);
}

/// <summary>How a read of a kept shard ended.</summary>
public enum ShardRead
{
    /// <summary>The bytes agree with the root.</summary>
    Good,

    /// <summary>They do not, or cannot be read: the storage lost or changed them. Nothing that was returned may be used.</summary>
    Corrupt,
}

/// <summary>A kept shard, open for reading by several at once.</summary>
public interface IShardContent : IShardReader, IDisposable
{
    /// <summary>What the shard was when it was taken.</summary>
    ShardCommitment Commitment { get; }

    /// <summary>
    /// Fills <paramref name="data"/> with whole leaves from <paramref name="firstLeaf"/> on and <paramref name="proof"/> with their
    /// <see cref="RangeProof"/>, and checks both against the root.
    /// </summary>
    /// <exception cref="StorageAwayException">The storage does not answer.</exception>
    ShardRead ReadRange(long firstLeaf, Span<byte> data, Span<byte> proof);

    /// <summary>Reads and hashes every byte: what the storage holds now. Null if it cannot be read or is no shard any more.</summary>
    /// <exception cref="StorageAwayException">The storage does not answer.</exception>
    async ValueTask<ShardCommitment?> RehashAsync(CancellationToken token) => (await CheckAsync(null, token)).Found;

    /// <summary>The same, and looks whether the tree beside the bytes is theirs.</summary>
    /// <exception cref="StorageAwayException">The storage does not answer.</exception>
    /// <param name="pace">Told before each piece how many bytes it has; it is read when this returns. Null reads as fast as the storage gives.</param>
    /// <param name="token">Cancels.</param>
    ValueTask<(ShardCommitment? Found, bool IsTreeRight)> CheckAsync(Func<int, CancellationToken, ValueTask>? pace, CancellationToken token);
}
