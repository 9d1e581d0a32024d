using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>
/// Shards as pieces somewhere else. Beside them, in a local folder, lie each shard's tree (<c>.tree</c>, so that a proof fetches a few
/// pieces and not dozens of tree nodes), the addresses of its pieces (<c>.parts</c>, a line each) and its record (<c>.record</c>). The
/// record and the lists of addresses lie in the storage too: <see cref="ScanAsync"/> rebuilds a lost folder from it, reading and checking
/// every byte. Each piece begins with the id of its shard, so that no two shards ever share one and each may be removed alone.
/// </summary>
public sealed class RemoteShardStore : IShardStore
{
    internal const string TreeSuffix = ".tree";
    internal const string PartsSuffix = ".parts";
    internal const string RecordSuffix = ".record";
    internal const int PieceHeadBytes = 16;
    private const int RemovalsAtOnce = 8;

    private static readonly string[] s_suffixes = [TreeSuffix, PartsSuffix, RecordSuffix];

    private const string MarkMagic = "market volume 1";

    private readonly IDisk _disk;
    private readonly string _folder;
    private readonly string _index;
    private readonly string _leaving;
    private readonly SemaphoreSlim _places = new(1, 1);
    private readonly Dictionary<string, int> _readers = [];

    /// <param name="parts">Where the pieces lie.</param>
    /// <param name="folder">The local folder; made if absent.</param>
    /// <param name="owner">Whose shards these are, one line of ASCII: several may share a storage, and each finds only its own again.</param>
    /// <param name="disk">The local file system; null for the machine's own.</param>
    public RemoteShardStore(IPartStore parts, string folder, string owner, IDisk? disk = null)
    {
        Parts = parts;
        Owner = owner;
        _folder = folder;
        _disk = disk ?? LocalDisk.Instance;
        _index = Path.Combine(folder, "index");
        _leaving = Path.Combine(folder, "leaving");
        Arriving = Path.Combine(folder, "arriving");
        foreach (string one in new[] { _index, _leaving, Arriving }) _disk.MakeFolder(one);
        PartBytes = (parts.PartBytesMax - PieceHeadBytes) / MerkleTree.LeafBytes * MerkleTree.LeafBytes;
    }

    /// <inheritdoc />
    public long FreeBytes => long.MaxValue;

    internal IPartStore Parts { get; }

    internal string Owner { get; }

    internal IDisk Disk => _disk;

    internal string Arriving { get; }

    internal int PartBytes { get; }

    internal int LineBytes => Parts.AddressChars + 1;

    /// <inheritdoc />
    public ValueTask<IShardIntake> BeginAsync(CancellationToken token) => ValueTask.FromResult<IShardIntake>(new RemoteShardIntake(this));

    /// <inheritdoc />
    public ValueTask<IShardContent?> OpenAsync(ShardCommitment shard, CancellationToken token)
    {
        string place = PlaceOf(shard.Root);
        lock (_readers)
        {
            if (ReadRecord(place) is not { } record || record.Shard != shard) return ValueTask.FromResult<IShardContent?>(null);
            if (_disk.TryOpen(place + PartsSuffix) is not { } parts) return ValueTask.FromResult<IShardContent?>(null);
            IDiskFile? tree;
            try
            {
                tree = _disk.TryOpen(place + TreeSuffix);
            }
            catch
            {
                parts.Dispose();
                throw;
            }

            _readers[record.Id] = _readers.GetValueOrDefault(record.Id) + 1;
            return ValueTask.FromResult<IShardContent?>(new RemoteShardContent(this, record, parts, tree));
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
            if (!await ShardContents.WriteTreeAsync(content, shard, _disk, made, pace, token)) return false;
            string place = PlaceOf(shard.Root);
            lock (_readers)
            {
                if (ReadRecord(place)?.Shard != shard) return false;
                _disk.Move(made, place + TreeSuffix);
            }

            _disk.FlushFolder(Path.GetDirectoryName(place)!);
            return true;
        }
        finally
        {
            _disk.Delete(made);
        }
    }

    /// <inheritdoc />
    public async ValueTask DeleteAsync(Root root, CancellationToken token)
    {
        await _places.WaitAsync(token);
        try
        {
            Leave(root);
            await SweepAsync(token);
        }
        finally
        {
            _places.Release();
        }
    }

