using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Storage;

/// <summary>What .NET does not ask of Linux: flushes of folders and of whole disks, and direct writing.</summary>
internal static partial class DiskSync
{
    private const int ReadOnly = 0;
    private const int GetFlags = 3;         // F_GETFL
    private const int SetFlags = 4;         // F_SETFL

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

    /// <summary>Flushes the file system of a folder; Linux only.</summary>
    /// <exception cref="IOException">Something that was written since the folder was opened did not reach the disk (Linux 5.8 and newer say so).</exception>
    public static void FlushDisk(SafeFileHandle folder, string path)
    {
        if (SyncFileSystem(folder) != 0) throw Failure(path);
    }

    /// <summary>Whether a file is read and written past the system's page cache from now on; Linux only. False if it is not, although asked.</summary>
    public static bool SetDirect(SafeFileHandle file, bool isDirect)
    {
        if (!OperatingSystem.IsLinux()) return false;
        // O_DIRECT, which not all processors' Linux calls alike.
        int direct = RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64 ? 0x10000 : 0x4000;
        int flags = FileControl(file, GetFlags, 0);
        return flags >= 0 && FileControl(file, SetFlags, isDirect ? flags | direct : flags & ~direct) == 0 && isDirect;
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

    [LibraryImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileControl(SafeFileHandle file, int command, int value);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int handle);
}
