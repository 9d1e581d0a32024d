using System.Diagnostics;
using System.Globalization;
using Marketplace.Domain;

namespace Marketplace.Chaos.Tests;

/// <summary>How a shard's file is damaged.</summary>
internal enum Damage
{
    Deleted,
    Flipped,
    CutShort,
}

/// <summary>
/// The file system that a node's depot lies on: one of its own in memory, small, so that it can be filled and made read-only, where this
/// process may mount one (<c>scripts/chaos.sh</c> gives it a name space of mounts that ends with it); else the machine's.
/// </summary>
internal sealed class NodeDisk
{
    private const int MountMebibytes = 768;
    private const int FillStepBytes = 1 << 20;
    private const int FillStepBytesMin = 4096;

    private readonly string _folder;
    private readonly string _filler;
    private readonly string _shards;

    private NodeDisk(string folder, bool isMounted)
    {
        (_folder, IsMounted) = (folder, isMounted);
        _filler = Path.Combine(folder, "filled-by-others");
        _shards = Path.Combine(folder, "shards");
    }

    /// <summary>Whether it has a file system of its own, and so can be filled and made read-only.</summary>
    public bool IsMounted { get; }

    /// <summary>Gives a folder a file system of its own, if <paramref name="mayMount"/>.</summary>
    public static NodeDisk Make(string folder, bool mayMount)
    {
        Directory.CreateDirectory(folder);
        if (mayMount) Run("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={MountMebibytes}m"), "chaos", folder);
        return new NodeDisk(folder, mayMount);
    }

    /// <summary>Other programs take every byte that is free.</summary>
    public void Fill()
    {
        byte[] bytes = new byte[FillStepBytes];
        Random.Shared.NextBytes(bytes);
        using FileStream file = new(_filler, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (int step = FillStepBytes; step >= FillStepBytesMin;)
        {
            try
            {
                file.Write(bytes, 0, step);
            }
            catch (IOException)
            {
                step /= 4;
            }
        }
    }

    /// <summary>Other programs give back what they took.</summary>
    public void Empty() => File.Delete(_filler);

    /// <summary>Shards can be read and neither written nor deleted.</summary>
    public void MakeReadOnly()
    {
        Run("mount", "--bind", _shards, _shards);
        Run("mount", "-o", "remount,bind,ro", _shards);
    }

    /// <summary>Shards can be written again.</summary>
    public void MakeWritable() => Run("umount", "-l", _shards);

    /// <summary>Damages the file of a shard. False if there is none.</summary>
    public bool Harm(Root root, Damage damage, Random random)
    {
        string name = root.ToString()[2..];
        string path = Path.Combine(_shards, name[..2], name + ".shard");
        if (!File.Exists(path)) return false;
        switch (damage)
        {
            case Damage.Deleted:
                File.Delete(path);
                // Sometimes the tree of hashes stays.
                if (random.Next(2) == 0) File.Delete(Path.ChangeExtension(path, ".tree"));
                return true;

            case Damage.CutShort:
                using (FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete)) file.SetLength(random.NextInt64(file.Length));
                return true;

            default:
                using (FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
                {
                    long at = random.NextInt64(file.Length);
                    file.Position = at;
                    int value = file.ReadByte();
                    file.Position = at;
                    file.WriteByte((byte)(value ^ (1 << random.Next(8))));
                }

                return true;
        }
    }

    /// <summary>Takes the file system away, and all that lies on it.</summary>
    public void Remove()
    {
        if (IsMounted) Run("umount", "-l", _folder);
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
        string said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new IOException($"{program} {string.Join(' ', arguments)}: {said.Trim()}");
    }
}
