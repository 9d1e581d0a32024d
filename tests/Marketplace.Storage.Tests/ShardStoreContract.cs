using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage.Tests;

/// <summary>What every kind of store owes its depot. Each implementation inherits this suite.</summary>
public abstract class ShardStoreContract
{
    /// <summary>Sizes around the boundaries of leaf, block and level.</summary>
    public static TheoryData<int> Sizes => new(256, 512, 16 * 1024 - 256, 16 * 1024, 16 * 1024 + 256, 3 * 16 * 1024, 1 << 20, (5 << 20) + 256);

    protected abstract IShardStore Store { get; }

    /// <summary>The same storage as a new process would see it.</summary>
    protected abstract IShardStore Reopen();

    /// <summary>Changes one byte of a kept shard behind the store's back.</summary>
    protected abstract void Damage(Root root, long offset);

    /// <summary>Flips a bit in the tree of a kept shard, or removes it.</summary>
    protected abstract void DamageTree(Root root, bool isGone);

    /// <summary>Whether anything lies in the storage that is not a kept shard.</summary>
    protected abstract bool HasGarbage();

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task What_was_taken_is_read_back(int bytes)
    {
        byte[] shard = RandomBytes(bytes);
        ShardCommitment commitment = await Take(shard, pieces: 7001);
        Assert.Equal(MerkleTree.Commit(shard), commitment);

        using IShardContent content = (await Store.OpenAsync(commitment, default))!;
        byte[] got = new byte[bytes];
        content.ReadShard(0, got);

        Assert.Equal(shard, got);
        Assert.Equal(commitment, await content.RehashAsync(default));
    }

    [Fact]
    public async Task Any_range_comes_with_a_proof_that_others_accept()
    {
        byte[] shard = RandomBytes(100 * 256 * 3);
        ShardCommitment commitment = await Take(shard);
        using IShardContent content = (await Store.OpenAsync(commitment, default))!;
        byte[] proof = new byte[RangeProof.SizeBytesMax];
        foreach ((int first, int leaves) in new[] { (0, 300), (0, 1), (299, 1), (63, 2), (64, 64), (17, 200) })
        {
            byte[] data = new byte[leaves * 256];
            Assert.Equal(ShardRead.Good, content.ReadRange(first, data, proof));
            Assert.Equal(shard[(first * 256)..][..data.Length], data);
            Assert.True(RangeProof.Verify(commitment, first, data, proof.AsSpan(0, RangeProof.SizeBytes(300, first, leaves))));
        }
    }

    [Fact]
    public async Task A_changed_byte_is_noticed_where_it_is_read()
    {
        byte[] shard = RandomBytes(64 * 1024);
        ShardCommitment commitment = await Take(shard);
        Damage(commitment.Root, 40_000);
        using IShardContent content = (await Store.OpenAsync(commitment, default))!;
        byte[] proof = new byte[RangeProof.SizeBytesMax];

        Assert.Equal(ShardRead.Corrupt, content.ReadRange(40_000 / 256, new byte[256], proof));
        Assert.Equal(ShardRead.Corrupt, content.ReadRange(0, new byte[64 * 1024], proof));
        Assert.NotEqual(commitment, await content.RehashAsync(default));
    }

