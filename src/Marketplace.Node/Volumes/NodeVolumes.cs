using System.Threading.Channels;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Storage;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// The node's volumes while it runs. <c>node.yaml</c> says which there are, and every change is written there before it takes effect, so
/// that a node that is killed comes back with the same ones. One that cannot be reached is away, and is tried again and again.
/// </summary>
internal sealed partial class NodeVolumes(ShardDepot depot, string dataDir, string owner, NodeLimits limits, TimeProvider time, ILogger<NodeVolumes> log) : IDisposable
{
    private const int DrainShardsAtOnce = 16;
    private const int NotYetNumbered = -1;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, VolumeSettings> _settings = [];
    private readonly Dictionary<int, string> _away = [];
    private readonly Dictionary<int, Drain> _drains = [];
    private readonly SteadyClock _clock = new(time);
    private DateTimeOffset _retryAt;
    private string? _left;

    /// <summary>Something changed that the worker should look at.</summary>
    public ChannelReader<bool> Changes => _changes.Reader;

    /// <summary>What the volumes in use offer together.</summary>
    public long OfferedBytes
    {
        get
        {
            lock (_lock) return _settings.Values.Where(volume => !volume.IsDraining).Sum(volume => volume.CapacityBytes);
        }
    }

    /// <summary>Attaches what the settings name. Those that do not answer are away and do not keep the node from starting.</summary>
    /// <exception cref="MarketException">The only volume cannot be used as the settings say.</exception>
    public async Task StartAsync(IReadOnlyList<VolumeSettings> volumes, CancellationToken token)
    {
        MarketException? wrong = null;
        foreach (VolumeSettings volume in volumes)
        {
            lock (_lock) _settings[volume.Id] = volume;
            try
            {
                await AttachAsync(volume, token);
            }
            catch (Exception e) when (e is IOException or MarketException)
            {
                NoteAway(volume, e.Message);
                wrong ??= e as MarketException;
            }
        }

        if (wrong is not null && _away.Count == volumes.Count) throw wrong;
        _retryAt = _clock.Now + limits.VolumeRetryEvery;
    }

    /// <summary>All volumes, and those that are recorded but that nobody names any more.</summary>
    public IReadOnlyList<VolumeReport> List()
    {
        IReadOnlyList<VolumeView> views = depot.Volumes;
        lock (_lock)
        {
            IEnumerable<int> ids = _settings.Keys.Concat(views.Select(view => view.Id)).Distinct().Order();
            return [.. ids.Select(id => Report(id, views.FirstOrDefault(view => view.Id == id)))];
        }
    }

