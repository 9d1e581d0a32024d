using Microsoft.Win32.SafeHandles;

namespace Marketplace.Storage;

/// <summary>
/// The machine's own file systems. What this program may not do is a failure of the disk like any other: an <see cref="IOException"/>
/// that names the path.
/// </summary>
public sealed class LocalDisk : IDisk
{
    /// <summary>There is only one.</summary>
    public static LocalDisk Instance { get; } = new();

    private LocalDisk() { }

    /// <inheritdoc />
    public void MakeFolder(string path)
    {
        if (Directory.Exists(path)) return;
        string? above = Path.GetDirectoryName(Path.GetFullPath(path));
        if (above is not null) MakeFolder(above);
        Ask(path, () => Directory.CreateDirectory(path));
        if (above is not null) DiskSync.FlushFolder(above);
    }

    /// <inheritdoc />
    public bool HasFolder(string path) => Directory.Exists(path);

    /// <inheritdoc />
    public IDiskFile Create(string path) => new LocalFile(Ask(path, () => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write)));

    /// <inheritdoc />
    public IDiskFile? TryOpen(string path)
    {
        try
        {
            return File.Exists(path) ? new LocalFile(Ask(path, () => File.OpenHandle(path, options: FileOptions.RandomAccess))) : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc />
    public void Move(string from, string to) => Ask(to, () => File.Move(from, to, overwrite: true));

    /// <inheritdoc />
    public void Delete(string path) => Ask(path, () => File.Delete(path));

    /// <inheritdoc />
    public void FlushFolder(string path) => DiskSync.FlushFolder(path);

    /// <inheritdoc />
    public IDiskFlush? TryOpenFlush(string folder)
    {
        if (!OperatingSystem.IsLinux()) return null;
        SafeFileHandle handle = DiskSync.OpenFolder(folder);
        if (DiskSync.CanFlushDisk(DiskSync.FileSystemOf(handle, folder))) return new WholeDisk(handle, folder);
        handle.Dispose();
        return null;
    }

    /// <inheritdoc />
    public IEnumerable<string> Files(string folder, bool deep)
    {
        if (!Directory.Exists(folder)) yield break;
        SearchOption option = deep ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly;
        using IEnumerator<string> files = Ask(folder, () => Directory.EnumerateFiles(folder, "*", option).GetEnumerator());
        while (Ask(folder, files.MoveNext)) yield return files.Current;
    }

    /// <inheritdoc />
    public long FreeBytes(string folder) => Ask(folder, () => new DriveInfo(folder).AvailableFreeSpace);

    private static void Ask(string path, Action work) => Ask(path, () =>
    {
        work();
        return true;
    });

    private static T Ask<T>(string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{path} is not for this program to use: look at its owner, its mode and what it is.", e);
        }
    }

    private sealed class WholeDisk(SafeFileHandle handle, string folder) : IDiskFlush
    {
        public void Flush() => DiskSync.FlushDisk(handle, folder);

        public void Dispose() => handle.Dispose();
    }

    /// <summary>
    /// What is written or read by the megabyte is not needed again soon: it leaves the system's page cache once it is on the disk, or
    /// was handed out, and its memory serves the next.
    /// </summary>
    private sealed class LocalFile(SafeFileHandle handle) : IDiskFile
    {
        /// <summary>So many bytes are handed to the disk at a time while more come, so that the flush at the end finds little to do.</summary>
        private const long DiskStepBytes = 4L << 20;

        /// <summary>After so many more the disk has written them.</summary>
        private const long DiskLagBytes = 16L << 20;

        /// <summary>
        /// After so many bytes those that came are flushed while more come. A disk keeps what was handed to it in a memory of its own,
        /// which takes as long to empty as the bytes to write: without this the flush at the end waits for all of them.
        /// </summary>
        private const long FlushStepBytes = 32L << 20;

        private const int BulkReadBytesMin = 256 << 10;

        private Task _flushing = Task.CompletedTask;
        private long _flushed;
        private long _begun;
        private long _forgotten;

        public long Length => RandomAccess.GetLength(handle);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset, CancellationToken token)
        {
            // Into the system's memory: that takes less than to wake another thread for it.
            RandomAccess.Write(handle, bytes.Span, offset);
            long end = offset + bytes.Length;
            if (end - _begun >= DiskStepBytes)
            {
                DiskSync.BeginFlush(handle, _begun, end - _begun);
                _begun = end;
                Forget(end - DiskLagBytes);
            }

            if (end - _flushed >= FlushStepBytes && _flushing.IsCompletedSuccessfully)
            {
                _flushed = end;
                _flushing = Task.Factory.StartNew(static file => RandomAccess.FlushToDisk((SafeFileHandle)file!), handle, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }

            return ValueTask.CompletedTask;
        }

        public int Read(Span<byte> destination, long offset)
        {
            int read = RandomAccess.Read(handle, destination, offset);
            if (destination.Length >= BulkReadBytesMin) DiskSync.Forget(handle, offset, read);
            return read;
        }

        public void Flush()
        {
            // A system tells once that bytes did not reach the disk: whoever asked first is to be heard.
            _flushing.GetAwaiter().GetResult();
            RandomAccess.FlushToDisk(handle);
            // A file of less than a step is small: a proof may want it again.
            if (_begun > 0) DiskSync.Forget(handle, 0, 0);
        }

        public void Dispose() => handle.Dispose();

        private void Forget(long end)
        {
            if (end <= _forgotten) return;
            // The step before is asked for again: some of it may have been on its way to the disk.
            long from = Math.Max(0, _forgotten - DiskStepBytes);
            DiskSync.Forget(handle, from, end - from);
            _forgotten = end;
        }
    }
}
