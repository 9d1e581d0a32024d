using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Marketplace.Coding;
using Marketplace.Network;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Marketplace.Benchmarks.Node;

/// <summary>
/// What a node is compared with: Kestrel as it comes, over TLS with a certificate like a node's, in a process of its own. One port throws
/// bodies away and answers, and sends ranges of shards from memory; the other does nothing but answer.
/// </summary>
internal static class BareKestrel
{
    public const string Verb = "bare-kestrel";

    /// <summary>The child's side.</summary>
    public static async Task RunAsync()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 certificate = new CertificateRequest("CN=bare kestrel", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var ranges = new Lazy<Dictionary<string, byte[]>>(MakeRanges);
        await using WebApplication bytes = Build(certificate, context => HttpMethods.IsGet(context.Request.Method) ? SendAsync(context, ranges.Value) : ThrowAwayAsync(context));
        await using WebApplication empty = Build(certificate, AnswerAsync);
        await bytes.StartAsync();
        await empty.StartAsync();
        await Console.Out.WriteLineAsync($"{CertificateFingerprint.Of(certificate)} {bytes.Urls.Single()} {empty.Urls.Single()}");
        await ChildProcess.WaitForParentAsync();
    }

    private static WebApplication Build(X509Certificate2 certificate, RequestDelegate handler)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(certificate);
            });
        });
        WebApplication app = builder.Build();
        app.Run(handler);
        return app;
    }

    private static async Task ThrowAwayAsync(HttpContext context)
    {
        PipeReader body = context.Request.BodyReader;
        while (true)
        {
            ReadResult read = await body.ReadAsync();
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) break;
        }

        await AnswerAsync(context);
    }

    private static Task SendAsync(HttpContext context, Dictionary<string, byte[]> ranges)
    {
        byte[] range = ranges[Key(context.Request.Path.Value!.Split('/')[^1], context.Request.Query["from"]!)];
        context.Response.ContentLength = range.Length;
        return context.Response.Body.WriteAsync(range, 0, range.Length);
    }

    private static readonly byte[] s_receipt = JsonSerializer.SerializeToUtf8Bytes(new UploadReceipt(default, 1, MerkleTree.LeafBytes), NodeJson.Default.UploadReceipt);

    private static Task AnswerAsync(HttpContext context)
    {
        context.Response.ContentLength = s_receipt.Length;
        return context.Response.Body.WriteAsync(s_receipt, 0, s_receipt.Length);
    }

    /// <summary>Every range that the benchmark asks for, proof first, as the node sends it.</summary>
    private static Dictionary<string, byte[]> MakeRanges()
    {
        var ranges = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        for (int i = 0; i < Reads.Shards; i++)
        {
            var shard = MemoryShard.Of(Reads.ShardOf(i));
            for (long offset = 0; offset < shard.Commitment.Bytes; offset += Reads.RangeBytes)
            {
                byte[] body = new byte[RangeProof.SizeBytes(shard.Commitment.Leaves, offset / MerkleTree.LeafBytes, Reads.RangeBytes / MerkleTree.LeafBytes) + Reads.RangeBytes];
                int proofBytes = RangeProof.Write(shard, shard.Commitment.Leaves, offset / MerkleTree.LeafBytes, Reads.RangeBytes / MerkleTree.LeafBytes, body);
                shard.ReadShard(offset, body.AsSpan(proofBytes));
                ranges.Add(Key(shard.Commitment.Root.ToString(), offset.ToString(System.Globalization.CultureInfo.InvariantCulture)), body);
            }
        }

        return ranges;
    }

    private static string Key(string root, string offset) => root + " " + offset;
}

/// <summary>A shard and its tree in memory.</summary>
internal sealed class MemoryShard : IShardReader
{
    private readonly byte[] _bytes;
    private readonly ArrayBufferWriter<byte> _tree = new();

    private MemoryShard(byte[] bytes)
    {
        _bytes = bytes;
        using var builder = new MerkleTreeBuilder(_tree);
        builder.Append(bytes);
        if (!builder.TryFinish(out ShardCommitment commitment)) throw new ArgumentException("Not whole leaves.", nameof(bytes));
        Commitment = commitment;
    }

    public ShardCommitment Commitment { get; }

    public static MemoryShard Of(byte[] bytes) => new(bytes);

    public void ReadShard(long offset, Span<byte> destination) => _bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);

    public void ReadSidecar(long offset, Span<byte> destination) => _tree.WrittenSpan.Slice((int)offset, destination.Length).CopyTo(destination);
}
