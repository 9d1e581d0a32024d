using Marketplace.Domain;

namespace Marketplace.Keeper.Indexing;

/// <summary>What happened on the chain since a position: first what was taken back, then what was added.</summary>
/// <param name="RevertedFrom">Everything from this block on was taken back; <c>null</c> if nothing was.</param>
/// <param name="Blocks">Blocks with events of the market, in order.</param>
/// <param name="Position">Where to go on from, in the follower's own words. Stored in the same transaction as the changes.</param>
/// <param name="Head">The newest block that is covered.</param>
/// <param name="HeadHash">Its hash.</param>
/// <param name="HeadTime">Its time.</param>
/// <param name="Tip">The newest block that the chain has; above <paramref name="Head"/> while more is waiting.</param>
public sealed record ChainStep(
    BlockNumber? RevertedFrom, IReadOnlyList<EventBlock> Blocks, string Position, BlockNumber Head, Hash32 HeadHash, DateTimeOffset HeadTime, BlockNumber Tip);

/// <summary>The market's events of one block, in the order of their log indexes.</summary>
public sealed record EventBlock(BlockNumber Block, IReadOnlyList<MarketEvent> Events);

/// <summary>Where chain steps come from.</summary>
public interface IChainFeed
{
    /// <summary>
    /// The next step after a position (<c>null</c>: from the beginning). Waits, within reason, while there is nothing new; then <c>null</c>.
    /// </summary>
    Task<ChainStep?> PullAsync(string? position, CancellationToken token);
}
