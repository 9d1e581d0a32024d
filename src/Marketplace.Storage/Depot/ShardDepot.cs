using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>How large a depot is and where it lies.</summary>
/// <param name="Folder">Its own folder.</param>
/// <param name="CapacityBytes">Bytes that shards and their trees may take.</param>
public sealed record DepotOptions(string Folder, long CapacityBytes)
{
    /// <summary>Bytes of the disk that are left to others, whatever the capacity says.</summary>
    public long DiskMarginBytes { get; init; } = 64L << 20;

    /// <summary>Whose the volumes are, one line of ASCII: they are marked with it, so that none is taken for another. Null marks nothing.</summary>
    public string? Owner { get; init; }

    /// <summary>How long a shard that was found without any record is kept, so that the chain can say whose it is.</summary>
    public TimeSpan FoundLife { get; init; } = TimeSpan.FromDays(2);
}

/// <summary>
/// Volumes and their catalogue as one thing that survives a crash at any line: bytes are flushed, then recorded, then acknowledged;
/// a shard that goes is doomed first, then removed. Volumes come and go while it is open. Only one process has a depot open.
/// </summary>
public sealed class ShardDepot : IAsyncDisposable
{
    private const int DropBatchMax = 64;
    private const int MoveBufferBytes = 1 << 20;

    /// <summary>A shard may be moved between looking up where it lies and opening it there; more than this many times it is not.</summary>
    private const int OpenTriesMax = 4;

    // What is remembered of a volume: whether all that lay there is recorded, and whether it was marked, too.
    private const string Recorded = "recorded";
    private const string Marked = "marked";

    private readonly DepotOptions _options;
    private readonly TimeProvider _time;
    private readonly FileStream _lockFile;
    private readonly RootLocks _roots = new();
    private readonly SemaphoreSlim _changing = new(1, 1);
    private readonly Lock _spaceLock = new();
    private readonly SortedDictionary<int, VolumeRoom> _rooms = [];

    private ShardDepot(DepotOptions options, ShardCatalogue catalogue, TimeProvider time, FileStream lockFile)
    {
        _options = options;
        _time = time;
        _lockFile = lockFile;
        Catalogue = catalogue;
    }

    /// <summary>What is known of the shards.</summary>
    public ShardCatalogue Catalogue { get; }

    /// <summary>Opens a depot of files in its own folder, makes it if it is absent, and puts in order what a crash left.</summary>
    /// <exception cref="MarketException">Another process has it open.</exception>
    public static Task<ShardDepot> OpenAsync(DepotOptions options, TimeProvider time, CancellationToken token) =>
        OpenAsync(options, [new DepotVolume(0, new FileShardStore(options.Folder), options.CapacityBytes)], time, token);

    /// <summary>Opens a depot over volumes of any kind; the catalogue is a file in the depot's folder.</summary>
    /// <exception cref="MarketException">Another process has it open.</exception>
    public static async Task<ShardDepot> OpenAsync(DepotOptions options, IReadOnlyList<DepotVolume> volumes, TimeProvider time, CancellationToken token)
    {
        Directory.CreateDirectory(options.Folder);
        FileStream lockFile = Lock(Path.Combine(options.Folder, "lock"));
        ShardCatalogue? catalogue = null;
        try
        {
            catalogue = ShardCatalogue.Open(Path.Combine(options.Folder, "catalogue.db"));
            var depot = new ShardDepot(options, catalogue, time, lockFile);
            foreach (DepotVolume volume in volumes) await depot.AttachAsync(volume, token);
            return depot;
        }
        catch
        {
            catalogue?.Dispose();
            await lockFile.DisposeAsync();
            throw;
        }
    }

    /// <summary>The room as it is now, over all volumes.</summary>
    public DepotSpace Space
    {
        get
        {
            lock (_spaceLock)
            {
                long free = 0;
                long capacity = 0;
                long used = 0;
                long reserved = 0;
                foreach (VolumeRoom room in _rooms.Values)
                {
                    free += room.Free;
                    capacity += room.Volume.IsDraining ? 0 : room.Volume.CapacityBytes;
                    used += room.Used;
                    reserved += room.Reserved;
                }

                return new DepotSpace(capacity, used, reserved, free);
            }
        }
    }

