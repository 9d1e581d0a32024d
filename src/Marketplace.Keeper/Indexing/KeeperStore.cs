using Marketplace.Domain;
using Microsoft.Data.Sqlite;

namespace Marketplace.Keeper.Indexing;

/// <summary>The block that the tables speak of.</summary>
/// <param name="Block">Its number.</param>
/// <param name="Hash">Its hash.</param>
/// <param name="Time">The time that its maker gave it.</param>
public sealed record IndexedHead(BlockNumber Block, Hash32 Hash, DateTimeOffset Time);

/// <summary>An event that the tables cannot hold, and that was therefore left out.</summary>
/// <param name="Block">The block that it happened in.</param>
/// <param name="Event">The event.</param>
/// <param name="Why">What the tables said to it.</param>
public sealed record UnfitEvent(BlockNumber Block, MarketEvent Event, Exception Why);

/// <summary>A reorganisation went deeper than the steps back that are kept: the tables must be made anew from the chain.</summary>
public sealed class UndoExhaustedException(BlockNumber block) : Exception($"The changes from block {block} on can no longer be taken back.");

/// <summary>
/// The keeper's SQLite file. Projections and cursor move in one transaction, so a crash at any moment leaves both before or both after.
/// One writer at a time; readers see whole transactions only. Safe for many threads.
/// </summary>
public sealed class KeeperStore : IDisposable
{
    /// <summary>How many blocks can be taken back. A deeper reorganisation starts the tables anew.</summary>
    public const ulong UndoBlocks = 4_096;

    /// <summary>SQLite's code for a row that breaks a constraint.</summary>
    private const int ConstraintCode = 19;

    private const string EventSavepoint = "event";

    private readonly string _connectionString;
    private readonly Lock _writing = new();
    private readonly SqliteConnection _writer;

    /// <summary>
    /// Opens or makes the file. <paramref name="scope"/> names chain and contracts: a file of another market, or of another version
    /// of the tables, is emptied and made anew from the chain.
    /// </summary>
    /// <exception cref="SqliteException">The file cannot be used.</exception>
    public KeeperStore(string path, string scope)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        _connectionString = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 30 }.ToString();
        _writer = Open();
        // In WAL mode, NORMAL never breaks the file; a power cut may lose the last transactions, cursor included, and the chain gives them again.
        _writer.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
        long version = _writer.Number("PRAGMA user_version");
        if (version is not (0 or Schema.Version)) _writer.Execute(Schema.Clear);
        _writer.Execute(Schema.Create);
        string? known = _writer.Single("SELECT scope FROM cursor", reader => reader.GetString(0));
        if (known is not null && known != scope) Reset();
        _writer.Execute("INSERT INTO cursor(one, scope) VALUES(1, $0) ON CONFLICT DO UPDATE SET scope = excluded.scope", scope);
    }

    /// <summary>Where the follower goes on from; <c>null</c> at the beginning.</summary>
    public string? Position
    {
        get
        {
            lock (_writing) return _writer.Single("SELECT position FROM cursor WHERE position IS NOT NULL", reader => reader.GetString(0));
        }
    }

    /// <summary>
    /// Takes a step of the chain into the tables: all of it, or nothing if this throws. An event that does not fit them changes nothing and is
    /// told, for it would not fit the next time either: no stranger's transaction stops the keeper.
    /// </summary>
    /// <returns>What was left out: usually nothing.</returns>
    /// <exception cref="UndoExhaustedException">Too much is taken back; call <see cref="StartAnew"/>.</exception>
    public IReadOnlyList<UnfitEvent> Apply(ChainStep step)
    {
        var unfit = new List<UnfitEvent>();
        lock (_writing)
        {
            using SqliteTransaction transaction = _writer.BeginTransaction();
            if (step.RevertedFrom is { } first) Revert(first);
            foreach (EventBlock block in step.Blocks)
            {
                _writer.Execute("INSERT INTO working(one, block) VALUES(1, $0)", block.Block);
                foreach (MarketEvent happened in block.Events)
                {
                    if (TryApply(transaction, happened) is { } why) unfit.Add(new UnfitEvent(block.Block, happened, why));
                }

                _writer.Execute("DELETE FROM working");
            }

            _writer.Execute("DELETE FROM undo WHERE block + $1 < $0", step.Head, UndoBlocks);
            _writer.Execute(
                "UPDATE cursor SET position = $0, block = $1, hash = $2, time = $3", step.Position, step.Head, step.HeadHash, step.HeadTime.ToUnixTimeSeconds());
            transaction.Commit();
        }

        return unfit;
    }

    /// <summary>Empties what comes from the chain and the cursor with it.</summary>
    public void StartAnew()
    {
        lock (_writing)
        {
            string scope = _writer.Single("SELECT scope FROM cursor", reader => reader.GetString(0))!;
            Reset();
            _writer.Execute("INSERT INTO cursor(one, scope) VALUES(1, $0)", scope);
        }
    }

    /// <summary>Writes what the keeper itself saw, in one transaction.</summary>
    internal void Record(Action<SqliteConnection> write)
    {
        lock (_writing)
        {
            using SqliteTransaction transaction = _writer.BeginTransaction();
            write(_writer);
            transaction.Commit();
        }
    }

    /// <summary>Reads from one unchanging state of the tables.</summary>
    internal T Read<T>(Func<SqliteConnection, T> read)
    {
        using SqliteConnection connection = Open();
        using SqliteTransaction transaction = connection.BeginTransaction(deferred: true);
        return read(connection);
    }

    /// <summary>The block that the tables speak of; <c>null</c> before the first step.</summary>
    internal static IndexedHead? HeadOf(SqliteConnection db) => db.Single(
        "SELECT block, hash, time FROM cursor WHERE block IS NOT NULL",
        reader => new IndexedHead(new BlockNumber((ulong)reader.GetInt64(0)), reader.Hash(1), DateTimeOffset.FromUnixTimeSeconds(reader.GetInt64(2))));

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _writer.Dispose();
        using var any = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(any);
    }

    /// <summary>Applies one event with all of its changes, or none of them: then why not.</summary>
    private Exception? TryApply(SqliteTransaction transaction, MarketEvent happened)
    {
        transaction.Save(EventSavepoint);
        Exception? why = null;
        try
        {
            Projections.Apply(_writer, happened);
        }
        catch (Exception e) when (e is OverflowException or SqliteException { SqliteErrorCode: ConstraintCode })
        {
            why = e;
            transaction.Rollback(EventSavepoint);
        }

        transaction.Release(EventSavepoint);
        return why;
    }

    private void Revert(BlockNumber first)
    {
        IndexedHead? head = HeadOf(_writer);
        if (head is not null && head.Block.Value >= first.Value + UndoBlocks) throw new UndoExhaustedException(first);
        foreach (string sql in _writer.List("SELECT sql FROM undo WHERE block >= $0 ORDER BY seq DESC", reader => reader.GetString(0), first)) _writer.Execute(sql);
        _writer.Execute("DELETE FROM undo WHERE block >= $0", first);
    }

    private void Reset() => _writer.Execute(Schema.Clear + Schema.Create);

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        connection.Open();
        return connection;
    }
}
