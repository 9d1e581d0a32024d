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
/// cheap, before a draw or a reader meets it. The shard where it stopped is remembered, so that a restart does not begin anew.
/// </summary>
[AutomaticRetry(Attempts = 0)]
internal sealed partial class ScrubJob(
    NodeChain chain, ShardDepot depot, FaultDuties faults, NodeConfig config, NodeLimits limits, TimeProvider time, ILogger<ScrubJob> log) : IDisposable
{
    /// <summary>The recurring job's name on the dashboard.</summary>
    public const string Id = "scrub";

    /// <summary>Damaged shards that the last whole pass and the present one found.</summary>
    public const string DamagedFact = "scrubDamaged";

    /// <summary>When a whole pass ended, in Unix seconds.</summary>
    public const string EndedFact = "scrubEnded";

    private const string PlaceFact = "scrubPlace";
    private const int ShardsAtOnce = 16;

    /// <summary>Longest time between two turns that counts: what was not used while the node was away or idle is not saved up.</summary>
    private const double SavedSecondsMax = 30;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private double _allowance;
    private long _last = time.GetTimestamp();

    /// <summary>Reads as much as is due since the last turn.</summary>
    public async Task RunAsync(CancellationToken token)
    {
        if (!await _turn.WaitAsync(TimeSpan.Zero, token)) return;
        try
        {
            _ = SaveUp();
            if (IsResting(time.GetUtcNow())) return;
            while (_allowance > 0 && await NextAsync(token)) _ = SaveUp();
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

    /// <summary>Adds what the time since the last call allows; the pace, in bytes a second.</summary>
    private double SaveUp()
    {
        double bytesPerSecond = Math.Max(limits.ScrubBytesPerSecondMin, depot.Space.Used / config.ScrubEvery.TotalSeconds);
        long now = time.GetTimestamp();
        _allowance = Math.Min(_allowance + (time.GetElapsedTime(_last, now).TotalSeconds * bytesPerSecond), bytesPerSecond * SavedSecondsMax);
        _last = now;
        return bytesPerSecond;
    }

    /// <summary>Returns when so many bytes may be read: inside of a shard, too, however large it is.</summary>
    private async ValueTask PaceAsync(int bytes, CancellationToken token)
    {
        _allowance -= bytes;
        double bytesPerSecond = SaveUp();
        if (_allowance < 0) await Task.Delay(TimeSpan.FromSeconds(-_allowance / bytesPerSecond), time, token);
    }

    /// <summary>A pass that ended early gives the disk a rest until the next is due.</summary>
    private bool IsResting(DateTimeOffset now) =>
        depot.Catalogue.Fact(PlaceFact) is null or "" &&
        long.TryParse(depot.Catalogue.Fact(EndedFact), CultureInfo.InvariantCulture, out long ended) &&
        // What ended in the future was noted by a clock that was wrong.
        now - DateTimeOffset.FromUnixTimeSeconds(ended) is var rested && rested >= TimeSpan.Zero && rested < config.ScrubEvery;

    /// <summary>Reads one shard. False at the end of a pass.</summary>
    private async Task<bool> NextAsync(CancellationToken token)
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
            return true;
        }

        depot.Catalogue.SetFact(PlaceFact, "");
        depot.Catalogue.SetFact(EndedFact, time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        return false;
    }

    private (int Volume, Root? After) Place() =>
        depot.Catalogue.Fact(PlaceFact)?.Split(' ') is [var volume, var root] ? (int.Parse(volume, CultureInfo.InvariantCulture), Root.Parse(root)) : (0, null);

    private async Task CheckAsync(ShardCommitment shard, CancellationToken token)
    {
        (ShardCommitment? found, bool isTreeRight) = await ReadAsync(shard, token);
        // A cable or a cache may fail once. Whatever cannot be read on a volume that is away is as it was.
        if (found != shard) (found, isTreeRight) = await ReadAsync(shard, token);
        if (found == shard)
        {
            if (!isTreeRight) await faults.TryMendTreeAsync(shard.Root, PaceAsync, token);
            return;
        }

        if (found is null && await depot.IsAwayAsync(shard.Root, token)) throw new StorageAwayException($"The volume of the shard {shard.Root} is away.");
        LogDamaged(shard.Root);
        int damaged = int.TryParse(depot.Catalogue.Fact(DamagedFact), CultureInfo.InvariantCulture, out int before) ? before : 0;
        depot.Catalogue.SetFact(DamagedFact, (damaged + 1).ToString(CultureInfo.InvariantCulture));
        if (!depot.Catalogue.IsInLedger(shard.Root)) return;
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(await chain.TipAsync(token));
        try
        {
            await faults.TellAsync(new PeriodProof.ShardLost(shard, Leaf: null, IsWrong: found is not null), periodsMissed: 0, period, depot.Catalogue.Ledger(), token);
        }
        catch (IOException e)
        {
            // The next pass sees it again, or a draw that meets it.
            LogTrouble(e.Message);
        }
    }

    /// <summary>Reads a shard whole: what is there, or null if it cannot be read. One that was dropped meanwhile is as it should be.</summary>
    private async Task<(ShardCommitment? Found, bool IsTreeRight)> ReadAsync(ShardCommitment shard, CancellationToken token)
    {
        try
        {
            using IShardContent? content = await depot.OpenAsync(shard.Root, token);
            return content is null ? (shard, true) : await content.CheckAsync(PaceAsync, token);
        }
        catch (IOException e) when (e is not StorageAwayException)
        {
            return (null, false);
        }
    }

    [LoggerMessage(2321, LogLevel.Error, "The shard {Root} is damaged: its bytes are not those that were taken")]
    private partial void LogDamaged(Root root);

    [LoggerMessage(2322, LogLevel.Warning, "Scrubbing goes on later: {Why}")]
    private partial void LogTrouble(string why);
}
