using Marketplace.Coding;
using Marketplace.Domain;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Storage.Tests;

public sealed class ShardDepotTests : IDisposable
{
    private static readonly PeriodNumber s_keepAll = new(0);
    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(60));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_upload_survives_the_process()
    {
        ShardCommitment shard;
        await using (ShardDepot depot = await Open()) shard = await Upload(depot, Place(1), 5000 * 256);

        await using ShardDepot again = await Open();
        Assert.Equal(shard, again.Catalogue.FindUpload(Place(1))!.Shard);
        using IShardContent content = (await again.OpenAsync(shard.Root, default))!;
        Assert.Equal(shard, await content.RehashAsync(default));
        Assert.Equal(DiskBytes.Of(shard.Leaves), again.Space.Used);
    }

    [Fact]
    public async Task Two_processes_do_not_share_a_depot()
    {
        await using ShardDepot depot = await Open();
        await Assert.ThrowsAsync<MarketException>(Open);
    }

    [Fact]
    public async Task A_lost_catalogue_is_rebuilt_from_the_disk()
    {
        ShardCommitment shard;
        await using (ShardDepot depot = await Open()) shard = await Upload(depot, Place(1), 1024);
        foreach (string file in Directory.GetFiles(_folder.Path, "catalogue.db*")) File.Delete(file);

        await using ShardDepot again = await Open();
        Assert.Equal(shard, again.Catalogue.Find(shard.Root));
        Assert.Empty(await again.DropUnneededAsync(s_keepAll, default));
        Assert.Empty(again.Catalogue.DueUploads(_time.GetUtcNow() + TimeSpan.FromHours(47), new BlockNumber(0), int.MaxValue));
        Assert.Single(again.Catalogue.DueUploads(_time.GetUtcNow() + TimeSpan.FromHours(48), new BlockNumber(0), int.MaxValue));
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_before_its_first_byte()
    {
        await using ShardDepot depot = await Open(capacity: 100_000);
        ShardUpload first = (await depot.BeginAsync(Place(1), 60_000, default))!;
        Assert.Null(await depot.BeginAsync(Place(2), 60_000, default));

        await first.DisposeAsync();
        await using ShardUpload? second = await depot.BeginAsync(Place(2), 60_000, default);
        Assert.NotNull(second);
    }

    [Fact]
    public async Task An_upload_grows_as_far_as_there_is_room_and_gives_all_of_it_back()
    {
        await using ShardDepot depot = await Open(capacity: 200_000);
        long free = depot.Space.Free;
        await using (ShardUpload upload = (await depot.BeginAsync(Place(1), 1024, default))!)
        {
            Assert.True(upload.TryGrow(100_000));
            Assert.Equal(DiskBytes.ForUpload(100_000), depot.Space.Reserved);
            Assert.True(await upload.TryAppendAsync(new byte[99_840], default));
            Assert.False(upload.TryGrow(200_000));
            Assert.Equal(100_000, upload.BytesMax);
        }

        Assert.Equal(0, depot.Space.Reserved);
        Assert.Equal(free, depot.Space.Free);
    }

    [Fact]
    public async Task More_than_was_announced_is_not_taken()
    {
        await using ShardDepot depot = await Open();
        await using ShardUpload upload = (await depot.BeginAsync(Place(1), 1024, default))!;
        Assert.True(await upload.TryAppendAsync(new byte[1024], default));
        Assert.False(await upload.TryAppendAsync(new byte[1], default));
    }

    [Fact]
    public async Task What_the_node_holds_for_itself_outlives_a_client_that_lets_go_of_it()
    {
        await using ShardDepot depot = await Open();
        ShardCommitment shard = await Upload(depot, Place(1), 1024);
        DateTimeOffset until = _time.GetUtcNow() + TimeSpan.FromHours(8);
        Assert.True(depot.Catalogue.Hold(shard, until - TimeSpan.FromHours(2)));
        Assert.True(depot.Catalogue.Hold(shard, until));
        Assert.True(depot.Catalogue.Hold(shard, until - TimeSpan.FromHours(1)));
        Assert.False(depot.Catalogue.Hold(new ShardCommitment(new Root(new byte[20]), 4), until));

        depot.Catalogue.RemoveUpload(Place(1));

        Assert.Empty(await depot.DropUnneededAsync(s_keepAll, default));
        Assert.Empty(depot.Catalogue.DueUploads(until - TimeSpan.FromSeconds(1), new BlockNumber(0), int.MaxValue));
        UploadRecord due = Assert.Single(depot.Catalogue.DueUploads(until, new BlockNumber(0), int.MaxValue));
        Assert.Equal(1, depot.Catalogue.RemoveDueUploads([due], until, new BlockNumber(0)));
        Assert.Equal([shard.Root], await depot.DropUnneededAsync(s_keepAll, default));
    }

    [Fact]
    public async Task Bytes_with_another_root_than_they_should_have_are_not_kept()
    {
        await using ShardDepot depot = await Open();
        byte[] bytes = new byte[1024];
        foreach (byte[] wanted in (byte[][])[new byte[2048], bytes])
        {
            await using ShardUpload upload = (await depot.BeginAsync(UploadPlace.Nobodys, bytes.Length, default))!;
            await upload.TryAppendAsync(bytes, default);
            Assert.Equal(wanted == bytes, await upload.CompleteAsAsync(MerkleTree.Commit(wanted), _time.GetUtcNow().AddHours(1), default));
            Assert.Equal(wanted == bytes ? 1 : 0, depot.Catalogue.All().Count);
        }
    }

    [Fact]
    public async Task A_shard_that_nobody_needs_is_dropped_and_its_room_is_free()
    {
        await using ShardDepot depot = await Open();
        ShardCommitment shard = await Upload(depot, Place(1), 1024);
        Assert.Empty(await depot.DropUnneededAsync(s_keepAll, default));

        depot.Catalogue.RemoveUpload(Place(1));
        Assert.Equal([shard.Root], await depot.DropUnneededAsync(s_keepAll, default));
        Assert.Null(await depot.OpenAsync(shard.Root, default));
        Assert.Equal(0, depot.Space.Used);
    }

    [Fact]
    public async Task A_replaced_upload_goes_but_a_promised_one_stays_until_its_deadline()
    {
        await using ShardDepot depot = await Open();
        ShardCommitment first = await Upload(depot, Place(1), 1024);
        ShardCommitment second = await Upload(depot, Place(1), 1024);
        Assert.Equal([first.Root], await depot.DropUnneededAsync(s_keepAll, default));

        UploadRecord record = depot.Catalogue.FindUpload(Place(1))!;
        Assert.True(depot.Catalogue.AddPromise(record.Id, new PromiseRecord(new BlockNumber(50), "signed")));
        ShardCommitment third = await Upload(depot, Place(1), 1024);
        Assert.Equal(third, depot.Catalogue.FindUpload(Place(1))!.Shard);
        Assert.Empty(await depot.DropUnneededAsync(s_keepAll, default));
        Assert.False(depot.Catalogue.AddPromise(record.Id, new PromiseRecord(new BlockNumber(60), "too late")));

        Assert.Empty(depot.Catalogue.DueUploads(_time.GetUtcNow(), new BlockNumber(50), int.MaxValue));
        Assert.Equal(1, depot.Catalogue.RemoveDueUploads(depot.Catalogue.DueUploads(_time.GetUtcNow(), new BlockNumber(51), int.MaxValue), _time.GetUtcNow(), new BlockNumber(51)));
        Assert.Equal([second.Root], await depot.DropUnneededAsync(s_keepAll, default));
    }

    [Fact]
    public async Task What_is_promised_after_it_was_seen_to_be_due_stays()
    {
        await using ShardDepot depot = await Open();
        ShardCommitment shard = await Upload(depot, Place(1), 1024);
        DateTimeOffset late = _time.GetUtcNow() + TimeSpan.FromHours(2);
        UploadRecord due = Assert.Single(depot.Catalogue.DueUploads(late, new BlockNumber(10), int.MaxValue));
        Assert.True(depot.Catalogue.AddPromise(due.Id, new PromiseRecord(new BlockNumber(50), "signed")));

        Assert.Equal(0, depot.Catalogue.RemoveDueUploads([due], late, new BlockNumber(10)));

        Assert.Equal(shard, depot.Catalogue.FindUpload(Place(1))!.Shard);
        Assert.Empty(await depot.DropUnneededAsync(s_keepAll, default));
    }

    [Fact]
    public async Task A_shard_on_the_ledger_outlives_its_upload_and_its_end()
    {
        await using ShardDepot depot = await Open();
        ShardCommitment shard = await Upload(depot, Place(1), 1024);
        depot.Catalogue.RemoveUpload(Place(1));
        var range = new LedgerRange(0, 100, shard, new PeriodNumber(3), new PeriodNumber(9));
        depot.Catalogue.ReplaceLedger([range], ("block", "17"));

        Assert.Empty(await depot.DropUnneededAsync(new PeriodNumber(9), default));
        Assert.Equal([range], depot.Catalogue.Ledger());
        Assert.Equal("17", depot.Catalogue.Fact("block"));
        Assert.Equal([shard.Root], await depot.DropUnneededAsync(new PeriodNumber(10), default));
    }

    [Fact]
    public async Task Unopened_leaves_are_counted_for_each_client_and_a_tiny_shard_counts_as_what_it_takes_on_a_disk()
    {
        const int Bytes = (int)ShardCatalogue.LentLeavesMin * MerkleTree.LeafBytes;
        await using ShardDepot depot = await Open();
        ShardCommitment opened = await Upload(depot, Place(1), 2 * Bytes);
        await Upload(depot, Place(2), 3 * Bytes);
        await Upload(depot, Place(3), 256);
        await Upload(depot, new UploadPlace(new DealId(default, 7), 0), 5 * Bytes);
        Assert.Equal((6, 11), InUnits(depot));

        depot.Catalogue.ReplaceLedger([new LedgerRange(0, 1, opened, new PeriodNumber(0), new PeriodNumber(1))]);
        Assert.Equal((4, 9), InUnits(depot));

        await Upload(depot, Place(4), 7 * Bytes);
        Assert.Equal((11, 16), InUnits(depot));
        depot.Catalogue.RemoveUpload(Place(2));
        await Upload(depot, Place(3), 2 * Bytes);
        Assert.Equal((9, 14), InUnits(depot));

        static (long Client, long All) InUnits(ShardDepot depot)
        {
            (long client, long all) = depot.Catalogue.UnopenedLeaves(Place(1).Deal.Client);
            return (client / ShardCatalogue.LentLeavesMin, all / ShardCatalogue.LentLeavesMin);
        }
    }

    [Fact]
    public async Task Uploads_that_are_due_are_forgotten_so_many_at_a_time_and_the_oldest_first()
    {
        await using ShardDepot depot = await Open();
        for (ulong i = 1; i <= 5; i++) await Upload(depot, Place(i), 256 * (int)i);
        DateTimeOffset late = _time.GetUtcNow() + TimeSpan.FromHours(2);
        var forgotten = new List<ulong>();
        while (depot.Catalogue.DueUploads(late, default, countMax: 2) is { Count: > 0 } due)
        {
            Assert.Equal(due.Count, depot.Catalogue.RemoveDueUploads(due, late, default));
            Assert.Equal(0, depot.Catalogue.RemoveDueUploads(due, late, default));
            forgotten.AddRange(due.Select(upload => upload.Place.Deal.Number));
            Assert.InRange(due.Count, 1, 2);
        }

        Assert.Equal([1, 2, 3, 4, 5], forgotten);
        Assert.Equal(5, (await depot.DropUnneededAsync(new PeriodNumber(0), default)).Count);
    }

    private static UploadPlace Place(ulong number) => new(new DealId(Address.Parse("0x00000000000000000000000000000000000000aa"), number), 0);

    private Task<ShardDepot> Open() => Open(1 << 30);

    private Task<ShardDepot> Open(long capacity) => ShardDepot.OpenAsync(new DepotOptions(_folder.Path, capacity), _time, default);

    private async Task<ShardCommitment> Upload(ShardDepot depot, UploadPlace place, int bytes)
    {
        byte[] content = new byte[bytes];
        Random.Shared.NextBytes(content);
        await using ShardUpload upload = (await depot.BeginAsync(place, bytes, default))!;
        Assert.True(await upload.TryAppendAsync(content, default));
        (UploadEnd end, ShardCommitment shard) = await upload.CompleteAsync(_time.GetUtcNow() + TimeSpan.FromHours(1), default);
        Assert.Equal(UploadEnd.Kept, end);
        return shard;
    }
}
