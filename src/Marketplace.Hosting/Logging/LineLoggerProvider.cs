using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Marketplace.Hosting.Logging;

/// <summary>Writes every event as one <see cref="LogLine"/> to a sink. The lines of several threads do not mix.</summary>
public sealed class LineLoggerProvider(ILineSink sink, TimeProvider time) : ILoggerProvider
{
    private readonly ConcurrentDictionary<string, ILogger> _loggers = new(StringComparer.Ordinal);

    /// <inheritdoc />
    public ILogger CreateLogger(string categoryName) =>
        _loggers.GetOrAdd(categoryName, static (name, provider) => new LineLogger(name, provider), this);

    /// <summary>Closes the sink.</summary>
    public void Dispose() => sink.Dispose();

    private void Write(string line) => sink.Write(line);

    private sealed class LineLogger(string category, LineLoggerProvider provider) : ILogger
    {
        // The last part of the name is enough to find the source; the event id names the place.
        private readonly string _shortCategory = category[(category.LastIndexOf('.') + 1)..];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            provider.Write(LogLine.Format(provider.Now, logLevel, eventId, _shortCategory, formatter(state, exception), exception));
        }
    }

    private DateTimeOffset Now => time.GetUtcNow();
}

/// <summary>Takes finished lines.</summary>
public interface ILineSink : IDisposable
{
    /// <summary>Writes one line at once. Never throws: a full disk must not stop the host.</summary>
    void Write(string line);
}

/// <summary>Lines to a writer that somebody else owns, such as standard error.</summary>
public sealed class WriterLineSink(TextWriter writer) : ILineSink
{
    private readonly Lock _lock = new();

    /// <inheritdoc />
    public void Write(string line)
    {
        lock (_lock)
        {
            try
            {
                writer.WriteLine(line);
                writer.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // Nobody reads any more.
            }
        }
    }

    /// <summary>Does nothing: the writer is not ours.</summary>
    public void Dispose()
    {
    }
}

/// <summary>Lines to a file of bounded size: when it is full it becomes <c>FILE.1</c>, and the older one goes.</summary>
public sealed class FileLineSink : ILineSink
{
    /// <summary>Default bound of the current file. At most twice as much is on disk.</summary>
    public const long DefaultFileBytesMax = 16 << 20;

    private readonly Lock _lock = new();
    private readonly string _path;
    private readonly long _fileBytesMax;
    private StreamWriter? _writer;

    /// <summary>Opens the file for appending; its folder is made if it is missing.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public FileLineSink(string path, long fileBytesMax = DefaultFileBytesMax)
    {
        _path = Path.GetFullPath(path);
        _fileBytesMax = fileBytesMax;
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        _writer = Open();
    }

    /// <inheritdoc />
    public void Write(string line)
    {
        lock (_lock)
        {
            try
            {
                if (_writer is null) return;
                _writer.WriteLine(line);
                _writer.Flush();
                if (_writer.BaseStream.Length < _fileBytesMax) return;
                _writer.Dispose();
                File.Move(_path, _path + ".1", overwrite: true);
                _writer = Open();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
            {
                // A log that cannot be written must not stop what it tells about.
            }
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _writer?.Dispose();
            _writer = null;
        }
    }

    private StreamWriter Open() => new(new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete));
}
