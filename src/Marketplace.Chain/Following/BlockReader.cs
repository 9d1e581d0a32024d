using System.Runtime.CompilerServices;
using Marketplace.Chain.Eth;
using Marketplace.Domain;

namespace Marketplace.Chain.Following;

/// <summary>Reads heads of blocks and waits for new ones.</summary>
public sealed class BlockReader(EthApi eth, TimeSpan? pollInterval = null, TimeProvider? time = null)
{
    private readonly TimeSpan _pollInterval = pollInterval ?? TimeSpan.FromSeconds(1);
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>The newest block.</summary>
    public Task<Block> LatestAsync(CancellationToken token = default) => eth.GetLatestBlockAsync(token);

    /// <summary>A block by its height, or null if the chain has not come there.</summary>
    public Task<Block?> AtAsync(BlockNumber number, CancellationToken token = default) => eth.GetBlockAsync(BlockParameter.At(number), token);

    /// <summary>Each newest block as it comes, beginning with the present one; blocks that come together show only the last.</summary>
    public async IAsyncEnumerable<Block> WatchAsync([EnumeratorCancellation] CancellationToken token = default)
    {
        Block? last = null;
        while (true)
        {
            Block head = await eth.GetLatestBlockAsync(token);
            if (head.Hash != last?.Hash) yield return head;
            last = head;
            await Task.Delay(_pollInterval, _time, token);
        }
    }

    /// <summary>Waits until the chain has a block of this height and gives the newest.</summary>
    public async Task<Block> WaitForAsync(BlockNumber number, CancellationToken token = default)
    {
        await foreach (Block head in WatchAsync(token))
        {
            if (head.Number >= number.Value) return head;
        }

        throw new OperationCanceledException(token);
    }
}
