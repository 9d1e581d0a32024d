using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node.Tests;

[Collection(MarketCollection.Name)]
public sealed class NodeProtocolTests(MarketFixture market) : IAsyncLifetime
{
    private RunningTestNode _node = null!;

    public async Task InitializeAsync() => _node = await market.StartNodeAsync(capacity: 64 << 20);

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task A_node_says_who_it_is_and_signs_its_beats()
    {
        using NodeClient client = _node.Connect(null);

        NodeInfo info = (await client.GetInfoAsync(default)).Got();
        NodeAnswer<Beat> beat = await client.PingAsync(new ChainMessageVerifier(), default);

        Assert.Equal(_node.Id, info.Id);
        Assert.Equal(client.Peer.HotAddress, info.Address);
        Assert.Equal(64UL << 20, info.CapacityBytes);
        Assert.Equal(NodeOutcome.Ok, beat.Outcome);
    }

    [Fact]
    public async Task An_upload_is_flushed_hashed_and_readable_by_its_client_alone()
    {
        byte[] shard = RandomBytes((1 << 20) + 512);
        using NodeClient client = _node.Connect(market.ClientAccount);
        var progress = new List<long>();

        NodeAnswer<UploadReceipt> receipt = await client.UploadAsync(
            market.NextDeal(), 0, shard.Length, null, PipeReader.Create(new MemoryStream(shard)), new Progress(progress.Add), default);

        ShardCommitment commitment = MerkleTree.Commit(shard);
        Assert.Equal(new UploadReceipt(commitment.Root, commitment.Leaves, shard.Length), receipt.Value);
        Assert.Equal(shard.Length, progress[^1]);
        byte[] got = new byte[shard.Length];
        Assert.Equal(NodeOutcome.Ok, (await client.ReadAsync(commitment, 0, got, market.ClientAccount.Address, default)).Outcome);
        Assert.Equal(shard, got);
        Assert.Equal(NodeOutcome.NotFound, (await client.ReadAsync(commitment, 0, got, null, default)).Outcome);
        using NodeClient stranger = _node.Connect(market.Stranger);
        Assert.Equal(NodeOutcome.NotFound, (await stranger.ReadAsync(commitment, 0, got, market.Stranger.Address, default)).Outcome);
    }

    [Fact]
    public async Task A_flipped_bit_on_the_disk_is_told_and_never_served()
    {
        byte[] shard = RandomBytes(1 << 20);
        ShardCommitment commitment = MerkleTree.Commit(shard);
        using NodeClient client = _node.Connect(market.ClientAccount);
        await Upload(client, market.NextDeal(), shard);
        string file = Directory.GetFiles(_node.DataDir, commitment.Root.ToString()[2..] + ".shard", SearchOption.AllDirectories).Single();
        using (FileStream stream = File.Open(file, FileMode.Open))
        {
            stream.Position = 700_000;
            int was = stream.ReadByte();
            stream.Position = 700_000;
            stream.WriteByte((byte)(was ^ 4));
        }

        Address me = market.ClientAccount.Address;
        Assert.Equal(NodeOutcome.WrongBytes, (await client.ReadAsync(commitment, 699_904, new byte[512], me, default)).Outcome);
        Assert.Equal(NodeOutcome.Ok, (await client.ReadAsync(commitment, 0, new byte[512], me, default)).Outcome);
    }

    [Fact]
    public async Task Strangers_tokens_are_refused()
    {
        DealId deal = market.NextDeal();
        using NodeClient stranger = _node.Connect(market.Stranger);

        NodeAnswer<UploadReceipt> answer = await Upload(stranger, deal, new byte[256]);

        Assert.Equal(NodeOutcome.Refused, answer.Outcome);
        Assert.Equal(401, answer.Refusal!.Status);
    }

    [Fact]
    public async Task A_client_without_money_is_refused_before_its_bytes()
    {
        using NodeClient stranger = _node.Connect(market.Stranger);
        NodeAnswer<UploadReceipt> answer = await Upload(stranger, new DealId(market.Stranger.Address, 1), new byte[256]);
        Assert.Equal("insufficientFunds", answer.Refusal?.Code);
    }

