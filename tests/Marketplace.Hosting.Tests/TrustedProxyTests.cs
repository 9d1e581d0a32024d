using System.Net;
using System.Net.Sockets;
using System.Text;
using Marketplace.Hosting.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Marketplace.Hosting.Tests;

/// <summary>A real host behind a proxy at one loopback address, and strangers at others.</summary>
public sealed class TrustedProxyTests : IAsyncLifetime
{
    private const int Burst = 2;
    private const int ConnectionsPerAddressMax = 2;

    private static readonly IPAddress s_proxy = IPAddress.Parse("127.0.0.2");
    private static readonly IPAddress s_stranger = IPAddress.Parse("127.0.0.3");
    private static readonly IPAddress s_other = IPAddress.Parse("127.0.0.4");

    private readonly string _logFile = Path.Combine(Directory.CreateTempSubdirectory("market-proxy-").FullName, "host.log");
    private WebApplication _app = null!;
    private int _port;

    public async Task InitializeAsync()
    {
        var options = new MarketHostOptions
        {
            LogFile = _logFile,
            RequestLimits = new RequestLimits(PerSecond: 0.001, Burst),
            ConnectionsPerAddressMax = ConnectionsPerAddressMax,
            TrustedProxy = s_proxy,
        };
        WebApplicationBuilder builder = MarketHost.CreateBuilder(options);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.UseMarketDefaults(options);
        _app.MapGet("/who", (HttpContext context) => context.Connection.RemoteIpAddress!.ToString());
        await _app.StartAsync();
        _port = MarketHost.AddressesOf(_app)[0].Port;
    }

    public async Task DisposeAsync()
    {
        await _app.DisposeAsync();
        Directory.Delete(Path.GetDirectoryName(_logFile)!, recursive: true);
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("192.0.2.9, 192.0.2.1", "192.0.2.1")]
    [InlineData("unknown, 192.0.2.1", "192.0.2.1")]
    [InlineData("127.0.0.2, 127.0.0.2", "127.0.0.2")]
    [InlineData("192.0.2.1:4711", "192.0.2.1")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("192.0.2.9, unknown", "127.0.0.2")]
    [InlineData("192.0.2.9, 192.0.2.1.evil", "127.0.0.2")]
    [InlineData("", "127.0.0.2")]
    [InlineData(null, "127.0.0.2")]
    public async Task The_proxys_last_entry_is_the_address_that_counts(string? forwarded, string expected)
    {
        Assert.Equal((HttpStatusCode.OK, expected), await AskAsync(s_proxy, forwarded));
    }

    [Fact]
    public async Task Each_of_the_proxys_clients_has_limits_of_its_own()
    {
        for (int i = 0; i < Burst; i++) Assert.Equal(HttpStatusCode.OK, (await AskAsync(s_proxy, "192.0.2.1")).Status);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await AskAsync(s_proxy, "192.0.2.1")).Status);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await AskAsync(s_proxy, "192.0.2.77, 192.0.2.1")).Status);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(s_proxy, "192.0.2.1, 192.0.2.2")).Status);
    }

    [Fact]
    public async Task A_stranger_is_who_it_is_whatever_it_says()
    {
        for (int i = 0; i < Burst; i++) Assert.Equal((HttpStatusCode.OK, s_stranger.ToString()), await AskAsync(s_stranger, $"192.0.2.{i}"));
        Assert.Equal(HttpStatusCode.TooManyRequests, (await AskAsync(s_stranger, "192.0.2.77")).Status);
    }

    [Fact]
    public async Task One_address_has_so_many_connections_and_the_proxy_more()
    {
        var open = new List<Socket>();
        try
        {
            for (int i = 0; i < ConnectionsPerAddressMax; i++)
            {
                open.Add(await ConnectAsync(s_stranger));
                Assert.True(await IsServedAsync(open[^1]));
            }

            using Socket beyond = await ConnectAsync(s_stranger);
            Assert.False(await IsServedAsync(beyond));
            for (int i = 0; i < ConnectionsPerAddressMax + 2; i++)
            {
                open.Add(await ConnectAsync(s_proxy));
                Assert.True(await IsServedAsync(open[^1]));
            }

            open.Add(await ConnectAsync(s_other));
            Assert.True(await IsServedAsync(open[^1]));
        }
        finally
        {
            foreach (Socket one in open) one.Dispose();
        }
    }

    private async Task<(HttpStatusCode Status, string Who)> AskAsync(IPAddress from, string? forwarded)
    {
        using var http = new HttpClient(new SocketsHttpHandler { ConnectCallback = async (_, _) => new NetworkStream(await ConnectAsync(from), ownsSocket: true) });
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{_port}/who");
        if (forwarded is not null) request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwarded);
        using HttpResponseMessage answer = await http.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<Socket> ConnectAsync(IPAddress from)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(IPAddress.Loopback, _port);
        return socket;
    }

    /// <summary>Whether a request gets any answer, 429 included.</summary>
    private static async Task<bool> IsServedAsync(Socket socket)
    {
        try
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes("GET /who HTTP/1.1\r\nHost: a\r\n\r\n"));
            return await socket.ReceiveAsync(new byte[1]) > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
