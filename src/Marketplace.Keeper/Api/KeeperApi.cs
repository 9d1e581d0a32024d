using System.Text.Json.Nodes;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Hosting.Http;

namespace Marketplace.Keeper.Api;

/// <summary>The HTTP endpoints of docs/protocol/keeper-http.md. Every list is bounded; every answer names its block and is signed.</summary>
internal static class KeeperApi
{
    public const int NodesPerPageDefault = 100;
    public const int NodesPerPageMax = 500;
    public const int DealsPerPageDefault = 20;
    public const int DealsPerPageMax = 50;

    private const char NodesList = 'n';
    private const char DealsList = 'd';

    public static void Map(IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder v1 = routes.MapGroup("/v1");
        v1.MapGet("/nodes", GetNodes);
        v1.MapGet("/nodes/{id}", GetNode);
        v1.MapGet("/deals", GetDeals);
        v1.MapGet("/deals/{id}", GetDeal);
    }

    private static IResult GetNodes(
        KeeperQueries queries, SignedAnswers answers, string? online, string? minFreeBytes, string? maxPrice, string? cursor, string? limit)
    {
        bool? wantedOnline = null;
        if (!string.IsNullOrEmpty(online))
        {
            if (!bool.TryParse(online, out bool value)) return Failures.Usage("online is true or false.");
            wantedOnline = value;
        }

        ulong? wantedFree = null;
        if (!string.IsNullOrEmpty(minFreeBytes))
        {
            if (!ulong.TryParse(minFreeBytes, out ulong value)) return Failures.Usage("minFreeBytes is a whole number of bytes.");
            wantedFree = value;
        }

        TokenAmount? wantedPrice = null;
        if (!string.IsNullOrEmpty(maxPrice))
        {
            if (!TokenAmount.TryParse(maxPrice, null, out TokenAmount value)) return Failures.Usage("maxPrice is decimal tokens per GiB and 30 days, such as 0.05.");
            wantedPrice = value;
        }

        if (!TryReadLimit(limit, NodesPerPageDefault, NodesPerPageMax, out int count)) return BadLimit(NodesPerPageMax);
        if (!PageCursor.TryRead(NodesList, cursor, out ulong after) || after > NodeId.ValueMax) return BadCursor();
        KeeperNodesReport? report = queries.Nodes(
            new NodeFilter(wantedOnline, wantedFree, wantedPrice), new NodeId((uint)after), count, last => PageCursor.Write(NodesList, last.Value));
        return report is null ? NotReady() : answers.Of(report);
    }

    private static IResult GetNode(KeeperQueries queries, SignedAnswers answers, string id)
    {
        if (!NodeId.TryParse(id, null, out NodeId node)) return Failures.Usage("A node is named by its number.");
        (KeeperStamp? stamp, KeeperNode? found) = queries.Node(node);
        if (stamp is null) return NotReady();
        return found is null ? answers.NotFound($"There is no node {node}.", stamp) : answers.Of(found, stamp);
    }

    private static IResult GetDeals(KeeperQueries queries, SignedAnswers answers, string? client, string? cursor, string? limit)
    {
        if (!Address.TryParse(client, null, out Address owner)) return Failures.Usage("client is an address: /v1/deals?client=0x…");
        if (!TryReadLimit(limit, DealsPerPageDefault, DealsPerPageMax, out int count)) return BadLimit(DealsPerPageMax);
        if (!PageCursor.TryRead(DealsList, cursor, out ulong after)) return BadCursor();
        KeeperDealsReport? report = queries.Deals(owner, after, count, last => PageCursor.Write(DealsList, last));
        return report is null ? NotReady() : answers.Of(report);
    }

    private static IResult GetDeal(KeeperQueries queries, SignedAnswers answers, string id)
    {
        if (!DealId.TryParse(id, null, out DealId deal)) return Failures.Usage("A deal is named 0xCLIENT-NUMBER.");
        (KeeperStamp? stamp, PeriodNumber period, DealReport? found) = queries.Deal(deal);
        if (stamp is null) return NotReady();
        return found is null
            ? answers.NotFound($"There is no deal {deal}.", stamp)
            : answers.Of(found, stamp, ("client", JsonValue.Create(deal.Client.ToString())), ("period", JsonValue.Create(period.Value)));
    }

    private static bool TryReadLimit(string? text, int otherwise, int max, out int limit)
    {
        limit = otherwise;
        return string.IsNullOrEmpty(text) || (int.TryParse(text, System.Globalization.NumberStyles.None, null, out limit) && limit >= 1 && limit <= max);
    }

    private static IResult BadLimit(int max) => Failures.Usage($"limit is a number from 1 to {max}.");

    private static IResult BadCursor() => Failures.Usage("This cursor is not one of this list.", "Begin again without a cursor.");

    private static IResult NotReady() => Failures.Of(
        StatusCodes.Status503ServiceUnavailable, MarketErrorCode.Incomplete, "This keeper has not read the chain yet.", "Ask again soon, or ask another.");
}
