using Microsoft.Data.Sqlite;

namespace Marketplace.Storage;

/// <summary>A connection to the catalogue's file with its statements, each compiled once. One user at a time holds <see cref="Lock"/>.</summary>
internal sealed class CatalogueConnection : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _statements = new(StringComparer.Ordinal);

    public CatalogueConnection(string path, string pragmas)
    {
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        try
        {
            _connection.Open();
            RunOnce(pragmas);
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    public Lock Lock { get; } = new();

    /// <summary>Runs statements that are not kept.</summary>
    public void RunOnce(string sql)
    {
        using SqliteCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>Runs a statement; the rows that it changed.</summary>
    public int Execute(string sql, params ReadOnlySpan<(string Name, object Value)> parameters) => Statement(sql, parameters).ExecuteNonQuery();

    /// <summary>The first column of the first row, or null if there is none.</summary>
    public object? Scalar(string sql, params ReadOnlySpan<(string Name, object Value)> parameters) => Statement(sql, parameters).ExecuteScalar();

    /// <summary>All rows.</summary>
    public List<T> Query<T>(string sql, Func<SqliteDataReader, T> row, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        using SqliteDataReader reader = Statement(sql, parameters).ExecuteReader();
        var rows = new List<T>();
        while (reader.Read()) rows.Add(row(reader));
        return rows;
    }

    /// <summary>Everything in it or nothing. What it wrote is on the disk when this returns.</summary>
    public T Transact<T>(Func<CatalogueConnection, T> work)
    {
        Execute("BEGIN IMMEDIATE");
        try
        {
            T result = work(this);
            Execute("COMMIT");
            return result;
        }
        catch
        {
            try
            {
                Execute("ROLLBACK");
            }
            catch (SqliteException)
            {
                // After some failures the transaction is gone already.
            }

            throw;
        }
    }

    public void Dispose()
    {
        foreach (SqliteCommand statement in _statements.Values) statement.Dispose();
        _connection.Dispose();
    }

    private SqliteCommand Statement(string sql, ReadOnlySpan<(string Name, object Value)> parameters)
    {
        if (!_statements.TryGetValue(sql, out SqliteCommand? command))
        {
            command = _connection.CreateCommand();
            command.CommandText = sql;
            _statements.Add(sql, command);
        }

        command.Parameters.Clear();
        foreach ((string name, object value) in parameters) command.Parameters.AddWithValue(name, value);
        return command;
    }
}
