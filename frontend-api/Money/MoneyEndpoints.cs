using Marketplace.Client.Json;
using Marketplace.Client.Names;
using Marketplace.Gateway.Errors;
using Marketplace.Gateway.Market;
using Marketplace.Gateway.Objects;
using Marketplace.Gateway.SignIn;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Marketplace.Gateway.Money;

/// <summary>What to price. All but the bytes may be left out.</summary>
/// <param name="Bytes">Length of the file.</param>
/// <param name="Name">The name it would have.</param>
/// <param name="Redundancy">k/n, 1/3 if left out.</param>
/// <param name="For">How long, 30d if left out.</param>
public sealed record QuoteRequest(long? Bytes, string? Name = null, string? Redundancy = null, string? For = null);

/// <summary>Prices and balances.</summary>
public static class MoneyEndpoints
{
    private const string UnnamedObject = "file";

    /// <summary>Maps the calls.</summary>
    public static void MapMoney(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder money = routes.MapGroup("/v1").WithTags("Money").RequireAuthorization()
            .ProducesFailures(StatusCodes.Status401Unauthorized);
        money.MapPost("/quotes", QuoteAsync).WithName("quote")
            .WithMetadata(new RequestSizeLimitAttribute(SignInEndpoints.JsonBodyBytesMax))
            .WithSummary("What storing so many bytes would cost.")
            .ProducesFailures(StatusCodes.Status400BadRequest, StatusCodes.Status503ServiceUnavailable);
        money.MapGet("/balance", BalanceAsync).WithName("balance").WithSummary("The client's money and what it allowed.");
    }

    internal static async Task<Ok<PutReport>> QuoteAsync(QuoteRequest request, HttpContext context, MarketDoor market, CancellationToken token)
    {
        if (request.Bytes is not (>= 0 and <= ObjectEndpoints.ObjectBytesMax))
            throw GatewayFailureException.Usage($"bytes is a number from 0 to {ObjectEndpoints.ObjectBytesMax}.");
        if (!ObjectName.TryParse(request.Name ?? UnnamedObject, out string? name, out string? reason))
            throw GatewayFailureException.Usage($"That is no name of an object: {reason}.", reason: "wrongName");
        KeepTerms terms = TermsQuery.Read(request.Redundancy, request.For);
        return TypedResults.Ok(await market.QuoteAsync(context.Client().Address, name, request.Bytes.Value, terms, token));
    }

    internal static async Task<Ok<BalanceReport>> BalanceAsync(HttpContext context, MarketDoor market, CancellationToken token) =>
        TypedResults.Ok(await market.BalanceAsync(context.Client().Address, token));
}
