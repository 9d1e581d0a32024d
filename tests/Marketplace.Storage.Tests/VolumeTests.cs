using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage.Tests.Remote;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Storage.Tests;

public sealed class VolumeTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(60));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Uploads_go_where_most_room_is()
    {
        await using ShardDepot depot = await Open(Volume(0, 100_000), Volume(1, 200_000));
        await Upload(depot, 1, 50_000);
        await Upload(depot, 2, 50_000);
        await Upload(depot, 3, 50_000);

        Assert.Equal([1L, 2L], depot.Volumes.Select(volume => volume.Shards));
        Assert.Null(await depot.BeginAsync(Place(4), 150_000, default));
    }

    [Fact]
    public async Task A_volume_is_added_drained_and_taken_away_while_others_read()
    {
        await using ShardDepot depot = await Open(Volume(0, 1 << 20));
        ShardCommitment[] shards = [await Upload(depot, 1, 10_240), await Upload(depot, 2, 20_480), await Upload(depot, 3, 256)];
        using IShardContent open = (await depot.OpenAsync(shards[0].Root, default))!;
        await Assert.ThrowsAsync<MarketException>(() => depot.RemoveVolumeAsync(0, force: false, default));

        await depot.AddVolumeAsync(Volume(7, 1 << 20), default);
        depot.SetDraining(0, true);
        DrainStep first = await depot.DrainAsync(0, null, 2, default);
        DrainStep second = await depot.DrainAsync(0, first.Next, 2, default);
        await depot.RemoveVolumeAsync(0, force: false, default);

        Assert.Equal((2, 1L, 1, 0L), (first.Moved, first.Left, second.Moved, second.Left));
        Assert.Equal(shards[0], await open.RehashAsync(default));
        foreach (ShardCommitment shard in shards)
        {
            using IShardContent content = (await depot.OpenAsync(shard.Root, default))!;
            Assert.Equal(shard, await content.RehashAsync(default));
        }

        VolumeView left = Assert.Single(depot.Volumes);
        Assert.Equal((7, 3L, shards.Sum(shard => DiskBytes.Of(shard.Leaves))), (left.Id, left.Shards, left.UsedBytes));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder.Path, "0"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_shard_for_which_nobody_else_has_room_stays_and_keeps_no_smaller_one_from_being_moved()
    {
        await using ShardDepot depot = await Open(Volume(0, 1 << 20));
        ShardCommitment large = await Upload(depot, 1, 50_000 / 256 * 256);
        ShardCommitment[] small = [await Upload(depot, 2, 256), await Upload(depot, 3, 256), await Upload(depot, 4, 256)];
        await depot.AddVolumeAsync(Volume(1, 20_000), default);
        depot.SetDraining(0, true);

        DrainStep step = await depot.DrainAsync(0, null, 10, default);

        Assert.Equal((3, 1, 1L), (step.Moved, step.TooLarge, step.Left));
        Assert.Empty(step.Damaged);
        Assert.Equal(1, depot.Volumes.Single(volume => volume.Id == 0).Shards);
        foreach (ShardCommitment shard in small.Append(large))
        {
            using IShardContent content = (await depot.OpenAsync(shard.Root, default))!;
            Assert.Equal(shard, await content.RehashAsync(default));
        }
    }

    [Fact]
    public async Task A_volume_that_shrank_takes_nothing_until_enough_has_gone()
    {
        await using ShardDepot depot = await Open(Volume(0, 1 << 20));
        await Upload(depot, 1, 51_200);
        depot.ResizeVolume(0, 60_000);
        Assert.Null(await depot.BeginAsync(Place(2), 51_200, default));

        depot.Catalogue.RemoveUpload(Place(1));
        await depot.DropUnneededAsync(new PeriodNumber(0), default);
        await using ShardUpload? upload = await depot.BeginAsync(Place(2), 51_200, default);
        Assert.NotNull(upload);
    }

    [Fact]
    public async Task A_lost_disk_is_told_as_away_and_is_whole_again_when_it_comes_back()
    {
        ShardCommitment shard;
        await using (ShardDepot depot = await Open(Volume(0, 1_000), Volume(1, 1 << 20))) shard = await Upload(depot, 1, 10_240);

        await using ShardDepot without = await Open(Volume(0, 1 << 20));
        await Assert.ThrowsAsync<StorageAwayException>(() => without.OpenAsync(shard.Root, default));
        Assert.True(Assert.Single(without.Volumes, volume => volume.Id == 1).IsAway);

        await without.AddVolumeAsync(Volume(1, 1 << 20), default);
        using IShardContent content = (await without.OpenAsync(shard.Root, default))!;
        Assert.Equal(shard, await content.RehashAsync(default));
    }

    [Fact]
    public async Task A_disk_from_elsewhere_brings_its_shards()
    {
        ShardCommitment shard;
        await using (ShardDepot other = await Open(Volume(3, 1 << 20))) shard = await Upload(other, 1, 10_240);
        foreach (string file in Directory.GetFiles(_folder.Path, "catalogue.db*")) File.Delete(file);

        await using ShardDepot depot = await Open();
        await depot.AddVolumeAsync(Volume(3, 1 << 20), default);
        using IShardContent content = (await depot.OpenAsync(shard.Root, default))!;
        Assert.Equal(shard, await content.RehashAsync(default));
        Assert.Empty(await depot.DropUnneededAsync(new PeriodNumber(0), default));
    }

    [Fact]
    public async Task A_disk_that_is_unmounted_while_the_depot_is_open_takes_nothing_until_it_is_back()
    {
        await using ShardDepot depot = await OpenOwned(Volume(0, 1 << 20), Volume(1, 1 << 21));
        ShardCommitment shard = await Upload(depot, 1, 10_240);
        await using ShardUpload early = (await depot.BeginAsync(Place(2), 102_400, default))!;
        await using ShardUpload late = (await depot.BeginAsync(Place(3), 1_024, default))!;
        foreach (ShardUpload upload in new[] { early, late }) await upload.TryAppendAsync(new byte[upload.BytesMax], default);
        Assert.Empty(await depot.LetGoAsync(default));
        string place = Path.Combine(_folder.Path, "1");
        Directory.Move(place, place + ".unmounted");
        Directory.CreateDirectory(place);

        Assert.Equal([1], await depot.LetGoAsync(default));

        Assert.True(Assert.Single(depot.Volumes, volume => volume.Id == 1).IsAway);
        await Assert.ThrowsAsync<StorageAwayException>(() => depot.OpenAsync(shard.Root, default));
        await Assert.ThrowsAnyAsync<IOException>(() => early.CompleteAsync(DateTimeOffset.MaxValue, default));
        await early.DisposeAsync();
        Assert.Equal(0, depot.Catalogue.Place((await Upload(depot, 4, 20_480)).Root)!.Value.Volume);
        Assert.Empty(Directory.GetFileSystemEntries(place));

        Directory.Delete(place);
        Directory.Move(place + ".unmounted", place);
        await depot.AddVolumeAsync(Volume(1, 1 << 21), default);
        Assert.Empty(Directory.GetFiles(Path.Combine(place, "arriving")));
        // What was put in order when it came back is not the shard of an upload that began before.
        await Assert.ThrowsAsync<StorageAwayException>(() => late.CompleteAsync(DateTimeOffset.MaxValue, default));
        using IShardContent content = (await depot.OpenAsync(shard.Root, default))!;
        Assert.Equal(shard, await content.RehashAsync(default));
    }

    [Fact]
    public async Task A_bucket_that_does_not_answer_once_may_be_busy_and_one_that_does_not_answer_twice_is_away()
    {
        var faulty = new FaultyParts(new MemoryParts());
        await using ShardDepot depot = await OpenOwned(new DepotVolume(0, new RemoteShardStore(faulty, Path.Combine(_folder.Path, "0"), "the tests"), 1 << 20));
        faulty.FailAt = 0;
        Assert.Empty(await depot.LetGoAsync(default));
        faulty.FailAt = null;
        Assert.Empty(await depot.LetGoAsync(default));
        faulty.FailAt = 0;
        Assert.Empty(await depot.LetGoAsync(default));

        Assert.Equal([0], await depot.LetGoAsync(default));
    }

    [Fact]
    public async Task Another_disk_is_not_taken_for_a_volume_that_is_away()
    {
        ShardCommitment shard;
        await using (ShardDepot depot = await OpenOwned(Volume(0, 1 << 20))) shard = await Upload(depot, 1, 10_240);
        string place = Path.Combine(_folder.Path, "0");
        Directory.Move(place, place + ".unmounted");

        await using ShardDepot again = await OpenOwned();
        await Assert.ThrowsAsync<StorageAwayException>(() => again.AddVolumeAsync(Volume(0, 1 << 20), default));
        await Assert.ThrowsAsync<StorageAwayException>(() => again.OpenAsync(shard.Root, default));
        Assert.Equal(1, await again.NumberForAsync(Volume(0, 1).Store, default));

        // Nothing was made where the disk belongs.
        Assert.False(Directory.Exists(place));
        Directory.Move(place + ".unmounted", place);
        Assert.Equal(0, await again.NumberForAsync(Volume(0, 1).Store, default));
        await again.AddVolumeAsync(Volume(0, 1 << 20), default);
        using IShardContent content = (await again.OpenAsync(shard.Root, default))!;
        Assert.Equal(shard, await content.RehashAsync(default));
    }

    [Fact]
    public async Task What_arrives_on_another_nodes_volume_is_left_alone()
    {
        DepotVolume theirs = Volume(5, 1 << 20);
        await theirs.Store.RecoverAsync(_ => true, default);
        await theirs.Store.MarkAsync("volume 5 of node 8", default);
        await using IShardIntake intake = await theirs.Store.BeginAsync(default);
        await intake.AppendAsync(new byte[1024], default);
        await intake.SealAsync(default);
        string[] arriving = Directory.GetFiles(Path.Combine(_folder.Path, "5", "arriving"));

        await using ShardDepot depot = await OpenOwned();
        await Assert.ThrowsAsync<MarketException>(() => depot.AddVolumeAsync(Volume(5, 1 << 20), default));

        Assert.Equal(2, arriving.Length);
        Assert.Equal(arriving, Directory.GetFiles(Path.Combine(_folder.Path, "5", "arriving")));
    }

    [Fact]
    public async Task A_disk_that_is_taken_out_while_it_is_used_is_away_and_not_empty()
    {
        await using ShardDepot depot = await OpenOwned(Volume(0, 1 << 20));
        ShardCommitment shard = await Upload(depot, 1, 10_240);
        string place = Path.Combine(_folder.Path, "0");
        Directory.Move(place, place + ".unmounted");
        Directory.CreateDirectory(place);

        await Assert.ThrowsAsync<StorageAwayException>(() => depot.OpenAsync(shard.Root, default));
        Assert.True(await depot.IsAwayAsync(shard.Root, default));
        await Assert.ThrowsAnyAsync<IOException>(() => Upload(depot, 2, 10_240));

        Directory.Delete(place, recursive: true);
        Directory.Move(place + ".unmounted", place);
        using IShardContent content = (await depot.OpenAsync(shard.Root, default))!;
        Assert.Equal(shard, await content.RehashAsync(default));
    }

    [Fact]
    public async Task A_file_that_cannot_be_deleted_keeps_neither_room_nor_its_volume()
    {
        string file;
        await using (ShardDepot depot = await OpenOwned(Volume(0, 1 << 20)))
        {
            await Upload(depot, 1, 10_240);
            file = Directory.GetFiles(Path.Combine(_folder.Path, "0", "shards"), "*.shard", SearchOption.AllDirectories).Single();
            File.Delete(file);
            Directory.CreateDirectory(file);
            depot.Catalogue.RemoveUpload(Place(1));

            Assert.Single(await depot.DropUnneededAsync(new PeriodNumber(0), default));
            Assert.Equal((0L, 0L), (depot.Volumes.Single().UsedBytes, depot.Volumes.Single().Shards));
            Assert.Contains(file, await depot.BuryLeftAsync(default), StringComparison.Ordinal);
        }

        await using ShardDepot again = await OpenOwned(Volume(0, 1 << 20));
        Directory.Delete(file);
        Assert.Null(await again.BuryLeftAsync(default));
    }

    [Fact]
    public async Task An_empty_volume_that_is_taken_away_is_free_for_anybody_and_a_full_one_is_not()
    {
        DepotVolume empty = Volume(0, 1 << 20);
        DepotVolume full = Volume(1, 1 << 21);
        await using ShardDepot depot = await OpenOwned(empty, full);
        await Upload(depot, 1, 10_240);
        await depot.RemoveVolumeAsync(0, force: false, default);
        await depot.RemoveVolumeAsync(1, force: true, default);

        await empty.Store.MarkAsync("volume 3 of somebody else", default);
        await Assert.ThrowsAsync<MarketException>(() => full.Store.MarkAsync("volume 3 of somebody else", default).AsTask());
        Assert.True(Assert.Single(depot.Volumes).IsAway);
    }

    [Fact]
    public async Task A_drain_goes_on_behind_what_is_damaged()
    {
        await using ShardDepot depot = await Open(Volume(0, 1 << 20));
        ShardCommitment[] shards = [.. (await Task.WhenAll(Enumerable.Range(1, 3).Select(number => Upload(depot, (ulong)number, 5_120)))).OrderBy(shard => shard.Root)];
        await depot.AddVolumeAsync(Volume(1, 1 << 20), default);
        depot.SetDraining(0, true);
        foreach (string file in Directory.GetFiles(Path.Combine(_folder.Path, "0", "shards"), shards[0].Root.ToString()[2..] + ".shard", SearchOption.AllDirectories)) File.WriteAllBytes(file, new byte[256]);

        DrainStep first = await depot.DrainAsync(0, null, 2, default);
        DrainStep second = await depot.DrainAsync(0, first.Next, 2, default);

        Assert.Equal([shards[0].Root], first.Damaged);
        Assert.Equal((1, 2L, 1, 1L), (first.Moved, first.Left, second.Moved, second.Left));
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task What_cannot_be_put_into_place_elsewhere_stays_where_it_is()
    {
        var faulty = new FaultyParts(new MemoryParts());
        await using ShardDepot depot = await Open(new DepotVolume(0, new FileShardStore(Path.Combine(_folder.Path, "0")), 1 << 20));
        ShardCommitment shard = await Upload(depot, 1, 10_240);
        await depot.AddVolumeAsync(new DepotVolume(1, new RemoteShardStore(faulty, Path.Combine(_folder.Path, "1"), "the tests"), 1 << 20), default);
        depot.SetDraining(0, true);

        // One call more is answered each time, until the shard is moved.
        bool isMoved = false;
        for (int answered = 0; !isMoved; answered++)
        {
            faulty.FailAt = faulty.Calls + answered;
            try
            {
                isMoved = (await depot.DrainAsync(0, null, 1, default)).Moved == 1;
            }
            catch (StorageAwayException)
            {
                using IShardContent content = (await depot.OpenAsync(shard.Root, default))!;
                Assert.Equal(shard, await content.RehashAsync(default));
            }
        }

        faulty.FailAt = null;
        await depot.BuryLeftAsync(default);
        using IShardContent moved = (await depot.OpenAsync(shard.Root, default))!;
        Assert.Equal(shard, await moved.RehashAsync(default));
        Assert.Equal([0L, 1L], depot.Volumes.Select(volume => volume.Shards));
        await depot.RemoveVolumeAsync(0, force: false, default);
    }

    [Fact]
    public async Task Reading_goes_on_while_everything_moves_to_and_fro()
    {
        await using ShardDepot depot = await Open(Volume(0, 1 << 24), Volume(1, 1 << 24));
        var shards = new List<ShardCommitment>();
        for (ulong number = 1; number <= 20; number++) shards.Add(await Upload(depot, number, 4096));
        using var stop = new CancellationTokenSource();
        int[] reads = new int[4];
        var readers = Enumerable.Range(0, reads.Length).Select(reader => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                ShardCommitment shard = shards[Random.Shared.Next(shards.Count)];
                using IShardContent content = (await depot.OpenAsync(shard.Root, default))!;
                Assert.Equal(shard, await content.RehashAsync(default));
                Interlocked.Increment(ref reads[reader]);
            }
        })).ToList();
        // At least six moves, and until every reader was at work among them, or failed.
        for (int turn = 0; turn < 6 || (reads.Contains(0) && readers.TrueForAll(reader => !reader.IsCompleted)); turn++)
        {
            depot.SetDraining(turn % 2, true);
            DrainStep step = await depot.DrainAsync(turn % 2, null, 100, default);
            Assert.Equal(0, step.Left);
            depot.SetDraining(turn % 2, false);
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
    }

    [Fact]
    public async Task A_drain_that_is_called_off_midway_loses_nothing()
    {
        ShardDepot? depot = null;
        var store = new TellingStore(new FileShardStore(Path.Combine(_folder.Path, "0")), () => depot?.SetDraining(0, false));
        await using ShardDepot opened = await Open(new DepotVolume(0, store, 1 << 24), Volume(1, 1 << 20));
        ShardCommitment[] shards = [await Upload(opened, 1, 10_240), await Upload(opened, 2, 20_480), await Upload(opened, 3, 256)];
        opened.SetDraining(0, true);
        depot = opened;

        // From the second shard on, the volume that they lie on has most room of all.
        await opened.DrainAsync(0, null, 10, default);

        depot = null;
        foreach (ShardCommitment shard in shards)
        {
            using IShardContent content = (await opened.OpenAsync(shard.Root, default))!;
            Assert.Equal(shard, await content.RehashAsync(default));
        }
    }

    private const string ToVersion3 = """
        DROP TRIGGER shards_more; DROP TRIGGER shards_fewer; DROP TRIGGER shards_moved; DROP TABLE held;
        CREATE INDEX shards_volume ON shards (volume, leaves); PRAGMA user_version = 3;
        """;

    private const string ToVersion1 = ToVersion3 + """
        DROP INDEX shards_volume; ALTER TABLE shards DROP COLUMN volume; DROP TABLE doomed;
        CREATE TABLE doomed (root BLOB PRIMARY KEY) WITHOUT ROWID; PRAGMA user_version = 1;
        """;

    [Theory]
    [InlineData(ToVersion1)]
    [InlineData(ToVersion3)]
    public async Task Records_of_older_versions_are_read(string steps)
    {
        ShardCommitment shard;
        await using (ShardDepot depot = await Open(Volume(0, 1 << 20))) shard = await Upload(depot, 1, 4096);
        Query(steps);

        await using ShardDepot again = await Open(Volume(0, 1 << 20));
        using IShardContent content = (await again.OpenAsync(shard.Root, default))!;
        Assert.Equal(shard, await content.RehashAsync(default));
        Assert.Equal((1, DiskBytes.Of(shard.Leaves)), again.Volumes.Select(volume => (volume.Shards, volume.UsedBytes)).Single());
    }

    [Fact]
    public async Task The_records_count_what_each_volume_holds()
    {
        await using (ShardDepot depot = await Open(Volume(0, 4 << 20), Volume(1, 1 << 20)))
        {
            for (ulong number = 1; number <= 12; number++) await Upload(depot, number, (int)(number % 4 + 1) * 8192);
            depot.Catalogue.RemoveUpload(Place(3));
            depot.Catalogue.RemoveUpload(Place(9));
            Assert.Equal(2, (await depot.DropUnneededAsync(new PeriodNumber(0), default)).Count);
            depot.SetDraining(0, true);
            DrainStep step = await depot.DrainAsync(0, null, 4, default);
            Assert.Equal(4, step.Moved);
        }

        List<object> counted = Query("SELECT volume || ':' || leaves || ':' || count(*) FROM shards GROUP BY volume, leaves ORDER BY volume, leaves");
        Assert.Equal(10, Query("SELECT root FROM shards").Count);
        Assert.Equal(2, Query("SELECT DISTINCT volume FROM shards").Count);
        Assert.Equal(counted, Query("SELECT volume || ':' || leaves || ':' || shards FROM held ORDER BY volume, leaves"));
    }

    /// <summary>Runs statements on the records of a depot that is closed; the first column of all rows.</summary>
    private List<object> Query(string sql)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(_folder.Path, "catalogue.db")};Pooling=False");
        connection.Open();
        using Microsoft.Data.Sqlite.SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        using Microsoft.Data.Sqlite.SqliteDataReader reader = command.ExecuteReader();
        var rows = new List<object>();
        while (reader.Read()) rows.Add(reader.GetValue(0));
        return rows;
    }

    private static UploadPlace Place(ulong number) => new(new DealId(Address.Parse("0x00000000000000000000000000000000000000aa"), number), 0);

    private DepotVolume Volume(int id, long capacity) =>
        new(id, new FileShardStore(Path.Combine(_folder.Path, id.ToString(System.Globalization.CultureInfo.InvariantCulture))), capacity);

    private Task<ShardDepot> OpenOwned(params DepotVolume[] volumes) => ShardDepot.OpenAsync(new DepotOptions(_folder.Path, 0) { Owner = "node 7" }, volumes, _time, default);

    private Task<ShardDepot> Open(params DepotVolume[] volumes) => ShardDepot.OpenAsync(new DepotOptions(_folder.Path, 0), volumes, _time, default);

    private async Task<ShardCommitment> Upload(ShardDepot depot, ulong number, int bytes)
    {
        byte[] content = new byte[bytes / 256 * 256];
        Random.Shared.NextBytes(content);
        await using ShardUpload upload = (await depot.BeginAsync(Place(number), content.Length, default))!;
        Assert.True(await upload.TryAppendAsync(content, default));
        return (await upload.CompleteAsync(_time.GetUtcNow() + TimeSpan.FromHours(1), default)).Shard;
    }

    /// <summary>A store that tells when a shard of it is opened.</summary>
    private sealed class TellingStore(IShardStore inner, Action opened) : IShardStore
    {
        public long FreeBytes => inner.FreeBytes;

        public ValueTask<IShardIntake> BeginAsync(CancellationToken token) => inner.BeginAsync(token);

        public ValueTask<bool> MendTreeAsync(ShardCommitment shard, Func<int, CancellationToken, ValueTask>? pace, CancellationToken token) => inner.MendTreeAsync(shard, pace, token);

        public ValueTask<IShardContent?> OpenAsync(ShardCommitment shard, CancellationToken token)
        {
            opened();
            return inner.OpenAsync(shard, token);
        }

        public ValueTask DeleteAsync(Root root, CancellationToken token) => inner.DeleteAsync(root, token);

        public ValueTask RecoverAsync(Func<Root, bool> isRecorded, CancellationToken token) => inner.RecoverAsync(isRecorded, token);

        public IAsyncEnumerable<ShardCommitment> ScanAsync(CancellationToken token) => inner.ScanAsync(token);

        public ValueTask<StoreMark> FindMarkAsync(string mark, CancellationToken token) => inner.FindMarkAsync(mark, token);

        public ValueTask MarkAsync(string mark, CancellationToken token) => inner.MarkAsync(mark, token);

        public ValueTask UnmarkAsync(string mark, CancellationToken token) => inner.UnmarkAsync(mark, token);
    }
}
