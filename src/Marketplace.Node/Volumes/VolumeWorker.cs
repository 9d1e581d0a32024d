using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// Tends the volumes: empties those that are draining, brings back those that were away, and keeps the capacity on the register at what
/// they offer together. A drain may take hours, so this is no job among those that must be in time.
/// </summary>
internal sealed partial class VolumeWorker(NodeVolumes volumes, NodeChain chain, NodeConfig config, NodeLimits limits, TimeProvider time, ILogger<VolumeWorker> log) : BackgroundService
{
    private uint _offeredMiB = NodeSetup.CapacityMiB(config.CapacityBytes);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                bool more = false;
                try
                {
                    await OfferAsync(stoppingToken);
                    more = await volumes.TendAsync(stoppingToken);
                }
                catch (Exception e) when (NodeWorker.IsTrouble(e))
                {
                    LogTrouble(e.Message);
                }

                if (!more) await RestAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop. What was on its way is put in order by the next start.
        }
    }

    /// <summary>Until something changes, or it is time to look.</summary>
    private async Task RestAsync(CancellationToken token)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(token);
        await Task.WhenAny(Task.Delay(limits.VolumeLookEvery, time, waiting.Token), volumes.Changes.WaitToReadAsync(waiting.Token).AsTask());
        await waiting.CancelAsync();
        _ = volumes.Changes.TryRead(out _);
    }

    private async Task OfferAsync(CancellationToken token)
    {
        uint wanted = NodeSetup.CapacityMiB(volumes.OfferedBytes);
        if (wanted == _offeredMiB) return;
        try
        {
            await chain.Contracts.NodeRegistry.SetOfferAsync(chain.Node.Value, (ulong)config.Price.PerGibibyteMonth.Units, wanted, token: token);
            _offeredMiB = wanted;
            LogOffered(wanted);
        }
        catch (Exception e) when (e is RpcException or ContractRevertException or TransactionTimeoutException or TransactionReplacedException)
        {
            // The register follows later; shards are moved meanwhile.
            LogTrouble(e.Message);
        }
    }

    [LoggerMessage(2811, LogLevel.Information, "The register names a capacity of {MiB} MiB now")]
    private partial void LogOffered(uint miB);

    [LoggerMessage(2812, LogLevel.Warning, "The volumes are looked at again later: {Why}")]
    private partial void LogTrouble(string why);
}
