using Marketplace.Chain;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Following;
using Marketplace.Domain;

namespace Marketplace.Keeper.Indexing;

/// <summary>The chain's logs, by the follower that notices reorganisations, as steps of the keeper.</summary>
internal sealed class FollowedChain : IChainFeed
{
    private readonly EthApi _eth;
    private readonly LogFollower _follower;
    private readonly Schedule _schedule;
    private readonly ulong _firstBlock;
    private readonly TimeSpan _pollInterval;
    private readonly TimeProvider _time;

    /// <param name="contracts">The market.</param>
    /// <param name="schedule">Its clock.</param>
    /// <param name="firstBlock">No event is older.</param>
    /// <param name="pollInterval">The pause between two looks at a chain without news.</param>
    /// <param name="time">The clock.</param>
    public FollowedChain(MarketContracts contracts, Schedule schedule, ulong firstBlock, TimeSpan pollInterval, TimeProvider time)
    {
        var filter = new LogFilter { Addresses = [contracts.NodeRegistry.Address, contracts.StorageMarket.Address, contracts.Bank.Address] };
        _eth = contracts.Web3.Eth;
        _follower = new LogFollower(_eth, filter, time: time);
        _schedule = schedule;
        _firstBlock = firstBlock;
        _pollInterval = pollInterval;
        _time = time;
    }

    /// <inheritdoc />
    public async Task<ChainStep?> PullAsync(string? position, CancellationToken token)
    {
        // A position that is no cursor was written by another version: the store is then begun anew by its own version number.
        ChainCursor cursor = position is null ? ChainCursor.StartAt(_firstBlock) : ChainCursor.Parse(position);
        ChainChanges changes = await _follower.NextAsync(cursor, token);
        if (changes.IsEmpty)
        {
            await Task.Delay(_pollInterval, _time, token);
            return null;
        }

        if (!_schedule.Counts(new BlockNumber(changes.Head.Number))) throw new IOException($"The chain's RPC says that its newest block is {changes.Head.Number}, which cannot be.");
        Block head = await CoveredAsync(changes, token);
        return new ChainStep(
            changes.RevertedFrom is { } first ? new BlockNumber(first) : null,
            [.. changes.Applied.Select(block => new EventBlock(new BlockNumber(block.Block.Number), [.. block.Logs.Select(log => MarketEvents.Read(log, _schedule)).OfType<MarketEvent>()]))],
            changes.Cursor.ToString(),
            new BlockNumber(head.Number),
            head.Hash,
            head.Time,
            new BlockNumber(changes.Head.Number));
    }

    /// <summary>The last block that the tables cover after these changes; the one before all events if they cover none.</summary>
    private async Task<Block> CoveredAsync(ChainChanges changes, CancellationToken token)
    {
        ulong last = Math.Max(changes.Cursor.NextBlock, 1) - 1;
        if (changes.Head.Ref == changes.Cursor.Last) return changes.Head;
        Block? covered = await _eth.GetBlockAsync(BlockParameter.At(last), token);
        // The hash that goes into answers must be the one of the branch that the rows come from.
        if (covered is null || (changes.Cursor.Last is { } known && known.Hash != covered.Hash))
            throw new IOException($"The chain changed at block {last} while it was read; asking again.");
        return covered;
    }
}
