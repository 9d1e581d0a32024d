using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage.Tests;

public sealed class FileShardStoreTests : ShardStoreContract, IDisposable
{
    private readonly TempFolder _folder = new();

    public FileShardStoreTests()
    {
        Store = new FileShardStore(_folder.Path);
        Store.RecoverAsync(_ => true, default).AsTask().GetAwaiter().GetResult();
    }

    protected override IShardStore Store { get; }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_file_that_was_cut_short_is_corrupt()
    {
        ShardCommitment commitment = await Take(RandomBytes(64 * 1024));
        using (FileStream file = File.OpenWrite(PathOf(commitment.Root, ".shard"))) file.SetLength(1000);
        using IShardContent content = (await Store.OpenAsync(commitment, default))!;

        Assert.Equal(ShardRead.Corrupt, content.ReadRange(128, new byte[256], new byte[RangeProof.SizeBytesMax]));
        Assert.Null(await content.RehashAsync(default));
    }

    [Fact]
    public async Task A_folder_of_somebody_else_is_refused()
    {
        await Store.MarkAsync("volume 0 of node 7", default);
        MarketException e = await Assert.ThrowsAsync<MarketException>(() => Reopen().MarkAsync("volume 0 of node 8", default).AsTask());
        Assert.Contains("volume 0 of node 7", e.Message, StringComparison.Ordinal);
        await Reopen().UnmarkAsync("volume 0 of node 8", default);
        Assert.Equal(StoreMark.Here, await Store.FindMarkAsync("volume 0 of node 7", default));
    }

    protected override IShardStore Reopen() => new FileShardStore(_folder.Path);

    protected override void Damage(Root root, long offset) => Flip(PathOf(root, ".shard"), offset);

    protected override void DamageTree(Root root, bool isGone)
    {
        if (isGone) File.Delete(PathOf(root, ".tree"));
        else Flip(PathOf(root, ".tree"), SidecarLayout.HeaderBytes);
    }

    protected override bool HasGarbage()
    {
        string[] files = Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories);
        return files.Any(file => file.Contains("arriving", StringComparison.Ordinal)) ||
            files.Select(Path.GetFileNameWithoutExtension).GroupBy(name => name).Any(pair => pair.Count() != 2);
    }

    private static void Flip(string path, long offset)
    {
        using FileStream file = File.Open(path, FileMode.Open);
        file.Position = offset;
        int was = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(was ^ 1));
    }

    private string PathOf(Root root, string suffix)
    {
        string name = root.ToString()[2..];
        return Path.Combine(_folder.Path, "shards", name[..2], name + suffix);
    }
}

internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("market-storage-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
