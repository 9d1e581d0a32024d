using Marketplace.Chain.Eth;

namespace Marketplace.Chain.Following;

/// <summary>A block and the wanted logs in it, in order.</summary>
public sealed record AppliedBlock(Block Block, IReadOnlyList<Log> Logs);

/// <summary>What happened on the chain since a cursor: first blocks that are no longer, or then blocks that came.</summary>
/// <param name="Cursor">Where to go on; store it together with what was made of these changes.</param>
/// <param name="Head">The newest block of the chain.</param>
/// <param name="RevertedFrom">
/// If set, every block from this number on was replaced: undo what was made of it. It is the cursor's start where the chain was
/// replaced deeper than the follower remembers. Applied blocks come with the next changes.
/// </param>
/// <param name="Reverted">The replaced blocks that are remembered, newest first.</param>
/// <param name="Applied">The blocks that hold wanted logs, oldest first.</param>
public sealed record ChainChanges(
    ChainCursor Cursor, Block Head, ulong? RevertedFrom, IReadOnlyList<BlockRef> Reverted, IReadOnlyList<AppliedBlock> Applied)
{
    /// <summary>True if there is nothing newer to ask for now.</summary>
    public required bool IsAtHead { get; init; }

    /// <summary>True if the cursor is where it was.</summary>
    public required bool IsEmpty { get; init; }
}
