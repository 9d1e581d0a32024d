using System.Text;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage.Tests.Remote;

/// <summary>What every store of pieces owes, beside the suite of all stores.</summary>
public abstract class RemoteShardStoreContract : ShardStoreContract, IDisposable
{
    private const string Owner = "the tests";

    private readonly TempFolder _folder = new();
    private readonly Lazy<IShardStore> _store;

    // Lazily, because the pieces are the derived class's; once, because two stores would not see each other's locks.
    protected RemoteShardStoreContract() => _store = new Lazy<IShardStore>(Reopen);

    protected override IShardStore Store => _store.Value;

    protected abstract IPartStore Parts { get; }

    public virtual void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_lost_index_is_rebuilt_from_the_storage_and_every_byte_checked()
    {
        var taken = new HashSet<ShardCommitment> { await Take(RandomBytes(512)), await Take(RandomBytes(3 << 20)) };
        ShardCommitment damaged = await Take(RandomBytes(64 * 1024));
        if (CanDamageInPlace) Damage(damaged.Root, 0);
        Directory.Delete(_folder.Path, recursive: true);

        IShardStore after = Reopen();
        var found = new HashSet<ShardCommitment>();
        await foreach (ShardCommitment shard in after.ScanAsync(default)) found.Add(shard);
        if (CanDamageInPlace) Assert.DoesNotContain(damaged, found);
        found.Remove(damaged);

        Assert.Equal(taken, found);
        foreach (ShardCommitment shard in taken)
        {
            using IShardContent content = (await after.OpenAsync(shard, default))!;
            Assert.Equal(ShardRead.Good, content.ReadRange(0, new byte[256], new byte[RangeProof.SizeBytesMax]));
            Assert.Equal(shard, await content.RehashAsync(default));
        }
    }

    [Fact]
    public async Task What_is_gone_from_the_storage_is_corrupt_and_not_a_failure()
    {
        ShardCommitment commitment = await Take(RandomBytes(4096));
        await Parts.DeleteAsync(AddressesOf(commitment.Root)[0], default);
        using IShardContent content = (await Store.OpenAsync(commitment, default))!;

        Assert.Equal(ShardRead.Corrupt, content.ReadRange(0, new byte[256], new byte[RangeProof.SizeBytesMax]));
        Assert.Null(await content.RehashAsync(default));
    }

    [Fact]
    public async Task Those_who_share_a_storage_find_only_their_own_again()
    {
        string mark = $"volume 0 of the tests {Guid.NewGuid()}";
        await Store.MarkAsync(mark, default);
        ShardCommitment mine = await Take(RandomBytes(4096));
        using (var elsewhere = new TempFolder())
        {
            var other = new RemoteShardStore(Parts, elsewhere.Path, "somebody else");
            Assert.Empty(other.ScanAsync(default).ToBlockingEnumerable());
        }

        Directory.Delete(_folder.Path, recursive: true);
        IShardStore after = Reopen();
        Assert.Equal(StoreMark.WithoutIndex, await after.FindMarkAsync(mark, default));
        Assert.Equal([mine], after.ScanAsync(default).ToBlockingEnumerable());
        await after.MarkAsync(mark, default);
        Assert.Equal(StoreMark.Here, await Reopen().FindMarkAsync(mark, default));
        await after.UnmarkAsync(mark, default);
    }

    [Fact]
    public async Task A_storage_that_does_not_answer_says_nothing_about_its_bytes()
    {
        ShardCommitment commitment = await Take(RandomBytes(4096));
        var parts = new FaultyParts(Parts);
        var store = new RemoteShardStore(parts, _folder.Path, Owner);
        using IShardContent content = (await store.OpenAsync(commitment, default))!;
        parts.FailAt = 0;

        Assert.Throws<StorageAwayException>(() => content.ReadRange(0, new byte[256], new byte[RangeProof.SizeBytesMax]));
        await Assert.ThrowsAsync<StorageAwayException>(() => content.RehashAsync(default).AsTask());
        parts.FailAt = null;
        Assert.Equal(commitment, await content.RehashAsync(default));
    }

