using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;

namespace Marketplace.Gateway.Objects;

/// <summary>What to answer to a read, decided from headers alone by the rules of RFC 9110, sections 13 and 14.</summary>
/// <param name="Status">200, 206, 304, 412 or 416.</param>
/// <param name="From">First byte to send.</param>
/// <param name="Count">Bytes to send.</param>
public readonly record struct ReadPlan(int Status, long From, long Count)
{
    private const string BytesUnit = "bytes";

    /// <summary>Decides. <paramref name="modifiedAt"/> is in whole seconds, as it is sent.</summary>
    public static ReadPlan Decide(RequestHeaders request, long length, EntityTagHeaderValue tag, DateTimeOffset? modifiedAt)
    {
        if (request.IfMatch.Count > 0)
        {
            if (!Matches(request.IfMatch, tag, strong: true)) return new ReadPlan(StatusCodes.Status412PreconditionFailed, 0, 0);
        }
        else if (request.IfUnmodifiedSince is { } unmodified && modifiedAt > unmodified)
        {
            return new ReadPlan(StatusCodes.Status412PreconditionFailed, 0, 0);
        }

        if (request.IfNoneMatch.Count > 0)
        {
            if (Matches(request.IfNoneMatch, tag, strong: false)) return new ReadPlan(StatusCodes.Status304NotModified, 0, 0);
        }
        else if (request.IfModifiedSince is { } modified && modifiedAt <= modified)
        {
            return new ReadPlan(StatusCodes.Status304NotModified, 0, 0);
        }

        var whole = new ReadPlan(StatusCodes.Status200OK, 0, length);
        if (request.Range is not { } range || !range.Unit.Equals(BytesUnit, StringComparison.OrdinalIgnoreCase) || range.Ranges.Count != 1) return whole;
        if (request.IfRange is { } condition && !Holds(condition, tag, modifiedAt)) return whole;
        return DecideRange(range.Ranges.First(), length);
    }

    private static ReadPlan DecideRange(RangeItemHeaderValue range, long length)
    {
        var beyond = new ReadPlan(StatusCodes.Status416RangeNotSatisfiable, 0, 0);
        if (range.From is not { } from)
        {
            long last = Math.Min(range.To.GetValueOrDefault(), length);
            return last == 0 ? beyond : new ReadPlan(StatusCodes.Status206PartialContent, length - last, last);
        }

        if (from >= length) return beyond;
        long to = Math.Min(range.To ?? long.MaxValue, length - 1);
        return new ReadPlan(StatusCodes.Status206PartialContent, from, to - from + 1);
    }

    private static bool Matches(IList<EntityTagHeaderValue> offered, EntityTagHeaderValue tag, bool strong) =>
        offered.Any(one => one.Equals(EntityTagHeaderValue.Any) || one.Compare(tag, useStrongComparison: strong));

    /// <summary>A date must be exactly the one sent, a tag the same strong one.</summary>
    private static bool Holds(RangeConditionHeaderValue condition, EntityTagHeaderValue tag, DateTimeOffset? modifiedAt) =>
        condition.EntityTag is { } offered ? offered.Compare(tag, useStrongComparison: true) : condition.LastModified == modifiedAt && modifiedAt is not null;
}
