using System.Security.Cryptography;

namespace Marketplace.EndToEnd.Tests;

/// <summary>Files made from a seed, and folders compared byte for byte.</summary>
internal static class TestFiles
{
    public static string Write(string path, long bytes, int seed = 1)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var random = new Random(seed ^ unchecked((int)bytes));
        byte[] buffer = new byte[1 << 20];
        using FileStream file = File.Create(path);
        for (long left = bytes; left > 0; left -= buffer.Length)
        {
            random.NextBytes(buffer);
            file.Write(buffer, 0, (int)Math.Min(left, buffer.Length));
        }

        return path;
    }

    public static string Hash(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(file));
    }

    public static void AssertSameFile(string expected, string actual) => Assert.Equal(Hash(expected), Hash(actual));

    /// <summary>The same names, kinds, contents, symlink targets and executable bits.</summary>
    public static void AssertSameFolder(string expected, string actual)
    {
        Assert.Equal(Describe(expected), Describe(actual));
    }

    private static List<string> Describe(string folder)
    {
        var lines = new List<string>();
        foreach (string path in Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.None,
        }))
        {
            string name = Path.GetRelativePath(folder, path);
            var info = new FileInfo(path);
            if (info.LinkTarget is { } target) lines.Add($"{name} -> {target}");
            else if (Directory.Exists(path)) lines.Add($"{name}/");
            else lines.Add($"{name} {Hash(path)} {info.UnixFileMode.HasFlag(UnixFileMode.UserExecute)}");
        }

        lines.Sort(StringComparer.Ordinal);
        return lines;
    }
}
