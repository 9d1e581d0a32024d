using Marketplace.Client.Json;
using Marketplace.Client.Names;
using Marketplace.Domain;

namespace Marketplace.Client.Sources;

/// <summary>
/// Finds what a put stores, before a byte is sent: files, empty folders and symbolic links, which are kept and never followed.
/// What cannot be stored (sockets, pipes, devices, files that cannot be read, names that are not UTF-8) refuses the whole put.
/// </summary>
public static class SourceTree
{
    /// <summary>Entries of one put. A manifest is read whole by its reader, so it must stay in reason.</summary>
    public const int EntriesMax = 4_000_000;

    /// <summary>
    /// Walks the PATHs of one put. Without <paramref name="asName"/> an object's name is its PATH's last part; with it and one PATH,
    /// it is the name; with several PATHs it is the folder that holds them. A PATH that is itself a symbolic link is stored as one,
    /// unless a slash at its end asks for what it points to.
    /// </summary>
    /// <exception cref="MarketException">Usage, not found, or something that cannot be stored.</exception>
    public static IReadOnlyList<SourceObject> Walk(IReadOnlyList<string> paths, string? asName, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (paths.Count == 0) throw new MarketException(MarketErrorCode.Usage, "There is nothing to put.", "market put PATH…");
        string? given = null;
        if (asName is not null && !ObjectName.TryParse(asName, out given, out string? reason))
            throw new MarketException(MarketErrorCode.Usage, $"'{ObjectName.ForTerminal(asName)}' is no name for an object: {reason}.");

        var objects = new List<SourceObject>(paths.Count);
        var names = new HashSet<string>(ObjectName.Comparer);
        foreach (string path in paths)
        {
            string name = (given, paths.Count) switch
            {
                (not null, 1) => given,
                (not null, _) => ObjectName.Join(given, LastPart(path)),
                _ => LastPart(path),
            };
            if (!names.Add(name))
                throw new MarketException(MarketErrorCode.Usage, $"Two paths would both be stored as '{ObjectName.ForTerminal(name)}'.", "Put them one by one with --as.");
            objects.Add(WalkOne(path, name, token));
        }

        return objects;
    }

    private static string LastPart(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string last = Path.GetFileName(full);
        return last.Length > 0
            ? last
            : throw new MarketException(MarketErrorCode.Usage, $"'{path}' has no last part to be named after.", "Give it a name with --as NAME.");
    }

    private static SourceObject WalkOne(string path, string name, CancellationToken token)
    {
        bool follow = path.Length > 1 && Path.EndsInDirectorySeparator(path);
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        FileFacts facts = FactsOf(full) ?? throw new MarketException(MarketErrorCode.NotFound, $"There is no '{path}'.");
        if (follow && facts.Type is FileType.Symlink)
        {
            full = new DirectoryInfo(full).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? full;
            facts = FactsOf(full) ?? throw new MarketException(MarketErrorCode.NotFound, $"'{path}' points to nothing.");
        }

        var entries = new List<SourceEntry>();
        if (facts.Type is FileType.Folder) WalkFolder(full, name, facts, entries, token);
        else entries.Add(EntryOf(full, name, facts));

        entries.Sort((a, b) => ObjectName.Comparer.Compare(a.Name, b.Name));
        ObjectKind kind = facts.Type switch
        {
            FileType.Folder => ObjectKind.Folder,
            FileType.Symlink => ObjectKind.Symlink,
            _ => ObjectKind.File,
        };
        return new SourceObject(name, kind, entries);
    }

    private static void WalkFolder(string root, string rootName, FileFacts rootFacts, List<SourceEntry> entries, CancellationToken token)
    {
        var waiting = new Stack<(string Path, string Name, FileFacts Facts)>();
        waiting.Push((root, rootName, rootFacts));
        while (waiting.TryPop(out (string Path, string Name, FileFacts Facts) folder))
        {
            token.ThrowIfCancellationRequested();
            bool empty = true;
            foreach (string path in ListFolder(folder.Path))
            {
                empty = false;
                string name = ObjectName.Join(folder.Name, Path.GetFileName(path));
                FileFacts facts = FactsOf(path) ?? throw NotNameable(path);
                if (facts.Type is FileType.Folder) waiting.Push((path, name, facts));
                else entries.Add(EntryOf(path, name, facts));
                if (entries.Count > EntriesMax)
                    throw new MarketException(MarketErrorCode.Usage, $"'{root}' holds more than {EntriesMax} entries.", "Put its folders one by one.");
            }

            if (empty) entries.Add(new SourceEntry(CheckedName(folder.Path, folder.Name), ObjectKind.Folder, folder.Path, 0, folder.Facts.ModifiedAt, Executable: false, null));
        }
    }

    private static string[] ListFolder(string path)
    {
        try
        {
            return Directory.GetFileSystemEntries(path);
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or IOException)
        {
            throw Unreadable(path, exception);
        }
    }

    private static SourceEntry EntryOf(string path, string name, FileFacts facts)
    {
        CheckedName(path, name);
        switch (facts.Type)
        {
            case FileType.Symlink:
                string target = new FileInfo(path).LinkTarget ?? throw Unreadable(path, null);
                if (target.Contains('\uFFFD', StringComparison.Ordinal)) throw NotNameable(path);
                return new SourceEntry(name, ObjectKind.Symlink, path, 0, facts.ModifiedAt, Executable: false, target);
            case FileType.Regular:
                try
                {
                    // Opened now so that a file without permission refuses the put before it starts.
                    using (File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
                    {
                        return new SourceEntry(name, ObjectKind.File, path, facts.Bytes, facts.ModifiedAt, facts.Executable, null) { Mark = facts.Mark };
                    }
                }
                catch (Exception exception) when (exception is UnauthorizedAccessException or IOException)
                {
                    throw Unreadable(path, exception);
                }

            default:
                throw new MarketException(
                    MarketErrorCode.Failed,
                    $"'{ObjectName.ForTerminal(path)}' is a socket, a pipe or a device, which cannot be stored.",
                    "Move it out of the folder; nothing was sent.");
        }
    }

    private static string CheckedName(string path, string name)
    {
        if (ObjectName.TryParse(name, out _, out string? reason)) return name;
        throw new MarketException(MarketErrorCode.Failed, $"'{ObjectName.ForTerminal(path)}' cannot be stored: {reason}.", "Rename it; nothing was sent.");
    }

    private static FileFacts? FactsOf(string path)
    {
        try
        {
            return FileFacts.Of(path);
        }
        catch (IOException exception)
        {
            throw Unreadable(path, exception);
        }
    }

    // The runtime shows bytes that are not UTF-8 as replacement characters, and the name so shown finds nothing.
    private static MarketException NotNameable(string path) => path.Contains('\uFFFD', StringComparison.Ordinal)
        ? new(MarketErrorCode.Failed, $"'{ObjectName.ForTerminal(path)}' cannot be stored: its name or target is not valid UTF-8.", "Rename it; nothing was sent.")
        : Changed(path);

    private static MarketException Unreadable(string path, Exception? why) =>
        new(MarketErrorCode.Failed, $"'{ObjectName.ForTerminal(path)}' cannot be read: {why?.Message ?? "the link tells no target"}", "Nothing was sent.", why);

    internal static MarketException Changed(string path) =>
        new(MarketErrorCode.Failed, $"'{ObjectName.ForTerminal(path)}' changed while it was being stored.", "Put it again when it rests; nothing was paid.");
}