    /// <summary>Adds a volume: named in the settings, marked, what lies there recorded.</summary>
    /// <exception cref="MarketException">It does not answer, or another depot's shards lie there, or there are too many.</exception>
    public Task<VolumeReport> AddAsync(NewVolume asked, CancellationToken token) => InTurnAsync(async () =>
    {
        VolumeSettings wanted = Read(asked);
        lock (_lock)
        {
            if (_settings.Count >= VolumeSettings.CountMax) throw new MarketException(MarketErrorCode.Usage, $"A node has at most {VolumeSettings.CountMax} volumes.");
            if (_settings.Values.FirstOrDefault(one => one.Store == wanted.Store) is { } same) throw new MarketException(MarketErrorCode.Usage, $"{wanted.Store} is volume {same.Id} already.");
        }

        VolumeSettings volume = wanted with { Id = await NumberForAsync(wanted, token) };
        // Named first: a shard must never lie on a volume that the next start does not know.
        Save(volume);
        try
        {
            // Whoever asked may be gone: what was begun comes to an end.
            await AttachAsync(volume, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or MarketException)
        {
            Forget(volume.Id);
            throw e as MarketException ?? Unusable(volume, e);
        }

        LogAdded(volume.Id, volume.Store, volume.CapacityBytes);
        return volume.Id;
    }, token);

    /// <summary>Changes a volume's size, or whether it is emptied.</summary>
    /// <exception cref="MarketException">There is no such volume, or the size is none.</exception>
    public Task<VolumeReport> ChangeAsync(int id, VolumeChange change, CancellationToken token) => InTurnAsync(() =>
    {
        VolumeSettings volume = Known(id);
        if (change.CapacityBytes is { } bytes)
        {
            if (bytes < NodeConfig.CapacityBytesMin) throw new MarketException(MarketErrorCode.Usage, $"A volume has at least {ByteSize.Format(NodeConfig.CapacityBytesMin)}.");
            volume = volume with { CapacityBytes = bytes };
        }

        if (change.Draining is { } draining) volume = volume with { IsDraining = draining };
        Save(volume);
        if (IsAttached(id))
        {
            depot.ResizeVolume(id, volume.CapacityBytes);
            depot.SetDraining(id, volume.IsDraining);
        }

        lock (_lock) _drains.Remove(id);
        LogChanged(id, volume.CapacityBytes, volume.IsDraining);
        return Task.FromResult(id);
    }, token);

    /// <summary>Takes a volume away. With <paramref name="force"/> one that still holds shards: for a disk that is lost.</summary>
    /// <exception cref="MarketException">There is no such volume, it holds shards, or it is the only one.</exception>
    public Task<VolumeReport> RemoveAsync(int id, bool force, CancellationToken token) => InTurnAsync(async () =>
    {
        bool isNamed;
        lock (_lock)
        {
            isNamed = _settings.ContainsKey(id);
            if (isNamed && _settings.Count == 1) throw new MarketException(MarketErrorCode.Usage, $"Volume {id} is the only one.", "Add another first.");
        }

        try
        {
            await depot.RemoveVolumeAsync(id, force, CancellationToken.None);
        }
        catch (MarketException e) when (e.Code == MarketErrorCode.NotFound && isNamed)
        {
            // It never came to hold anything.
        }
        catch (IOException e)
        {
            throw new MarketException(MarketErrorCode.Failed, $"Volume {id} does not let go: {e.Message}", "Try again, or say force if it is lost.", e);
        }

        Forget(id);
        // What is left on a storage that was taken by force can be found again there.
        VolumeStores.ForgetIndex(id, dataDir);
        LogRemoved(id, force);
        return id;
    }, token);

    /// <summary>One turn of the work behind: looks whether all are there, tries those that are away, clears what was left, moves shards off a draining one.</summary>
    /// <returns>Whether there is more to do at once.</returns>
    public async Task<bool> TendAsync(CancellationToken token)
    {
        await RetryAsync(token);
        string? left = await depot.BuryLeftAsync(token);
        if (left is not null && left != _left) LogLeft(left);
        _left = left;
        VolumeSettings[] draining;
        lock (_lock) draining = [.. _settings.Values.Where(volume => volume.IsDraining)];
        bool more = false;
        foreach (VolumeSettings volume in draining.Where(volume => IsAttached(volume.Id))) more |= await DrainAsync(volume.Id, token);
        return more;
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>A step of a drain. A damaged shard stays where it is; a pass over them is made again now and then.</summary>
    private async Task<bool> DrainAsync(int id, CancellationToken token)
    {
        Drain drain;
        lock (_lock) drain = _drains.TryGetValue(id, out Drain? known) ? known : _drains[id] = new Drain();
        if (_clock.Now < drain.RestUntil) return false;
        try
        {
            DrainStep step = await depot.DrainAsync(id, drain.Next, DrainShardsAtOnce, token);
            lock (_lock)
            {
                drain.Next = step.Next;
                drain.DamagedInPass += step.Damaged.Count;
                drain.TooLargeInPass += step.TooLarge;
                drain.Trouble = null;
                if (step.Next is not null) return true;
                int tooLarge = drain.TooLargeInPass;
                drain.Damaged = drain.DamagedInPass;
                (drain.DamagedInPass, drain.TooLargeInPass) = (0, 0);
                if (tooLarge > 0) drain.Trouble = $"No other volume has room for {tooLarge} of the shards. Add a volume.";
                TimeSpan rest = tooLarge > 0 ? limits.VolumeRetryEvery : step.Left > drain.Damaged ? limits.VolumeLookEvery : limits.VolumeDamagedEvery;
                if (step.Left > 0) drain.RestUntil = _clock.Now + rest;
            }

            if (step.Moved > 0) LogDrained(id, step.Left);
            return false;
        }
        catch (IOException e)
        {
            lock (_lock)
            {
                drain.Trouble = e.Message;
                drain.RestUntil = _clock.Now + limits.VolumeRetryEvery;
            }

            LogDrainStopped(id, e.Message);
            return false;
        }
        catch (MarketException)
        {
            // Taken away or not draining any more: it was changed meanwhile.
            return false;
        }
    }

    private async Task RetryAsync(CancellationToken token)
    {
        if (_clock.Now < _retryAt) return;
        _retryAt = _clock.Now + limits.VolumeRetryEvery;
        await LetGoAsync(token);
        VolumeSettings[] away;
        lock (_lock) away = [.. _away.Keys.Select(id => _settings[id])];
        foreach (VolumeSettings volume in away)
        {
            await _turn.WaitAsync(token);
            try
            {
                lock (_lock)
                {
                    if (!_away.ContainsKey(volume.Id) || !_settings.TryGetValue(volume.Id, out VolumeSettings? now) || now != volume) continue;
                }

                await AttachAsync(volume, token);
                LogBack(volume.Id, volume.Store);
            }
            catch (Exception e) when (e is IOException or MarketException)
            {
                lock (_lock) _away[volume.Id] = e.Message;
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    /// <summary>A disk that went away while the node ran takes nothing and is told of, like one that was not there when it started.</summary>
    private async Task LetGoAsync(CancellationToken token)
    {
        await _turn.WaitAsync(token);
        try
        {
            foreach (int id in await depot.LetGoAsync(token))
            {
                if (_settings.TryGetValue(id, out VolumeSettings? volume)) NoteAway(volume, "its disk or bucket went away while the node ran.");
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task AttachAsync(VolumeSettings volume, CancellationToken token)
    {
        IShardStore store = VolumeStores.Open(volume, dataDir, owner);
        await depot.AddVolumeAsync(new DepotVolume(volume.Id, store, volume.CapacityBytes, volume.IsDraining), token);
        lock (_lock) _away.Remove(volume.Id);
    }

    /// <summary>The number that the storage had here before, by its mark, or the next.</summary>
    private async Task<int> NumberForAsync(VolumeSettings volume, CancellationToken token)
    {
        int free;
        try
        {
            free = await depot.NumberForAsync(VolumeStores.Open(volume, dataDir, owner), token);
        }
        catch (IOException e)
        {
            throw Unusable(volume, e);
        }
        finally
        {
            VolumeStores.ForgetIndex(NotYetNumbered, dataDir);
        }

        lock (_lock) return _settings.ContainsKey(free) ? _settings.Keys.Max() + 1 : free;
    }

    private static VolumeSettings Read(NewVolume asked)
    {
        VolumeSettings? volume = null;
        if (StoreAddress.TryParse(asked.Store, null, out StoreAddress? store))
        {
            // Written and read as the file will have it, so that nothing gets in that could not be read back.
            string text = new VolumeSettings(NotYetNumbered, store, asked.CapacityBytes, asked.Credentials, asked.Region).ToString();
            if (VolumeSettings.TryParse(NotYetNumbered, text, out VolumeSettings? same) && text == same.ToString()) volume = same;
        }

        return volume ?? throw new MarketException(
            MarketErrorCode.Usage, "This is no volume.", $"It needs a place (files:FOLDER, ipfs:URL, s3:URL/BUCKET) and a size of at least {ByteSize.Format(NodeConfig.CapacityBytesMin)}; credentials and region are for buckets.");
    }

    private static MarketException Unusable(VolumeSettings volume, Exception e) =>
        new(MarketErrorCode.Failed, $"{volume.Store} cannot be used: {e.Message}", "Look whether it is there and may be written.", e);

    private VolumeReport Report(int id, VolumeView? view)
    {
        VolumeSettings? settings = _settings.GetValueOrDefault(id);
        Drain? drain = _drains.GetValueOrDefault(id);
        bool isAway = view is null || view.IsAway;
        VolumeState state = isAway ? VolumeState.Away
            : !view!.IsDraining ? VolumeState.InUse
            : view.Shards > 0 || view.ReservedBytes > 0 ? VolumeState.Draining
            : VolumeState.Drained;
        string? trouble = !isAway ? drain?.Trouble
            : settings is null ? "It is not in the settings any more."
            : _away.GetValueOrDefault(id) ?? "It is looked through.";
        int damaged = drain?.Damaged ?? 0;
        if (trouble is null && damaged > 0) trouble = $"{damaged} shards are damaged and cannot be moved.";
        return new VolumeReport(
            id, settings?.Store.ToString(), state, settings?.CapacityBytes ?? 0, view?.UsedBytes ?? 0, view?.ReservedBytes ?? 0, view?.FreeBytes ?? 0, view?.Shards ?? 0, damaged, trouble);
    }

    private async Task<VolumeReport> InTurnAsync(Func<Task<int>> work, CancellationToken token)
    {
        await _turn.WaitAsync(token);
        int id;
        try
        {
            id = await work();
        }
        finally
        {
            _turn.Release();
        }

        _changes.Writer.TryWrite(true);
        return List().FirstOrDefault(volume => volume.Id == id) ?? new VolumeReport(id, null, VolumeState.Away, 0, 0, 0, 0, 0, 0, null);
    }

    private VolumeSettings Known(int id)
    {
        lock (_lock) return _settings.GetValueOrDefault(id) ?? throw new MarketException(MarketErrorCode.NotFound, $"There is no volume {id}.");
    }

    private bool IsAttached(int id) => depot.Volumes.Any(volume => volume.Id == id && !volume.IsAway);

    private void Save(VolumeSettings volume)
    {
        NodeConfig.Edit(dataDir, text => NodeYaml.With(text, volume.Key, volume.ToString()));
        lock (_lock) _settings[volume.Id] = volume;
    }

    private void Forget(int id)
    {
        NodeConfig.Edit(dataDir, text => NodeYaml.Without(text, VolumeSettings.KeyOf(id)));
        lock (_lock)
        {
            _settings.Remove(id);
            _away.Remove(id);
            _drains.Remove(id);
        }
    }

    private void NoteAway(VolumeSettings volume, string why)
    {
        lock (_lock) _away[volume.Id] = why;
        LogAway(volume.Id, volume.Store, why);
    }

    private sealed class Drain
    {
        public Root? Next { get; set; }

        public int DamagedInPass { get; set; }

        public int TooLargeInPass { get; set; }

        public int Damaged { get; set; }

        public string? Trouble { get; set; }

        public DateTimeOffset RestUntil { get; set; }
    }

    [LoggerMessage(2801, LogLevel.Error, "Volume {Id}, {Store}, is away: {Why}")]
    private partial void LogAway(int id, StoreAddress store, string why);

    [LoggerMessage(2802, LogLevel.Information, "Volume {Id}, {Store}, is back")]
    private partial void LogBack(int id, StoreAddress store);

    [LoggerMessage(2803, LogLevel.Information, "Volume {Id}, {Store}, was added with {Bytes} bytes")]
    private partial void LogAdded(int id, StoreAddress store, long bytes);

    [LoggerMessage(2804, LogLevel.Information, "Volume {Id} has {Bytes} bytes now, draining: {Draining}")]
    private partial void LogChanged(int id, long bytes, bool draining);

    [LoggerMessage(2805, LogLevel.Information, "Volume {Id} was taken away, by force: {Force}")]
    private partial void LogRemoved(int id, bool force);

    [LoggerMessage(2806, LogLevel.Information, "Volume {Id} was looked through, {Left} shards are left there")]
    private partial void LogDrained(int id, long left);

    [LoggerMessage(2808, LogLevel.Warning, "Something that was dropped is removed later: {Why}")]
    private partial void LogLeft(string why);

    [LoggerMessage(2807, LogLevel.Warning, "Emptying volume {Id} goes on later: {Why}")]
    private partial void LogDrainStopped(int id, string why);
}