    [Theory]
    [InlineData(0, 400)]
    [InlineData(100, 400)]
    [InlineData(257, 400)]
    [InlineData(70_000, 413)]
    public async Task What_is_no_shard_or_more_than_announced_is_refused_and_leaves_nothing(int bytes, int status)
    {
        using NodeClient client = _node.Connect(market.ClientAccount);

        NodeAnswer<UploadReceipt> answer = await client.UploadAsync(
            market.NextDeal(), 0, 65_536, null, PipeReader.Create(new MemoryStream(new byte[bytes])), null, default);

        Assert.Equal(status, answer.Refusal?.Status);
        Assert.Empty(Directory.GetFiles(Path.Combine(_node.DataDir, "depot", "arriving")));
    }

    [Fact]
    public async Task What_does_not_fit_is_refused()
    {
        using NodeClient client = _node.Connect(market.ClientAccount);
        NodeAnswer<UploadReceipt> answer = await client.UploadAsync(market.NextDeal(), 0, 60 << 20, null, PipeReader.Create(new MemoryStream(new byte[256])), null, default);
        Assert.Equal(507, answer.Refusal?.Status);
    }

    [Fact]
    public async Task An_upload_of_unknown_length_takes_no_more_room_than_it_fills()
    {
        using NodeClient client = _node.Connect(market.ClientAccount);
        byte[] shard = RandomBytes(1 << 20);
        NodeAnswer<UploadReceipt> small = await client.UploadAsync(
            market.NextDeal(), 0, MerkleTree.ShardBytesMax, 65_536, PipeReader.Create(new MemoryStream(shard)), null, default);
        Assert.True(small.IsOk, small.Refusal?.Message);
        Assert.Equal(shard.Length, small.Value!.Bytes);

        NodeAnswer<UploadReceipt> large = await client.UploadAsync(
            market.NextDeal(), 0, MerkleTree.ShardBytesMax, 65_536, PipeReader.Create(new MemoryStream(new byte[60 << 20])), null, default);
        Assert.False(large.IsOk);
        await Eventually(() => Task.FromResult(Directory.GetFiles(Path.Combine(_node.DataDir, "depot", "arriving")).Length == 0));
        NodeAnswer<UploadReceipt> again = await client.UploadAsync(
            market.NextDeal(), 0, MerkleTree.ShardBytesMax, 65_536, PipeReader.Create(new MemoryStream(shard)), null, default);
        Assert.True(again.IsOk, again.Refusal?.Message);
    }

    [Fact]
    public async Task A_writer_that_gives_up_leaves_nothing()
    {
        using NodeClient client = _node.Connect(market.ClientAccount);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await pipe.Writer.WriteAsync(RandomBytes(100_000));
        await pipe.Writer.CompleteAsync(new InvalidDataException("The source broke."));

        await Assert.ThrowsAsync<InvalidDataException>(() => client.UploadAsync(market.NextDeal(), 0, 1 << 20, null, pipe.Reader, null, default));

        await Eventually(() => Task.FromResult(Directory.GetFiles(Path.Combine(_node.DataDir, "depot", "arriving")).Length == 0));
        Assert.Equal(NodeOutcome.Ok, (await client.GetInfoAsync(default)).Outcome);
    }

    [Fact]
    public async Task The_promise_is_what_the_contract_hashes_and_the_same_when_asked_again()
    {
        byte[] shard = RandomBytes(4096);
        DealId deal = market.NextDeal();
        using NodeClient client = _node.Connect(market.ClientAccount);
        UploadReceipt receipt = (await Upload(client, deal, shard)).Got();
        AcceptanceRequest terms = await Deals.TermsAsync(market, receipt);

        SignedAcceptance promise = (await client.AcceptAsync(deal, 0, terms, default)).Got();
        SignedAcceptance again = (await client.AcceptAsync(deal, 0, terms, default)).Got();

        Assert.Equal(promise, again);
        Hash32 hash = await market.Client.StorageMarket.AcceptanceHashAsync(deal.Client, Deals.TermsOf(promise, terms.MaxEnd.Value), Deals.AcceptanceOf(promise));
        Assert.Equal(hash, PromiseSignature.MessageOf(market.Facts.Scope, promise).Digest());
    }

    [Fact]
    public async Task A_price_below_the_nodes_and_an_empty_place_are_refused()
    {
        DealId deal = market.NextDeal();
        using NodeClient client = _node.Connect(market.ClientAccount);
        UploadReceipt receipt = (await Upload(client, deal, RandomBytes(1 << 20))).Got();
        AcceptanceRequest terms = await Deals.TermsAsync(market, receipt);

        Assert.Equal(402, (await client.AcceptAsync(deal, 0, terms with { Rate = 1 }, default)).Refusal?.Status);
        Assert.Equal(409, (await client.AcceptAsync(deal, 0, terms with { Root = default }, default)).Refusal?.Status);
        Assert.Equal(NodeOutcome.NotFound, (await client.AcceptAsync(deal, 1, terms, default)).Outcome);
    }

