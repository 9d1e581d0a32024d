using System.Security.Cryptography;

namespace Marketplace.Gateway;

/// <summary>Files that only their owner may read (mode 600), written whole or not at all.</summary>
internal static class PrivateFile
{
    /// <summary>Makes a folder that only its owner may enter (mode 700).</summary>
    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Writes a new file. Throws <see cref="IOException"/> if there is one.</summary>
    public static void Create(string path, ReadOnlySpan<byte> bytes)
    {
        string draft = path + ".new";
        File.Delete(draft);
        using (FileStream file = new(draft, ForOwner()))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: false);
    }

    /// <summary>Reads a key of a fixed length, or makes a random one there.</summary>
    /// <exception cref="InvalidDataException">The file has another length.</exception>
    public static byte[] ReadOrCreateKey(string path, int bytes)
    {
        if (!File.Exists(path)) Create(path, RandomNumberGenerator.GetBytes(bytes));
        byte[] key = File.ReadAllBytes(path);
        return key.Length == bytes ? key : throw new InvalidDataException($"{path} is damaged: delete it, and clients sign in again.");
    }

    private static FileStreamOptions ForOwner()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return options;
    }
}
