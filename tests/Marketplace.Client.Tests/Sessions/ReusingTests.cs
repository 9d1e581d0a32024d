using Marketplace.Client.Json;
using Marketplace.Client.Sessions;
using Marketplace.Client.Sources;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Client.Tests.Sessions;

[Collection(RunningMarketCollection.Name)]
public sealed class ReusingTests(RunningMarket market) : IDisposable
{
    private static readonly PutTerms s_terms = new(Redundancy.Default, TimeSpan.FromHours(1));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_folder_that_hardly_changed_is_hardly_stored_and_all_of_it_comes_back()
    {
        for (int i = 0; i < 60; i++) Write($"again/{i}", 20_000, i);
        byte[] big = Write("again/big", 12_000_000, 99);
        Settle();
        StorageClient client = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        PutReport first = await client.PutAsync(SourceTree.Walk([_folder["again"]], null), s_terms);
        Assert.Equal(first.Objects[0].Bytes, first.NewBytes);

        Write("again/7", 21_000, 1007);
        byte[] changed = [.. big[..5_000_000], 1, .. big[5_000_000..]];
        File.WriteAllBytes(_folder["again/big"], changed);
        Settle();
        StorageClient later = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        PutReport second = await later.PutAsync(SourceTree.Walk([_folder["again"]], null), s_terms);
        Assert.Null(second.Error);
        Assert.Equal(first.Objects[0].Bytes + 1001, second.Objects[0].Bytes);
        Assert.InRange(second.NewBytes, 21_000, 9_000_000);

        PutReport third = await later.PutAsync(SourceTree.Walk([_folder["again"]], null), s_terms);
        Assert.Equal(0, third.NewBytes);
        StorageClient elsewhere = await market.OpenAsync(market.ClientAccount);
        await elsewhere.GetAsync("again", _folder["back"], force: false);
        foreach (string path in Directory.EnumerateFiles(_folder["again"]))
            Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(Path.Combine(_folder["back"], Path.GetFileName(path))));

        StatReport stat = await elsewhere.StatAsync("again");
        Assert.True(stat.Deals.Count >= 2);
        Assert.True(stat.PaidUntil >= third.Until);
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_folder_that_was_moved_and_touched_is_not_stored_again()
    {
        for (int i = 0; i < 20; i++) Write($"before/{i}", 20_000, i);
        Write("before/big", 3_000_000, 99);
        Settle();
        StorageClient client = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        await client.PutAsync(SourceTree.Walk([_folder["before"]], null), s_terms);

        Directory.Move(_folder["before"], _folder["after"]);
        File.SetLastWriteTimeUtc(_folder["after/big"], new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        PutReport second = await client.PutAsync(SourceTree.Walk([_folder["after"]], null), s_terms with { Level = 0 });
        Assert.Null(second.Error);
        Assert.Equal(0, second.NewBytes);
        File.SetLastWriteTimeUtc(_folder["after/7"], new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.Equal(0, (await client.PutAsync(SourceTree.Walk([_folder["after"]], null), s_terms)).NewBytes);

        StorageClient elsewhere = await market.OpenAsync(market.ClientAccount);
        await elsewhere.GetAsync("after", _folder["back"], force: false);
        foreach (string path in Directory.EnumerateFiles(_folder["after"]))
            Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(Path.Combine(_folder["back"], Path.GetFileName(path))));
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task Without_a_home_or_with_a_lost_index_everything_is_stored_again()
    {
        Write("lost/a", 300_000, 1);
        Settle();
        StorageClient client = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        await client.PutAsync(SourceTree.Walk([_folder["lost"]], null), s_terms);
        File.WriteAllText(_folder["home/known/contents"], "not an index");
        PutReport second = await client.PutAsync(SourceTree.Walk([_folder["lost"]], null), s_terms);
        Assert.Equal(300_000, second.NewBytes);
        StorageClient homeless = await market.OpenAsync(market.ClientAccount);
        Assert.Equal(300_000, (await homeless.PutAsync(SourceTree.Walk([_folder["lost"]], null), s_terms)).NewBytes);
    }

    /// <summary>Ages all files, so that their marks are trusted: the time that counts is the file system's own and cannot be set.</summary>
    private static void Settle() => Thread.Sleep(FileMark.Settled * 2);

    private byte[] Write(string name, int bytes, int seed)
    {
        byte[] content = new byte[bytes];
        new Random(seed).NextBytes(content);
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], content);
        return content;
    }
}
