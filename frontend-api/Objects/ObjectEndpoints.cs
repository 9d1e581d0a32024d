using System.Globalization;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Gateway.Errors;
using Marketplace.Gateway.Market;
using Marketplace.Gateway.Money;
using Marketplace.Gateway.SignIn;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;

namespace Marketplace.Gateway.Objects;

/// <summary>Stores, lists and reads objects.</summary>
public static class ObjectEndpoints
{
    /// <summary>The longest object, in bytes: 1 TiB.</summary>
    public const long ObjectBytesMax = 1L << 40;

    /// <summary>Lines of a list, at most, in one answer.</summary>
    public const int ListLinesMax = 100_000;

    private const string ContentType = "application/octet-stream";

    // The bytes are what they are: curl --data-binary calls them a form, browsers guess by the name.
    private const string AnyContentType = "*/*";

    /// <summary>Maps the calls.</summary>
    public static void MapObjects(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder objects = routes.MapGroup("/v1/objects").WithTags("Objects").RequireAuthorization()
            .ProducesFailures(StatusCodes.Status401Unauthorized);
        objects.MapGet("", ListAsync).WithName("listObjects").WithSummary("The client's objects that this gateway can open.")
            .ProducesFailures(StatusCodes.Status400BadRequest, StatusCodes.Status503ServiceUnavailable);
        objects.MapPut("/{**name}", PutAsync).WithName("putObject").WithSummary("Stores the body under a name.")
            .WithMetadata(new RequestSizeLimitAttribute(ObjectBytesMax))
            .Accepts<Stream>(AnyContentType)
            .ProducesFailures(
                StatusCodes.Status400BadRequest,
                StatusCodes.Status402PaymentRequired,
                StatusCodes.Status403Forbidden,
                StatusCodes.Status413PayloadTooLarge,
                StatusCodes.Status503ServiceUnavailable);
        objects.MapMethods("/{**name}", [HttpMethods.Get, HttpMethods.Head], GetAsync).WithName("getObject").WithSummary("The bytes, whole or one range.")
            .Produces<Stream>(StatusCodes.Status200OK, ContentType)
            .Produces<Stream>(StatusCodes.Status206PartialContent, ContentType)
            .Produces(StatusCodes.Status304NotModified)
            .ProducesFailures(
                StatusCodes.Status400BadRequest,
                StatusCodes.Status404NotFound,
                StatusCodes.Status412PreconditionFailed,
                StatusCodes.Status416RangeNotSatisfiable,
                StatusCodes.Status502BadGateway,
                StatusCodes.Status503ServiceUnavailable);
    }

    internal static async Task<Ok<ListReport>> ListAsync(
        HttpContext context, MarketDoor market, ReadGate gate, string? prefix, bool? recursive, string? after, int? limit, CancellationToken token)
    {
        if (limit is < 1) throw GatewayFailureException.Usage("limit is a number from 1.");
        using IDisposable pass = await EnterAsync(gate, context, token);
        ListReport all = await market.ListAsync(context.Client().Address, token);
        int most = Math.Min(limit ?? ListLinesMax, ListLinesMax);
        return TypedResults.Ok(all with { Objects = Listing.Select(all.Objects, prefix ?? "", recursive ?? true, after, most) });
    }

    internal static async Task<Created<PutReport>> PutAsync(
        string? name, HttpContext context, MarketDoor market, UploadGate gate, GatewayOptions options, string? redundancy, string? @for, CancellationToken token)
    {
        string checkedName = ReadName(context, name);
        GatewayClient client = context.Client();
        if (client.SealTo is null)
        {
            throw new GatewayFailureException(
                StatusCodes.Status403Forbidden,
                MarketErrorCode.Usage,
                "This token names no key to seal to, so what is stored could not be opened by its owner.",
                "sign in with market login URL, or with the resource urn:market:seal-to:KEY",
                "noSealKey");
        }

        if (context.Request.Headers.ContainsKey(HeaderNames.ContentRange))
            throw GatewayFailureException.Usage("An object is put whole.", "leave Content-Range out", "partialPut");
        KeepTerms terms = TermsQuery.Read(redundancy, @for);
        long? length = context.Request.ContentLength;
        if (length > ObjectBytesMax) throw TooLong();

        // No byte of the body is taken before this; whoever sends "Expect: 100-continue" has sent none.
        Address payer = market.Facts.Operator;
        PutReport quote = await market.QuoteAsync(client.Address, checkedName, length ?? 0, terms, token);
        Funds funds = await market.FundsAsync(client.Address, token);
        if (Shortfall.Of(quote.Price, funds) is { } shortfall) throw GatewayFailureException.Of(shortfall, payer, terms.For);
        UploadBody body = length is { } exact
            ? new UploadBody(context.Request.Body, exact, IsExact: true)
            : new UploadBody(new BoundedStream(context.Request.Body, options.OpenBodyBytesMax, () => TooLong(options)), options.OpenBodyBytesMax, IsExact: false);

        using IDisposable pass = await gate.EnterAsync(client.Address, token)
            ?? throw GatewayFailureException.Busy("Too many uploads run or wait.", "tooManyUploads");
        try
        {
            PutReport report = await market.PutAsync(client, checkedName, body, terms, token);
            return TypedResults.Created(ObjectPath.Prefix + EscapeName(checkedName), report);
        }
        catch (MarketException refused) when (refused.Code is MarketErrorCode.InsufficientFunds)
        {
            // A body that did not say its length is longer than the money keeps, or something else spent it meanwhile.
            throw GatewayFailureException.Of(refused, funds, payer, terms.For);
        }
    }

