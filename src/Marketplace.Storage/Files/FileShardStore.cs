using System.Buffers;
using System.Runtime.CompilerServices;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>
/// Shards as files: <c>shards/ab/ROOT.shard</c> and its sidecar <c>ROOT.tree</c>; what is on its way in lies in <c>arriving</c>.
/// Sealing flushes both files and the folder; keeping renames them into place, the tree first, so that a shard is never without it.
/// A rename need not be flushed: until it is on the disk the sealed names are, and <see cref="RecoverAsync"/> places them again.
/// Small shards are flushed many at a time, with the whole disk; their names are there before their bytes, so
/// <see cref="RecoverAsync"/> looks whether these are right.
/// </summary>
public sealed class FileShardStore : IShardStore
{
    internal const string ShardSuffix = ".shard";
    internal const string TreeSuffix = ".tree";

    /// <summary>The file in the store's folder that holds its mark.</summary>
    public const string MarkName = "volume";

    /// <summary>The folder below the store's own where the kept shards lie.</summary>
    public const string ShardsFolder = "shards";

    private readonly string _folder;
    private readonly string _shards;
    private readonly Lock _places = new();
    private readonly GroupFlush _arrivals;

    /// <param name="folder">The store's own folder. <see cref="RecoverAsync"/> makes it if it is absent, and nothing else does: a mount point without its disk stays empty.</param>
    /// <param name="disk">The file system; null for the machine's own.</param>
    public FileShardStore(string folder, IDisk? disk = null)
    {
        Disk = disk ?? LocalDisk.Instance;
        _folder = folder;
        _shards = Path.Combine(folder, ShardsFolder);
        Arriving = Path.Combine(folder, "arriving");
        _arrivals = new GroupFlush(() => Disk.FlushFolder(Arriving));
        Small = new SmallArrivals(Disk, Arriving);
    }

    /// <inheritdoc />
    public long FreeBytes => Disk.FreeBytes(_folder);

    internal IDisk Disk { get; }

    internal string Arriving { get; }

    internal SmallArrivals Small { get; }

    /// <inheritdoc />
    public ValueTask<IShardIntake> BeginAsync(CancellationToken token) => ValueTask.FromResult<IShardIntake>(new FileShardIntake(this));

