using Marketplace.Peers;
using Marketplace.Storage.Ipfs;

namespace Marketplace.Storage.Tests.Remote;

public sealed class IpfsShardStoreTests : RemoteShardStoreContract, IClassFixture<IpfsServer>
{
    private static readonly TimeSpan s_blockTimeout = TimeSpan.FromSeconds(1);

    private readonly IpfsClient _client;
    private readonly HashSet<string> _before;

    public IpfsShardStoreTests(IpfsServer server)
    {
        _client = new IpfsClient(server.Url, s_blockTimeout);
        Parts = new IpfsPartStore(_client);
        _before = [.. _client.Pin.LsAsync().GetAwaiter().GetResult()];
    }

    protected override IPartStore Parts { get; }

    protected override bool CanDamageInPlace => false;

    public override void Dispose()
    {
        // The server is shared by the tests of this class; each sees only its own pieces.
        foreach (string cid in AllPieces()) Parts.DeleteAsync(cid, default).GetAwaiter().GetResult();
        _client.Dispose();
        base.Dispose();
    }

    [Fact]
    public async Task The_node_speaks_of_blocks_and_pins_as_Kubo_does()
    {
        byte[] block = RandomBytes(1000);
        string cid = await _client.Block.PutAsync(block);
        Assert.Equal(Parts.AddressOf("", 0, block), cid);
        Assert.Equal(block, await _client.Block.GetAsync(cid));
        await _client.Pin.AddAsync(cid);
        Assert.Contains(cid, await _client.Pin.LsAsync());
        await _client.Pin.RmAsync(cid);
        await _client.Pin.RmAsync(cid);
        await _client.Block.RmAsync(cid);
        await _client.Block.RmAsync(cid);
        // Kubo says at once that it has none; ipfs-core looks for it until its time is over.
        await Assert.ThrowsAsync<StorageAwayException>(() => _client.Block.GetAsync(cid));
        Assert.NotEmpty(await _client.VersionAsync());
    }

    [Fact]
    public async Task A_node_that_is_gone_is_an_input_output_failure()
    {
        using var nobody = new IpfsClient(new Uri("http://127.0.0.1:9"));
        await Assert.ThrowsAsync<StorageAwayException>(() => nobody.VersionAsync());
        await Assert.ThrowsAsync<StorageAwayException>(() => nobody.Block.GetAsync("bafkreigh2akiscaildc"));
    }

    protected override IReadOnlyList<string> AllPieces() => [.. _client.Pin.LsAsync().GetAwaiter().GetResult().Where(cid => !_before.Contains(cid))];
}
