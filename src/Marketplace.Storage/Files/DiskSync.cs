using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Storage;

/// <summary>What .NET does not ask of Linux: flushes of folders and of whole disks, and a say in its page cache.</summary>
internal static partial class DiskSync
{
    private const int ReadOnly = 0;
    private const uint BeginWriting = 2;    // SYNC_FILE_RANGE_WRITE
    private const int NotNeeded = 4;        // POSIX_FADV_DONTNEED
    private const int StatBytesMax = 256;   // struct statfs has 120 bytes on 64-bit systems; its first word is f_type
    private const uint Fuse = 0x65735546;   // FUSE_SUPER_MAGIC

    /// <summary>Flushes a folder. On Windows the file system does this with the rename.</summary>
    /// <exception cref="IOException">The operating system refused.</exception>
    public static void FlushFolder(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        int handle = Open(path, ReadOnly);
        if (handle < 0) throw Failure(path);
        try
        {
            if (Fsync(handle) != 0) throw Failure(path);
        }
        finally
        {
            _ = Close(handle);
        }
    }

    /// <summary>Opens a folder for <see cref="FlushDisk"/>.</summary>
    /// <exception cref="IOException">The operating system refused.</exception>
    public static SafeFileHandle OpenFolder(string path)
    {
        int handle = Open(path, ReadOnly);
        return handle >= 0 ? new SafeFileHandle(handle, ownsHandle: true) : throw Failure(path);
    }

    /// <summary>The kind of the file system that an open folder lies on (<c>f_type</c> of statfs); Linux only.</summary>
    /// <exception cref="IOException">The operating system refused.</exception>
    public static uint FileSystemOf(SafeFileHandle folder, string path)
    {
        Span<byte> stat = stackalloc byte[StatBytesMax];
        return StatFileSystem(folder, ref MemoryMarshal.GetReference(stat)) == 0 ? (uint)MemoryMarshal.Read<nint>(stat) : throw Failure(path);
    }

    /// <summary>
    /// Whether <see cref="FlushDisk"/> does anything on such a file system. To most that run as programs (FUSE) Linux does not pass it on,
    /// and says that it was done.
    /// </summary>
    public static bool CanFlushDisk(uint fileSystem) => fileSystem != Fuse;

    /// <summary>Flushes the file system of a folder; Linux only.</summary>
    /// <exception cref="IOException">Something that was written since the folder was opened did not reach the disk (Linux 5.8 and newer say so).</exception>
    public static void FlushDisk(SafeFileHandle folder, string path)
    {
        if (SyncFileSystem(folder) != 0) throw Failure(path);
    }

    /// <summary>Lets the disk begin to write a range of a file. Promises nothing: only a flush does.</summary>
    public static void BeginFlush(SafeFileHandle file, long offset, long bytes)
    {
        // A system or a file system that cannot do this does all of it when the file is flushed.
        if (OperatingSystem.IsLinux()) _ = SyncFileRange(file, offset, bytes, BeginWriting);
    }

    /// <summary>Gives the memory back that a range of a file takes in the system's page cache, as far as it is on the disk. 0 bytes are all that follow.</summary>
    public static void Forget(SafeFileHandle file, long offset, long bytes)
    {
        if (OperatingSystem.IsLinux()) _ = Advise(file, offset, bytes, NotNeeded);
    }

    private static IOException Failure(string path)
    {
        var inner = new Win32Exception(Marshal.GetLastPInvokeError());
        return new IOException($"The folder {Path.GetFileName(path)} cannot be flushed: {inner.Message}", inner);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Fsync(int handle);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SyncFileSystem(SafeFileHandle folder);

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int StatFileSystem(SafeFileHandle folder, ref byte stat);

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SyncFileRange(SafeFileHandle file, long offset, long bytes, uint flags);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(SafeFileHandle file, long offset, long bytes, int advice);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int handle);
}
