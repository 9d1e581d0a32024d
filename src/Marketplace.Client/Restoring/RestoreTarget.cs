using System.Security.Cryptography;
using Marketplace.Client.Names;
using Marketplace.Client.Sources;
using Marketplace.Domain;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Client.Restoring;

/// <summary>
/// Where a get writes. Everything is made beside the target under a name of its own and moved into place by <see cref="Commit"/>,
/// so a get that fails leaves nothing at all. Names cannot lead out of the target: they are checked, links are made
/// after all files, and a link that stands in an existing target is never written through.
/// Files may be created and filled by several threads; the rest is for one.
/// </summary>
public sealed class RestoreTarget : IDisposable
{
    private readonly bool _isFolder;
    private readonly bool _force;
    private readonly string _staging;
    private readonly List<(string Name, string Target, DateTimeOffset ModifiedAt)> _links = [];
    private readonly List<(string Name, DateTimeOffset ModifiedAt)> _folders = [];
    private bool _committed;

    private RestoreTarget(string path, bool isFolder, bool force, string staging)
    {
        Path = path;
        _isFolder = isFolder;
        _force = force;
        _staging = staging;
    }

    /// <summary>The absolute path that will hold the object.</summary>
    public string Path { get; }

    /// <summary>
    /// Prepares a target. Nothing may be there unless <paramref name="force"/> says so, but an empty folder is welcome.
    /// With force, files are replaced one by one and what else a folder holds stays.
    /// </summary>
    /// <param name="path">Where the object goes; the object itself, not a folder for it.</param>
    /// <param name="isFolder">Whether the object is a folder.</param>
    /// <param name="force">Whether what exists may be replaced.</param>
    /// <exception cref="MarketException">The target exists, or cannot be written.</exception>
    public static RestoreTarget Open(string path, bool isFolder, bool force)
    {
        string full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        string parent = System.IO.Path.GetDirectoryName(full) ?? full;
        FileFacts? there = FileFacts.Of(full);
        if (there is not null && !IsEmptyFolder(full))
        {
            if (!force) throw new MarketException(MarketErrorCode.Usage, $"'{path}' is already there.", "Choose another place with -o, or replace it with --force.");
            bool thereIsFolder = Directory.Exists(full);
            if (thereIsFolder != isFolder && (thereIsFolder || there.Value.Type is FileType.Special))
                throw new MarketException(MarketErrorCode.Usage, $"'{path}' is a folder that holds something, and is not replaced by a file.", "Choose another place with -o.");
        }

        try
        {
            Directory.CreateDirectory(parent);
            string staging = System.IO.Path.Combine(parent, $".market-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}.part");
            if (isFolder) Directory.CreateDirectory(staging);
            return new RestoreTarget(full, isFolder, force, staging);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new MarketException(MarketErrorCode.Failed, $"'{parent}' cannot be written: {exception.Message}", "Choose another place with -o.", exception);
        }
    }