    [Fact]
    public async Task Taking_a_damaged_shard_again_heals_it()
    {
        byte[] shard = RandomBytes(64 * 1024);
        ShardCommitment commitment = await Take(shard);
        Damage(commitment.Root, 0);
        await Take(shard);

        using IShardContent content = (await Store.OpenAsync(commitment, default))!;
        Assert.Equal(commitment, await content.RehashAsync(default));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_tree_that_is_damaged_or_gone_is_made_anew_from_the_bytes(bool isGone)
    {
        ShardCommitment commitment = await Take(RandomBytes(3 << 20));
        DamageTree(commitment.Root, isGone);
        using (IShardContent content = (await Store.OpenAsync(commitment, default))!)
        {
            Assert.Equal((commitment, false), await content.CheckAsync(null, default));
            Assert.Equal(ShardRead.Corrupt, content.ReadRange(64, new byte[256], new byte[RangeProof.SizeBytesMax]));
        }

        Assert.True(await Store.MendTreeAsync(commitment, null, default));

        using IShardContent mended = (await Store.OpenAsync(commitment, default))!;
        Assert.Equal((commitment, true), await mended.CheckAsync(null, default));
        Assert.Equal(ShardRead.Good, mended.ReadRange(64, new byte[256], new byte[RangeProof.SizeBytesMax]));
        Assert.False(HasGarbage());
    }

    [Fact]
    public async Task No_tree_is_made_for_bytes_that_are_not_right()
    {
        ShardCommitment commitment = await Take(RandomBytes(64 * 1024));
        Damage(commitment.Root, 300);
        DamageTree(commitment.Root, isGone: false);

        Assert.False(await Store.MendTreeAsync(commitment, null, default));
        Assert.False(await Store.MendTreeAsync(MerkleTree.Commit(RandomBytes(512)), null, default));
        Assert.False(HasGarbage());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(257)]
    public async Task What_is_not_whole_leaves_is_no_shard(int bytes)
    {
        await using (IShardIntake intake = await Store.BeginAsync(default))
        {
            await intake.AppendAsync(new byte[bytes], default);
            Assert.Null(await intake.SealAsync(default));
        }

        Assert.False(HasGarbage());
    }

    [Fact]
    public async Task What_is_given_up_leaves_nothing()
    {
        await using (IShardIntake intake = await Store.BeginAsync(default)) await intake.AppendAsync(RandomBytes(100_000), default);
        await using (IShardIntake intake = await Store.BeginAsync(default))
        {
            await intake.AppendAsync(RandomBytes(1024), default);
            ShardCommitment commitment = (await intake.SealAsync(default))!.Value;
            Assert.Null(await Store.OpenAsync(commitment, default));
        }

        Assert.False(HasGarbage());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_a_crash_only_what_was_recorded_is_kept(bool recorded)
    {
        byte[] shard = RandomBytes(70_000 / 256 * 256);
        IShardIntake unsealed = await Store.BeginAsync(default);
        await unsealed.AppendAsync(shard, default);
        IShardIntake lost = await Store.BeginAsync(default);
        await lost.AppendAsync(shard, default);
        ShardCommitment commitment = (await lost.SealAsync(default))!.Value;

        IShardStore after = Reopen();
        await after.RecoverAsync(root => recorded && root == commitment.Root, default);

        using IShardContent? content = await after.OpenAsync(commitment, default);
        Assert.Equal(recorded, content is not null);
        if (content is not null) Assert.Equal(commitment, await content.RehashAsync(default));
        Assert.False(HasGarbage());
    }

    [Fact]
    public async Task A_deleted_shard_is_gone_and_may_be_deleted_again()
    {
        ShardCommitment commitment = await Take(RandomBytes(4096));
        await Store.DeleteAsync(commitment.Root, default);
        await Store.DeleteAsync(commitment.Root, default);

        Assert.Null(await Reopen().OpenAsync(commitment, default));
        Assert.False(HasGarbage());
    }

    [Fact]
    public async Task A_reader_finishes_although_the_shard_is_deleted()
    {
        ShardCommitment commitment = await Take(RandomBytes(64 * 1024));
        using IShardContent content = (await Store.OpenAsync(commitment, default))!;
        await Store.DeleteAsync(commitment.Root, default);

        Assert.Equal(commitment, await content.RehashAsync(default));
    }

    [Fact]
    public async Task The_storage_itself_tells_what_it_keeps()
    {
        var taken = new HashSet<ShardCommitment>();
        for (int i = 1; i <= 5; i++) taken.Add(await Take(RandomBytes(i * 512)));

        var found = new HashSet<ShardCommitment>();
        await foreach (ShardCommitment shard in Reopen().ScanAsync(default)) found.Add(shard);

        Assert.Equal(taken, found);
    }

    [Fact]
    public async Task A_mark_is_found_by_the_next_process_until_it_is_taken_away()
    {
        string mark = $"volume 1 of the tests {Guid.NewGuid()}";
        Assert.Equal(StoreMark.Absent, await Store.FindMarkAsync(mark, default));
        await Store.UnmarkAsync(mark, default);
        await Store.MarkAsync(mark, default);
        await Store.MarkAsync(mark, default);

        Assert.Equal(StoreMark.Here, await Reopen().FindMarkAsync(mark, default));
        Assert.True(await Reopen().FindMarkAsync(mark + "0", default) is StoreMark.Absent or StoreMark.Foreign);
        Assert.Empty(Reopen().ScanAsync(default).ToBlockingEnumerable());

        await Reopen().UnmarkAsync(mark, default);
        Assert.Equal(StoreMark.Absent, await Store.FindMarkAsync(mark, default));
    }

    [Fact]
    public async Task Many_at_once_do_not_mix()
    {
        byte[] same = RandomBytes(20_480);
        ShardCommitment[] taken = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => Take(i % 2 == 0 ? same : RandomBytes(1024 * (i + 1))))));

        foreach (ShardCommitment commitment in taken)
        {
            using IShardContent content = (await Store.OpenAsync(commitment, default))!;
            Assert.Equal(commitment, await content.RehashAsync(default));
        }

        Assert.False(HasGarbage());
    }

    protected static byte[] RandomBytes(int count)
    {
        byte[] bytes = new byte[count];
        Random.Shared.NextBytes(bytes);
        return bytes;
    }

    protected async Task<ShardCommitment> Take(byte[] shard, int pieces = 65536)
    {
        await using IShardIntake intake = await Store.BeginAsync(default);
        for (int at = 0; at < shard.Length; at += pieces) await intake.AppendAsync(shard.AsMemory(at, Math.Min(pieces, shard.Length - at)), default);
        Assert.Equal(shard.Length, intake.Bytes);
        ShardCommitment commitment = (await intake.SealAsync(default))!.Value;
        await intake.KeepAsync(default);
        return commitment;
    }
}