    /// <summary>Every volume, and those that are recorded but not attached.</summary>
    public IReadOnlyList<VolumeView> Volumes
    {
        get
        {
            IReadOnlyDictionary<int, (long Bytes, long Count)> recorded = Catalogue.Usage();
            lock (_spaceLock)
            {
                return
                [
                    .. _rooms.Values.Select(room => new VolumeView(
                        room.Volume.Id, room.Volume.CapacityBytes, room.Used, room.Reserved, room.Free, room.Shards, room.Volume.IsDraining, IsAway: false)),
                    .. recorded.Where(one => !_rooms.ContainsKey(one.Key)).Select(one => new VolumeView(one.Key, 0, one.Value.Bytes, 0, 0, one.Value.Count, false, IsAway: true)),
                ];
            }
        }
    }

    /// <summary>
    /// Adds a volume while the depot is in use. What a crash left there is put in order; shards that lie there when its number is new
    /// are recorded as found, so that a disk may come from elsewhere.
    /// </summary>
    /// <exception cref="MarketException">There is a volume with this number, or it belongs to another depot.</exception>
    /// <exception cref="StorageAwayException">It does not answer, or is not what had this number before.</exception>
    public async Task AddVolumeAsync(DepotVolume volume, CancellationToken token)
    {
        await _changing.WaitAsync(token);
        try
        {
            if (RoomOf(volume.Id) is not null) throw new MarketException(MarketErrorCode.Usage, $"There is a volume {volume.Id} already.");
            await AttachAsync(volume, token);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>The number that a storage had here before it was taken away, or one that was never given.</summary>
    /// <exception cref="StorageAwayException">The storage does not answer.</exception>
    public async Task<int> NumberForAsync(IShardStore store, CancellationToken token)
    {
        ICollection<int> known = [.. Catalogue.Volumes().Keys, .. Volumes.Select(volume => volume.Id)];
        foreach (int id in known.Where(id => RoomOf(id) is null).Order())
        {
            if (MarkOf(id) is { } mark && IsMine(await store.FindMarkAsync(mark, token))) return id;
        }

        return known.DefaultIfEmpty(-1).Max() + 1;
    }

    /// <summary>Gives a volume another capacity. Less than what lies there is allowed: then it takes nothing until enough has gone.</summary>
    /// <exception cref="MarketException">There is no such volume.</exception>
    public void ResizeVolume(int id, long capacityBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacityBytes);
        Change(id, volume => volume with { CapacityBytes = capacityBytes });
    }

    /// <summary>Stops a volume from taking shards, or lets it again. <see cref="DrainAsync"/> then moves what lies there.</summary>
    /// <exception cref="MarketException">There is no such volume.</exception>
    public void SetDraining(int id, bool isDraining) => Change(id, volume => volume with { IsDraining = isDraining });

    /// <summary>
    /// Moves shards off a draining volume, a bounded number of them in the order of their roots; every byte is hashed on the way and a
    /// copy that no longer agrees with its root is not taken over. Readers notice nothing.
    /// </summary>
    /// <param name="id">The volume.</param>
    /// <param name="after">Where the last step stopped; null begins anew.</param>
    /// <param name="countMax">Shards that are looked at, at most.</param>
    /// <param name="token">Ends the step between two shards.</param>
    /// <exception cref="MarketException">There is no such volume, or it is not draining.</exception>
    /// <exception cref="IOException">A volume does not answer, or the other does not take it.</exception>
    public async Task<DrainStep> DrainAsync(int id, Root? after, int countMax, CancellationToken token)
    {
        VolumeRoom room = RoomOf(id) ?? throw NoVolume(id);
        if (!room.Volume.IsDraining) throw new MarketException(MarketErrorCode.Usage, $"Volume {id} is not draining.");
        var damaged = new List<Root>();
        int moved = 0;
        int tooLarge = 0;
        byte[] buffer = new byte[MoveBufferBytes];
        IReadOnlyList<ShardCommitment> some = Catalogue.ShardsOf(id, after, countMax);
        foreach (ShardCommitment shard in some)
        {
            token.ThrowIfCancellationRequested();
            // If the drain was called off, the volume has room again; moved to where it lies, the shard would be buried there.
            if (TryReserve(DiskBytes.Of(shard.Leaves), except: room) is not { } to) tooLarge++;
            else if (await MoveAsync(room, to, shard, buffer, token)) moved++;
            else damaged.Add(shard.Root);
        }

        lock (_spaceLock) return new DrainStep(moved, damaged, tooLarge, room.Shards, some.Count < countMax ? null : some[^1].Root);
    }

    /// <summary>Removes what was to be removed from attached volumes and could not be at the time.</summary>
    /// <returns>Why something could not be removed now either; null if nothing is left.</returns>
    public async Task<string?> BuryLeftAsync(CancellationToken token)
    {
        string? why = null;
        VolumeRoom[] rooms;
        lock (_spaceLock) rooms = [.. _rooms.Values];
        foreach (VolumeRoom room in rooms)
        {
            foreach (Root root in Catalogue.Doomed(room.Volume.Id))
            {
                using (await _roots.TakeAsync(root, token))
                {
                    try
                    {
                        // Uploaded anew meanwhile: then this copy is the one that is kept.
                        if (Catalogue.Place(root)?.Volume != room.Volume.Id) await BuryAsync(room, root);
                    }
                    catch (IOException e)
                    {
                        why = e.Message;
                        if (e is StorageAwayException) break;
                    }
                }
            }
        }

        return why;
    }

    /// <summary>
    /// Takes a volume away. An empty one is forgotten. What is recorded on another stays recorded and cannot be read until the volume is
    /// added again.
    /// </summary>
    /// <exception cref="MarketException">There is no such volume, uploads go there now, or it holds shards and <paramref name="force"/> is not said.</exception>
    public async Task RemoveVolumeAsync(int id, bool force, CancellationToken token)
    {
        VolumeRoom? room;
        long shards;
        lock (_spaceLock)
        {
            room = _rooms.GetValueOrDefault(id);
            shards = room?.Shards ?? Catalogue.Usage().GetValueOrDefault(id).Count;
            if (room is null && shards == 0) throw NoVolume(id);
            if (!force && shards > 0) throw new MarketException(MarketErrorCode.Usage, $"Volume {id} holds {shards} shards.", "Drain it first, or say force if it is lost.");
            if (room?.Reserved > 0) throw new MarketException(MarketErrorCode.Failed, $"Uploads go to volume {id} now.", "Drain it, then try again in a moment.");
            _rooms.Remove(id);
        }

        if (room is null || shards > 0) return;
        try
        {
            foreach (Root root in Catalogue.Doomed(id)) await BuryAsync(room, root);
            if (MarkOf(id) is { } mark) await room.Volume.Store.UnmarkAsync(mark, token);
        }
        catch (IOException) when (force)
        {
            // It is lost, so nothing is left there for anybody.
        }
        catch
        {
            lock (_spaceLock) _rooms.TryAdd(id, room);
            throw;
        }

        Catalogue.SetVolume(id, null);
    }

    /// <summary>
    /// Looks whether every volume still is what was added, and lets go of those that are not: their disk was unmounted, or they did not
    /// answer the last time either. They are away, and take nothing, until they are added again.
    /// </summary>
    /// <returns>The numbers of those that were let go.</returns>
    public async Task<IReadOnlyList<int>> LetGoAsync(CancellationToken token)
    {
        await _changing.WaitAsync(token);
        try
        {
            VolumeRoom[] rooms;
            lock (_spaceLock) rooms = [.. _rooms.Values];
            var gone = new List<int>();
            foreach (VolumeRoom room in rooms)
            {
                StoreMark? found = await LookAsync(room.Volume, token);
                bool isHere = found is { } mark && IsMine(mark);
                // What does not answer once may be busy.
                bool isGone = !isHere && (found is not null || room.IsSilent);
                room.IsSilent = !isHere;
                if (!isGone) continue;
                lock (_spaceLock)
                {
                    if (_rooms.Remove(room.Volume.Id)) gone.Add(room.Volume.Id);
                }
            }

            return gone;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Begins to take an upload of at most so many bytes, or null if no volume has room for it. The caller disposes it.</summary>
    public async Task<ShardUpload?> BeginAsync(UploadPlace place, long bytesMax, CancellationToken token)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMax, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytesMax, MerkleTree.ShardBytesMax);
        long reserve = DiskBytes.ForUpload(bytesMax);
        if (TryReserve(reserve) is not { } room) return null;
        try
        {
            return new ShardUpload(this, room, await room.Volume.Store.BeginAsync(token), place, bytesMax, reserve);
        }
        catch
        {
            Unreserve(room, reserve);
            throw;
        }
    }

    /// <summary>Opens a shard for reading, or null if there is none of that root. The caller disposes it.</summary>
    /// <exception cref="StorageAwayException">It is recorded, but its volume is away: not attached, silent, or without its mark.</exception>
    /// <exception cref="IOException">It is recorded, but the storage cannot give it.</exception>
    public async Task<IShardContent?> OpenAsync(Root root, CancellationToken token)
    {
        for (int tries = 0; ; tries++)
        {
            if (Catalogue.Place(root) is not var (shard, volume)) return null;
            VolumeRoom room = RoomOf(volume) ?? throw new StorageAwayException($"The shard {root} lies on volume {volume}, which is away.");
            if (await room.Volume.Store.OpenAsync(shard, token) is { } content) return content;
            if (tries >= OpenTriesMax)
            {
                if (!await IsHereAsync(room.Volume, token)) throw new StorageAwayException($"The shard {root} lies on volume {volume}, whose mark is gone: its disk is away.");
                throw new IOException($"The shard {root} is recorded, but its bytes are gone.");
            }

            // It is on its way into place or to another volume: whoever moves it holds its lock.
            using (await _roots.TakeAsync(root, token)) { }
        }
    }

    /// <summary>
    /// Reads a shard whole, and makes the tree beside it anew if the bytes are right. False, and nothing changes, if they are not, or if
    /// there is no such shard here.
    /// </summary>
    /// <exception cref="IOException">Its storage does not answer, or does not take it.</exception>
    public async Task<bool> MendTreeAsync(Root root, Func<int, CancellationToken, ValueTask>? pace, CancellationToken token) =>
        Catalogue.Place(root) is var (shard, volume) && RoomOf(volume) is { } room && await room.Volume.Store.MendTreeAsync(shard, pace, token);

    /// <summary>
    /// Whether the volume where a shard is recorded is away now: not attached, silent, or without its mark. What cannot be read there is
    /// not lost for all that is known.
    /// </summary>
    public async Task<bool> IsAwayAsync(Root root, CancellationToken token) =>
        Catalogue.Place(root) is var (_, volume) && (RoomOf(volume) is not { } room || !await IsHereAsync(room.Volume, token));

    /// <summary>
    /// Removes shards that no upload and no range of the ledger needs any more, a bounded number of them. A range counts until
    /// <paramref name="keepFrom"/>, which the caller sets so far back that no reorganisation brings the deal to life again.
    /// </summary>
    public async Task<IReadOnlyList<Root>> DropUnneededAsync(PeriodNumber keepFrom, CancellationToken token)
    {
        var dropped = new List<Root>();
        // One that refuses may take its time each time it is asked.
        var refusing = new HashSet<VolumeRoom>();
        foreach (ShardCommitment shard in Catalogue.Unneeded(keepFrom, DropBatchMax))
        {
            using (await _roots.TakeAsync(shard.Root, token))
            {
                if (Catalogue.Doom(shard.Root, keepFrom) is not { } volume) continue;
                if (RoomOf(volume) is { } room)
                {
                    // What cannot be removed now is removed later; its room is not the depot's any more.
                    Count(room, shard, -1);
                    if (!refusing.Contains(room) && !await TryBuryAsync(room, shard.Root)) refusing.Add(room);
                }
            }

            dropped.Add(shard.Root);
        }

        return dropped;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Catalogue.Dispose();
        _roots.Dispose();
        _changing.Dispose();
        await _lockFile.DisposeAsync();
    }

    internal async Task KeepAsync(VolumeRoom room, IShardIntake intake, UploadPlace place, ShardCommitment shard, DateTimeOffset expiresAt, CancellationToken token)
    {
        using (await _roots.TakeAsync(shard.Root, token))
        {
            if (RoomOf(room.Volume.Id) != room) throw new StorageAwayException($"Volume {room.Volume.Id} went away while a shard came in.");
            int? before = await Catalogue.AddUploadAsync(place, shard, room.Volume.Id, expiresAt);
            if (before != room.Volume.Id)
            {
                Count(room, shard, 1);
                if (before is { } old && RoomOf(old) is { } left) Count(left, shard, -1);
            }

            try
            {
                await intake.KeepAsync(CancellationToken.None);
            }
            catch (IOException)
            {
                // Nothing may be promised that cannot be read. A shard that nobody names any more is dropped like any other.
                Catalogue.TakeBackUpload(place, shard.Root);
                if (before is { } old && old != room.Volume.Id) TakeBack(shard, room.Volume.Id, old);
                throw;
            }

            if (before is { } elsewhere && elsewhere != room.Volume.Id && RoomOf(elsewhere) is { } empty) await TryBuryAsync(empty, shard.Root);
        }
    }

    internal bool TryReserve(VolumeRoom room, long bytes)
    {
        lock (_spaceLock)
        {
            if (room.Free < bytes) return false;
            room.Reserved += bytes;
            return true;
        }
    }

    internal void Unreserve(VolumeRoom room, long bytes)
    {
        lock (_spaceLock) room.Reserved -= bytes;
    }

    private static MarketException NoVolume(int id) => new(MarketErrorCode.NotFound, $"There is no volume {id}.");

    /// <summary>Reserves on the volume that has most room.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="except">A volume that is of no use.</param>
    private VolumeRoom? TryReserve(long bytes, VolumeRoom? except = null)
    {
        lock (_spaceLock)
        {
            VolumeRoom? best = _rooms.Values.Where(room => room != except).MaxBy(room => room.Free);
            return best is not null && TryReserve(best, bytes) ? best : null;
        }
    }

    private static bool IsMine(StoreMark mark) => mark is StoreMark.Here or StoreMark.WithoutIndex;

    private string? MarkOf(int id) => _options.Owner is { } owner ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"volume {id} of {owner}") : null;

