using Marketplace.Domain;
using Microsoft.Data.Sqlite;

namespace Marketplace.Keeper.Indexing;

/// <summary>Statements with parameters <c>$0, $1, …</c>, and the domain's types as columns.</summary>
internal static class Sql
{
    public static int Execute(this SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteCommand command = connection.Command(sql, values);
        return command.ExecuteNonQuery();
    }

    public static T? Single<T>(this SqliteConnection connection, string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
        where T : class
    {
        using SqliteCommand command = connection.Command(sql, values);
        using SqliteDataReader reader = command.ExecuteReader();
        return reader.Read() ? read(reader) : null;
    }

    public static long Number(this SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteCommand command = connection.Command(sql, values);
        return command.ExecuteScalar() is long number ? number : 0;
    }

    public static List<T> List<T>(this SqliteConnection connection, string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        using SqliteCommand command = connection.Command(sql, values);
        using SqliteDataReader reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read()) rows.Add(read(reader));
        return rows;
    }

    public static long? NumberOrNull(this SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);

    public static TokenAmount Units(this SqliteDataReader reader, int column) => TokenAmount.FromUnits((UInt128)reader.GetInt64(column));

    public static Address Address(this SqliteDataReader reader, int column) => new(reader.GetFieldValue<byte[]>(column));

    public static Root Root(this SqliteDataReader reader, int column) => new(reader.GetFieldValue<byte[]>(column));

    public static Hash32 Hash(this SqliteDataReader reader, int column) => new(reader.GetFieldValue<byte[]>(column));

    private static SqliteCommand Command(this SqliteConnection connection, string sql, ReadOnlySpan<object?> values)
    {
        SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        for (int i = 0; i < values.Length; i++) command.Parameters.AddWithValue($"${i}", ColumnOf(values[i]));
        return command;
    }

    private static object ColumnOf(object? value) => value switch
    {
        null => DBNull.Value,
        NodeId node => (long)node.Value,
        PeriodNumber period => (long)period.Value,
        BlockNumber block => checked((long)block.Value),
        ulong number => checked((long)number),
        Rate rate => checked((long)rate.Units),
        Address address => address.ToArray(),
        Root root => root.ToArray(),
        Hash32 hash => hash.ToArray(),
        _ => value,
    };
}
