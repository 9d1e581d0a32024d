using System.Globalization;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>Caps of the bytes that shards may take of the line, by day and hour: <c>mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s; out 8 MiB/s</c>.</summary>
/// <param name="Rules">The first one that fits the hour holds; where none fits there is no cap.</param>
public sealed record BandwidthSchedule(IReadOnlyList<BandwidthRule> Rules)
{
    /// <summary>More rules are a mistake.</summary>
    public const int RulesMax = 50;

    /// <summary>Slower than this, clients give a transfer up.</summary>
    public const long BytesPerSecondMin = 128 << 10;

    /// <summary>No caps at all.</summary>
    public static BandwidthSchedule None { get; } = new([]);

    /// <summary>The caps at a time of the week; null is none.</summary>
    public (long? In, long? Out) At(DateTime local)
    {
        foreach (BandwidthRule rule in Rules)
        {
            if (rule.Fits(local)) return (rule.In, rule.Out);
        }

        return (null, null);
    }

    /// <summary>Reads rules that stand between semicolons; an empty text has none.</summary>
    /// <exception cref="FormatException">A rule is none; the message quotes it.</exception>
    public static BandwidthSchedule Parse(string text)
    {
        string[] parts = text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length > RulesMax) throw new FormatException($"There are more than {RulesMax} rules.");
        return parts.Length == 0 ? None : new BandwidthSchedule([.. parts.Select(BandwidthRule.Parse)]);
    }

    /// <summary>The text that <see cref="Parse"/> reads back.</summary>
    public override string ToString() => string.Join("; ", Rules);

    /// <inheritdoc />
    public bool Equals(BandwidthSchedule? other) => other is not null && Rules.SequenceEqual(other.Rules);

    /// <inheritdoc />
    public override int GetHashCode() => Rules.Count == 0 ? 0 : Rules[0].GetHashCode();
}

/// <summary>One rule.</summary>
/// <param name="Days">Bit d is set for the day of the week d, Sunday being 0.</param>
/// <param name="From">Minute of the day at which it begins.</param>
/// <param name="Until">Minute at which it ends, 1440 for midnight. Not after <paramref name="From"/>: it goes over midnight into the day after one of <paramref name="Days"/>.</param>
/// <param name="In">Bytes a second that come in at most; null for no cap.</param>
/// <param name="Out">Bytes a second that go out at most; null for no cap.</param>
public sealed record BandwidthRule(int Days, int From, int Until, long? In, long? Out)
{
    private const int EveryDay = 0x7f;
    private const int MinutesPerDay = 24 * 60;
    private static readonly string[] s_days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    /// <summary>Whether a local time lies in it.</summary>
    public bool Fits(DateTime local)
    {
        int minute = (local.Hour * 60) + local.Minute;
        int today = (int)local.DayOfWeek;
        if (From < Until) return Has(today) && minute >= From && minute < Until;
        return (Has(today) && minute >= From) || (Has((today + 6) % 7) && minute < Until);
    }

    /// <summary>Reads <c>[DAYS] [HH:MM-HH:MM] [in RATE] [out RATE]</c>; days are <c>mon-fri</c>, <c>sat,sun</c>, a rate is <c>2 MiB/s</c>.</summary>
    /// <exception cref="FormatException">It is not one.</exception>
    public static BandwidthRule Parse(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int days = EveryDay, from = 0, until = MinutesPerDay, at = 0;
        if (at < words.Length && TryReadDays(words[at], out int named)) (days, at) = (named, at + 1);
        if (at < words.Length && TryReadHours(words[at], out int begins, out int ends)) (from, until, at) = (begins, ends, at + 1);
        long? inwards = null, outwards = null;
        while (at < words.Length)
        {
            string direction = words[at++];
            int end = Array.FindIndex(words, at, word => word is "in" or "out");
            if (end < 0) end = words.Length;
            long rate = ReadRate(string.Join(' ', words[at..end]), text);
            if (direction == "in" && inwards is null) inwards = rate;
            else if (direction == "out" && outwards is null) outwards = rate;
            else throw Wrong(text);
            at = end;
        }

        return inwards is null && outwards is null ? throw Wrong(text) : new BandwidthRule(days, from, until, inwards, outwards);
    }

    /// <summary>The text that <see cref="Parse"/> reads back.</summary>
    public override string ToString()
    {
        var words = new List<string>();
        if (Days != EveryDay) words.Add(string.Join(',', Enumerable.Range(0, 7).Where(Has).Select(day => s_days[day])));
        if (From != 0 || Until != MinutesPerDay) words.Add(string.Create(CultureInfo.InvariantCulture, $"{From / 60:00}:{From % 60:00}-{Until / 60:00}:{Until % 60:00}"));
        if (In is { } inwards) words.Add($"in {Rate(inwards)}");
        if (Out is { } outwards) words.Add($"out {Rate(outwards)}");
        return string.Join(' ', words);
    }

    private bool Has(int day) => (Days & (1 << day)) != 0;

    /// <summary>Exact, so that what is written is what is read.</summary>
    private static string Rate(long bytes)
    {
        string text = ByteSize.Format(bytes);
        return (ByteSize.TryParse(text, out long back) && back == bytes ? text : string.Create(CultureInfo.InvariantCulture, $"{bytes} B")) + "/s";
    }

    private static bool TryReadDays(string word, out int days)
    {
        days = 0;
        foreach (string part in word.Split(','))
        {
            string[] ends = part.Split('-');
            int first = Array.IndexOf(s_days, ends[0]), last = Array.IndexOf(s_days, ends[^1]);
            if (ends.Length > 2 || first < 0 || last < 0) return false;
            for (int day = first; ; day = (day + 1) % 7)
            {
                days |= 1 << day;
                if (day == last) break;
            }
        }

        return true;
    }

    private static bool TryReadHours(string word, out int from, out int until)
    {
        from = until = 0;
        string[] ends = word.Split('-');
        if (ends.Length != 2 || !TryReadMinute(ends[0], out from) || !TryReadMinute(ends[1], out until)) return false;
        return from < MinutesPerDay && until > 0 && from != until;
    }

    private static bool TryReadMinute(string text, out int minute)
    {
        minute = 0;
        if (text is not { Length: 5 } || text[2] != ':' ||
            !int.TryParse(text.AsSpan(0, 2), NumberStyles.None, CultureInfo.InvariantCulture, out int hours) ||
            !int.TryParse(text.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out int minutes) || minutes > 59)
        {
            return false;
        }

        minute = (hours * 60) + minutes;
        return minute <= MinutesPerDay;
    }

    private static long ReadRate(string text, string rule)
    {
        if (!text.EndsWith("/s", StringComparison.Ordinal) || !ByteSize.TryParse(text[..^2], out long bytes)) throw Wrong(rule);
        return bytes >= BandwidthSchedule.BytesPerSecondMin
            ? bytes
            : throw new FormatException($"'{rule}': a cap is at least {ByteSize.Format(BandwidthSchedule.BytesPerSecondMin)}/s; with less, clients give up and the node earns nothing.");
    }

    private static FormatException Wrong(string text) => new($"'{text}' is not a rule: write mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s.");
}
