using Marketplace.Coding;
using Marketplace.Domain;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Storage.Tests;

/// <summary>Disks that are full, fail, tear what is written or lose their power; the records lie on a good one.</summary>
public sealed class DiskFaultTests : IDisposable
{
    private const string Folder = "/disk";

    /// <summary>Small shards and others: they reach the disk in different ways.</summary>
    private const int ShardBytesMax = 80_000;


    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(60));

    public void Dispose() => _folder.Dispose();

    /// <summary>Each seed is a history of uploads, removals, moves between two disks and power cuts at any single operation of a disk.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Power_may_go_at_any_operation_and_what_was_acknowledged_is_there(int seed)
    {
        const int Cuts = 40;
        var random = new Random(seed);
        FaultyDisk[] disks = [new(seed), new(seed + 1000)];
        var acknowledged = new Dictionary<ulong, ShardCommitment>();
        ulong number = 0;
        for (int cut = 0; cut < Cuts; cut++)
        {
            ulong touched = 0;
            try
            {
                await using ShardDepot depot = await Open(disks);
                disks[random.Next(2)].PowerCutAfter = random.Next(120);
                while (true)
                {
                    touched = random.Next(4) == 0 && number > 0 ? (ulong)random.Next((int)number) + 1 : ++number;
                    switch (random.Next(10))
                    {
                        case 0:
                            acknowledged.Remove(touched);
                            depot.Catalogue.RemoveUpload(Place(touched));
                            await depot.DropUnneededAsync(new PeriodNumber(0), default);
                            break;
                        case 1:
                            depot.SetDraining(0, true);
                            await depot.DrainAsync(0, null, 3, default);
                            depot.SetDraining(0, false);
                            break;
                        default:
                            if (await Upload(depot, touched, random) is { } shard) acknowledged[touched] = shard;
                            break;
                    }
                }
            }
            catch (PowerCutException)
            {
                foreach (FaultyDisk disk in disks) disk.Restart();
            }

            await using ShardDepot after = await Open(disks);
            // What was under way may have become the place's newest or not; the rest is as it was acknowledged.
            if (touched != 0 && after.Catalogue.FindUpload(Place(touched))?.Shard is { } unsure) acknowledged[touched] = unsure;
            else acknowledged.Remove(touched);
            await CheckAsync(after, acknowledged);
            AssertNoGarbage(after, disks);
        }

        Assert.NotEmpty(acknowledged);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task Failing_operations_refuse_uploads_and_lose_nothing(int seed)
    {
        var random = new Random(seed);
        FaultyDisk[] disks = [new(seed), new(seed + 1000)];
        var acknowledged = new Dictionary<ulong, ShardCommitment>();
        int refused = 0;
        await using (ShardDepot depot = await Open(disks))
        {
            foreach (FaultyDisk disk in disks) disk.FailOneIn = 40;
            for (ulong number = 1; number <= 200; number++)
            {
                try
                {
                    if (await Upload(depot, number, random) is { } shard) acknowledged[number] = shard;
                }
                catch (IOException)
                {
                    refused++;
                }
            }

            foreach (FaultyDisk disk in disks) disk.FailOneIn = 0;
            await CheckAsync(depot, acknowledged);
        }

        Assert.InRange(refused, 1, 199);
        await using ShardDepot again = await Open(disks);
        await CheckAsync(again, acknowledged);
        DateTimeOffset late = _time.GetUtcNow() + TimeSpan.FromHours(2);
        again.Catalogue.RemoveDueUploads([.. again.Catalogue.DueUploads(late, default, int.MaxValue).Where(due => !acknowledged.ContainsKey(due.Place.Deal.Number))], late, default);
        while ((await again.DropUnneededAsync(new PeriodNumber(0), default)).Count > 0) { }
        AssertNoGarbage(again, disks);
    }

    [Fact]
    public async Task A_full_disk_takes_nothing_new_and_gives_what_it_has()
    {
        var disk = new FaultyDisk(21) { CapacityBytes = 400_000 };
        await using ShardDepot depot = await Open(disk);
        var random = new Random(21);
        var acknowledged = new Dictionary<ulong, ShardCommitment>();
        for (ulong number = 1; number <= 20; number++)
        {
            if (await Upload(depot, number, random) is { } shard) acknowledged[number] = shard;
        }

        Assert.InRange(acknowledged.Count, 3, 19);
        // Others fill the rest: the next write fails, although the depot thought there was room.
        await using ShardUpload upload = (await depot.BeginAsync(Place(99), 256, default))!;
        disk.CapacityBytes = disk.UsedBytes;
        Assert.True(await upload.TryAppendAsync(new byte[256], default));
        await Assert.ThrowsAsync<IOException>(async () => await upload.CompleteAsync(_time.GetUtcNow(), default));
        await upload.DisposeAsync();

        Assert.Null(await depot.BeginAsync(Place(100), 256, default));
        await CheckAsync(depot, acknowledged);
        AssertNoGarbage(depot, disk);
    }

    [Fact]
    public async Task A_slow_disk_is_only_slow()
    {
        var disk = new FaultyDisk(31) { Delay = TimeSpan.FromMilliseconds(2) };
        await using ShardDepot depot = await Open(disk);
        var random = new Random(31);
        ShardCommitment?[] shards = [await Upload(depot, 1, random), await Upload(depot, 2, random)];
        await CheckAsync(depot, new Dictionary<ulong, ShardCommitment> { [1] = shards[0]!.Value, [2] = shards[1]!.Value });
    }

    [Fact]
    public async Task A_flipped_bit_is_found_by_reading_and_does_not_travel_to_another_volume()
    {
        FaultyDisk[] disks = [new(41), new(42)];
        await using ShardDepot depot = await Open(disks);
        depot.SetDraining(1, true);
        ShardCommitment shard = (await Upload(depot, 1, new Random(41)))!.Value;
        depot.SetDraining(1, false);
        depot.SetDraining(0, true);
        disks[0].Flip(disks[0].AllFiles.Single(path => path.EndsWith(".shard", StringComparison.Ordinal)), 0);

        DrainStep step = await depot.DrainAsync(0, null, 10, default);

        Assert.Equal([shard.Root], step.Damaged);
        Assert.Equal((0, 1L), (step.Moved, step.Left));
        Assert.Empty(disks[1].AllFiles);
    }

    [Fact]
    public async Task What_a_broken_disk_does_not_delete_holds_up_nothing_and_is_deleted_later()
    {
        FaultyDisk[] disks = [new(51), new(52)];
        await using ShardDepot depot = await Open(disks);
        depot.SetDraining(1, true);
        ShardCommitment[] shards = [(await Upload(depot, 1, new Random(51)))!.Value, (await Upload(depot, 2, new Random(52)))!.Value];
        depot.SetDraining(1, false);
        depot.SetDraining(0, true);
        disks[0].FailOneIn = 1;

        // The same bytes come again, to the disk that works; and the other shard is not needed any more.
        Assert.Equal(shards[0], await Upload(depot, 1, new Random(51)));
        depot.Catalogue.RemoveUpload(Place(2));
        Assert.Equal([shards[1].Root], await depot.DropUnneededAsync(new PeriodNumber(0), default));
        Assert.Equal(2, depot.Catalogue.Doomed(0).Count);
        await Assert.ThrowsAsync<IOException>(() => depot.RemoveVolumeAsync(0, force: false, default));
        Assert.Contains(depot.Volumes, volume => volume.Id == 0);

        disks[0].FailOneIn = 0;
        Assert.Null(await depot.BuryLeftAsync(default));
        AssertNoGarbage(depot, disks);
        await CheckAsync(depot, new Dictionary<ulong, ShardCommitment> { [1] = shards[0] });
        await depot.RemoveVolumeAsync(0, force: false, default);
        Assert.DoesNotContain(depot.Volumes, volume => volume.Id == 0);
    }

    private static UploadPlace Place(ulong number) => new(new DealId(Address.Parse("0x00000000000000000000000000000000000000aa"), number), 0);

    private static async Task CheckAsync(ShardDepot depot, Dictionary<ulong, ShardCommitment> acknowledged)
    {
        foreach ((ulong number, ShardCommitment shard) in acknowledged)
        {
            Assert.Equal(shard, depot.Catalogue.FindUpload(Place(number))?.Shard);
            using IShardContent? content = await depot.OpenAsync(shard.Root, default);
            Assert.NotNull(content);
            Assert.Equal(shard, await content.RehashAsync(default));
            // The tree as well: the proof of one leaf in the middle needs all of its levels.
            Assert.Equal(ShardRead.Good, content.ReadRange(shard.Leaves / 2, new byte[MerkleTree.LeafBytes], new byte[RangeProof.SizeBytesMax]));
        }
    }

    private static void AssertNoGarbage(ShardDepot depot, params FaultyDisk[] disks)
    {
        for (int i = 0; i < disks.Length; i++)
        {
            var recorded = depot.Catalogue.ShardsOf(i, null, int.MaxValue).Select(shard => shard.Root.ToString()[2..]).ToHashSet();
            Assert.All(disks[i].AllFiles, file => Assert.Contains(Path.GetFileNameWithoutExtension(file), recorded));
            Assert.Equal(2 * recorded.Count, disks[i].AllFiles.Count);
        }
    }

    private static async Task<ShardCommitment?> Upload(ShardDepot depot, ulong number, Random random)
    {
        byte[] content = new byte[256 * random.Next(1, ShardBytesMax / 256)];
        random.NextBytes(content);
        ShardUpload? upload = await depot.BeginAsync(Place(number), content.Length, default);
        if (upload is null) return null;
        try
        {
            foreach (byte[] piece in content.Chunk(16_000)) await upload.TryAppendAsync(piece, default);
            return (await upload.CompleteAsync(DateTimeOffset.UnixEpoch.AddYears(60).AddHours(1), default)).Shard;
        }
        finally
        {
            await DisposeQuietly(upload);
        }
    }

    /// <summary>A disk without power does not let go of anything either.</summary>
    private static async Task DisposeQuietly(ShardUpload upload)
    {
        try
        {
            await upload.DisposeAsync();
        }
        catch (Exception e) when (e is PowerCutException or IOException)
        {
            // What stays is for the next start to clear.
        }
    }

    private Task<ShardDepot> Open(params FaultyDisk[] disks) => ShardDepot.OpenAsync(
        new DepotOptions(_folder.Path, 0) { DiskMarginBytes = 0 },
        [.. disks.Select((disk, i) => new DepotVolume(i, new FileShardStore(Folder, disk), 1 << 30))], _time, default);
}
