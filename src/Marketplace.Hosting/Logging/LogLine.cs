using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Marketplace.Hosting.Logging;

/// <summary>
/// One event as one line: UTC time, level, event id, category, message, and the exceptions' types and messages.
/// Control characters are replaced, so that nothing that a stranger sent can forge a second line.
/// </summary>
public static class LogLine
{
    /// <summary>Longer lines are cut: a stranger's text must not fill the disk.</summary>
    public const int CharsMax = 4096;

    private const int InnerExceptionsMax = 5;

    /// <summary>Formats one event, without the line's end.</summary>
    public static string Format(DateTimeOffset time, LogLevel level, EventId id, string category, string message, Exception? exception)
    {
        var line = new StringBuilder(128);
        line.Append(time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture))
            .Append(' ').Append(NameOf(level))
            .Append(' ').Append(id.Id)
            .Append(' ').Append(category)
            .Append(": ").Append(message);
        int depth = 0;
        for (Exception? e = exception; e is not null && depth < InnerExceptionsMax; e = e.InnerException, depth++)
        {
            line.Append(" | ").Append(e.GetType().Name).Append(": ").Append(e.Message);
        }

        // Where it came from matters only when it is a mistake of ours; the stack then stands on the same line.
        if (exception?.StackTrace is { } stack && level >= LogLevel.Error)
        {
            line.Append(" | ").Append(stack);
        }

        if (line.Length > CharsMax)
        {
            line.Length = CharsMax;
            line.Append('…');
        }

        for (int i = 0; i < line.Length; i++)
        {
            if (char.IsControl(line[i]) || line[i] is '\u2028' or '\u2029') line[i] = ' ';
        }

        return line.ToString();
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };
}