    private async Task AttachAsync(DepotVolume volume, CancellationToken token)
    {
        string? known = Catalogue.Volumes().GetValueOrDefault(volume.Id);
        string? mark = MarkOf(volume.Id);
        StoreMark found = mark is null ? StoreMark.Here : await volume.Store.FindMarkAsync(mark, token);
        // Whose it is comes before anything is changed there: what a crash left may be another node's to put in order.
        if (known == Marked && !IsMine(found)) throw new StorageAwayException($"What is there is not volume {volume.Id}: it lacks the volume's mark.");
        if (found == StoreMark.Foreign) throw new MarketException(MarketErrorCode.Usage, $"The place for volume {volume.Id} is another node's.", $"Choose another; if that node is gone for good, delete the file '{FileShardStore.MarkName}' there.");
        if (known is null || found == StoreMark.WithoutIndex)
        {
            await foreach (ShardCommitment shard in volume.Store.ScanAsync(token)) Catalogue.AddFound(shard, volume.Id, _time.GetUtcNow() + _options.FoundLife);
        }

        await volume.Store.RecoverAsync(root => Catalogue.Place(root)?.Volume == volume.Id, token);
        foreach (Root root in Catalogue.Doomed(volume.Id))
        {
            try
            {
                if (Catalogue.Place(root)?.Volume != volume.Id) await volume.Store.DeleteAsync(root, token);
                Catalogue.Buried(root, volume.Id);
            }
            catch (IOException e) when (e is not StorageAwayException)
            {
                // One file that cannot be deleted does not keep the others away; BuryLeftAsync tries it again.
            }
        }

        if (mark is not null && found != StoreMark.Here) await volume.Store.MarkAsync(mark, token);
        string state = mark is null ? known ?? Recorded : Marked;
        if (state != known) Catalogue.SetVolume(volume.Id, state);
        (long bytes, long count) = Catalogue.Usage().GetValueOrDefault(volume.Id);
        lock (_spaceLock) _rooms.Add(volume.Id, new VolumeRoom(volume, _options.DiskMarginBytes) { Used = bytes, Shards = count });
    }

