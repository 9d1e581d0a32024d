using System.Text;

namespace Marketplace.Storage;

/// <summary>A line in a file that says whose a folder is.</summary>
internal static class LocalMark
{
    private const int CharsMax = 500;
    private const string PartSuffix = ".part";

    /// <summary>The folder's mark, or null if it has none.</summary>
    public static string? Read(IDisk disk, string folder)
    {
        using IDiskFile? file = disk.TryOpen(PathIn(folder));
        if (file is null) return null;
        byte[] bytes = new byte[Math.Min(file.Length, CharsMax)];
        FileShardContent.Fill(file, 0, bytes);
        return Encoding.ASCII.GetString(bytes).TrimEnd('\n');
    }

    /// <summary>Writes it, whole or not at all, and flushes it.</summary>
    public static async ValueTask WriteAsync(IDisk disk, string folder, string mark, CancellationToken token)
    {
        string part = PathIn(folder) + PartSuffix;
        disk.Delete(part);
        using (IDiskFile file = disk.Create(part))
        {
            await file.WriteAsync(Encoding.ASCII.GetBytes(mark + "\n"), 0, token);
            file.Flush();
        }

        disk.Move(part, PathIn(folder));
        disk.FlushFolder(folder);
    }

    /// <summary>Removes it.</summary>
    public static void Delete(IDisk disk, string folder)
    {
        disk.Delete(PathIn(folder));
        disk.FlushFolder(folder);
    }

    private static string PathIn(string folder) => Path.Combine(folder, FileShardStore.MarkName);
}
