using System.Runtime.CompilerServices;
using System.Text.Json;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain.Following;

/// <summary>Limits of a follower.</summary>
public sealed record FollowerOptions
{
    /// <summary>The most blocks that one request spans; fewer when the endpoint finds it too many.</summary>
    public ulong PageBlocksMax { get; init; } = 2_000;

    /// <summary>How many blocks below the newest are remembered by hash: deeper reorganisations mean beginning anew.</summary>
    public int RememberedBlocks { get; init; } = 128;

    /// <summary>How many blocks must follow a block before it is applied.</summary>
    public ulong Confirmations { get; init; }

    /// <summary>The pause between two looks at a chain without news.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// Pulls the logs of a chain that may reorganise. Each step looks whether the blocks it knows are still there; if not, it says from
/// where they were replaced. It keeps no state but the cursor that the caller stores, so a crash between two steps changes nothing.
/// </summary>
public sealed class LogFollower(EthApi eth, LogFilter filter, FollowerOptions? options = null, TimeProvider? time = null)
{
    /// <summary>How often a page is read again because the chain changed meanwhile, before the caller is told to come again.</summary>
    private const int RacesMax = 3;

    private readonly FollowerOptions _options = options ?? new FollowerOptions();
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private ulong _pageBlocks = (options ?? new FollowerOptions()).PageBlocksMax;

    /// <summary>The changes since the cursor, at most one page of blocks; perhaps none.</summary>
    /// <exception cref="RpcException">The endpoint failed; ask again with the same cursor.</exception>
    public async Task<ChainChanges> NextAsync(ChainCursor cursor, CancellationToken token = default)
    {
        for (int race = 0; ; race++)
        {
            Block head = await eth.GetLatestBlockAsync(token);
            if (await FindRevertAsync(cursor, head, token) is { } revertedFrom)
            {
                return new ChainChanges(
                    cursor.BackTo(revertedFrom), head, revertedFrom, [.. cursor.Recent.Where(block => block.Number >= revertedFrom).Reverse()], [])
                {
                    IsAtHead = false,
                    IsEmpty = false,
                };
            }

            bool isAtHead = cursor.NextBlock + _options.Confirmations > head.Number;
            if (isAtHead || race == RacesMax) return new ChainChanges(cursor, head, null, [], []) { IsAtHead = isAtHead, IsEmpty = true };
            ulong pageBlocks = _pageBlocks;
            if (await ReadPageAsync(cursor, head, token) is { } changes) return changes;
            if (_pageBlocks < pageBlocks) race = -1;
        }
    }

    /// <summary>
    /// All changes from the cursor on, without end: waits when there is nothing new. The caller stores each cursor before it asks for
    /// the next changes.
    /// </summary>
    public async IAsyncEnumerable<ChainChanges> FollowAsync(ChainCursor cursor, [EnumeratorCancellation] CancellationToken token = default)
    {
        while (true)
        {
            ChainChanges changes = await NextAsync(cursor, token);
            if (!changes.IsEmpty) yield return changes;
            cursor = changes.Cursor;
            if (changes.IsAtHead || changes.IsEmpty) await Task.Delay(_options.PollInterval, _time, token);
        }
    }

    /// <summary>The first block that was replaced, or null if all known ones are still there.</summary>
    private async Task<ulong?> FindRevertAsync(ChainCursor cursor, Block head, CancellationToken token)
    {
        // An endpoint that is behind knows only the older ones; as long as it agrees on them there is nothing to undo.
        BlockRef[] known = [.. cursor.Recent.Where(block => block.Number <= head.Number)];
        if (known.Length == 0) return null;
        Block? last = known[^1].Number == head.Number ? head : await eth.GetBlockAsync(BlockParameter.At(known[^1].Number), token);
        if (last is null || last.Hash == known[^1].Hash) return null;

        IReadOnlyList<Block?> now = await eth.GetBlocksAsync([.. known.Select(static block => block.Number)], token);
        for (int i = known.Length - 1; i >= 0; i--)
        {
            if (now[i]?.Hash == known[i].Hash) return known[i].Number + 1;
        }

        return cursor.StartBlock;
    }

