using Microsoft.Win32.SafeHandles;

namespace Marketplace.Storage;

/// <summary>The machine's own file systems.</summary>
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
        Directory.CreateDirectory(path);
        if (above is not null) DiskSync.FlushFolder(above);
    }

    /// <inheritdoc />
    public bool HasFolder(string path) => Directory.Exists(path);

    /// <inheritdoc />
    public IDiskFile Create(string path) => new LocalFile(File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write));

    /// <inheritdoc />
    public IDiskFile CreateBulk(string path) => new BulkFile(File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write));

    /// <inheritdoc />
    public IDiskFile? TryOpen(string path)
    {
        try
        {
            return File.Exists(path) ? new LocalFile(File.OpenHandle(path, options: FileOptions.RandomAccess), path) : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc />
    public void Move(string from, string to) => File.Move(from, to, overwrite: true);

    /// <inheritdoc />
    public void Delete(string path) => File.Delete(path);

    /// <inheritdoc />
    public void FlushFolder(string path) => DiskSync.FlushFolder(path);

    /// <inheritdoc />
    public IDiskFlush? TryOpenFlush(string folder) => OperatingSystem.IsLinux() ? new WholeDisk(folder) : null;

    /// <inheritdoc />
    public IEnumerable<string> Files(string folder, bool deep) =>
        Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*", deep ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly) : [];

    /// <inheritdoc />
    public long FreeBytes(string folder) => new DriveInfo(folder).AvailableFreeSpace;

    private sealed class WholeDisk(string folder) : IDiskFlush
    {
        private readonly SafeFileHandle _folder = DiskSync.OpenFolder(folder);

        public void Flush() => DiskSync.FlushDisk(_folder, folder);

        public void Dispose() => _folder.Dispose();
    }

    private sealed class LocalFile(SafeFileHandle handle, string? path = null) : IDiskFile
    {
        /// <summary>Reads of so many bytes go past the system's page cache, as shards are written: what is read by the megabyte is not read again soon.</summary>
        private const int BulkReadBytesMin = 256 << 10;

        private readonly Lock _lock = new();
        private SafeFileHandle? _direct;
        private bool _hasNoDirect;

        public long Length => RandomAccess.GetLength(handle);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset, CancellationToken token)
        {
            // Into the system's memory: that takes less than to wake another thread for it.
            RandomAccess.Write(handle, bytes.Span, offset);
            return ValueTask.CompletedTask;
        }

        public int Read(Span<byte> destination, long offset)
        {
            try
            {
                if (destination.Length >= BulkReadBytesMin && Direct() is { } direct) return ReadBulk(direct, destination, offset);
            }
            catch (IOException)
            {
                // A file system that agreed to direct reading and wants larger blocks; a disk that fails, fails below, too.
            }

            return RandomAccess.Read(handle, destination, offset);
        }

        public void Flush() => RandomAccess.FlushToDisk(handle);

        public void Dispose()
        {
            handle.Dispose();
            _direct?.Dispose();
        }

        private SafeFileHandle? Direct()
        {
            lock (_lock)
            {
                if (_direct is not null || _hasNoDirect || path is null) return _direct;
                SafeFileHandle other = File.OpenHandle(path);
                if (DiskSync.SetDirect(other, true)) return _direct = other;
                other.Dispose();
                _hasNoDirect = true;
                return null;
            }
        }

        private static int ReadBulk(SafeFileHandle direct, Span<byte> destination, long offset)
        {
            AlignedBlock block = AlignedBlock.Rent();
            try
            {
                int before = (int)(offset % AlignedBlock.Alignment);
                int wanted = (int)Math.Min(AlignedBlock.Bytes, ((long)before + destination.Length + AlignedBlock.Alignment - 1) / AlignedBlock.Alignment * AlignedBlock.Alignment);
                int read = RandomAccess.Read(direct, block.Memory.Span[..wanted], offset - before) - before;
                if (read <= 0) return 0;
                read = Math.Min(read, destination.Length);
                block.Memory.Span.Slice(before, read).CopyTo(destination);
                return read;
            }
            finally
            {
                block.Return();
            }
        }
    }
}
