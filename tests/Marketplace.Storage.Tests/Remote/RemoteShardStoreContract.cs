using System.Text;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage.Tests.Remote;

/// <summary>What every store of pieces owes, beside the suite of all stores.</summary>
public abstract class RemoteShardStoreContract : ShardStoreContract, IDisposable
{
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

    /// <summary>The addresses of all that lies in the storage.</summary>
    protected abstract IReadOnlyList<string> AllPieces();

    /// <summary>Whether a piece can be changed under its own address.</summary>
    protected virtual bool CanDamageInPlace => true;

    protected override IShardStore Reopen() => new RemoteShardStore(Parts, _folder.Path);

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

    private string[] AddressesOf(Root root) => File.ReadAllText(PathOf(root, RemoteShardStore.PartsSuffix), Encoding.ASCII).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private string PathOf(Root root, string suffix)
    {
        string name = root.ToString()[2..];
        return Path.Combine(_folder.Path, "index", name[..2], name + suffix);
    }
}