    /// <inheritdoc />
    public async ValueTask RecoverAsync(Func<Root, bool> isRecorded, CancellationToken token)
    {
        await _places.WaitAsync(token);
        try
        {
            foreach (string id in IdsIn(Arriving))
            {
                string place = Path.Combine(Arriving, id);
                if (ReadRecord(place) is { } record && isRecorded(record.Shard.Root)) await PlaceAsync(place, record, token);
                else await PurgeAsync(place, token);
            }

            await SweepAsync(token);
        }
        finally
        {
            _places.Release();
        }
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<ShardCommitment> ScanAsync([EnumeratorCancellation] CancellationToken token)
    {
        await foreach (string address in Parts.RecordsAsync(token))
        {
            if (await Parts.GetAsync(address, token) is not { } bytes || ShardParts.TryRead(bytes) is not { } record || record.Owner != Owner) continue;
            string place = PlaceOf(record.Shard.Root);
            ShardParts? here = ReadRecord(place);
            if (here is null && await RebuildAsync(record, bytes, token)) here = record;
            if (here is not null && here.Id == record.Id) yield return record.Shard;
        }
    }

    /// <inheritdoc />
    public async ValueTask<StoreMark> FindMarkAsync(string mark, CancellationToken token)
    {
        if (!await Parts.HasRecordAsync(RecordOf(mark).Address, token)) return StoreMark.Absent;
        return LocalMark.Read(_disk, _folder) == mark ? StoreMark.Here : StoreMark.WithoutIndex;
    }

    /// <inheritdoc />
    public async ValueTask MarkAsync(string mark, CancellationToken token)
    {
        (string address, byte[] bytes) = RecordOf(mark);
        await Parts.PutRecordAsync(address, bytes, token);
        await LocalMark.WriteAsync(_disk, _folder, mark, token);
    }

    /// <inheritdoc />
    public async ValueTask UnmarkAsync(string mark, CancellationToken token)
    {
        LocalMark.Delete(_disk, _folder);
        await Parts.DeleteAsync(RecordOf(mark).Address, token);
    }

    /// <summary>Makes a sealed shard readable and lets go of one with the same root.</summary>
    internal async ValueTask KeepAsync(string place, ShardParts record, CancellationToken token)
    {
        await _places.WaitAsync(token);
        try
        {
            await PlaceAsync(place, record, token);
            try
            {
                await SweepAsync(token);
            }
            catch (StorageAwayException)
            {
                // The shard is kept; what left goes with the next one.
            }
        }
        finally
        {
            _places.Release();
        }
    }

    internal void Close(string id)
    {
        lock (_readers)
        {
            int left = _readers[id] - 1;
            if (left == 0) _readers.Remove(id);
            else _readers[id] = left;
        }
    }

    /// <summary>Removes all that was put for a shard that did not come to be, or that leaves.</summary>
    internal async ValueTask PurgeAsync(string place, CancellationToken token)
    {
        ShardParts? record = ReadRecord(place);
        if (record is not null)
        {
            await Parts.DeleteAsync(Parts.RecordAddressOf(record.Id, record.Write()), token);
            foreach (string list in record.Lists) await Parts.DeleteAsync(list, token);
        }

        using (IDiskFile? parts = _disk.TryOpen(place + PartsSuffix))
        {
            long count = parts is null ? 0 : parts.Length / LineBytes;
            await Parallel.ForAsync(
                0, count, new ParallelOptions { MaxDegreeOfParallelism = RemovalsAtOnce, CancellationToken = token },
                async (index, stop) => await Parts.DeleteAsync(ReadAddress(parts!, index), stop));
        }

        // The journal of what was put goes last.
        foreach (string suffix in (string[])[TreeSuffix, RecordSuffix, PartsSuffix]) _disk.Delete(place + suffix);
    }

    internal string ReadAddress(IDiskFile parts, long index)
    {
        Span<byte> line = stackalloc byte[LineBytes];
        FileShardContent.Fill(parts, index * LineBytes, line);
        return Encoding.ASCII.GetString(line[..^1]);
    }

    private async ValueTask PlaceAsync(string from, ShardParts record, CancellationToken token)
    {
        byte[] bytes = record.Write();
        await Parts.PutRecordAsync(Parts.RecordAddressOf(record.Id, bytes), bytes, token);
        string place = PlaceOf(record.Shard.Root);
        // After a crash in the middle some files are in place already: they are this shard's own.
        if (ReadRecord(place) is { } old && old.Id != record.Id) Leave(record.Shard.Root);
        _disk.MakeFolder(Path.GetDirectoryName(place)!);
        lock (_readers)
        {
            foreach (string suffix in s_suffixes)
            {
                if (Exists(from + suffix)) _disk.Move(from + suffix, place + suffix);
            }
        }

        _disk.FlushFolder(Path.GetDirectoryName(place)!);
    }

    private void Leave(Root root)
    {
        string place = PlaceOf(root);
        if (ReadRecord(place) is not { } record) return;
        lock (_readers)
        {
            foreach (string suffix in s_suffixes)
            {
                if (Exists(place + suffix)) _disk.Move(place + suffix, Path.Combine(_leaving, record.Id) + suffix);
            }
        }

        _disk.FlushFolder(_leaving);
        _disk.FlushFolder(Path.GetDirectoryName(place)!);
    }

    /// <summary>Removes what left and nobody reads any more.</summary>
    private async ValueTask SweepAsync(CancellationToken token)
    {
        foreach (string id in IdsIn(_leaving))
        {
            lock (_readers)
            {
                if (_readers.ContainsKey(id)) continue;
            }

            await PurgeAsync(Path.Combine(_leaving, id), token);
        }
    }

    /// <summary>Reads a shard whole from the storage and makes its local files again. False, and nothing stays, if its bytes are not right.</summary>
    private async Task<bool> RebuildAsync(ShardParts record, byte[] written, CancellationToken token)
    {
        string place = Path.Combine(Arriving, record.Id);
        bool isGood = false;
        try
        {
            using (IDiskFile parts = _disk.Create(place + PartsSuffix))
            {
                long at = 0;
                foreach (string list in record.Lists)
                {
                    if (await Parts.GetAsync(list, token) is not { Length: >= PieceHeadBytes } lines) return false;
                    await parts.WriteAsync(lines.AsMemory(PieceHeadBytes), at, token);
                    at += lines.Length - PieceHeadBytes;
                }

                if (at != record.Count * LineBytes) return false;
                parts.Flush();
            }

            using (IDiskFile addresses = _disk.TryOpen(place + PartsSuffix)!)
            using (IDiskFile tree = _disk.Create(place + TreeSuffix))
            {
                var sidecar = new System.Buffers.ArrayBufferWriter<byte>();
                using var builder = new MerkleTreeBuilder(sidecar);
                long treeBytes = 0;
                for (long index = 0; index < record.Count; index++)
                {
                    if (await Parts.GetAsync(ReadAddress(addresses, index), token) is not { Length: > PieceHeadBytes } piece) return false;
                    builder.Append(piece.AsSpan(PieceHeadBytes));
                    await tree.WriteAsync(sidecar.WrittenMemory, treeBytes, token);
                    treeBytes += sidecar.WrittenCount;
                    sidecar.ResetWrittenCount();
                }

                isGood = builder.TryFinish(out ShardCommitment found) && found == record.Shard;
                await tree.WriteAsync(sidecar.WrittenMemory, treeBytes, token);
                tree.Flush();
            }

            if (!isGood) return false;
            using (IDiskFile file = _disk.Create(place + RecordSuffix))
            {
                await file.WriteAsync(written, 0, token);
                file.Flush();
            }

            _disk.FlushFolder(Arriving);
            await KeepAsync(place, record, token);
            return true;
        }
        finally
        {
            if (!isGood)
            {
                foreach (string suffix in s_suffixes) _disk.Delete(place + suffix);
            }
        }
    }

    private (string Address, byte[] Bytes) RecordOf(string mark)
    {
        byte[] bytes = Encoding.ASCII.GetBytes($"{MarkMagic}\n{mark}\n");
        string id = Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, PieceHeadBytes));
        return (Parts.RecordAddressOf(id, bytes), bytes);
    }

    private ShardParts? ReadRecord(string place)
    {
        using IDiskFile? file = _disk.TryOpen(place + RecordSuffix);
        if (file is null) return null;
        byte[] bytes = new byte[file.Length];
        FileShardContent.Fill(file, 0, bytes);
        return ShardParts.TryRead(bytes);
    }

    private bool Exists(string path)
    {
        using IDiskFile? file = _disk.TryOpen(path);
        return file is not null;
    }

    private string[] IdsIn(string folder) => [.. _disk.Files(folder, deep: false).Select(path => Path.GetFileNameWithoutExtension(path)!).Distinct(StringComparer.Ordinal)];

    private string PlaceOf(Root root)
    {
        string name = root.ToString()[2..];
        return Path.Combine(_index, name[..2], name);
    }
}
