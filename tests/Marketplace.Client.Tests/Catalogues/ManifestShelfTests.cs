using Marketplace.Client.Catalogues;
using Marketplace.Client.Reading;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Tests.Catalogues;

public sealed class ManifestShelfTests
{
    [Fact]
    public async Task A_manifest_that_is_too_much_is_refused_before_it_is_decoded_and_room_comes_back_when_deals_are_over()
    {
        byte[] bundle = Bundles.Write(writer => writer.AddFolder(EntryName.Parse("a"), new EntryAttributes(1, Bundles.Time)));
        long bytes = await PlainBytesAsync(bundle);
        var shelf = new ManifestShelf((2 * bytes) + 1);
        Assert.NotNull(await FindAsync(1));
        Assert.NotNull(await FindAsync(2));
        Assert.Same(await FindAsync(2), await FindAsync(2));
        Assert.Equal(2 * bytes, shelf.Bytes);

        for (int i = 0; i < 2; i++)
        {
            MarketException refused = await Assert.ThrowsAsync<MarketException>(() => FindAsync(3));
            Assert.Equal(MarketErrorCode.Incomplete, refused.Code);
            Assert.Contains("deal 3", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal(2 * bytes, shelf.Bytes);
        shelf.KeepOnly(new HashSet<ulong> { 2 });
        Assert.Equal(bytes, shelf.Bytes);
        Assert.NotNull(await FindAsync(3));
        Assert.Equal(2 * bytes, shelf.Bytes);

        Task<Manifest?> FindAsync(ulong deal) => shelf.FindAsync(deal, default, admit => ReadAsync(bundle, admit), CancellationToken.None);
    }

    [Fact]
    public async Task Who_asks_at_the_same_time_waits_for_the_same_reading_and_who_gives_up_disturbs_nobody()
    {
        var shelf = new ManifestShelf();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int reads = 0;
        using var giveUp = new CancellationTokenSource();
        Task<Manifest?> first = FindAsync(giveUp.Token);
        Task<Manifest?> second = FindAsync(CancellationToken.None);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        shelf.KeepOnly(new HashSet<ulong>());
        go.SetResult();
        Assert.Null(await second);
        Assert.Null(await FindAsync(CancellationToken.None));
        Assert.Equal(1, reads);

        Task<Manifest?> FindAsync(CancellationToken token) => shelf.FindAsync(
            1,
            default,
            async _ =>
            {
                Interlocked.Increment(ref reads);
                await go.Task;
                return null;
            },
            token);
    }

    [Fact]
    public void The_same_manifests_are_folded_once()
    {
        var shelf = new ManifestShelf();
        DealManifest one = Bundles.Deal(1, "+a"), two = Bundles.Deal(2, "+b");
        Catalogue names = shelf.Fold([one, two]);
        Assert.Same(names, shelf.Fold([two, one]));
        Assert.Equal(["a"], shelf.Fold([one]).Entries.Select(entry => entry.Name));
    }

    private static async Task<long> PlainBytesAsync(byte[] bundle)
    {
        long bytes = 0;
        await ReadAsync(bundle, plain => bytes = plain);
        return bytes;
    }

    private static async Task<Manifest?> ReadAsync(byte[] bundle, Action<long> admit)
    {
        using var keys = Bundles.Keys();
        return await ManifestReader.ReadAsync(
            new ShardGeometry(Redundancy.Default, bundle.Length),
            (offset, destination, _) =>
            {
                bundle.AsSpan((int)offset, destination.Length).CopyTo(destination.Span);
                return Task.CompletedTask;
            },
            keys,
            null,
            CancellationToken.None,
            admit);
    }
}
