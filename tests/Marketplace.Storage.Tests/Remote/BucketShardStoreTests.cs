using Marketplace.Peers;
using Marketplace.Storage.Buckets;

namespace Marketplace.Storage.Tests.Remote;

public sealed class BucketShardStoreTests : RemoteShardStoreContract, IClassFixture<S3Server>
{
    private readonly BucketPartStore _parts;

    public BucketShardStoreTests(S3Server server) => _parts = new BucketPartStore(new BucketAddress(server.Url, "shards", "S3RVER", "S3RVER", Guid.NewGuid().ToString("N") + "/"));

    protected override IPartStore Parts => _parts;

    public override void Dispose()
    {
        _parts.Dispose();
        base.Dispose();
    }

    [Fact]
    public async Task Some_of_a_piece_comes_without_the_rest()
    {
        byte[] piece = RandomBytes(100_000);
        string address = _parts.AddressOf(new string('0', 32), 0, piece);
        await _parts.PutAsync(address, piece, default);
        PartSlice slice = (await _parts.GetSomeAsync(address, 40_000, 1_000, default))!.Value;
        Assert.Equal(40_000, slice.From);
        Assert.Equal(piece[40_000..41_000], slice.Bytes);
        Assert.Empty((await _parts.GetSomeAsync(address, 200_000, 10, default))!.Value.Bytes);
        await _parts.DeleteAsync(address, default);
        Assert.Null(await _parts.GetSomeAsync(address, 0, 10, default));
    }

    [Fact]
    public void An_address_does_not_tell_its_key() =>
        Assert.DoesNotContain("secret", new BucketAddress(new Uri("https://s3.example/"), "b", "name", "secret").ToString(), StringComparison.Ordinal);

    protected override IReadOnlyList<string> AllPieces() => _parts.NamesAsync("", default).ToBlockingEnumerable().ToList();
}
