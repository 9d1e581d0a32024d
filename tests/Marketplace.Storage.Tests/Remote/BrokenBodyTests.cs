using System.Net;
using System.Net.Sockets;
using System.Text;
using Marketplace.Storage.Buckets;
using Marketplace.Storage.Ipfs;

namespace Marketplace.Storage.Tests.Remote;

/// <summary>Answers that break off in the middle: the storage is away, whatever lies there.</summary>
public sealed class BrokenBodyTests : IDisposable
{
    private static readonly byte[] s_body = Encoding.ASCII.GetBytes(new string('a', 1000));

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Uri _url;
    private int _broken;
    private int _answers;

    public BrokenBodyTests()
    {
        _listener.Start();
        _url = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _ = ServeAsync();
    }

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task A_download_from_a_bucket_that_breaks_off_is_tried_again()
    {
        using var parts = new BucketPartStore(new BucketAddress(_url, "shards", "key", "secret"));
        _broken = 1;
        Assert.Equal(s_body, await parts.GetAsync("piece", default));
        Assert.Equal(2, _answers);
    }

    [Fact]
    public async Task A_bucket_whose_downloads_break_off_is_away()
    {
        using var parts = new BucketPartStore(new BucketAddress(_url, "shards", "key", "secret"));
        _broken = int.MaxValue;
        await Assert.ThrowsAsync<StorageAwayException>(() => parts.GetAsync("piece", default));
    }

    [Fact]
    public async Task An_IPFS_node_whose_answers_break_off_is_away()
    {
        using var client = new IpfsClient(_url);
        _broken = int.MaxValue;
        await Assert.ThrowsAsync<StorageAwayException>(() => client.Block.GetAsync("bafkreigh2akiscaildc"));
        await Assert.ThrowsAsync<StorageAwayException>(() => new IpfsPartStore(client).GetAsync("bafkreigh2akiscaildc", default));
    }

    [Fact]
    public async Task A_service_that_knows_no_ranges_gives_the_whole_piece()
    {
        using var parts = new BucketPartStore(new BucketAddress(_url, "shards", "key", "secret"));
        PartSlice slice = (await parts.GetSomeAsync("piece", 100, 50, default))!.Value;
        Assert.Equal((0, 1000), (slice.From, slice.Bytes.Length));
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using Socket socket = await _listener.AcceptSocketAsync();
                byte[] request = new byte[16_384];
                for (int read = 0; !Encoding.ASCII.GetString(request, 0, read).Contains("\r\n\r\n", StringComparison.Ordinal);) read += await socket.ReceiveAsync(request.AsMemory(read));
                await socket.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {s_body.Length}\r\nConnection: close\r\n\r\n"));
                await socket.SendAsync(Interlocked.Increment(ref _answers) <= _broken ? s_body.AsMemory(0, 100) : s_body);
                socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
