using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;
using Marketplace.Keeper.Indexing;

namespace Marketplace.Keeper;

/// <summary>The keeper's connection to its chain.</summary>
internal sealed partial class ChainConnection : IDisposable
{
    /// <summary>Keepers that one page of the register holds.</summary>
    private const uint KeepersPerPage = 50;

    private static readonly TimeSpan s_pollMin = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_pollMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_announceAgain = TimeSpan.FromMinutes(1);

    private readonly MarketContracts _contracts;
    private readonly Account _account;

    private ChainConnection(MarketContracts contracts, Account account, KeeperChain chain, FollowedChain feed)
    {
        _contracts = contracts;
        _account = account;
        Chain = chain;
        Feed = feed;
    }

    /// <summary>What must be known before the start.</summary>
    public KeeperChain Chain { get; }

    /// <summary>The market's events.</summary>
    public IChainFeed Feed { get; }

    /// <summary>Connects and reads the market's clock.</summary>
    /// <exception cref="MarketException">The chain does not answer, or is another.</exception>
    public static async Task<ChainConnection> OpenAsync(KeeperOptions options, Account account, CancellationToken token)
    {
        MarketContracts? contracts = null;
        try
        {
            contracts = await MarketContracts.ConnectAsync(options.Deployment, account, options.RpcUrl, token);
            var schedule = new Schedule(
                await contracts.StorageMarket.PeriodBlocksAsync(token: token),
                await contracts.StorageMarket.SeedDelayAsync(token: token),
                await contracts.StorageMarket.BlockSecondsAsync(token: token));
            TimeSpan halfBlock = TimeSpan.FromSeconds(schedule.BlockSeconds) / 2;
            TimeSpan poll = halfBlock < s_pollMin ? s_pollMin : halfBlock > s_pollMax ? s_pollMax : halfBlock;
            return new ChainConnection(
                contracts,
                account,
                new KeeperChain(contracts.ChainId, contracts.StorageMarket.Address, schedule),
                new FollowedChain(contracts, schedule, options.Deployment.FromBlock, poll, TimeProvider.System));
        }
        catch (Exception e) when (e is RpcException or FormatException)
        {
            contracts?.Dispose();
            throw new MarketException(MarketErrorCode.Failed, $"The keeper cannot read its chain: {e.Message}", "Check the RPC URL and the contracts' addresses.", e);
        }
        catch
        {
            contracts?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Puts the keeper's address into the register on chain, unless it is there. Tries again while the chain or the account's coins fail:
    /// a keeper that nobody knows is still of use to those that do.
    /// </summary>
    public async Task AnnounceAsync(Uri url, ILogger log, CancellationToken token)
    {
        string endpoint = url.GetLeftPart(UriPartial.Authority);
        while (!token.IsCancellationRequested)
        {
            try
            {
                if (!await IsAnnouncedAsync(endpoint, token)) await _contracts.NodeRegistry.AnnounceKeeperAsync(_account.Address, endpoint, token: token);
                LogAnnounced(log, endpoint);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotAnnounced(log, e, s_announceAgain);
                await Task.Delay(s_announceAgain, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Closes the connection; the account stays its owner's.</summary>
    public void Dispose() => _contracts.Dispose();

    private async Task<bool> IsAnnouncedAsync(string endpoint, CancellationToken token)
    {
        uint count = await _contracts.NodeRegistry.KeeperCountAsync(token: token);
        for (uint from = 1; from <= count; from += KeepersPerPage)
        {
            KeeperView[] page = await _contracts.NodeRegistry.KeepersAsync(from, KeepersPerPage, token: token);
            if (page.Any(keeper => keeper.Owner == _account.Address && keeper.Key == _account.Address && keeper.Endpoint == endpoint)) return true;
        }

        return false;
    }

    [LoggerMessage(4001, LogLevel.Information, "The register on chain names this keeper at {Endpoint}")]
    private static partial void LogAnnounced(ILogger log, string endpoint);

    [LoggerMessage(4002, LogLevel.Warning, "The keeper could not be announced on chain; trying again in {Pause}")]
    private static partial void LogNotAnnounced(ILogger log, Exception failure, TimeSpan pause);
}
