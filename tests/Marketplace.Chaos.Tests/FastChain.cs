using System.Diagnostics;
using Marketplace.Chain;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Chaos.Tests;

/// <summary>
/// A real chain whose blocks come faster than their timestamps say. Network time is the time of the blocks: each is
/// <see cref="ChaosOptions.BlockSeconds"/> later than the one before, and comes a pace-th of that later on the wall, or later still
/// if the machine is too busy for the nodes to keep up.
/// </summary>
internal sealed class FastChain : IAsyncDisposable
{
    private const int AskTriesMax = 10;

    /// <summary>Of a period: a node that has not seen the blocks of so long is waited for.</summary>
    private const int LagDivisor = 4;

    // Who is behind for longer is not slow but stuck, and gets what it deserves.
    private static readonly TimeSpan s_waitMax = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_askAgain = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stop = new();
    private readonly int _pace;
    private ulong _tip;
    private Task _mining = Task.CompletedTask;

    private FastChain(LocalChain chain, Deployment deployment, ChaosOptions options) => (Chain, Deployment, Schedule, _pace) = (chain, deployment, options.Schedule, options.Pace);

    public LocalChain Chain { get; }

    public Deployment Deployment { get; }

    /// <summary>The market's clock.</summary>
    public Schedule Schedule { get; }

    /// <summary>The newest block that every node has seen which is up; the chain does not run far ahead of it.</summary>
    public Func<BlockNumber>? SeenByAll { get; set; }

    /// <summary>The newest block.</summary>
    public BlockNumber Tip => new(Volatile.Read(ref _tip));

    /// <summary>Its period.</summary>
    public PeriodNumber Period => Schedule.PeriodOf(Tip);

    public static async Task<FastChain> StartAsync(ChaosOptions options)
    {
        LocalChain chain = await LocalChain.StartAsync();
        try
        {
            Deployment deployment = await chain.DeployAsync(new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["MARKET_PERIOD_BLOCKS"] = $"{options.PeriodBlocks}",
                ["MARKET_BLOCK_SECONDS"] = $"{ChaosOptions.BlockSeconds}",
                ["MARKET_SEED_DELAY"] = $"{options.Schedule.SeedDelayBlocks}",
            });
            return new FastChain(chain, new Deployment(LocalChain.ChainId, deployment.Addresses, chain.Url, deployment.FromBlock), options);
        }
        catch
        {
            await chain.DisposeAsync();
            throw;
        }
    }

    /// <summary>From now on blocks come by themselves, with or without transactions, and no longer with each of these.</summary>
    public async Task BeginTickingAsync()
    {
        await Chain.SetAutomineAsync(false);
        using Web3 web3 = new(null, RpcClient.Parse(Chain.Url));
        var block = await web3.Eth.GetLatestBlockAsync();
        _tip = block.Number;
        _mining = Task.Run(() => MineAsync((long)block.UnixSeconds));
    }

    /// <summary>Asks the chain something that has no effect, and again if it does not answer: a machine that is busy with other things is no trouble of this run.</summary>
    public static async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                return await ask();
            }
            catch (RpcException) when (tries < AskTriesMax)
            {
                await Task.Delay(s_askAgain);
            }
        }
    }

    /// <summary>Waits until the chain is at least at a block.</summary>
    public async Task UntilAsync(BlockNumber block, CancellationToken token = default)
    {
        while (Tip < block)
        {
            // A chain that failed fails whoever waits for it.
            if (_mining.IsCompleted) await _mining;
            await Task.Delay(s_lookAgain, token);
        }
    }

    /// <summary>Waits for a span of network time.</summary>
    public Task PassAsync(double seconds, CancellationToken token = default) => UntilAsync(new BlockNumber(Tip.Value + ChaosOptions.BlocksIn(seconds)), token);

    /// <summary>Waits for some periods, whole or not.</summary>
    public Task PassPeriodsAsync(double periods, CancellationToken token = default) => PassAsync(periods * Schedule.PeriodLength.TotalSeconds, token);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _mining.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        await Chain.DisposeAsync();
    }

    private async Task MineAsync(long unixSeconds)
    {
        using Web3 web3 = new(null, RpcClient.Parse(Chain.Url));
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds((double)ChaosOptions.BlockSeconds / _pace));
        while (!_stop.IsCancellationRequested)
        {
            unixSeconds += ChaosOptions.BlockSeconds;
            try
            {
                await Chain.CallAsync("evm_mine", unixSeconds);
                Interlocked.Increment(ref _tip);
            }
            catch (RpcException)
            {
                // Whether that block came is seen when the chain answers again.
                Volatile.Write(ref _tip, await AskAsync(() => web3.Eth.GetBlockNumberAsync(_stop.Token)));
            }

            if (!await timer.WaitForNextTickAsync(_stop.Token)) return;
            await WaitForNodesAsync();
        }
    }

    /// <summary>Network time stands while this machine is too busy to let the nodes see it pass.</summary>
    private async Task WaitForNodesAsync()
    {
        var waited = Stopwatch.StartNew();
        while (SeenByAll is { } seen && seen().Value + (Schedule.PeriodBlocks / LagDivisor) < Tip.Value && waited.Elapsed < s_waitMax) await Task.Delay(s_lookAgain, _stop.Token);
    }
}
