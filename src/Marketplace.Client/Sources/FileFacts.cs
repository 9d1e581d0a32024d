using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Marketplace.Client.Sources;

/// <summary>What a name on disk stands for.</summary>
internal enum FileType
{
    Regular,
    Folder,
    Symlink,

    /// <summary>A socket, pipe or device.</summary>
    Special,
}

/// <summary>What the system says of a name on disk, without following a link.</summary>
internal readonly partial record struct FileFacts(FileType Type, long Bytes, DateTimeOffset ModifiedAt, bool Executable)
{
    /// <summary>What tells whether a regular file is still the same without reading it; null where the system does not tell enough.</summary>
    public FileMark? Mark { get; init; }

    /// <summary>Reads the facts. Null if nothing has this name.</summary>
    /// <exception cref="IOException">The system does not tell.</exception>
    public static FileFacts? Of(string path) => OperatingSystem.IsLinux() ? OfLinux(path) : OfElsewhere(path);

    [SupportedOSPlatform("linux")]
    private static FileFacts? OfLinux(string path)
    {
        if (Statx(AtCurrentFolder, path, AtSymlinkNoFollow, BasicStats, out StatxBuffer buffer) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            return error is NoEntry or NotFolder ? null : throw new IOException($"'{path}': {new Win32Exception(error).Message}");
        }

        FileType type = (buffer.Mode & TypeMask) switch
        {
            TypeRegular => FileType.Regular,
            TypeFolder => FileType.Folder,
            TypeSymlink => FileType.Symlink,
            _ => FileType.Special,
        };
        DateTimeOffset modifiedAt = DateTimeOffset.UnixEpoch
            .AddTicks(Math.Clamp(buffer.ModifiedSeconds, SecondsMin, SecondsMax) * TimeSpan.TicksPerSecond)
            .AddTicks(buffer.ModifiedNanoseconds / TimeSpan.NanosecondsPerTick);
        return new FileFacts(type, checked((long)buffer.Size), modifiedAt, (buffer.Mode & OwnerExecutes) != 0)
        {
            Mark = type is not FileType.Regular ? null : new FileMark(
                checked((long)buffer.Size),
                Nanoseconds(buffer.ModifiedSeconds, buffer.ModifiedNanoseconds),
                Nanoseconds(buffer.ChangedSeconds, buffer.ChangedNanoseconds),
                buffer.Inode,
                ((ulong)buffer.DeviceMajor << 32) | buffer.DeviceMinor),
        };
    }

    // Other systems do not tell pipes and devices from files here; opening one fails or reads what it gives.
    private static FileFacts? OfElsewhere(string path)
    {
        var info = new FileInfo(path);
        if (info.LinkTarget is not null) return new FileFacts(FileType.Symlink, 0, TimeOf(info), Executable: false);
        if (Directory.Exists(path)) return new FileFacts(FileType.Folder, 0, TimeOf(info), Executable: false);
        if (!info.Exists) return null;
        FileType type = info.Attributes.HasFlag(FileAttributes.Device) ? FileType.Special : FileType.Regular;
        bool executable = !OperatingSystem.IsWindows() && info.UnixFileMode.HasFlag(UnixFileMode.UserExecute);
        return new FileFacts(type, info.Length, TimeOf(info), executable);
    }

    private static long Nanoseconds(long seconds, uint nanoseconds) => unchecked((seconds * 1_000_000_000) + nanoseconds);

    private static DateTimeOffset TimeOf(FileInfo info) => new(info.LastWriteTimeUtc);

    private const int AtCurrentFolder = -100;
    private const int AtSymlinkNoFollow = 0x100;
    private const uint BasicStats = 0x7ff;
    private const int NoEntry = 2;
    private const int NotFolder = 20;
    private const ushort TypeMask = 0xF000;
    private const ushort TypeRegular = 0x8000;
    private const ushort TypeFolder = 0x4000;
    private const ushort TypeSymlink = 0xA000;
    private const ushort OwnerExecutes = 0x40;
    private const long SecondsMin = -62_135_596_800;
    private const long SecondsMax = 253_402_300_799;

    // statx has the same layout on every Linux, which stat has not.
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Statx(int folder, string path, int flags, uint mask, out StatxBuffer buffer);

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxBuffer
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(40)]
        public ulong Size;

        [FieldOffset(96)]
        public long ChangedSeconds;

        [FieldOffset(104)]
        public uint ChangedNanoseconds;

        [FieldOffset(112)]
        public long ModifiedSeconds;

        [FieldOffset(120)]
        public uint ModifiedNanoseconds;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