    /// <summary>Reads one page, or gives null if the chain changed while it was read.</summary>
    private async Task<ChainChanges?> ReadPageAsync(ChainCursor cursor, Block head, CancellationToken token)
    {
        ulong tip = head.Number - _options.Confirmations;
        ulong from = cursor.NextBlock;
        ulong to = Math.Min(tip, from + _pageBlocks - 1);
        ulong rememberedFrom = head.Number >= (ulong)_options.RememberedBlocks ? head.Number - (ulong)_options.RememberedBlocks + 1 : 0;
        SortedDictionary<ulong, Block> blocks = [];
        List<ulong> wanted = [];
        for (ulong number = Math.Min(Math.Max(from, rememberedFrom), to); number <= to; number++) wanted.Add(number);
        if (!await TryReadBlocksAsync(wanted, blocks, token) || !IsOneBranch(cursor, blocks.Values)) return null;

        IReadOnlyList<Log>? logs = await ReadLogsAsync(cursor, to, blocks[to].Hash, token);
        if (logs is null) return null;
        ulong[] missing = [.. logs.Select(static log => log.Block.Number).Distinct().Where(number => !blocks.ContainsKey(number))];
        BlockRef[] remembered = [.. blocks.Values.Select(static block => block.Ref)];
        if (!await TryReadBlocksAsync(missing, blocks, token)) return null;
        if (logs.Any(log => blocks[log.Block.Number].Hash != log.Block.Hash)) return null;

        AppliedBlock[] applied =
        [
            .. logs.GroupBy(static log => log.Block.Number).Select(group => new AppliedBlock(blocks[group.Key], [.. group])),
        ];
        return new ChainChanges(cursor.Advance(remembered, _options.RememberedBlocks), head, null, [], applied)
        {
            IsAtHead = to == tip,
            IsEmpty = false,
        };
    }

    private async Task<bool> TryReadBlocksAsync(IReadOnlyList<ulong> numbers, SortedDictionary<ulong, Block> blocks, CancellationToken token)
    {
        foreach (Block? block in await eth.GetBlocksAsync(numbers, token))
        {
            if (block is null) return false;
            blocks[block.Number] = block;
        }

        return numbers.All(blocks.ContainsKey);
    }

    private static bool IsOneBranch(ChainCursor cursor, IEnumerable<Block> blocks)
    {
        BlockRef? parent = cursor.Last;
        foreach (Block block in blocks)
        {
            // Of blocks made in bulk Hardhat does not say the parent; in a real chain only the first block has none.
            bool isLinked = parent is { } known && known.Number + 1 == block.Number && !block.ParentHash.IsZero;
            if (isLinked && parent!.Value.Hash != block.ParentHash) return false;
            parent = block.Ref;
        }

        return true;
    }

    /// <summary>
    /// The logs from the cursor to a block, and the last known block, all between two looks at that block: if it is the same before
    /// and after, they belong to its branch. Null if not. Hashes of parents cannot tell, as a page need not touch the known blocks.
    /// </summary>
    private async Task<IReadOnlyList<Log>?> ReadLogsAsync(ChainCursor cursor, ulong to, Hash32 lastHash, CancellationToken token)
    {
        ulong from = cursor.NextBlock;
        RpcRequest last = HeaderOf(to);
        List<RpcRequest> requests = [last, new RpcRequest("eth_getLogs", filter.ToJson(from, to)), last];
        if (cursor.Last is { } known) requests.Insert(1, HeaderOf(known.Number));
        IReadOnlyList<RpcResult> results = await eth.Rpc.BatchAsync(requests, token);
        RpcResult found = results[^2];
        if (found.Error is { } error)
        {
            // Endpoints limit blocks or logs of a request, each in its own words: try less, and give up at one block.
            if (to == from) throw error;
            _pageBlocks = Math.Max(1, (to - from + 1) / 2);
            return null;
        }

        // Slowly up again: an endpoint that refused once will refuse as much again.
        _pageBlocks = Math.Min(_options.PageBlocksMax, _pageBlocks + Math.Max(1, _pageBlocks / 8));
        if (HashOf(results[0]) != lastHash || HashOf(results[^1]) != lastHash || (results.Count > 3 && HashOf(results[1]) != cursor.Last?.Hash)) return null;
        JsonElement logs = found.Value;
        if (logs.ValueKind != JsonValueKind.Array) throw Json.Wrong("a list of logs");
        Log[] read = [.. logs.EnumerateArray().Select(Log.Read).OrderBy(static log => log.Block.Number).ThenBy(static log => log.LogIndex)];
        return Array.TrueForAll(read, log => log.Block.Number >= from && log.Block.Number <= to) ? read : throw Json.Wrong("logs of the blocks asked for");
    }

    private static RpcRequest HeaderOf(ulong number) => new("eth_getBlockByNumber", Json.Quantity(number), false);

    private static Hash32? HashOf(RpcResult block) => Block.Read(block.Require())?.Hash;
}
