using System.Security.Cryptography;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Discovery;

/// <summary>What several keepers together say of a node. Hints for choosing, nothing more: who the node is and what it asks stands on chain.</summary>
/// <param name="Node">The node.</param>
/// <param name="Online">What at least half of the keepers that asked it say; <c>null</c> if none did.</param>
/// <param name="LastSeenAt">The latest time, never in the future.</param>
/// <param name="FreeBytes">The middle of what they report.</param>
/// <param name="LatencyMs">The middle of what they measured.</param>
/// <param name="Uptime">The middle of what they counted.</param>
/// <param name="UsedBytes">The middle of what they counted of live deals.</param>
/// <param name="Earned">The middle of what they counted of its pay.</param>
/// <param name="Rewarded">The middle of what they counted of its reward.</param>
public sealed record NodeSighting(
    NodeId Node,
    bool? Online,
    DateTimeOffset? LastSeenAt,
    long? FreeBytes,
    double? LatencyMs,
    double? Uptime,
    long? UsedBytes = null,
    TokenAmount? Earned = null,
    TokenAmount? Rewarded = null);

/// <summary>What the keepers said, and who of them could not be used.</summary>
/// <param name="Answered">How many answers were used. 0: nobody knows, ask the chain and the nodes.</param>
/// <param name="Nodes">By node.</param>
/// <param name="Faults">Keepers whose answers were not used, with the reason.</param>
public sealed record KeeperSightings(int Answered, IReadOnlyDictionary<NodeId, NodeSighting> Nodes, IReadOnlyList<(KeeperPeer Keeper, KeeperFault Fault)> Faults);

/// <summary>The chain as the caller sees it, which answers are held against.</summary>
/// <param name="Head">The newest block.</param>
/// <param name="HashOf">The hash of a block on our chain, or <c>null</c> if it is not known.</param>
/// <param name="LagBlocksMax">How far an answer may lie behind, or before, the head.</param>
public sealed record ChainSight(BlockNumber Head, Func<BlockNumber, CancellationToken, Task<Hash32?>> HashOf, ulong LagBlocksMax = ChainSight.DefaultLagBlocksMax)
{
    /// <summary>Some minutes on most chains.</summary>
    public const ulong DefaultLagBlocksMax = 60;
}

/// <summary>
/// Asks some keepers, drawn at random, at the same time and makes one picture of their answers. A keeper that lies, replays or
/// withholds is one voice among several; one that cannot prove who it is or speaks of another chain has none.
/// </summary>
/// <param name="gate">Decides which addresses may be reached.</param>
/// <param name="verifier">Tells who signed.</param>
/// <param name="time">The clock; null for the machine's.</param>
public sealed class KeeperPanel(EndpointGate gate, IMessageVerifier verifier, TimeProvider? time = null)
{
    /// <summary>How many keepers are asked.</summary>
    public const int AskedMax = 5;

    /// <summary>How long all of them together may take.</summary>
    public static readonly TimeSpan PanelTimeout = TimeSpan.FromSeconds(8);

    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Asks and merges. Never throws but for the caller's cancellation or a failure of <see cref="ChainSight.HashOf"/>.</summary>
    public async Task<KeeperSightings> AskAsync(IReadOnlyList<KeeperPeer> keepers, NodeQuery query, ChainSight chain, CancellationToken token)
    {
        KeeperPeer[] drawn = [.. keepers.DistinctBy(keeper => keeper.Endpoint.ToString())];
        RandomNumberGenerator.Shuffle(drawn.AsSpan());
        if (drawn.Length > AskedMax) drawn = drawn[..AskedMax];
        using var deadline = new CancellationTokenSource(PanelTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, token);
        KeeperAnswer<KeeperNodesReport>[] answers = await Task.WhenAll(drawn.Select(keeper => AskOneAsync(keeper, query, chain, either.Token)));
        token.ThrowIfCancellationRequested();
        var faults = new List<(KeeperPeer, KeeperFault)>();
        for (int i = 0; i < drawn.Length; i++)
        {
            if (answers[i].Fault is { } fault) faults.Add((drawn[i], fault));
        }

        KeeperNodesReport[] good = [.. answers.Where(answer => answer.Value is not null).Select(answer => answer.Value!)];
        return new KeeperSightings(good.Length, Merge(good, _time.GetUtcNow()), faults);
    }

    /// <summary>One picture of several answers.</summary>
    public static IReadOnlyDictionary<NodeId, NodeSighting> Merge(IReadOnlyList<KeeperNodesReport> reports, DateTimeOffset now) => reports
        .SelectMany(report => report.Nodes)
        .GroupBy(node => node.Id)
        .ToDictionary(group => group.Key, group => Merge(group.Key, [.. group], now));

    private static NodeSighting Merge(NodeId id, KeeperNode[] voices, DateTimeOffset now)
    {
        int online = voices.Count(voice => voice.Online == true);
        int offline = voices.Count(voice => voice.Online == false);
        DateTimeOffset? seen = voices.Max(voice => voice.LastSeenAt);
        return new NodeSighting(
            id,
            // In doubt online: trying a dead node costs a moment, leaving out a live one lets a single keeper steer the choice.
            online + offline == 0 ? null : online >= offline,
            seen > now ? now : seen,
            Middle(voices.Select(voice => voice.FreeBytes)),
            Middle(voices.Select(voice => voice.LatencyMs)),
            Middle(voices.Select(voice => voice.Uptime)),
            Middle(voices.Select(voice => voice.UsedBytes)),
            Middle(voices.Select(voice => voice.Earned)),
            Middle(voices.Select(voice => voice.Rewarded)));
    }

    /// <summary>The lower middle of the known values: no single voice moves it beyond what another said.</summary>
    private static T? Middle<T>(IEnumerable<T?> values)
        where T : struct, IComparable<T>
    {
        T[] known = [.. values.Where(value => value is not null).Select(value => value!.Value).Order()];
        return known.Length == 0 ? null : known[(known.Length - 1) / 2];
    }

    private async Task<KeeperAnswer<KeeperNodesReport>> AskOneAsync(KeeperPeer keeper, NodeQuery query, ChainSight chain, CancellationToken token)
    {
        try
        {
            using var client = new KeeperClient(keeper, gate, verifier, _time);
            KeeperAnswer<KeeperNodesReport> answer = await client.GetNodesAsync(query, token);
            return answer.Value is { } report && !await IsFreshAsync(report, chain, token) ? new(null, KeeperFault.Stale) : answer;
        }
        catch (OperationCanceledException)
        {
            return new(null, KeeperFault.Unreachable);
        }
    }

    private static async Task<bool> IsFreshAsync(KeeperNodesReport report, ChainSight chain, CancellationToken token)
    {
        ulong block = report.Block.Value, head = chain.Head.Value;
        if (Math.Max(block, head) - Math.Min(block, head) > chain.LagBlocksMax) return false;
        // A block that we have not seen yet has no hash to compare; the one before it will do for the next question.
        Hash32? hash = await chain.HashOf(report.Block, token);
        return block > head ? hash is null || hash == report.BlockHash : hash == report.BlockHash;
    }
}
