using Marketplace.Domain;
using Marketplace.Keeper.Pinging;
using Microsoft.Extensions.Hosting;

namespace Marketplace.Keeper.Indexing;

/// <summary>Pulls the chain, step after step, into the store. Whatever fails is tried again from where the store stands.</summary>
public sealed partial class Indexer(
    KeeperStore store, IChainFeed feed, RegistryChanges registry, KeeperMetrics metrics, TimeProvider time, ILogger<Indexer> log) : BackgroundService
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);

    private long _lastGood = time.GetTimestamp();

    /// <summary>How long ago the chain last answered.</summary>
    public TimeSpan SinceLastGood => time.GetElapsedTime(Volatile.Read(ref _lastGood));

    /// <summary>How far the tables are behind the chain's newest block, as the last step told; <c>null</c> before the first.</summary>
    public ulong? LagBlocks { get; private set; }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        TimeSpan pause = s_firstPause;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                ChainStep? step = await feed.PullAsync(store.Position, stoppingToken);
                if (step is not null) Take(step);
                Volatile.Write(ref _lastGood, time.GetTimestamp());
                pause = s_firstPause;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                metrics.IndexFailed();
                LogFailed(e, pause);
                await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
            }
        }
    }

    private void Take(ChainStep step)
    {
        IReadOnlyList<UnfitEvent> unfit;
        try
        {
            unfit = store.Apply(step);
        }
        catch (UndoExhaustedException e)
        {
            LogAnew(e);
            store.StartAnew();
            return;
        }

        foreach (UnfitEvent one in unfit) LogUnfit(one.Why, one.Event, one.Block);
        metrics.Applied(step, unfit.Count);
        LagBlocks = step.Tip.Value - Math.Min(step.Tip.Value, step.Head.Value);
        if (step.RevertedFrom is { } first) LogReverted(first);
        if (step.RevertedFrom is not null || step.Blocks.Any(block => block.Events.Any(ChangesRegistry))) registry.Ring();
    }

    private static bool ChangesRegistry(MarketEvent happened) =>
        happened is NodeRegistered or NodeHotChanged or NodeEndpointChanged or NodeOwnerChanged or NodeStakeChanged;

    [LoggerMessage(4101, LogLevel.Information, "A reorganisation took back the blocks from {First} on")]
    private partial void LogReverted(BlockNumber first);

    [LoggerMessage(4102, LogLevel.Warning, "A reorganisation goes deeper than is kept; reading the chain anew")]
    private partial void LogAnew(Exception cause);

    [LoggerMessage(4104, LogLevel.Error, "{Event} of block {Block} does not fit the tables and is left out: what is told of it may be wrong")]
    private partial void LogUnfit(Exception why, MarketEvent @event, BlockNumber block);

    [LoggerMessage(4103, LogLevel.Warning, "The chain could not be followed; trying again in {Pause}")]
    private partial void LogFailed(Exception failure, TimeSpan pause);
}
