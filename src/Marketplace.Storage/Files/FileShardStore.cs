using System.Runtime.CompilerServices;
using Marketplace.Coding;
using Marketplace.Domain;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Storage;

/// <summary>
/// Shards as files: <c>shards/ab/ROOT.shard</c> and its sidecar <c>ROOT.tree</c>; what is on its way in lies in <c>arriving</c>.
/// Sealing flushes both files and the folder; keeping renames them into place, the tree first, so that a shard is never without it.
/// </summary>
public sealed class FileShardStore : IShardStore
{
    internal const string ShardSuffix = ".shard";
    internal const string TreeSuffix = ".tree";

    private readonly string _shards;
    private readonly Lock _places = new();

    /// <param name="folder">The store's own folder; made if absent.</param>
    public FileShardStore(string folder)
    {
        _shards = Path.Combine(folder, "shards");
        Arriving = Path.Combine(folder, "arriving");
        Directory.CreateDirectory(_shards);
        Directory.CreateDirectory(Arriving);
    }

    internal string Arriving { get; }

    /// <inheritdoc />
    public ValueTask<IShardIntake> BeginAsync(CancellationToken token) => ValueTask.FromResult<IShardIntake>(new FileShardIntake(this));

    /// <inheritdoc />
    public ValueTask<IShardContent?> OpenAsync(ShardCommitment shard, CancellationToken token)
    {
        SafeFileHandle? tree = null;
        try
        {
            string place = PlaceOf(shard.Root);
            tree = File.OpenHandle(place + TreeSuffix, options: FileOptions.RandomAccess);
            SafeFileHandle bytes = File.OpenHandle(place + ShardSuffix, options: FileOptions.RandomAccess);
            return ValueTask.FromResult<IShardContent?>(new FileShardContent(shard, bytes, tree));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            tree?.Dispose();
            return ValueTask.FromResult<IShardContent?>(null);
        }
        catch
        {
            tree?.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public ValueTask DeleteAsync(Root root, CancellationToken token)
    {
        string place = PlaceOf(root);
        string folder = Path.GetDirectoryName(place)!;
        lock (_places)
        {
            if (!Directory.Exists(folder)) return ValueTask.CompletedTask;
            File.Delete(place + ShardSuffix);
            File.Delete(place + TreeSuffix);
            DiskSync.FlushFolder(folder);
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask RecoverAsync(Func<Root, bool> isRecorded, CancellationToken token)
    {
        foreach (string path in Directory.EnumerateFiles(Arriving))
        {
            token.ThrowIfCancellationRequested();
            if (FileShardIntake.TryReadSealedName(Path.GetFileName(path), out Root root, out string suffix) && isRecorded(root)) Place(path, root, suffix);
            else File.Delete(path);
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<ShardCommitment> ScanAsync([EnumeratorCancellation] CancellationToken token)
    {
        foreach (string path in Directory.EnumerateFiles(_shards, "*" + ShardSuffix, SearchOption.AllDirectories))
        {
            token.ThrowIfCancellationRequested();
            await Task.Yield();
            long bytes = new FileInfo(path).Length;
            if (!MerkleTree.IsShardSize(bytes) || !Root.TryParse("0x" + Path.GetFileNameWithoutExtension(path), null, out Root root)) continue;
            if (File.Exists(Path.ChangeExtension(path, TreeSuffix))) yield return new ShardCommitment(root, bytes / MerkleTree.LeafBytes);
        }
    }

    /// <summary>Moves one file of a sealed shard to its place.</summary>
    internal void Place(string path, Root root, string suffix)
    {
        string place = PlaceOf(root);
        string folder = Path.GetDirectoryName(place)!;
        lock (_places)
        {
            if (!Directory.Exists(folder))
            {
                Directory.CreateDirectory(folder);
                DiskSync.FlushFolder(_shards);
            }

            // What is there already has the same root; the newer copy is known to be whole, so it also heals a damaged one.
            File.Move(path, place + suffix, overwrite: true);
            if (suffix == ShardSuffix) DiskSync.FlushFolder(folder);
        }
    }

    private string PlaceOf(Root root)
    {
        string name = root.ToString()[2..];
        return Path.Combine(_shards, name[..2], name);
    }
}
