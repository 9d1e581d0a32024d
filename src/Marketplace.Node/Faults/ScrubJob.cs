using System.Globalization;
using Hangfire;
using Marketplace.Chain.Contracts;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// Reads everything once in a while and compares it with the roots, slowly enough that nobody notices. Damage is told on chain while it is
/// cheap, before a draw or a reader meets it. Where it stopped is remembered, so that a restart does not begin anew.
/// </summary>
[AutomaticRetry(Attempts = 0)]
internal sealed partial class ScrubJob(
    NodeChain chain, ShardDepot depot, FaultDuties faults, NodeLimits limits, TimeProvider time, ILogger<ScrubJob> log) : IDisposable
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "scrub";

    /// <summary>Damaged shards that the last whole pass and the present one found.</summary>
    public const string DamagedFact = "scrubDamaged";

    /// <summary>When a whole pass ended, in Unix seconds.</summary>
    public const string EndedFact = "scrubEnded";

    private const string PlaceFact = "scrubPlace";
    private const int ShardsAtOnce = 16;

    /// <summary>Longest time between two turns that counts.</summary>
    private const double SavedSecondsMax = 30;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private double _allowance;
    private DateTimeOffset? _last;

    /// <summary>Reads as much as is due since the last turn.</summary>
    public async Task RunAsync(CancellationToken token)
    {
        if (!await _turn.WaitAsync(TimeSpan.Zero, token)) return;
        try
        {
            DateTimeOffset now = time.GetUtcNow();
            double bytesPerSecond = Math.Max(limits.ScrubBytesPerSecondMin, depot.Space.Used / limits.ScrubEvery.TotalSeconds);
            // What was not used while the node was away or idle is not saved up.
            _allowance = Math.Min(_allowance + ((now - (_last ?? now)).TotalSeconds * bytesPerSecond), bytesPerSecond * SavedSecondsMax);
            _last = now;
            if (IsResting(now)) return;
            while (_allowance > 0 && await NextAsync(token) is { } read) _allowance -= read;
        }
        catch (Exception e) when (NodeWorker.IsTrouble(e))
        {
            LogTrouble(e.Message);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>A pass that ended early gives the disk a rest until the next is due.</summary>
    private bool IsResting(DateTimeOffset now) =>
        depot.Catalogue.Fact(PlaceFact) is null or "" &&
        long.TryParse(depot.Catalogue.Fact(EndedFact), CultureInfo.InvariantCulture, out long ended) &&
        now < DateTimeOffset.FromUnixTimeSeconds(ended) + limits.ScrubEvery;

    /// <summary>Reads one shard; the bytes it has, or null at the end of a pass.</summary>
    private async Task<long?> NextAsync(CancellationToken token)
    {
        (int volume, Root? after) = Place();
        foreach (int id in depot.Volumes.Where(one => !one.IsAway && one.Id >= volume).Select(one => one.Id).Order())
        {
            IReadOnlyList<ShardCommitment> shards = depot.Catalogue.ShardsOf(id, id == volume ? after : null, ShardsAtOnce);
            if (shards.Count == 0) continue;
            if (after is null && volume == 0) depot.Catalogue.SetFact(DamagedFact, "0");
            ShardCommitment shard = shards[0];
            await CheckAsync(shard, token);
            depot.Catalogue.SetFact(PlaceFact, string.Create(CultureInfo.InvariantCulture, $"{id} {shard.Root}"));
            return shard.Bytes;
        }

        depot.Catalogue.SetFact(PlaceFact, "");
        depot.Catalogue.SetFact(EndedFact, time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        return null;
    }

    private (int Volume, Root? After) Place() =>
        depot.Catalogue.Fact(PlaceFact)?.Split(' ') is [var volume, var root] ? (int.Parse(volume, CultureInfo.InvariantCulture), Root.Parse(root)) : (0, null);

    private async Task CheckAsync(ShardCommitment shard, CancellationToken token)
    {
        ShardCommitment? found;
        try
        {
            using IShardContent? content = await depot.OpenAsync(shard.Root, token);
            // Dropped while this was under way.
            if (content is null) return;
            found = await content.RehashAsync(token);
        }
        catch (IOException e) when (e is not StorageAwayException)
        {
            found = null;
        }

        if (found == shard) return;
        LogDamaged(shard.Root);
        int damaged = int.TryParse(depot.Catalogue.Fact(DamagedFact), CultureInfo.InvariantCulture, out int before) ? before : 0;
        depot.Catalogue.SetFact(DamagedFact, (damaged + 1).ToString(CultureInfo.InvariantCulture));
        if (!depot.Catalogue.IsInLedger(shard.Root)) return;
        Standing standing = await chain.StandingAsync(token);
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(await chain.TipAsync(token));
        uint missed = period.Value > standing.StrikesFrom ? period.Value - standing.StrikesFrom : 0;
        await faults.TellAsync(new PeriodProof.ShardLost(shard.Root, IsWrong: found is not null), missed, period, token);
    }

    [LoggerMessage(2321, LogLevel.Error, "The shard {Root} is damaged: its bytes are not those that were taken")]
    private partial void LogDamaged(Root root);

    [LoggerMessage(2322, LogLevel.Warning, "Scrubbing goes on later: {Why}")]
    private partial void LogTrouble(string why);
}
