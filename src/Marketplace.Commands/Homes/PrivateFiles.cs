using System.Text;
using Marketplace.Domain;

namespace Marketplace.Commands.Homes;

/// <summary>Files and folders that only their owner may read (modes 600 and 700), written whole or not at all.</summary>
internal static class PrivateFiles
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a folder and those above it, if they are missing.</summary>
    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, FolderMode);
    }

    /// <summary>Writes a file that must not exist yet.</summary>
    /// <exception cref="MarketException">It exists.</exception>
    public static void Create(string path, string text)
    {
        string draft = WriteDraft(path, text);
        try
        {
            File.Move(draft, path, overwrite: false);
        }
        catch (IOException exception) when (File.Exists(path))
        {
            File.Delete(draft);
            throw new MarketException(MarketErrorCode.Failed, $"{path} exists already", "nothing was changed; name another file", exception);
        }
    }

    /// <summary>Writes a file in place of the one that may be there; a reader sees the old one or the new one.</summary>
    public static void Replace(string path, string text) => File.Move(WriteDraft(path, text), path, overwrite: true);

    private static string WriteDraft(string path, string text)
    {
        string draft = $"{path}.{Environment.ProcessId}.new";
        File.Delete(draft);
        var options = new FileStreamOptions { Mode = System.IO.FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = FileMode;
        using FileStream file = new(draft, options);
        file.Write(Encoding.UTF8.GetBytes(text));
        file.Flush(flushToDisk: true);
        return draft;
    }
}
