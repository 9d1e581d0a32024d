using System.Buffers;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Network;
using Marketplace.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>Gives shards to readers: <c>/v1/shards/{root}</c>. What no longer agrees with its root is never given.</summary>
internal sealed partial class ShardEndpoints(ShardDepot depot, TokenGate tokens, NodeBandwidth bandwidth, NodeLimits limits, ILogger<ShardEndpoints> log) : IDisposable
{
    private readonly Turns<string> _ofAddress = new(limits.ReadsPerAddressMax);
    private readonly SemaphoreSlim _reads = new(limits.ReadsAtOnceMax, limits.ReadsAtOnceMax);
    private readonly Turns<string> _deepOfAddress = new(1);
    private readonly SemaphoreSlim _deep = new(1, 1);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/shards/{root}", ReadAsync);
        routes.MapGet("/v1/shards/{root}/root", RootAsync);
    }

    public void Dispose()
    {
        _reads.Dispose();
        _deep.Dispose();
    }

    private async Task<IResult> ReadAsync(HttpContext context, string root, long? from, int? bytes)
    {
        CancellationToken token = context.RequestAborted;
        if (await FindAsync(context, root) is not { } shard) return NotHere();
        bool inside = from is { } offset && bytes is { } count && offset >= 0 && offset % MerkleTree.LeafBytes == 0 &&
            count is >= MerkleTree.LeafBytes and <= NodeClientOptions.RangeBytesMax && count % MerkleTree.LeafBytes == 0 && offset <= shard.Bytes - count;
        if (!inside) return Failures.Usage($"from and bytes are multiples of {MerkleTree.LeafBytes} inside the shard, bytes at most {NodeClientOptions.RangeBytesMax}.");

        return await InTurnAsync(context, _ofAddress, _reads, () => SendAsync(context, shard, from!.Value, bytes!.Value, token));
    }

    /// <summary>Does something when it is the address's turn among its own questions, and then theirs among all.</summary>
    private static async Task<IResult> InTurnAsync(HttpContext context, Turns<string> ofAddress, SemaphoreSlim ofAll, Func<Task<IResult>> work)
    {
        CancellationToken token = context.RequestAborted;
        string address = RequestLimits.PartitionOf(context.Connection.RemoteIpAddress);
        await ofAddress.EnterAsync(address, token);
        try
        {
            await ofAll.WaitAsync(token);
            try
            {
                return await work();
            }
            finally
            {
                ofAll.Release();
            }
        }
        finally
        {
            ofAddress.Leave(address);
        }
    }

    private async Task<IResult> SendAsync(HttpContext context, ShardCommitment shard, long from, int dataBytes, CancellationToken token)
    {
        long firstLeaf = from / MerkleTree.LeafBytes;
        int proofBytes = RangeProof.SizeBytes(shard.Leaves, firstLeaf, dataBytes / MerkleTree.LeafBytes);
        byte[] body = ArrayPool<byte>.Shared.Rent(proofBytes + dataBytes);
        try
        {
            using IShardContent? content = await OpenAsync(shard, token);
            if (content?.ReadRange(firstLeaf, body.AsSpan(proofBytes, dataBytes), body.AsSpan(0, proofBytes)) != ShardRead.Good) return Corrupt(shard.Root);
            context.Response.ContentType = "application/octet-stream";
            context.Response.ContentLength = proofBytes + dataBytes;
            await bandwidth.Out.WriteAsync(context.Response.Body, body.AsMemory(0, proofBytes + dataBytes), limits.ReadGrace, token);
            return Results.Empty;
        }
        catch (TimeoutException)
        {
            // Half an answer must not look like a whole one, and who stands still must not keep a turn.
            context.Abort();
            return Results.Empty;
        }
        catch (StorageAwayException e)
        {
            return Away(e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body);
        }
    }

    private async Task<IResult> RootAsync(HttpContext context, string root, bool? deep)
    {
        CancellationToken token = context.RequestAborted;
        if (await FindAsync(context, root) is not { } shard) return NotHere();
        if (deep != true) return Results.Json(new ReportedRoot(shard.Root, shard.Leaves, Deep: false), NodeJson.Default.ReportedRoot);

        return await InTurnAsync(context, _deepOfAddress, _deep, () => RehashAsync(shard, token));
    }

    private async Task<IResult> RehashAsync(ShardCommitment shard, CancellationToken token)
    {
        try
        {
            using IShardContent? content = await OpenAsync(shard, token);
            // What is read for strangers counts as given to them.
            ShardCommitment? found = content is null ? null : (await content.CheckAsync(bandwidth.Out.TakeAsync, token)).Found;
            if (found != shard) LogCorrupt(shard.Root);
            return Results.Json(new ReportedRoot(found?.Root, found?.Leaves ?? 0, Deep: true), NodeJson.Default.ReportedRoot);
        }
        catch (StorageAwayException e)
        {
            return Away(e);
        }
    }

    /// <summary>The shard, if the asker may have it: anybody if it is on chain, else who uploaded it.</summary>
    private async ValueTask<ShardCommitment?> FindAsync(HttpContext context, string text)
    {
        if (!Root.TryParse(text, null, out Root root) || depot.Catalogue.Find(root) is not { } shard) return null;
        if (depot.Catalogue.IsInLedger(root)) return shard;
        return await tokens.ClientOfAsync(context.Request, context.RequestAborted) is { } client && depot.Catalogue.HasUploaded(client, root) ? shard : null;
    }

    private async ValueTask<IShardContent?> OpenAsync(ShardCommitment shard, CancellationToken token)
    {
        try
        {
            return await depot.OpenAsync(shard.Root, token);
        }
        catch (IOException e) when (e is not StorageAwayException)
        {
            return null;
        }
    }

    private IResult Away(StorageAwayException e)
    {
        LogAway(e.Message);
        return Failures.Of(StatusCodes.Status503ServiceUnavailable, MarketErrorCode.Incomplete, "The node's storage does not answer.", "Read from another node, or later from this one.");
    }

    private IResult Corrupt(Root root)
    {
        LogCorrupt(root);
        return Failures.Of(StatusCodes.Status502BadGateway, MarketErrorCode.WrongBytes, "The node's copy no longer agrees with its root.", "Read from another node.");
    }

    private static IResult NotHere() => Failures.NotFound("There is no such shard here, or nothing on chain says that you may read it.");

    [LoggerMessage(2302, LogLevel.Error, "A reader was sent away: {Why}")]
    private partial void LogAway(string why);

    [LoggerMessage(2301, LogLevel.Error, "The shard {Root} no longer agrees with its root")]
    private partial void LogCorrupt(Root root);
}