    [Fact]
    public async Task The_operators_pages_want_a_password_and_are_not_on_the_public_port()
    {
        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(new Uri(_node.Listening.AdminUrl, "/v1/admin/status"))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(new Uri(_node.Listening.AdminUrl, "/hangfire"))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(_node.Listening.AdminUrl)).StatusCode);
        string password = (await File.ReadAllTextAsync(Path.Combine(_node.DataDir, NodeFiles.AdminPassword))).Trim();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"me:{password}")));
        using HttpResponseMessage page = await http.GetAsync(_node.Listening.AdminUrl);
        Assert.StartsWith("default-src 'none'", Assert.Single(page.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.Contains("Storage node", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        string overview = await http.GetStringAsync(new Uri(_node.Listening.AdminUrl, "/v1/admin/overview"));
        Assert.Contains("\"alerts\":[]", overview, StringComparison.Ordinal);
        Assert.DoesNotContain(RunningTestNode.Passphrase, overview, StringComparison.Ordinal);
        Assert.Contains(ProvingJob.Id, await http.GetStringAsync(new Uri(_node.Listening.AdminUrl, "/hangfire/recurring")), StringComparison.Ordinal);
        Assert.Contains("# TYPE", await http.GetStringAsync(new Uri(_node.Listening.AdminUrl, "/metrics")), StringComparison.Ordinal);

        using HttpClient open = PinnedHttpClient.Create(new EndpointGate(allowPrivate: true), NodeConfig.Read(_node.DataDir).Url, NodeKeys.ReadPublic(_node.DataDir).Fingerprint);
        open.DefaultRequestHeaders.Authorization = http.DefaultRequestHeaders.Authorization;
        Assert.Equal(HttpStatusCode.NotFound, (await open.GetAsync("/hangfire")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await open.GetAsync("/v1/admin/status")).StatusCode);
    }

    [Fact]
    public async Task Status_is_told_while_it_runs_and_after()
    {
        NodeStatusView running = await NodeStatus.ReadAsync(_node.DataDir, market.Owner, default);
        await _node.StopAsync();
        NodeStatusView stopped = await NodeStatus.ReadAsync(_node.DataDir, market.Owner, default);

        Assert.True(running.Running);
        Assert.False(stopped.Running);
        Assert.Equal(_node.Id, stopped.Id);
        Assert.Equal("1000", stopped.Stake.ToString());
    }

    [Fact]
    public async Task No_secret_is_in_the_log()
    {
        using NodeClient client = _node.Connect(market.ClientAccount);
        DealId deal = market.NextDeal();
        UploadReceipt receipt = (await Upload(client, deal, RandomBytes(1024))).Got();
        Assert.True((await client.AcceptAsync(deal, 0, await Deals.TermsAsync(market, receipt), default)).IsOk);
        await _node.StopAsync();
        string log = await File.ReadAllTextAsync(_node.LogFile);

        Assert.Contains("Promised slot 0 of deal", log, StringComparison.Ordinal);
        Assert.DoesNotContain(RunningTestNode.Passphrase, log, StringComparison.Ordinal);
        Assert.DoesNotContain((await File.ReadAllTextAsync(Path.Combine(_node.DataDir, NodeFiles.AdminPassword))).Trim(), log, StringComparison.Ordinal);
        Assert.DoesNotContain("Market A", log, StringComparison.Ordinal);
    }

    internal static byte[] RandomBytes(int count)
    {
        byte[] bytes = new byte[count];
        Random.Shared.NextBytes(bytes);
        return bytes;
    }

    internal static Task<NodeAnswer<UploadReceipt>> Upload(NodeClient client, DealId deal, byte[] shard, int slot = 0) =>
        client.UploadAsync(deal, slot, shard.Length, null, PipeReader.Create(new MemoryStream(shard)), null, default);

    /// <summary>Waits until something is so; a real process has its own clock.</summary>
    internal static async Task Eventually(Func<Task<bool>> isSo, double seconds = 60)
    {
        long end = Environment.TickCount64 + (long)(seconds * 1000);
        while (!await isSo())
        {
            Assert.True(Environment.TickCount64 < end, "It did not come to be.");
            await Task.Delay(100);
        }
    }

    private sealed class Progress(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
