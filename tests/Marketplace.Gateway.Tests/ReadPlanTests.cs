using Marketplace.Gateway.Objects;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Marketplace.Gateway.Tests;

public sealed class ReadPlanTests
{
    private static readonly DateTimeOffset s_modifiedAt = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);
    private static readonly EntityTagHeaderValue s_tag = new("\"7-1\"");

    [Theory]
    [InlineData(null, 200, 0, 1000)]
    [InlineData("bytes=0-0", 206, 0, 1)]
    [InlineData("bytes=0-999", 206, 0, 1000)]
    [InlineData("bytes=10-19", 206, 10, 10)]
    [InlineData("bytes=990-", 206, 990, 10)]
    [InlineData("bytes=990-5000", 206, 990, 10)]
    [InlineData("bytes=-1", 206, 999, 1)]
    [InlineData("bytes=-5000", 206, 0, 1000)]
    [InlineData("bytes=1000-", 416, 0, 0)]
    [InlineData("bytes=1000-1001", 416, 0, 0)]
    [InlineData("bytes=-0", 416, 0, 0)]
    [InlineData("bytes=0-1,5-6", 200, 0, 1000)]
    [InlineData("lines=0-1", 200, 0, 1000)]
    [InlineData("bytes=19-10", 200, 0, 1000)]
    [InlineData("bytes=x", 200, 0, 1000)]
    public void One_range_is_cut_and_whatever_is_none_gives_the_whole(string? range, int status, long from, long count)
    {
        IHeaderDictionary headers = new HeaderDictionary();
        if (range is not null) headers.Range = range;
        Assert.Equal(new ReadPlan(status, from, count), Decide(headers));
    }

    [Theory]
    [InlineData("bytes=0-", 416)]
    [InlineData("bytes=-1", 416)]
    [InlineData(null, 200)]
    public void The_empty_object_has_no_range(string? range, int status)
    {
        IHeaderDictionary headers = new HeaderDictionary();
        if (range is not null) headers.Range = range;
        Assert.Equal(new ReadPlan(status, 0, 0), Decide(headers, length: 0));
    }

    [Theory]
    [InlineData("\"7-1\"", 206)]
    [InlineData("\"6-1\"", 200)]
    [InlineData("W/\"7-1\"", 200)]
    [InlineData("Sat, 31 Jan 2026 12:00:00 GMT", 206)]
    [InlineData("Sat, 31 Jan 2026 12:00:01 GMT", 200)]
    public void If_range_gives_the_whole_when_the_object_is_another(string condition, int status)
    {
        IHeaderDictionary headers = new HeaderDictionary();
        headers.Range = "bytes=0-9";
        headers.IfRange = condition;
        Assert.Equal(status, Decide(headers).Status);
    }

    [Theory]
    [InlineData("If-None-Match", "\"7-1\"", 304)]
    [InlineData("If-None-Match", "W/\"7-1\"", 304)]
    [InlineData("If-None-Match", "\"6-1\", \"7-1\"", 304)]
    [InlineData("If-None-Match", "*", 304)]
    [InlineData("If-None-Match", "\"6-1\"", 200)]
    [InlineData("If-Match", "\"7-1\"", 200)]
    [InlineData("If-Match", "*", 200)]
    [InlineData("If-Match", "\"6-1\"", 412)]
    [InlineData("If-Match", "W/\"7-1\"", 412)]
    [InlineData("If-Modified-Since", "Sat, 31 Jan 2026 12:00:00 GMT", 304)]
    [InlineData("If-Modified-Since", "Sat, 31 Jan 2026 11:59:59 GMT", 200)]
    [InlineData("If-Unmodified-Since", "Sat, 31 Jan 2026 12:00:00 GMT", 200)]
    [InlineData("If-Unmodified-Since", "Sat, 31 Jan 2026 11:59:59 GMT", 412)]
    public void Conditions_hold_or_do_not(string header, string value, int status)
    {
        IHeaderDictionary headers = new HeaderDictionary { [header] = value };
        Assert.Equal(status, Decide(headers).Status);
    }

    [Fact]
    public void A_tag_counts_more_than_a_date()
    {
        IHeaderDictionary headers = new HeaderDictionary { ["If-None-Match"] = "\"6-1\"", ["If-Modified-Since"] = "Sat, 31 Jan 2026 12:00:00 GMT" };
        Assert.Equal(200, Decide(headers).Status);
    }

    private static ReadPlan Decide(IHeaderDictionary headers, long length = 1000)
    {
        var context = new DefaultHttpContext();
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues value) in headers) context.Request.Headers[name] = value;
        return ReadPlan.Decide(context.Request.GetTypedHeaders(), length, s_tag, s_modifiedAt);
    }
}