    /// <summary>Copies one shard to a volume where its room is reserved, which is given back. False if it cannot be read or its bytes are not what they were.</summary>
    private async Task<bool> MoveAsync(VolumeRoom from, VolumeRoom to, ShardCommitment shard, byte[] buffer, CancellationToken token)
    {
        try
        {
            using IShardContent? content = await TryOpenAsync(from, shard, token);
            if (content is null) return Catalogue.Place(shard.Root)?.Volume != from.Volume.Id;
            await using IShardIntake intake = await to.Volume.Store.BeginAsync(token);
            for (long at = 0; at < shard.Bytes; at += buffer.Length)
            {
                int count = (int)Math.Min(buffer.Length, shard.Bytes - at);
                if (!TryRead(content, at, buffer.AsSpan(0, count))) return false;
                await intake.AppendAsync(buffer.AsMemory(0, count), token);
            }

            if (await intake.SealAsync(token) != shard) return false;
            using (await _roots.TakeAsync(shard.Root, token))
            {
                if (RoomOf(to.Volume.Id) != to) throw new StorageAwayException($"Volume {to.Volume.Id} went away while a shard came in.");
                // Dropped or uploaded anew meanwhile: then there is nothing to move.
                if (!Catalogue.MoveShard(shard.Root, from.Volume.Id, to.Volume.Id)) return true;
                Count(to, shard, 1);
                Count(from, shard, -1);
                try
                {
                    await intake.KeepAsync(CancellationToken.None);
                }
                catch (IOException)
                {
                    TakeBack(shard, to.Volume.Id, from.Volume.Id);
                    throw;
                }

                await TryBuryAsync(from, shard.Root);
            }

            return true;
        }
        finally
        {
            Unreserve(to, DiskBytes.Of(shard.Leaves));
        }
    }

