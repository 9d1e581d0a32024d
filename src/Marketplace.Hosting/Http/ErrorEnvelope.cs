using System.Text.Json;
using Marketplace.Domain;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Marketplace.Hosting.Http;

/// <summary>The failure shape of every HTTP answer: <c>{"error":{"code","message","hint","missing","reason"}}</c>.</summary>
public sealed record ErrorEnvelope(ErrorBody Error)
{
    /// <summary>The envelope of an expected failure.</summary>
    public static ErrorEnvelope Of(MarketException failure) =>
        new(new ErrorBody(MarketException.NameOf(failure.Code), failure.Message, failure.Hint, failure.Missing));

    /// <summary>The envelope of a code and a line.</summary>
    public static ErrorEnvelope Of(MarketErrorCode code, string message, string? hint = null) =>
        new(new ErrorBody(MarketException.NameOf(code), message, hint));

    /// <summary>The HTTP status that a code has unless an endpoint says otherwise.</summary>
    public static int StatusOf(MarketErrorCode code) => code switch
    {
        MarketErrorCode.Usage => StatusCodes.Status400BadRequest,
        MarketErrorCode.InsufficientFunds => StatusCodes.Status402PaymentRequired,
        MarketErrorCode.NotFound => StatusCodes.Status404NotFound,
        MarketErrorCode.Incomplete => StatusCodes.Status503ServiceUnavailable,
        MarketErrorCode.WrongBytes => StatusCodes.Status502BadGateway,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>The code that fits a bare HTTP status.</summary>
    public static MarketErrorCode CodeOf(int status) => status switch
    {
        StatusCodes.Status402PaymentRequired => MarketErrorCode.InsufficientFunds,
        StatusCodes.Status404NotFound => MarketErrorCode.NotFound,
        StatusCodes.Status429TooManyRequests => MarketErrorCode.Failed,
        >= 400 and < 500 => MarketErrorCode.Usage,
        _ => MarketErrorCode.Failed,
    };
}

/// <summary>What went wrong.</summary>
/// <param name="Code">failed, usage, insufficientFunds, notFound, incomplete or wrongBytes.</param>
/// <param name="Message">One line for people.</param>
/// <param name="Hint">What to do about it.</param>
/// <param name="Missing">With insufficientFunds: tokens that are missing, if that is known.</param>
/// <param name="Reason">A finer word than the code, where there is one.</param>
public sealed record ErrorBody(string Code, string Message, string? Hint = null, TokenAmount? Missing = null, string? Reason = null);

/// <summary>Failures as results of endpoints.</summary>
public static class Failures
{
    /// <summary>An answer with a status of the endpoint's choice.</summary>
    public static IResult Of(int status, MarketErrorCode code, string message, string? hint = null) =>
        Results.Json(ErrorEnvelope.Of(code, message, hint), HostJson.Options, statusCode: status);

    /// <summary>There is no such thing.</summary>
    public static IResult NotFound(string message, string? hint = null) =>
        Of(StatusCodes.Status404NotFound, MarketErrorCode.NotFound, message, hint);

    /// <summary>The request is wrong.</summary>
    public static IResult Usage(string message, string? hint = null) =>
        Of(StatusCodes.Status400BadRequest, MarketErrorCode.Usage, message, hint);
}

/// <summary>Turns whatever an endpoint throws, and every bare error status, into an <see cref="ErrorEnvelope"/>. No stack trace leaves the host.</summary>
public sealed partial class ErrorEnvelopeMiddleware(RequestDelegate next, ILogger<ErrorEnvelopeMiddleware> log)
{
    private const int ClientClosedRequest = 499;

    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            int status = context.Response.StatusCode;
            bool bare = status >= 400 && !context.Response.HasStarted && context.Response.ContentType is null && context.Response.ContentLength is null or 0;
            if (bare) await WriteAsync(context, status, ErrorEnvelope.Of(ErrorEnvelope.CodeOf(status), MessageOf(status)));
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested && e is OperationCanceledException or IOException)
        {
            if (!context.Response.HasStarted) context.Response.StatusCode = ClientClosedRequest;
        }
        catch (MarketException e)
        {
            await AnswerAsync(context, ErrorEnvelope.StatusOf(e.Code), ErrorEnvelope.Of(e));
        }
        catch (BadHttpRequestException e)
        {
            // Its message is ours or the framework's, about the request's form; inner details stay here.
            await AnswerAsync(context, e.StatusCode, ErrorEnvelope.Of(ErrorEnvelope.CodeOf(e.StatusCode), MessageOf(e.StatusCode)));
        }
        catch (Exception e)
        {
            LogUnexpected(e, context.Request.Method, context.GetEndpoint()?.DisplayName ?? "(no endpoint)", context.TraceIdentifier);
            var envelope = ErrorEnvelope.Of(MarketErrorCode.Failed, "Something went wrong inside.", $"The log of this host has the details under {context.TraceIdentifier}.");
            await AnswerAsync(context, StatusCodes.Status500InternalServerError, envelope);
        }
    }

    private static async Task AnswerAsync(HttpContext context, int status, ErrorEnvelope envelope)
    {
        if (context.Response.HasStarted)
        {
            // Half an answer must not look like a whole one.
            context.Abort();
            return;
        }

        context.Response.Clear();
        await WriteAsync(context, status, envelope);
    }

    private static Task WriteAsync(HttpContext context, int status, ErrorEnvelope envelope)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(envelope, HostJson.Options, context.RequestAborted);
    }

    private static string MessageOf(int status) => status switch
    {
        StatusCodes.Status400BadRequest => "The request cannot be read.",
        StatusCodes.Status401Unauthorized => "This needs a sign-in.",
        StatusCodes.Status403Forbidden => "This is not allowed.",
        StatusCodes.Status404NotFound => "There is nothing at this address.",
        StatusCodes.Status405MethodNotAllowed => "This address does not take that method.",
        StatusCodes.Status408RequestTimeout => "The request came too slowly.",
        StatusCodes.Status413PayloadTooLarge => "The request is too large.",
        StatusCodes.Status415UnsupportedMediaType => "The request's content type is not understood.",
        StatusCodes.Status429TooManyRequests => "Too many requests.",
        _ => $"The request failed with status {status}.",
    };

    [LoggerMessage(1101, LogLevel.Error, "Unexpected failure in {Method} {Endpoint}, trace {Trace}")]
    private partial void LogUnexpected(Exception failure, string method, string endpoint, string trace);
}
