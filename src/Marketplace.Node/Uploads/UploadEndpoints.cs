using System.Buffers;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Network;
using Marketplace.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>Takes shards from clients: <c>/v1/uploads/{client}/{number}/{slot}</c>.</summary>
internal sealed partial class UploadEndpoints(
    NodeChain chain, ClientFunds funds, ShardDepot depot, TokenGate tokens, AcceptanceEndpoint acceptance, NodeConfig config, NodeBandwidth bandwidth, NodeLimits limits, TimeProvider time, ILogger<UploadEndpoints> log)
    : IDisposable
{
    private const int BufferBytes = 256 * 1024;
    private const long FramingBytesMin = 64 * 1024;
    private const string Path = "/v1/uploads/{client}/{number}/{slot}";

    private readonly Turns<Address> _ofClient = new(limits.UploadsPerClientMax);
    private readonly SemaphoreSlim _uploads = new(limits.UploadsAtOnceMax, limits.UploadsAtOnceMax);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut(Path, PutAsync);
        routes.MapDelete(Path, DeleteAsync);
        routes.MapPost(Path + "/acceptance", AcceptAsync);
    }

    public void Dispose() => _uploads.Dispose();

    private async Task<IResult> PutAsync(HttpContext context, string client, string number, string slot, long? maxBytes, long? reserveBytes)
    {
        CancellationToken token = context.RequestAborted;
        if (await PlaceOfAsync(context, client, number, slot) is not { } place) return Unauthorized();
        if (maxBytes is not { } bytesMax || bytesMax < MerkleTree.LeafBytes || bytesMax > MerkleTree.ShardBytesMax)
        {
            return Failures.Usage($"maxBytes is from {MerkleTree.LeafBytes} to {MerkleTree.ShardBytesMax}.");
        }

        if (reserveBytes is { } wanted && (wanted < MerkleTree.LeafBytes || wanted > bytesMax)) return Failures.Usage($"reserveBytes is from {MerkleTree.LeafBytes} to maxBytes.");
        if (context.Request.ContentLength > bytesMax) return TooLarge(bytesMax);
        long reserve = Math.Max(reserveBytes ?? context.Request.ContentLength ?? bytesMax, MerkleTree.LeafBytes);
        if (await CannotLendAsync(place.Deal.Client, reserve, reserve, token) is { } refused) return refused;

        if (!_ofClient.TryEnter(place.Deal.Client)) return TooMany();
        if (!await _uploads.WaitAsync(TimeSpan.Zero, CancellationToken.None))
        {
            _ofClient.Leave(place.Deal.Client);
            return TooMany();
        }

        try
        {
            await using ShardUpload? upload = await depot.BeginAsync(place, reserve, token);
            if (upload is null) return NoRoom("There is no room for so much.");
            Limit(context, bytesMax, reserve);
            return await ReceiveAsync(context.Request.Body, upload, place, bytesMax, token);
        }
        catch (IOException e) when (e is not Microsoft.AspNetCore.Http.BadHttpRequestException && !token.IsCancellationRequested)
        {
            // The disk is full or broken. What was promised before stays; this upload leaves nothing behind.
            LogDiskTrouble(e.Message);
            return NoRoom("The node's disk does not take it.");
        }
        finally
        {
            _uploads.Release();
            _ofClient.Leave(place.Deal.Client);
        }
    }

    private async Task<IResult> ReceiveAsync(Stream body, ShardUpload upload, UploadPlace place, long bytesMax, CancellationToken token)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (true)
            {
                int filled = await body.ReadAtLeastAsync(buffer.AsMemory(0, BufferBytes), BufferBytes, throwOnEndOfStream: false, token);
                await bandwidth.In.TakeAsync(filled, token);
                if (filled > bytesMax - upload.Bytes) return TooLarge(bytesMax);
                if (filled > upload.BytesMax - upload.Bytes && await CannotGrowAsync(upload, place.Deal.Client, bytesMax, token) is { } refused) return refused;
                if (filled > 0 && !await upload.TryAppendAsync(buffer.AsMemory(0, filled), token)) return TooLarge(bytesMax);
                if (filled < BufferBytes) break;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        (UploadEnd end, ShardCommitment shard) = await upload.CompleteAsync(time.GetUtcNow() + limits.UploadLife, token);
        if (end == UploadEnd.NotWholeLeaves) return Failures.Usage($"A shard is a whole number of {MerkleTree.LeafBytes}-byte leaves, at least one.");
        return Results.Json(new UploadReceipt(shard.Root, shard.Leaves, shard.Bytes), NodeJson.Default.UploadReceipt);
    }

    private async Task<IResult> DeleteAsync(HttpContext context, string client, string number, string slot)
    {
        if (await PlaceOfAsync(context, client, number, slot) is not { } place) return Unauthorized();
        if (depot.Catalogue.FindUpload(place) is { } upload && depot.Catalogue.IsInLedger(upload.Shard.Root))
        {
            return Failures.Of(StatusCodes.Status409Conflict, MarketErrorCode.Usage, "A deal holds this shard.");
        }

        depot.Catalogue.RemoveUpload(place);
        return Results.Json(new { });
    }

    private async Task<IResult> AcceptAsync(HttpContext context, string client, string number, string slot)
    {
        if (await PlaceOfAsync(context, client, number, slot) is not { } place) return Unauthorized();
        AcceptanceRequest? terms;
        try
        {
            terms = await context.Request.ReadFromJsonAsync(NodeJson.Default.AcceptanceRequest, context.RequestAborted);
        }
        catch (System.Text.Json.JsonException)
        {
            terms = null;
        }

        return terms is null
            ? Failures.Usage("The body is {root, leaves, rate, maxEnd, deadline}.")
            : await acceptance.AcceptAsync(place, terms, context.RequestAborted);
    }

    /// <summary>The place that the path names, if the request's token is its client's.</summary>
    private async ValueTask<UploadPlace?> PlaceOfAsync(HttpContext context, string client, string number, string slot)
    {
        bool good = Address.TryParse(client, null, out Address address) &
            ulong.TryParse(number, System.Globalization.NumberStyles.None, null, out ulong deal) &
            byte.TryParse(slot, System.Globalization.NumberStyles.None, null, out byte index);
        if (!good || deal is 0 or > DealId.NumberMax) return null;
        return await tokens.ClientOfAsync(context.Request, context.RequestAborted) == address ? new UploadPlace(new DealId(address, deal), index) : null;
    }

    /// <summary>Makes the room of an upload larger by a step, or says why not.</summary>
    private async Task<IResult?> CannotGrowAsync(ShardUpload upload, Address client, long bytesMax, CancellationToken token)
    {
        long bytes = Math.Min(bytesMax, upload.BytesMax + Math.Max(limits.UploadGrowthBytesMin, upload.BytesMax / 4));
        if (await CannotLendAsync(client, bytes, bytes - upload.BytesMax, token) is { } refused) return refused;
        return upload.TryGrow(bytes) ? null : NoRoom("There is no room for so much.");
    }

    /// <summary>Why an upload may not come to so many bytes, of which some are not reserved yet; null if it may.</summary>
    private async Task<IResult?> CannotLendAsync(Address client, long bytes, long more, CancellationToken token)
    {
        (long ofClient, long ofAll) = depot.Catalogue.UnopenedLeaves(client);
        // Whoever lets much lie here without a deal must be able to pay for all of it.
        if (await CannotPayAsync(client, bytes + (ofClient * MerkleTree.LeafBytes), token) is { } poor) return poor;
        return MayLend(ofAll, more)
            ? null
            : NoRoom("Too much lies here already that no deal was opened for.");
    }

    private bool MayLend(long leaves, long more)
    {
        DepotSpace space = depot.Space;
        long lent = (leaves * MerkleTree.LeafBytes) + space.Reserved;
        return lent + more <= AcceptancePolicy.UnopenedBytesMax(space.Capacity, space.Free + lent, limits);
    }

    private async Task<IResult?> CannotPayAsync(Address client, long bytesMax, CancellationToken token)
    {
        Schedule schedule = chain.Facts.Schedule;
        UInt128 units = config.Price.UnitsFor((ulong)bytesMax, schedule.PeriodBlocks, schedule.BlockSeconds);
        return await funds.SufficeAsync(client, units * AcceptancePolicy.DealPeriodsMin, token)
            ? null
            : Failures.Of(StatusCodes.Status402PaymentRequired, MarketErrorCode.InsufficientFunds, "The client's free money in Escrow does not pay the shortest deal for so much.", "Deposit first.");
    }

    private void Limit(HttpContext context, long bytesMax, long reserved)
    {
        // Kestrel counts the framing of chunks too; the exact limit on the shard itself is the upload's.
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = (2 * bytesMax) + FramingBytesMin;
        // Room that is reserved and not filled is taken from others.
        double pace = Math.Max(limits.UploadBytesPerSecondMin, reserved / limits.ReservationTimeMax.TotalSeconds);
        context.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = new MinDataRate(pace, limits.UploadGrace);
    }

    private static IResult Unauthorized() =>
        Failures.Of(StatusCodes.Status401Unauthorized, MarketErrorCode.Usage, "This needs a token of the client for this node.", "Authorization: Market TOKEN; see docs/protocol/node-http.md.");

    private static IResult TooLarge(long bytesMax) =>
        Failures.Of(StatusCodes.Status413PayloadTooLarge, MarketErrorCode.Usage, $"The upload is longer than the {bytesMax} bytes that were announced.");

    private static IResult TooMany() => Failures.Of(StatusCodes.Status503ServiceUnavailable, MarketErrorCode.Incomplete, "Too many uploads at once.", "Try again in a moment.");

    private static IResult NoRoom(string message) => Failures.Of(StatusCodes.Status507InsufficientStorage, MarketErrorCode.Incomplete, message, "Choose another node.");

    [LoggerMessage(2202, LogLevel.Error, "The disk failed during an upload: {Reason}")]
    private partial void LogDiskTrouble(string reason);
}
