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
    public void An_address_does_not_tell_its_key() =>
        Assert.DoesNotContain("secret", new BucketAddress(new Uri("https://s3.example/"), "b", "name", "secret").ToString(), StringComparison.Ordinal);

    protected override IReadOnlyList<string> AllPieces() => _parts.NamesAsync("", default).ToBlockingEnumerable().ToList();
}
