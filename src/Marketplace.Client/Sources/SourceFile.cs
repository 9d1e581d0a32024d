using Marketplace.Domain;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Client.Sources;

/// <summary>
/// A file being read for a put: gives exactly the bytes it had when it was found,
/// or fails because somebody wrote to it meanwhile. Not for several threads at once.
/// </summary>
public sealed class SourceFile : IDisposable
{
    private readonly SourceEntry _entry;
    private readonly SafeFileHandle _handle;
    private long _position;

    private SourceFile(SourceEntry entry, SafeFileHandle handle)
    {
        _entry = entry;
        _handle = handle;
    }

    /// <summary>Opens the file. Fails if it is no longer the one that was found.</summary>
    public static SourceFile Open(SourceEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(entry.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new MarketException(MarketErrorCode.Failed, $"'{entry.Path}' can no longer be read: {exception.Message}", "Nothing was paid.", exception);
        }

        var file = new SourceFile(entry, handle);
        try
        {
            file.CheckUnchanged();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Fills the buffer unless the file ends; 0 at its end, where it is checked that it is still the file that was found.</summary>
    /// <exception cref="MarketException">The file changed, or it cannot be read.</exception>
    public int Read(Span<byte> buffer)
    {
        int total = 0;
        try
        {
            while (total < buffer.Length && _position < _entry.Bytes)
            {
                int wanted = (int)Math.Min(buffer.Length - total, _entry.Bytes - _position);
                int read = RandomAccess.Read(_handle, buffer.Slice(total, wanted), _position);
                if (read == 0) throw SourceTree.Changed(_entry.Path);
                total += read;
                _position += read;
            }

            if (_position == _entry.Bytes) CheckUnchanged();
            return total;
        }
        catch (IOException exception)
        {
            throw new MarketException(MarketErrorCode.Failed, $"'{_entry.Path}' cannot be read: {exception.Message}", "Nothing was paid.", exception);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _handle.Dispose();

    private void CheckUnchanged()
    {
        if (RandomAccess.GetLength(_handle) != _entry.Bytes || File.GetLastWriteTimeUtc(_handle) != _entry.ModifiedAt.UtcDateTime)
            throw SourceTree.Changed(_entry.Path);
    }
}
