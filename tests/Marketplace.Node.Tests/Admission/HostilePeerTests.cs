using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Storage;

namespace Marketplace.Node.Tests;

/// <summary>Peers that are slow, endless or very many, over real sockets: they cost a node nothing that others would miss.</summary>
[Collection(MarketCollection.Name)]
public sealed class HostilePeerTests(MarketFixture market)
{
    private static readonly NodeLimits s_impatient = new()
    {
        HandshakeTimeMax = TimeSpan.FromSeconds(2),
        HeadersTimeMax = TimeSpan.FromSeconds(2),
        UploadGrace = TimeSpan.FromSeconds(2),
        ReadGrace = TimeSpan.FromSeconds(2),
        UploadsAtOnceMax = 2,
        UploadsPerClientMax = 1,
        ReadsAtOnceMax = 4,
        ReadsPerAddressMax = 2,
        ConnectionsPerAddressMax = 100,
    };

    [Fact]
    public async Task A_peer_that_never_agrees_on_keys_or_never_ends_its_headers_is_cut_off()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_impatient);
        using TcpClient silent = await ConnectAsync(node);
        await using SslStream slow = await SecureAsync(node);
        Task<TimeSpan> silentEnds = EndOfAsync(silent.GetStream()), slowEnds = EndOfAsync(slow);
        await slow.WriteAsync("GET /v1/info HTTP/1.1\r\nHost: a\r\n"u8.ToArray());
        // A header now and then does not buy time.
        Task drips = DripAsync(slow, "X-A: b\r\n", TimeSpan.FromMilliseconds(300));

        Assert.InRange((await silentEnds).TotalSeconds, 1, 20);
        Assert.InRange((await slowEnds).TotalSeconds, 1, 20);
        await drips;
    }

    [Fact]
    public async Task A_body_that_drips_ends_and_leaves_nothing_and_takes_the_turn_of_nobody_else()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_impatient with { UploadBytesPerSecondMin = 10_000, UploadGrace = TimeSpan.FromSeconds(15) });
        DealId deal = market.NextDeal();
        await using SslStream slow = await SecureAsync(node);
        await slow.WriteAsync(Encoding.ASCII.GetBytes(PutHead(node, deal, 1 << 20, "Content-Length: 1048576\r\nExpect: 100-continue")));
        // Said when the node begins to read: from then on it has the client's only turn.
        Assert.StartsWith("HTTP/1.1 100", await AnswerOfAsync(slow), StringComparison.Ordinal);
        Task<TimeSpan> ends = EndOfAsync(slow);
        Task drips = DripAsync(slow, "x", TimeSpan.FromMilliseconds(200));

        // The same client has no second turn; another client has one.
        using NodeClient same = node.Connect(market.ClientAccount);
        Assert.Equal(503, (await NodeProtocolTests.Upload(same, market.NextDeal(), new byte[256])).Refusal?.Status);
        using NodeClient another = node.Connect(market.SecondClient);
        await market.DepositForAsync(market.SecondClient.Address, TokenAmount.Parse("10"));
        Assert.True((await NodeProtocolTests.Upload(another, new DealId(market.SecondClient.Address, 1), new byte[256])).IsOk);
        Assert.InRange((await ends).TotalSeconds, 1, 45);
        await drips;
        await NodeProtocolTests.Eventually(async () => (await NodeProtocolTests.Upload(same, market.NextDeal(), new byte[256])).IsOk);
        Assert.Empty(Directory.GetFiles(Path.Combine(node.DataDir, "depot", "arriving")));
    }

    [Fact]
    public async Task A_body_that_keeps_much_room_waiting_must_come_faster()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_impatient with { UploadBytesPerSecondMin = 1, ReservationTimeMax = TimeSpan.FromSeconds(100) });
        await using SslStream slow = await SecureAsync(node);
        await slow.WriteAsync(Encoding.ASCII.GetBytes(PutHead(node, market.NextDeal(), 1 << 20, "Content-Length: 1048576")));
        Task<TimeSpan> ends = EndOfAsync(slow);
        Task drips = DripAsync(slow, new string('x', 200), TimeSpan.FromMilliseconds(200));

        Assert.InRange((await ends).TotalSeconds, 1, 20);
        await drips;
    }

    [Fact]
    public async Task A_body_without_end_is_read_no_further_than_was_announced()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_impatient, capacity: 64 << 20);
        await using SslStream endless = await SecureAsync(node);
        await endless.WriteAsync(Encoding.ASCII.GetBytes(PutHead(node, market.NextDeal(), 1 << 20, "Transfer-Encoding: chunked")));
        byte[] chunk = [.. "10000\r\n"u8, .. new byte[0x10000], .. "\r\n"u8];
        long sent = 0;
        Task<string> answer = AnswerOfAsync(endless);
        try
        {
            for (; sent < 256 << 20 && !answer.IsCompleted; sent += chunk.Length) await endless.WriteAsync(chunk).AsTask().WaitAsync(TimeSpan.FromSeconds(15));
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            // The node reads no more.
        }

        Assert.True(sent < 32 << 20, $"The node took {sent} bytes of an upload of 1 MiB.");
        Assert.StartsWith("HTTP/1.1 413", await answer, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(node.DataDir, "depot", "arriving")));
    }

    [Fact]
    public async Task A_reader_that_does_not_take_what_it_asked_for_is_cut_off_and_others_read_on()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_impatient);
        byte[] shard = NodeProtocolTests.RandomBytes(16 << 20);
        await Deals.OpenAsync(market, node, shard, periods: 30);
        ShardCommitment commitment = MerkleTree.Commit(shard);
        using NodeClient reader = node.Connect(null);
        await NodeProtocolTests.Eventually(async () => (await reader.ReadAsync(commitment, 0, new byte[256], null, default)).IsOk);
        var greedy = new List<SslStream>();
        try
        {
            for (int i = 0; i < 8; i++)
            {
                SslStream stream = await SecureAsync(node, receiveBuffer: 4096);
                greedy.Add(stream);
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /v1/shards/{commitment.Root}?from=0&bytes={4 << 20} HTTP/1.1\r\nHost: a\r\n\r\n"));
            }

            // They wait for their address's turns and lose them one after another; whoever comes behind them is served in the end, as long as it waits.
            long started = Stopwatch.GetTimestamp();
            await NodeProtocolTests.Eventually(async () => (await reader.ReadAsync(commitment, 0, new byte[256], null, default)).IsOk, 90);
            Assert.True((await reader.GetInfoAsync(default)).IsOk);
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(90));
        }
        finally
        {
            foreach (SslStream stream in greedy) await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task Thousands_of_connections_of_one_address_are_closed_and_the_operator_and_the_proofs_do_not_notice()
    {
        await using RunningTestNode node = await market.StartNodeAsync(s_impatient);
        var open = new List<TcpClient>();
        try
        {
            int refused = 0;
            for (int i = 0; i < 1_500; i++)
            {
                try
                {
                    open.Add(await ConnectAsync(node));
                }
                catch (SocketException)
                {
                    // Closed so quickly that it was never open here.
                    refused++;
                }
            }

            await NodeProtocolTests.Eventually(() => Task.FromResult(refused + open.Count(IsClosed) >= 1_400), 20);
            using HttpClient @operator = node.Operator();
            Assert.Equal(HttpStatusCode.OK, (await @operator.GetAsync("/v1/admin/status")).StatusCode);
        }
        finally
        {
            open.ForEach(client => client.Dispose());
        }

        // Their places are free again.
        using NodeClient client = node.Connect(null);
        await NodeProtocolTests.Eventually(async () => (await client.GetInfoAsync(default)).IsOk, 20);
    }

    private string PutHead(RunningTestNode node, DealId deal, long maxBytes, string length)
    {
        MarketScope scope = market.Facts.Scope;
        string token = MarketToken.Create(new HotKeySigner(market.ClientAccount), scope, deal.Client, node.Id, DateTimeOffset.UtcNow.AddHours(1));
        return string.Create(CultureInfo.InvariantCulture, $"PUT /v1/uploads/{deal.Client}/{deal.Number}/0?maxBytes={maxBytes} HTTP/1.1\r\nHost: a\r\nAuthorization: Market {token}\r\n{length}\r\n\r\n");
    }

    private static async Task<TcpClient> ConnectAsync(RunningTestNode node, int receiveBuffer = 65_536)
    {
        var client = new TcpClient { ReceiveBufferSize = receiveBuffer };
        await client.ConnectAsync(IPAddress.Loopback, node.Listening.Url.Port);
        return client;
    }

    private static async Task<SslStream> SecureAsync(RunningTestNode node, int receiveBuffer = 65_536)
    {
        TcpClient client = await ConnectAsync(node, receiveBuffer);
        // Whose certificate it is does not matter to a peer that means no good.
        var stream = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, _, _, _) => true);
        await stream.AuthenticateAsClientAsync("node");
        return stream;
    }

    /// <summary>How long until the other side ends the connection, whatever it says before.</summary>
    private static async Task<TimeSpan> EndOfAsync(Stream stream)
    {
        long started = Stopwatch.GetTimestamp();
        byte[] buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(60)) > 0)
            {
                // An error page may come first.
            }
        }
        catch (IOException)
        {
            // A reset is an end, too.
        }

        return Stopwatch.GetElapsedTime(started);
    }

    private static async Task<string> AnswerOfAsync(Stream stream)
    {
        byte[] buffer = new byte[4096];
        int count = await stream.ReadAsync(buffer);
        return Encoding.ASCII.GetString(buffer, 0, count);
    }

    private static async Task DripAsync(Stream stream, string drop, TimeSpan pause)
    {
        try
        {
            for (int i = 0; i < 300; i++)
            {
                await Task.Delay(pause);
                await stream.WriteAsync(Encoding.ASCII.GetBytes(drop));
            }
        }
        catch (IOException)
        {
            return;
        }

        Assert.Fail("The node listened to the very end.");
    }

    private static bool IsClosed(TcpClient client)
    {
        try
        {
            return client.Client.Poll(0, SelectMode.SelectRead) && client.Available == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}

public sealed class TurnsTests
{
    [Fact]
    public async Task Each_caller_has_so_many_turns_and_the_others_do_not_wait_for_it()
    {
        var turns = new Turns<string>(2);
        Assert.True(turns.TryEnter("a"));
        await turns.EnterAsync("a", default);
        Assert.False(turns.TryEnter("a"));
        Assert.True(turns.TryEnter("b"));
        using var stop = new CancellationTokenSource();
        Task gone = turns.EnterAsync("a", stop.Token).AsTask();
        Task waits = turns.EnterAsync("a", default).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        Assert.False(waits.IsCompleted);

        turns.Leave("a");
        await waits.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.False(turns.TryEnter("a"));
        turns.Leave("a");
        turns.Leave("a");
        turns.Leave("b");
        Assert.True(turns.TryEnter("a"));
    }
}
