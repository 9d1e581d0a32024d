using System.Net;
using System.Net.Sockets;
using System.Text;
using Marketplace.Domain;
using Marketplace.Gateway.Objects;
using Microsoft.Extensions.DependencyInjection;

namespace Marketplace.Gateway.Tests;

/// <summary>Readers that are slow or very many, over real sockets.</summary>
[Collection(RealMarketCollection.Name)]
public sealed class ReadGateTests(RealMarket market)
{
    private const int LongBytes = 24 << 20;

    [Fact]
    public async Task Who_does_not_take_what_it_asked_for_is_cut_off_and_leaves_its_turn()
    {
        // A pace at which only the grace counts.
        await using RunningGateway gateway = await RunningGateway.StartAsync(
            market, options => options with { BytesPerSecondMin = 1L << 40, Grace = TimeSpan.FromSeconds(3) });
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync(gateway.Url);
        await http.PutObjectAsync("long", Signed.Bytes(LongBytes));
        Socket[] still = await Task.WhenAll(Enumerable.Range(0, ReadGate.RunningPerClientMax).Select(_ => AskAsync(gateway.Url, http, "long")));
        try
        {
            // All turns of the client, which are free when the last of them is cut off.
            ReadGate gate = gateway.Services.GetRequiredService<ReadGate>();
            for (int i = 0; i < ReadGate.RunningPerClientMax; i++)
                Assert.NotNull(await gate.EnterAsync(client.Address, default).WaitAsync(TimeSpan.FromSeconds(60)));
            foreach (Socket reader in still) Assert.InRange(await TakeAllAsync(reader), 1, LongBytes - 1);
        }
        finally
        {
            foreach (Socket reader in still) reader.Dispose();
        }
    }

    [Fact]
    public async Task Who_comes_while_too_many_read_is_told_to_come_back()
    {
        await using RunningGateway gateway = await RunningGateway.StartAsync(market);
        RealClient client = await market.NewClientAsync();
        using HttpClient http = await client.SignInAsync(gateway.Url);
        byte[] bytes = Signed.Bytes(1000);
        await http.PutObjectAsync("a", bytes);
        ReadGate gate = gateway.Services.GetRequiredService<ReadGate>();
        var passes = new List<IDisposable>();
        for (int i = 0; i < ReadGate.RunningMax; i++)
            passes.Add(Assert.IsType<IDisposable>(await gate.EnterAsync(Address.Parse($"0x{i:x40}"), default), exactMatch: false));

        using HttpResponseMessage refused = await http.GetAsync("/v1/objects/a");
        Assert.Equal("tooManyReads", (await refused.ErrorAsync(HttpStatusCode.ServiceUnavailable, "failed")).Reason());
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Null(refused.Headers.ETag);
        using HttpResponseMessage head = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/objects/a"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, head.StatusCode);
        using HttpResponseMessage list = await http.GetAsync("/v1/objects");
        Assert.Equal("tooManyReads", (await list.ErrorAsync(HttpStatusCode.ServiceUnavailable, "failed")).Reason());

        passes[0].Dispose();
        Assert.Equal(bytes, await http.GetObjectAsync("a"));
        Assert.Equal(bytes, await http.GetObjectAsync("a"));
        foreach (IDisposable pass in passes) pass.Dispose();
    }

    /// <summary>Asks for an object and takes a byte of the answer, through as narrow a socket as there is.</summary>
    private static async Task<Socket> AskAsync(Uri url, HttpClient http, string name)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(IPAddress.Loopback, url.Port);
        string head = $"GET {ObjectCalls.PathOf(name)} HTTP/1.1\r\nHost: {url.Authority}\r\nAuthorization: {http.DefaultRequestHeaders.Authorization}\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(head));
        Assert.Equal(1, await socket.ReceiveAsync(new byte[1]));
        return socket;
    }

    private static async Task<long> TakeAllAsync(Socket socket)
    {
        long taken = 1;
        byte[] buffer = new byte[1 << 20];
        try
        {
            while (await socket.ReceiveAsync(buffer) is > 0 and int count) taken += count;
        }
        catch (SocketException)
        {
            // Cut off.
        }

        return taken;
    }
}
