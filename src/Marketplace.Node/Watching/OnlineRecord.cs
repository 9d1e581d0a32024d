using System.Globalization;
using System.Text.Json;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>How much of the last thirty days the node ran and saw the chain, as it knows itself: kept beside the shards, so that being away counts.</summary>
internal sealed class OnlineRecord(ShardDepot depot, NodeLimits limits, TimeProvider time)
{
    private const string Fact = "onlineByDay";
    private const int Days = 30;
    private static readonly TimeSpan s_tooShort = TimeSpan.FromMinutes(1);

    /// <summary>Notes that the node is there, or that it is and is in the dark about the chain.</summary>
    public void Note(bool seesChain)
    {
        DateTimeOffset now = time.GetUtcNow();
        Page page = Read() ?? new Page(now.ToUnixTimeSeconds(), now.ToUnixTimeSeconds(), new SortedDictionary<string, long>());
        long passed = now.ToUnixTimeSeconds() - page.LastSecond;
        // A longer pause than between two looks is time in which the node was away; a clock that was set back is nothing.
        bool wasThere = passed >= 0 && passed <= (long)(2 * limits.WatchEvery).TotalSeconds;
        var days = new SortedDictionary<string, long>(page.Days, StringComparer.Ordinal);
        string today = DayOf(now);
        if (seesChain && wasThere) days[today] = days.GetValueOrDefault(today) + passed;
        string oldest = DayOf(now.AddDays(-Days));
        foreach (string day in days.Keys.Where(day => string.CompareOrdinal(day, oldest) < 0).ToArray()) days.Remove(day);
        depot.Catalogue.SetFact(Fact, JsonSerializer.Serialize(new Page(Math.Min(page.FirstSecond, now.ToUnixTimeSeconds()), now.ToUnixTimeSeconds(), days), NodeFilesJson.Default.OnlinePage));
    }

    /// <summary>The share, from 0 to 1; null as long as there is nothing to tell.</summary>
    public double? Share()
    {
        if (Read() is not { } page) return null;
        DateTimeOffset now = time.GetUtcNow();
        var windowStart = new DateTimeOffset(now.UtcDateTime.Date.AddDays(-Days), TimeSpan.Zero);
        var first = DateTimeOffset.FromUnixTimeSeconds(page.FirstSecond);
        // Time that has not been looked at yet is neither.
        double whole = (DateTimeOffset.FromUnixTimeSeconds(Math.Max(page.LastSecond, now.ToUnixTimeSeconds() - (long)limits.WatchEvery.TotalSeconds)) - (first > windowStart ? first : windowStart)).TotalSeconds;
        return whole < s_tooShort.TotalSeconds ? null : Math.Clamp(page.Days.Values.Sum() / whole, 0, 1);
    }

    private Page? Read() => depot.Catalogue.Fact(Fact) is { } text ? JsonSerializer.Deserialize(text, NodeFilesJson.Default.OnlinePage) : null;

    private static string DayOf(DateTimeOffset when) => when.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>Seconds by day, when they began and when they were last added to.</summary>
    internal sealed record Page(long FirstSecond, long LastSecond, IDictionary<string, long> Days);
}