    internal static async Task<EmptyHttpResult> GetAsync(
        string? name, HttpContext context, MarketDoor market, ReadGate gate, CancellationToken token)
    {
        string checkedName = ReadName(context, name);
        using IDisposable pass = await EnterAsync(gate, context, token);
        StoredObject found = await market.FindAsync(context.Client().Address, checkedName, token)
            ?? throw GatewayFailureException.NotFound(
                $"There is no object '{checkedName}' here.", "what was not stored through this gateway only your own wallet can open: market get");
        if (found.Kind is not ObjectKind.File)
        {
            throw GatewayFailureException.Usage(
                $"'{checkedName}' is a {(found.Kind is ObjectKind.Folder ? "folder" : "symbolic link")}, and only files have bytes.",
                "list it with GET /v1/objects?prefix=, or use market get",
                "notAFile");
        }

        var tag = new EntityTagHeaderValue($"\"{found.ContentTag}\"");
        DateTimeOffset? modifiedAt = found.ModifiedAt is { } exact ? DateTimeOffset.FromUnixTimeSeconds(exact.ToUnixTimeSeconds()) : null;
        ReadPlan plan = ReadPlan.Decide(context.Request.GetTypedHeaders(), found.Bytes, tag, modifiedAt);
        HttpResponse response = context.Response;
        SetHeaders(response, tag, modifiedAt);
        switch (plan.Status)
        {
            case StatusCodes.Status304NotModified:
                response.StatusCode = plan.Status;
                return TypedResults.Empty;
            case StatusCodes.Status412PreconditionFailed:
                throw new GatewayFailureException(plan.Status, MarketErrorCode.Usage, "The object is not what the condition asks for.", reason: "changed");
            case StatusCodes.Status416RangeNotSatisfiable:
                throw new GatewayFailureException(
                    plan.Status, MarketErrorCode.Usage, $"The range lies beyond the object's {found.Bytes} bytes.", reason: "rangeBeyondEnd")
                {
                    ContentRange = $"bytes */{found.Bytes}",
                };
            case StatusCodes.Status206PartialContent:
                response.Headers.ContentRange = $"bytes {plan.From}-{plan.From + plan.Count - 1}/{found.Bytes}";
                break;
            default:
                break;
        }

        response.StatusCode = plan.Status;
        response.ContentType = ContentType;
        response.ContentLength = plan.Count;
        if (HttpMethods.IsHead(context.Request.Method)) return TypedResults.Empty;
        await found.CopyAsync(plan.From, plan.Count, response.Body, token);
        return TypedResults.Empty;
    }

    // Before the client's names are loaded: they take memory, too.
    private static async Task<IDisposable> EnterAsync(ReadGate gate, HttpContext context, CancellationToken token) =>
        await gate.EnterAsync(context.Client().Address, token) ?? throw GatewayFailureException.Busy("Too many reads run.", "tooManyReads");

    private static string ReadName(HttpContext context, string? routeName)
    {
        string target = context.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } raw
            ? raw
            : ObjectPath.Prefix + EscapeName(routeName ?? "");
        return ObjectPath.TryRead(target, out string? name, out string? reason)
            ? name
            : throw GatewayFailureException.Usage($"That is no name of an object: {reason}.", "write a slash path, percent-encoded", "wrongName");
    }

    private static string EscapeName(string name) => string.Join('/', name.Split('/').Select(Uri.EscapeDataString));

    private static GatewayFailureException TooLong(GatewayOptions options) => new(
        StatusCodes.Status413PayloadTooLarge,
        MarketErrorCode.Usage,
        $"A body of unknown length has at most {ByteSize.Format(options.OpenBodyBytesMax)} here.",
        "send it with a Content-Length",
        "tooLong");

    internal static GatewayFailureException TooLong() => new(
        StatusCodes.Status413PayloadTooLarge, MarketErrorCode.Usage, $"An object has at most {ByteSize.Format(ObjectBytesMax)}.", reason: "tooLong");

    private static void SetHeaders(HttpResponse response, EntityTagHeaderValue tag, DateTimeOffset? modifiedAt)
    {
        response.Headers.ETag = tag.ToString();
        if (modifiedAt is { } time) response.Headers.LastModified = time.ToString("r", CultureInfo.InvariantCulture);
        response.Headers.AcceptRanges = "bytes";
        response.Headers.CacheControl = "private, no-cache";
        response.Headers.Vary = HeaderNames.Authorization;
        // What clients store is never shown as a page of this site.
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        response.Headers.ContentDisposition = "attachment";
    }
}
