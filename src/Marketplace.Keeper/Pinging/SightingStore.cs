using Marketplace.Domain;
using Marketplace.Keeper.Indexing;
using Microsoft.Data.Sqlite;

namespace Marketplace.Keeper.Pinging;

/// <summary>How one ping of a node ended.</summary>
/// <param name="Node">Who was asked.</param>
/// <param name="Owner">Its owner: a number that a reorganisation gave to somebody else begins a new record.</param>
/// <param name="At">When the ping ended.</param>
/// <param name="Answer">What the node said; <c>null</c> for a miss.</param>
public sealed record PingResult(NodeId Node, Address Owner, DateTimeOffset At, PingAnswer? Answer);

/// <summary>A signed answer to a ping.</summary>
/// <param name="Latency">From asking to the checked answer.</param>
/// <param name="Block">The newest block that the node knows.</param>
/// <param name="FreeBytes">Space that it would still sell.</param>
/// <param name="Version">The version of its software.</param>
public sealed record PingAnswer(TimeSpan Latency, BlockNumber Block, ulong FreeBytes, string Version);

/// <summary>Keeps what was seen of nodes. Uptime is kept by day, for <see cref="UptimeDays"/> days.</summary>
public static class SightingStore
{
    /// <summary>Days that uptime looks back.</summary>
    public const int UptimeDays = 30;

    /// <summary>Weight of the newest latency in the average.</summary>
    private const double LatencyWeight = 0.2;

    private const long SecondsPerDay = 86_400;

    /// <summary>The day of a time, counted from 1970 in UTC.</summary>
    public static long DayOf(DateTimeOffset time) => time.ToUnixTimeSeconds() / SecondsPerDay;

    /// <summary>Writes how pings ended, all in one transaction.</summary>
    public static void Record(KeeperStore store, IReadOnlyList<PingResult> results) => store.Record(db =>
    {
        foreach (PingResult result in results) Record(db, result);
    });

    /// <summary>Forgets days that no longer count.</summary>
    public static void Trim(KeeperStore store, DateTimeOffset now) =>
        store.Record(db => db.Execute("DELETE FROM uptime WHERE day <= $0", DayOf(now) - UptimeDays));

    /// <summary>How often each node missed in a row, by node and owner, as the last run left it.</summary>
    public static IReadOnlyDictionary<(NodeId Node, Address Owner), int> Misses(KeeperStore store) => store.Read(db =>
        db.List("SELECT node, owner, misses FROM sightings", reader => (new NodeId((uint)reader.GetInt64(0)), Owner: reader.Address(1), Misses: reader.GetInt32(2)))
            .ToDictionary(row => (row.Item1, row.Owner), row => row.Misses));

    private static void Record(SqliteConnection db, PingResult result)
    {
        long seconds = result.At.ToUnixTimeSeconds();
        db.Execute("DELETE FROM sightings WHERE node = $0 AND owner <> $1", result.Node, result.Owner);
        if (result.Answer is { } answer)
        {
            db.Execute(
                $"""
                INSERT INTO sightings(node, owner, misses, seen, asked, latency, block, free, version) VALUES($0, $1, 0, $2, $2, $3, $4, $5, $6)
                ON CONFLICT(node) DO UPDATE SET misses = 0, seen = $2, asked = $2,
                  latency = COALESCE(latency * {1 - LatencyWeight} + $3 * {LatencyWeight}, $3), block = $4, free = $5, version = $6
                """,
                result.Node, result.Owner, seconds, answer.Latency.TotalMilliseconds, Clamp(answer.Block.Value), Clamp(answer.FreeBytes), answer.Version);
        }
        else
        {
            db.Execute(
                """
                INSERT INTO sightings(node, owner, misses, asked) VALUES($0, $1, 1, $2)
                ON CONFLICT(node) DO UPDATE SET misses = misses + 1, asked = $2
                """,
                result.Node, result.Owner, seconds);
        }

        db.Execute(
            """
            INSERT INTO uptime(node, day, asked, answered) VALUES($0, $1, 1, $2)
            ON CONFLICT(node, day) DO UPDATE SET asked = asked + 1, answered = answered + $2
            """,
            result.Node, DayOf(result.At), result.Answer is null ? 0 : 1);
    }

    /// <summary>A node may claim any number; what SQLite cannot hold is its largest.</summary>
    private static long Clamp(ulong claimed) => (long)Math.Min(claimed, long.MaxValue);
}
