using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Network;
using Microsoft.AspNetCore.Http.Features;

namespace Marketplace.Keeper.Api;

/// <summary>Makes answers whose bytes the keeper's key signs together with the question; see <see cref="KeeperSignature"/>.</summary>
public sealed class SignedAnswers(IMessageSigner signer)
{
    private static readonly JsonSerializerOptions s_json = MarketJson.Options;

    /// <summary>An answer that names its block itself.</summary>
    public IResult Of<T>(T value) => new Answer(signer, StatusCodes.Status200OK, JsonSerializer.SerializeToUtf8Bytes(value, s_json));

    /// <summary>An answer about one thing: its own fields, and the block behind them.</summary>
    public IResult Of<T>(T value, KeeperStamp stamp, params ReadOnlySpan<(string Name, JsonNode? Value)> more)
    {
        JsonObject body = JsonSerializer.SerializeToNode(value, s_json)!.AsObject();
        foreach ((string name, JsonNode? field) in more) body[name] = field;
        return Stamped(StatusCodes.Status200OK, body, stamp);
    }

    /// <summary>"There is no such thing", as of a block: a keeper answers for that too.</summary>
    public IResult NotFound(string message, KeeperStamp stamp) => Stamped(
        StatusCodes.Status404NotFound, JsonSerializer.SerializeToNode(ErrorEnvelope.Of(MarketErrorCode.NotFound, message), HostJson.Options)!.AsObject(), stamp);

    private Answer Stamped(int status, JsonObject body, KeeperStamp stamp)
    {
        foreach ((string name, JsonNode? field) in JsonSerializer.SerializeToNode(stamp, s_json)!.AsObject().ToArray()) body[name] = field?.DeepClone();
        return new Answer(signer, status, JsonSerializer.SerializeToUtf8Bytes(body, s_json));
    }

    private sealed class Answer(IMessageSigner signer, int status, byte[] body) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            // The request line as it came, before any decoding: the asker knows it byte for byte.
            string target = httpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
            HttpResponse response = httpContext.Response;
            response.StatusCode = status;
            response.ContentType = "application/json; charset=utf-8";
            response.ContentLength = body.Length;
            response.Headers[KeeperSignature.KeeperHeader] = signer.Address.ToString();
            response.Headers[KeeperSignature.SignatureHeader] = KeeperSignature.Sign(signer, target, body);
            response.Headers.CacheControl = "no-store";
            // Anyone may read this from a page: there is nothing here that is not public.
            response.Headers.AccessControlAllowOrigin = "*";
            response.Headers.AccessControlExposeHeaders = $"{KeeperSignature.KeeperHeader}, {KeeperSignature.SignatureHeader}";
            return HttpMethods.IsHead(httpContext.Request.Method) ? Task.CompletedTask : response.Body.WriteAsync(body, httpContext.RequestAborted).AsTask();
        }
    }
}