    /// <summary>Creates a file of the object. <paramref name="name"/> is relative to it, empty if the object is the file.</summary>
    /// <returns>A handle to write at any offset; the caller closes it and then calls <see cref="FinishFile"/>.</returns>
    public SafeFileHandle CreateFile(string name, long bytes)
    {
        string path = StagingPath(name);
        if (name.Length > 0) Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        return File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, FileOptions.None, preallocationSize: 0);
    }

    /// <summary>Opens a file that was created once more, for direct writes. Null if the system does not let them.</summary>
    internal SafeFileHandle? OpenDirect(string name) => DirectFile.TryOpen(StagingPath(name));

    /// <summary>Gives a closed file its time and its executable bit.</summary>
    public void FinishFile(string name, DateTimeOffset modifiedAt, bool executable)
    {
        string path = StagingPath(name);
        if (executable && !OperatingSystem.IsWindows())
        {
            // Whoever may read it may run it: the umask has already spoken when the file was made.
            UnixFileMode mode = File.GetUnixFileMode(path);
            mode |= (UnixFileMode)(((int)mode >> 2) & (int)(UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute));
            File.SetUnixFileMode(path, mode);
        }

        File.SetLastWriteTimeUtc(path, modifiedAt.UtcDateTime);
    }

    /// <summary>Makes an empty folder.</summary>
    public void AddFolder(string name, DateTimeOffset modifiedAt)
    {
        Directory.CreateDirectory(StagingPath(name));
        _folders.Add((name, modifiedAt));
    }

    /// <summary>Keeps a symbolic link for <see cref="Commit"/>, so that nothing is ever written through it.</summary>
    public void AddLink(string name, string target, DateTimeOffset modifiedAt) => _links.Add((name, target, modifiedAt));

    /// <summary>Moves everything into place.</summary>
    public void Commit()
    {
        foreach ((string name, string target, DateTimeOffset modifiedAt) in _links)
        {
            string path = StagingPath(name);
            if (name.Length > 0) Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            var link = (FileInfo)File.CreateSymbolicLink(path, target);
            SetLinkTime(link, modifiedAt);
        }

        foreach ((string name, DateTimeOffset modifiedAt) in _folders) Directory.SetLastWriteTimeUtc(StagingPath(name), modifiedAt.UtcDateTime);

        try
        {
            if (_isFolder) CommitFolder();
            else CommitFile();
        }
        catch (IOException exception) when (!_force && FileFacts.Of(Path) is not null)
        {
            throw new MarketException(MarketErrorCode.Usage, $"'{Path}' appeared meanwhile.", "Choose another place with -o, or replace it with --force.", exception);
        }

        _committed = true;
    }

    /// <summary>Removes what was not committed.</summary>
    public void Dispose()
    {
        if (_committed) return;
        try
        {
            if (Directory.Exists(_staging) && new FileInfo(_staging).LinkTarget is null) Directory.Delete(_staging, recursive: true);
            else File.Delete(_staging);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The failure that led here is what the caller must hear of.
        }
    }

    private static bool IsEmptyFolder(string path) =>
        FileFacts.Of(path) is { Type: FileType.Folder } && !Directory.EnumerateFileSystemEntries(path).Any();

    private static void SetLinkTime(FileInfo link, DateTimeOffset modifiedAt)
    {
        try
        {
            link.LastWriteTimeUtc = modifiedAt.UtcDateTime;
        }
        catch (IOException)
        {
            // Some file systems keep no times for links; the link itself is what counts.
        }
    }

    private void CommitFile()
    {
        if (IsEmptyFolder(Path)) Directory.Delete(Path);
        File.Move(_staging, Path, overwrite: _force);
    }

    private void CommitFolder()
    {
        FileFacts? there = FileFacts.Of(Path);
        if (there is { Type: FileType.Regular or FileType.Symlink } && _force && !Directory.Exists(Path))
        {
            File.Delete(Path);
            there = null;
        }

        if (there is null)
        {
            Directory.Move(_staging, Path);
            return;
        }

        Merge(_staging, Path);
        Directory.Delete(_staging, recursive: true);
    }

    private void Merge(string from, string into)
    {
        foreach (string path in Directory.GetFileSystemEntries(from))
        {
            string place = System.IO.Path.Combine(into, System.IO.Path.GetFileName(path));
            bool isFolder = FileFacts.Of(path) is { Type: FileType.Folder };
            FileFacts? there = FileFacts.Of(place);
            if (isFolder && there is { Type: FileType.Folder })
            {
                Merge(path, place);
                continue;
            }

            if (there is { Type: FileType.Folder }) Directory.Delete(place, recursive: false);
            else if (there is not null && isFolder) File.Delete(place);

            if (isFolder) Directory.Move(path, place);
            else File.Move(path, place, overwrite: _force);
        }
    }

    private string StagingPath(string name)
    {
        if (name.Length == 0) return _staging;
        if (!ObjectName.IsValid(name)) throw new MarketException(MarketErrorCode.WrongBytes, "A stored name would lead out of its folder.");
        return System.IO.Path.Combine(_staging, name);
    }
}