    /// <summary>Whether a volume that was attached still is what it was. An empty mount point says nothing about the disk that belongs there.</summary>
    private async Task<bool> IsHereAsync(DepotVolume volume, CancellationToken token) => await LookAsync(volume, token) is { } found && IsMine(found);

    /// <summary>What is there in a volume's place; null if it does not answer.</summary>
    private async Task<StoreMark?> LookAsync(DepotVolume volume, CancellationToken token)
    {
        try
        {
            return MarkOf(volume.Id) is { } mark ? await volume.Store.FindMarkAsync(mark, token) : StoreMark.Here;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static async Task<IShardContent?> TryOpenAsync(VolumeRoom room, ShardCommitment shard, CancellationToken token)
    {
        try
        {
            return await room.Volume.Store.OpenAsync(shard, token);
        }
        catch (IOException e) when (e is not StorageAwayException)
        {
            return null;
        }
    }

    private static bool TryRead(IShardContent content, long offset, Span<byte> destination)
    {
        try
        {
            content.ReadShard(offset, destination);
            return true;
        }
        catch (IOException e) when (e is not StorageAwayException)
        {
            return false;
        }
    }

    /// <summary>A copy that was recorded could not be put into place: the one on the old volume, which is still there, is the shard again.</summary>
    private void TakeBack(ShardCommitment shard, int from, int to)
    {
        Catalogue.MoveShard(shard.Root, from, to);
        if (RoomOf(from) is { } left) Count(left, shard, -1);
        if (RoomOf(to) is { } back) Count(back, shard, 1);
    }

    /// <summary>
    /// Removes the bytes of a doomed shard. False if that cannot be done now: the shard itself is where it should be, or nobody's any
    /// more, so the bytes stay doomed and <see cref="BuryLeftAsync"/> tries again.
    /// </summary>
    private async Task<bool> TryBuryAsync(VolumeRoom room, Root root)
    {
        try
        {
            await BuryAsync(room, root);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private async Task BuryAsync(VolumeRoom room, Root root)
    {
        await room.Volume.Store.DeleteAsync(root, CancellationToken.None);
        Catalogue.Buried(root, room.Volume.Id);
    }

    private void Count(VolumeRoom room, ShardCommitment shard, int sign)
    {
        lock (_spaceLock)
        {
            room.Used += sign * DiskBytes.Of(shard.Leaves);
            room.Shards += sign;
        }
    }

    private VolumeRoom? RoomOf(int id)
    {
        lock (_spaceLock) return _rooms.GetValueOrDefault(id);
    }

    private void Change(int id, Func<DepotVolume, DepotVolume> change)
    {
        lock (_spaceLock)
        {
            VolumeRoom room = _rooms.GetValueOrDefault(id) ?? throw NoVolume(id);
            room.Volume = change(room.Volume);
        }
    }

    private static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new MarketException(MarketErrorCode.Failed, "Another process has this node's data open.", "Stop it, or give this node another folder.", e);
        }
    }
}
