using System.Text;

namespace Marketplace.Keeper.Indexing;

/// <summary>
/// The tables. Those in <see cref="s_projections"/> are made from events alone, and every change to them writes its own inverse
/// into <c>undo</c> by triggers, so that a reverted block can be taken back whatever code changed the rows.
/// <c>sightings</c> and <c>uptime</c> are what this keeper saw itself; a reorganisation does not change what was seen.
/// </summary>
internal static class Schema
{
    /// <summary>Another number in a file means that its tables are rebuilt from the chain.</summary>
    public const int Version = 2;

    private const string Tables = """
        CREATE TABLE IF NOT EXISTS cursor(one INTEGER PRIMARY KEY CHECK(one = 1), scope TEXT NOT NULL, position TEXT, block INTEGER, hash BLOB, time INTEGER);
        CREATE TABLE IF NOT EXISTS working(one INTEGER PRIMARY KEY CHECK(one = 1), block INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS undo(seq INTEGER PRIMARY KEY, block INTEGER NOT NULL, sql TEXT NOT NULL);
        CREATE INDEX IF NOT EXISTS undo_block ON undo(block);

        CREATE TABLE IF NOT EXISTS nodes(
          id INTEGER PRIMARY KEY, owner BLOB NOT NULL, hot BLOB NOT NULL, stake INTEGER NOT NULL, price INTEGER NOT NULL, capacity INTEGER NOT NULL,
          fingerprint BLOB NOT NULL, endpoint TEXT NOT NULL, exit_from INTEGER, evicted_from INTEGER, last_proved INTEGER, earned INTEGER NOT NULL, rewarded INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS keepers(id INTEGER PRIMARY KEY, owner BLOB NOT NULL, key BLOB NOT NULL, endpoint TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS deals(
          id INTEGER PRIMARY KEY, client BLOB NOT NULL, number INTEGER NOT NULL, k INTEGER NOT NULL, n INTEGER NOT NULL, rate INTEGER NOT NULL,
          leaves INTEGER NOT NULL, from_period INTEGER NOT NULL, end_period INTEGER NOT NULL, max_end INTEGER NOT NULL, locked INTEGER NOT NULL, settled INTEGER NOT NULL, paid INTEGER NOT NULL, refunded INTEGER NOT NULL,
          UNIQUE(client, number));
        CREATE TABLE IF NOT EXISTS slots(
          id INTEGER PRIMARY KEY, deal INTEGER NOT NULL, slot INTEGER NOT NULL, node INTEGER NOT NULL, root BLOB NOT NULL,
          bytes INTEGER NOT NULL, from_period INTEGER NOT NULL, until_period INTEGER NOT NULL, UNIQUE(deal, slot, from_period));
        CREATE INDEX IF NOT EXISTS slots_node ON slots(node, until_period);
        CREATE TABLE IF NOT EXISTS reservations(
          id INTEGER PRIMARY KEY, deal INTEGER NOT NULL, slot INTEGER NOT NULL, node INTEGER NOT NULL, until_period INTEGER NOT NULL, UNIQUE(deal, slot));
        CREATE TABLE IF NOT EXISTS proofs(id INTEGER PRIMARY KEY, node INTEGER NOT NULL, period INTEGER NOT NULL, paid INTEGER NOT NULL, UNIQUE(node, period));

        CREATE TABLE IF NOT EXISTS sightings(
          node INTEGER PRIMARY KEY, owner BLOB NOT NULL, misses INTEGER NOT NULL, seen INTEGER, asked INTEGER NOT NULL, latency REAL, block INTEGER,
          free INTEGER, version TEXT);
        CREATE TABLE IF NOT EXISTS uptime(node INTEGER NOT NULL, day INTEGER NOT NULL, asked INTEGER NOT NULL, answered INTEGER NOT NULL, PRIMARY KEY(node, day)) WITHOUT ROWID;
        """;

    private static readonly (string Table, string[] Columns)[] s_projections =
    [
        ("nodes", ["id", "owner", "hot", "stake", "price", "capacity", "fingerprint", "endpoint", "exit_from", "evicted_from", "last_proved", "earned", "rewarded"]),
        ("keepers", ["id", "owner", "key", "endpoint"]),
        ("deals", ["id", "client", "number", "k", "n", "rate", "leaves", "from_period", "end_period", "max_end", "locked", "settled", "paid", "refunded"]),
        ("slots", ["id", "deal", "slot", "node", "root", "bytes", "from_period", "until_period"]),
        ("reservations", ["id", "deal", "slot", "node", "until_period"]),
        ("proofs", ["id", "node", "period", "paid"]),
    ];

    /// <summary>The tables that are made from events alone.</summary>
    public static IEnumerable<string> ProjectionTables => s_projections.Select(table => table.Table);

    /// <summary>Makes what is missing.</summary>
    public static string Create { get; } = Tables + Triggers() + $"\nPRAGMA user_version = {Version};";

    /// <summary>Empties what comes from the chain, for a new beginning. What was seen stays.</summary>
    public static string Clear { get; } = string.Join('\n', s_projections.Select(table => $"DROP TABLE IF EXISTS {table.Table};"))
        + "\nDROP TABLE IF EXISTS undo; DROP TABLE IF EXISTS cursor; DROP TABLE IF EXISTS working;";

    /// <summary>SQLite's own recipe for undo (sqlite.org, "Automatic Undo/Redo Using SQLite"): each change stores the statement that takes it back.</summary>
    private static string Triggers()
    {
        const string Now = "(SELECT block FROM working)";
        var sql = new StringBuilder();
        foreach ((string table, string[] columns) in s_projections)
        {
            string assignments = string.Join(" || ', ", columns.Skip(1).Select(column => $"{column} = ' || quote(old.{column})"));
            string values = string.Join(" || ',' || ", columns.Select(column => $"quote(old.{column})"));
            sql.Append($"""

                CREATE TRIGGER IF NOT EXISTS {table}_added AFTER INSERT ON {table} WHEN {Now} IS NOT NULL BEGIN
                  INSERT INTO undo(block, sql) VALUES({Now}, 'DELETE FROM {table} WHERE id = ' || new.id); END;
                CREATE TRIGGER IF NOT EXISTS {table}_changed AFTER UPDATE ON {table} WHEN {Now} IS NOT NULL BEGIN
                  INSERT INTO undo(block, sql) VALUES({Now}, 'UPDATE {table} SET {assignments} || ' WHERE id = ' || old.id); END;
                CREATE TRIGGER IF NOT EXISTS {table}_gone AFTER DELETE ON {table} WHEN {Now} IS NOT NULL BEGIN
                  INSERT INTO undo(block, sql) VALUES({Now}, 'INSERT INTO {table}({string.Join(',', columns)}) VALUES(' || {values} || ')'); END;
                """);
        }

        return sql.ToString();
    }
}
