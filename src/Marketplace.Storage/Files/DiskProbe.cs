using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Storage;

/// <summary>How fast a disk takes and gives bytes.</summary>
/// <param name="WriteBytesPerSecond">Sequential writing, flushed.</param>
/// <param name="ReadTime">The median of reading 16 KiB anywhere, from the disk and not from memory.</param>
public readonly record struct DiskSpeed(double WriteBytesPerSecond, TimeSpan ReadTime);

/// <summary>Measures a disk with a file of its own, which is gone afterwards.</summary>
public static partial class DiskProbe
{
    private const int FileBytes = 64 << 20;
    private const int WriteBytes = 1 << 20;
    private const int ReadBytes = 16 << 10;
    private const int Reads = 64;
    private const int DontNeed = 4;    // POSIX_FADV_DONTNEED

    /// <summary>Writes and reads some tens of MiB.</summary>
    /// <exception cref="IOException">The disk is full, or cannot be written.</exception>
    public static DiskSpeed Measure(string folder)
    {
        string path = Path.Combine(folder, $"probe-{Environment.ProcessId}.tmp");
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
            byte[] bytes = RandomNumberGenerator.GetBytes(WriteBytes);
            long started = Stopwatch.GetTimestamp();
            for (long at = 0; at < FileBytes; at += WriteBytes) RandomAccess.Write(file, bytes, at);
            RandomAccess.FlushToDisk(file);
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            return new DiskSpeed(FileBytes / seconds, MedianRead(file, bytes.AsSpan(0, ReadBytes)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static TimeSpan MedianRead(SafeFileHandle file, Span<byte> buffer)
    {
        var times = new TimeSpan[Reads];
        for (int i = 0; i < Reads; i++)
        {
            // What memory still holds says nothing about the disk.
            if (OperatingSystem.IsLinux()) _ = Advise(file, 0, 0, DontNeed);
            long offset = RandomNumberGenerator.GetInt32(FileBytes / ReadBytes) * (long)ReadBytes;
            long started = Stopwatch.GetTimestamp();
            _ = RandomAccess.Read(file, buffer, offset);
            times[i] = Stopwatch.GetElapsedTime(started);
        }

        Array.Sort(times);
        return times[Reads / 2];
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);
}
