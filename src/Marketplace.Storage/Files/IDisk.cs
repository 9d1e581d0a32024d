namespace Marketplace.Storage;

/// <summary>
/// The few things that a store of files asks of a file system. <see cref="LocalDisk"/> is the real one; tests put one in its place that
/// is full, fails, tears writes or flips bits.
/// </summary>
public interface IDisk
{
    /// <summary>Makes a folder durably, and those above it; does nothing if it is there.</summary>
    void MakeFolder(string path);

    /// <summary>Whether a folder is there.</summary>
    bool HasFolder(string path);

    /// <summary>Makes a new file for writing.</summary>
    /// <exception cref="IOException">It is there already, or the disk refuses.</exception>
    IDiskFile Create(string path);

    /// <summary>Opens a file for reading, or null if there is none.</summary>
    IDiskFile? TryOpen(string path);

    /// <summary>Gives a file another name on the same disk; what had that name is replaced.</summary>
    void Move(string from, string to);

    /// <summary>Removes a file; does nothing if there is none.</summary>
    void Delete(string path);

    /// <summary>Makes the names in a folder durable.</summary>
    void FlushFolder(string path);

    /// <summary>
    /// Opens the disk that a folder lies on, to flush all of it at once; null where that cannot be done. The caller disposes it.
    /// </summary>
    IDiskFlush? TryOpenFlush(string folder);

    /// <summary>The files in a folder and, if asked, in those below it. Empty if there is no such folder.</summary>
    IEnumerable<string> Files(string folder, bool deep);

    /// <summary>Bytes that the disk has left.</summary>
    long FreeBytes(string folder);
}

/// <summary>An open file. Reads at several places at once are allowed; writes come one after another.</summary>
public interface IDiskFile : IDisposable
{
    /// <summary>Its length now.</summary>
    long Length { get; }

    /// <summary>Writes all of it.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset, CancellationToken token);

    /// <summary>Reads some of it; 0 at the end.</summary>
    int Read(Span<byte> destination, long offset);

    /// <summary>Returns when all that was written is on the disk.</summary>
    void Flush();
}

/// <summary>A disk, open to be flushed.</summary>
public interface IDiskFlush : IDisposable
{
    /// <summary>Returns when all that was written to the disk by now is on it: bytes and names, those of others too.</summary>
    /// <exception cref="IOException">Something that was written since this was opened did not reach the disk.</exception>
    void Flush();
}