    /// <inheritdoc />
    public ValueTask<IShardContent?> OpenAsync(ShardCommitment shard, CancellationToken token)
    {
        string place = PlaceOf(shard.Root);
        IDiskFile? bytes = Disk.TryOpen(place + ShardSuffix);
        if (bytes is null) return ValueTask.FromResult<IShardContent?>(null);
        try
        {
            return ValueTask.FromResult<IShardContent?>(new FileShardContent(shard, bytes, Disk.TryOpen(place + TreeSuffix)));
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public async ValueTask<bool> MendTreeAsync(ShardCommitment shard, Func<int, CancellationToken, ValueTask>? pace, CancellationToken token)
    {
        using IShardContent? content = await OpenAsync(shard, token);
        if (content is null) return false;
        string made = Path.Combine(Arriving, Guid.NewGuid().ToString("N")) + TreeSuffix;
        try
        {
            if (!await ShardContents.WriteTreeAsync(content, shard, Disk, made, pace, token)) return false;
            string place = PlaceOf(shard.Root) + TreeSuffix;
            lock (_places)
            {
                // Deleted meanwhile: then a tree alone would stay for ever.
                if (!Has(PlaceOf(shard.Root) + ShardSuffix)) return false;
                Disk.Move(made, place);
                Disk.FlushFolder(Path.GetDirectoryName(place)!);
            }

            return true;
        }
        finally
        {
            Disk.Delete(made);
        }
    }

    /// <inheritdoc />
    public ValueTask DeleteAsync(Root root, CancellationToken token)
    {
        string place = PlaceOf(root);
        string folder = Path.GetDirectoryName(place)!;
        lock (_places)
        {
            if (!Disk.HasFolder(folder)) return ValueTask.CompletedTask;
            Disk.Delete(place + ShardSuffix);
            Disk.Delete(place + TreeSuffix);
            Disk.FlushFolder(folder);
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask RecoverAsync(Func<Root, bool> isRecorded, CancellationToken token)
    {
        Disk.MakeFolder(_shards);
        Disk.MakeFolder(Arriving);
        var unsure = new Dictionary<string, Root>();
        foreach (string path in Disk.Files(Arriving, deep: false).ToArray())
        {
            token.ThrowIfCancellationRequested();
            if (!FileShardIntake.TryReadSealedName(Path.GetFileName(path), out Root root, out string suffix, out bool isFlushed) || !isRecorded(root)) Disk.Delete(path);
            else if (isFlushed) Place(path, root, suffix);
            else unsure[Path.ChangeExtension(path, null)] = root;
        }

        foreach ((string path, Root root) in unsure)
        {
            bool isWhole = IsWhole(path, root);
            foreach (string suffix in (string[])[TreeSuffix, ShardSuffix])
            {
                if (isWhole && Has(path + suffix)) Place(path + suffix, root, suffix);
                else Disk.Delete(path + suffix);
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<ShardCommitment> ScanAsync([EnumeratorCancellation] CancellationToken token)
    {
        foreach (string path in Disk.Files(_shards, deep: true))
        {
            token.ThrowIfCancellationRequested();
            await Task.Yield();
            if (Path.GetExtension(path) != ShardSuffix || !Root.TryParse("0x" + Path.GetFileNameWithoutExtension(path), null, out Root root)) continue;
            using IDiskFile? bytes = Disk.TryOpen(path);
            if (bytes is not null && MerkleTree.IsShardSize(bytes.Length)) yield return new ShardCommitment(root, bytes.Length / MerkleTree.LeafBytes);
        }
    }

    /// <inheritdoc />
    public ValueTask<StoreMark> FindMarkAsync(string mark, CancellationToken token)
    {
        string? found = LocalMark.Read(Disk, _folder);
        return ValueTask.FromResult(found == mark ? StoreMark.Here : found is null ? StoreMark.Absent : StoreMark.Foreign);
    }

    /// <inheritdoc />
    public async ValueTask MarkAsync(string mark, CancellationToken token)
    {
        if (LocalMark.Read(Disk, _folder) is { } other && other != mark)
        {
            throw new MarketException(
                MarketErrorCode.Usage, $"{_folder} is {other}.", $"Choose another folder; if that node is gone for good, delete {Path.Combine(_folder, MarkName)}.");
        }

        await LocalMark.WriteAsync(Disk, _folder, mark, token);
    }

    /// <inheritdoc />
    public ValueTask UnmarkAsync(string mark, CancellationToken token)
    {
        if (LocalMark.Read(Disk, _folder) == mark) LocalMark.Delete(Disk, _folder);
        return ValueTask.CompletedTask;
    }

    /// <summary>Makes the names of sealed shards durable, those of others who seal at the same time with them.</summary>
    internal Task FlushArrivingAsync() => _arrivals.FlushAsync();

    /// <summary>Moves one file of a sealed shard to its place.</summary>
    internal void Place(string path, Root root, string suffix)
    {
        string place = PlaceOf(root);
        string folder = Path.GetDirectoryName(place)!;
        lock (_places)
        {
            Disk.MakeFolder(folder);
            // What is there already has the same root; the newer copy is known to be whole, so it also heals a damaged one.
            Disk.Move(path, place + suffix);
        }
    }

    /// <summary>Whether a small shard's files that lie in <see cref="Arriving"/> are what they were to become; its other half may have been placed.</summary>
    private bool IsWhole(string path, Root root)
    {
        byte[]? bytes = TryReadSmall(path + ShardSuffix) ?? TryReadSmall(PlaceOf(root) + ShardSuffix);
        if (bytes is null) return false;
        var tree = new ArrayBufferWriter<byte>();
        using var builder = new MerkleTreeBuilder(tree);
        builder.Append(bytes);
        return builder.TryFinish(out ShardCommitment shard) && shard.Root == root &&
            (TryReadSmall(path + TreeSuffix) is not { } written || written.AsSpan().SequenceEqual(tree.WrittenSpan));
    }

    private bool Has(string path)
    {
        using IDiskFile? file = Disk.TryOpen(path);
        return file is not null;
    }

    /// <summary>What is in a file, but not more than a small shard has; null if there is none.</summary>
    private byte[]? TryReadSmall(string path)
    {
        using IDiskFile? file = Disk.TryOpen(path);
        if (file is null) return null;
        byte[] bytes = new byte[Math.Min(file.Length, FileShardIntake.SmallBytesMax)];
        FileShardContent.Fill(file, 0, bytes);
        return bytes;
    }

    private string PlaceOf(Root root)
    {
        string name = root.ToString()[2..];
        return Path.Combine(_shards, name[..2], name);
    }
}
