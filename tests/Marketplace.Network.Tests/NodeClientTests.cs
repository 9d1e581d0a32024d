using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Marketplace.Coding;
using Marketplace.Domain;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Network.Tests;

public sealed class NodeClientTests
{
    private static readonly MarketScope s_scope = new(EndpointGate.DevelopmentChainId, default);
    private static readonly byte[] s_shard = [.. Enumerable.Range(0, 4 * MerkleTree.LeafBytes).Select(i => (byte)(i * 7))];
    private static readonly ShardCommitment s_commitment = MerkleTree.Commit(s_shard);

    [Fact]
    public async Task A_range_that_agrees_with_the_root_is_returned()
    {
        await using RawPeer peer = Serving(RangeAnswer(0, 2, s_shard.AsSpan(0, 512)));
        using NodeClient client = ClientOf(peer);
        byte[] got = new byte[512];

        NodeAnswer<int> answer = await client.ReadAsync(s_commitment, 0, got, null, CancellationToken.None);

        Assert.Equal(NodeOutcome.Ok, answer.Outcome);
        Assert.Equal(s_shard[..512], got);
    }

    [Fact]
    public async Task A_flipped_bit_is_wrong_bytes()
    {
        byte[] body = RangeAnswer(0, 2, s_shard.AsSpan(0, 512));
        body[^1] ^= 1;
        await using RawPeer peer = Serving(body);
        using NodeClient client = ClientOf(peer);

        Assert.Equal(NodeOutcome.WrongBytes, (await client.ReadAsync(s_commitment, 0, new byte[512], null, CancellationToken.None)).Outcome);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task An_answer_of_another_length_is_wrong_bytes(int difference)
    {
        byte[] body = RangeAnswer(0, 2, s_shard.AsSpan(0, 512));
        Array.Resize(ref body, body.Length + difference);
        await using RawPeer peer = Serving(body);
        using NodeClient client = ClientOf(peer);

        Assert.Equal(NodeOutcome.WrongBytes, (await client.ReadAsync(s_commitment, 0, new byte[512], null, CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task An_address_that_a_certificate_names_is_not_called()
    {
        using var elsewhere = new TcpListener(IPAddress.Loopback, 0);
        elsewhere.Start();
        await using RawPeer peer = Serving(RangeAnswer(0, 2, s_shard.AsSpan(0, 512)), certificate: RawPeer.NewIssuedCertificate($"http://{elsewhere.LocalEndpoint}/issuer.cer"));
        using NodeClient client = ClientOf(peer);

        NodeAnswer<int> answer = await client.ReadAsync(s_commitment, 0, new byte[512], null, CancellationToken.None);

        Assert.Equal(NodeOutcome.Ok, answer.Outcome);
        Assert.False(elsewhere.Pending());
    }

    [Fact]
    public async Task Another_certificate_than_the_chains_is_not_spoken_to()
    {
        await using RawPeer peer = Serving(RangeAnswer(0, 2, s_shard.AsSpan(0, 512)));
        using var client = new NodeClient(
            new NodePeer(new NodeId(1), default, peer.Endpoint, new CertificateFingerprint(Hash32.Keccak("another"u8))), new EndpointGate(true), s_scope);

        NodeAnswer<int> answer = await client.ReadAsync(s_commitment, 0, new byte[512], null, CancellationToken.None);

        Assert.Equal(NodeOutcome.Unreachable, answer.Outcome);
        Assert.Empty(peer.LastHead);
    }

    [Fact]
    public async Task An_endless_answer_is_cut()
    {
        await using var peer = new RawPeer(tls: true, async stream =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"u8.ToArray());
            while (true) await stream.WriteAsync(new byte[64 * 1024]);
        });
        using NodeClient client = ClientOf(peer);

        Assert.Equal(NodeOutcome.Malformed, (await client.GetInfoAsync(CancellationToken.None)).Outcome);
        Assert.Equal(NodeOutcome.WrongBytes, (await client.ReadAsync(s_commitment, 0, new byte[512], null, CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task A_node_that_stops_speaking_is_slow()
    {
        var time = new FakeTimeProvider();
        var silent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var peer = new RawPeer(tls: true, async stream =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"u8.ToArray());
            silent.SetResult();
            await stream.ReadExactlyAsync(new byte[1]);
        });
        using NodeClient client = ClientOf(peer, time);

        Task<NodeAnswer<int>> call = client.ReadAsync(s_commitment, 0, new byte[512], null, CancellationToken.None);
        await silent.Task;
        await AdvanceUntilDone(time, call, TimeSpan.FromSeconds(1));

        Assert.Equal(NodeOutcome.Slow, (await call).Outcome);
    }

    [Fact]
    public async Task A_node_that_drips_is_slow_in_the_end()
    {
        var time = new FakeTimeProvider();
        await using var peer = new RawPeer(tls: true, async stream =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"u8.ToArray());
            while (true)
            {
                await stream.WriteAsync(new byte[1]);
                await stream.FlushAsync();
                time.Advance(TimeSpan.FromSeconds(1));
            }
        });
        using NodeClient client = ClientOf(peer, time);

        Assert.Equal(NodeOutcome.Slow, (await client.ReadAsync(s_commitment, 0, new byte[1024], null, CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task A_refusal_that_drips_holds_an_upload_no_longer_than_an_answer()
    {
        const int BodyBytes = 400;
        var time = new FakeTimeProvider();
        int dripped = 0;
        await using var peer = new RawPeer(tls: true, async stream =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: {BodyBytes}\r\n\r\n"));
            for (; dripped < BodyBytes; dripped++)
            {
                await stream.WriteAsync(" "u8.ToArray());
                await stream.FlushAsync();
                await Task.Delay(TimeSpan.FromMilliseconds(2));
                time.Advance(TimeSpan.FromSeconds(0.25));
            }
        });
        using var client = new NodeClient(
            new NodePeer(new NodeId(1), default, peer.Endpoint, peer.Fingerprint), new EndpointGate(allowPrivate: true), s_scope, new Signer(), time: time);
        var content = new Pipe();
        await content.Writer.WriteAsync(new byte[100]);

        NodeAnswer<UploadReceipt> answer = await client.UploadAsync(new DealId(default, 1), 0, 1 << 20, null, content.Reader, null, CancellationToken.None);

        Assert.Equal(NodeOutcome.Slow, answer.Outcome);
        Assert.InRange(dripped, 0, BodyBytes - 1);
        Assert.StartsWith("PUT", peer.LastHead, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("404 Not Found", "notFound", NodeOutcome.NotFound)]
    [InlineData("500 Internal Server Error", "wrongBytes", NodeOutcome.WrongBytes)]
    [InlineData("507 Insufficient Storage", "noSpace", NodeOutcome.Refused)]
    public async Task A_refusal_keeps_its_code_and_loses_its_control_characters(string status, string code, NodeOutcome outcome)
    {
        byte[] body = Encoding.UTF8.GetBytes($$$"""{"error":{"code":"{{{code}}}","message":"no\u001b[31m!","hint":null}}""");
        await using RawPeer peer = Serving(body, status);
        using NodeClient client = ClientOf(peer);

        NodeAnswer<NodeInfo> answer = await client.GetInfoAsync(CancellationToken.None);

        Assert.Equal(outcome, answer.Outcome);
        Assert.Equal(code, answer.Refusal!.Code);
        Assert.Equal("no [31m!", answer.Refusal.Message);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"id":99999999999}""")]
    public async Task An_answer_that_is_not_this_protocol_is_malformed(string body)
    {
        await using RawPeer peer = Serving(Encoding.UTF8.GetBytes(body));
        using NodeClient client = ClientOf(peer);

        Assert.Equal(NodeOutcome.Malformed, (await client.GetInfoAsync(CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task Nobody_there_is_unreachable()
    {
        RawPeer peer = Serving([]);
        using NodeClient client = ClientOf(peer);
        await peer.DisposeAsync();

        Assert.Equal(NodeOutcome.Unreachable, (await client.GetInfoAsync(CancellationToken.None)).Outcome);
    }

    private static NodeClient ClientOf(RawPeer peer, TimeProvider? time = null) =>
        new(new NodePeer(new NodeId(1), default, peer.Endpoint, peer.Fingerprint), new EndpointGate(allowPrivate: true), s_scope, time: time);

    private static RawPeer Serving(byte[] body, string status = "200 OK", X509Certificate2? certificate = null) => new(certificate ?? RawPeer.NewCertificate(), async stream =>
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n"));
        await stream.WriteAsync(body);
    });

    private static byte[] RangeAnswer(long firstLeaf, long leaves, ReadOnlySpan<byte> data)
    {
        byte[] body = new byte[RangeProof.SizeBytes(s_commitment.Leaves, firstLeaf, leaves) + data.Length];
        RangeProof.Write(new MemoryShard(s_shard), s_commitment.Leaves, firstLeaf, leaves, body);
        data.CopyTo(body.AsSpan(body.Length - data.Length));
        return body;
    }

    private static async Task AdvanceUntilDone(FakeTimeProvider time, Task call, TimeSpan step)
    {
        while (!call.IsCompleted)
        {
            time.Advance(step);
            await Task.WhenAny(call, Task.Delay(TimeSpan.FromMilliseconds(1)));
        }
    }

    /// <summary>Signs nothing that anybody here looks at.</summary>
    private sealed class Signer : IMessageSigner
    {
        public Address Address => default;

        public byte[] SignMessage(ReadOnlySpan<byte> message) => new byte[IMessageSigner.SignatureBytes];
    }

    private sealed class MemoryShard(byte[] bytes) : IShardReader
    {
        public void ReadShard(long offset, Span<byte> destination) => bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);

        public void ReadSidecar(long offset, Span<byte> destination) => throw new InvalidOperationException("A shard of one block has no use for its sidecar.");
    }
}