    [Fact]
    public async Task What_is_acknowledged_is_there_and_nothing_else_whichever_call_fails()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(60));
        var acknowledged = new Dictionary<ulong, ShardCommitment>();
        var parts = new FaultyParts(Parts);
        bool wasReached = true;
        for (int failing = 0; wasReached; failing++)
        {
            // Nothing answers any more from some call on; the next process puts in order what that left.
            parts.FailAt = null;
            await using ShardDepot depot = await OpenAsync();
            parts.FailAt = parts.Calls + failing;
            ulong number = (ulong)failing + 1;
            try
            {
                await using ShardUpload upload = (await depot.BeginAsync(Place(number), 40_960, default))!;
                await upload.TryAppendAsync(RandomBytes(40_960), default);
                acknowledged[number] = (await upload.CompleteAsync(time.GetUtcNow() + TimeSpan.FromHours(1), default)).Shard;
                wasReached = false;
            }
            catch (StorageAwayException)
            {
                // Not acknowledged.
            }
        }

        parts.FailAt = null;
        long before = parts.Calls;
        await using (ShardDepot depot = await OpenAsync())
        {
            // However much is held, a start asks the storage nothing but whether it is the right one.
            Assert.Equal(before + 1, parts.Calls);
            Assert.NotEmpty(acknowledged);
            foreach ((ulong number, ShardCommitment shard) in acknowledged)
            {
                Assert.Equal(shard, depot.Catalogue.FindUpload(Place(number))!.Shard);
                using IShardContent content = (await depot.OpenAsync(shard.Root, default))!;
                Assert.Equal(shard, await content.RehashAsync(default));
            }

            // An upload that failed after it was recorded is there, too, until it expires; nothing else is.
            DateTimeOffset late = time.GetUtcNow() + TimeSpan.FromHours(1);
            depot.Catalogue.RemoveDueUploads([.. depot.Catalogue.DueUploads(late, default, int.MaxValue).Where(due => !acknowledged.ContainsKey(due.Place.Deal.Number))], late, default);
            await depot.DropUnneededAsync(new PeriodNumber(0), default);
            Assert.Equal(acknowledged.Values.Select(shard => shard.Root).Order(), depot.Catalogue.All().Select(shard => shard.Root).Order());
            await depot.RemoveVolumeAsync(0, force: true, default);
        }

        await new RemoteShardStore(parts, _folder.Path, Owner).UnmarkAsync($"volume 0 of {Owner}", default);
        Assert.False(HasGarbage());

        Task<ShardDepot> OpenAsync() => ShardDepot.OpenAsync(
            new DepotOptions(Path.Combine(_folder.Path, "depot"), 0) { Owner = Owner },
            [new DepotVolume(0, new RemoteShardStore(parts, _folder.Path, Owner), 1 << 30)], time, default);
    }

    /// <summary>The addresses of all that lies in the storage.</summary>
    protected abstract IReadOnlyList<string> AllPieces();

    /// <summary>Whether a piece can be changed under its own address.</summary>
    protected virtual bool CanDamageInPlace => true;

    protected override IShardStore Reopen() => new RemoteShardStore(Parts, _folder.Path, Owner);

    protected override void Damage(Root root, long offset)
    {
        int partBytes = (Parts.PartBytesMax - RemoteShardStore.PieceHeadBytes) / 256 * 256;
        string[] addresses = AddressesOf(root);
        int index = (int)(offset / partBytes);
        byte[] piece = Parts.GetAsync(addresses[index], default).GetAwaiter().GetResult()!;
        piece[RemoteShardStore.PieceHeadBytes + (offset % partBytes)] ^= 1;
        string address = Parts.AddressOf(Convert.ToHexStringLower(piece.AsSpan(0, RemoteShardStore.PieceHeadBytes)), index, piece);
        Parts.PutAsync(address, piece, default).GetAwaiter().GetResult();
        if (address != addresses[index]) Parts.DeleteAsync(addresses[index], default).GetAwaiter().GetResult();
        addresses[index] = address;
        File.WriteAllText(PathOf(root, RemoteShardStore.PartsSuffix), string.Concat(addresses.Select(one => one + "\n")));
    }

    protected override void DamageTree(Root root, bool isGone)
    {
        string path = PathOf(root, RemoteShardStore.TreeSuffix);
        if (isGone)
        {
            File.Delete(path);
            return;
        }

        byte[] tree = File.ReadAllBytes(path);
        tree[SidecarLayout.HeaderBytes] ^= 1;
        File.WriteAllBytes(path, tree);
    }

    protected override bool HasGarbage()
    {
        bool local = Directory.GetFiles(Path.Combine(_folder.Path, "arriving")).Length > 0 || Directory.GetFiles(Path.Combine(_folder.Path, "leaving")).Length > 0;
        var named = new HashSet<string>();
        foreach (string file in Directory.GetFiles(Path.Combine(_folder.Path, "index"), "*" + RemoteShardStore.RecordSuffix, SearchOption.AllDirectories))
        {
            byte[] bytes = File.ReadAllBytes(file);
            ShardParts record = ShardParts.TryRead(bytes)!;
            named.Add(Parts.RecordAddressOf(record.Id, bytes));
            named.UnionWith(record.Lists);
            named.UnionWith(AddressesOf(record.Shard.Root));
        }

        named.SymmetricExceptWith(AllPieces());
        return local || named.Count > 0;
    }

    private static UploadPlace Place(ulong number) => new(new DealId(Address.Parse("0x00000000000000000000000000000000000000aa"), number), 0);

    private string[] AddressesOf(Root root) => File.ReadAllText(PathOf(root, RemoteShardStore.PartsSuffix), Encoding.ASCII).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private string PathOf(Root root, string suffix)
    {
        string name = root.ToString()[2..];
        return Path.Combine(_folder.Path, "index", name[..2], name + suffix);
    }
}
