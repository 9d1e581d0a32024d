using System.Buffers;
using System.Runtime.InteropServices;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Benchmarks.Node;

/// <summary>Makes depots that hold far more than this disk: shards of zeros behind one leaf of their own, as files with holes, with true trees.</summary>
internal static partial class SparseDepot
{
    private const int RecordsAtOnce = 2_000;
    private const int DontNeed = 4;    // POSIX_FADV_DONTNEED
    private static readonly TimeSpan s_life = TimeSpan.FromDays(1);

    /// <summary>Writes so many shards into a new depot, recorded as uploads of a client, and lets the system forget what it wrote.</summary>
    public static async Task<IReadOnlyList<ShardCommitment>> MakeAsync(string folder, int count, long leaves, Address client)
    {
        await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(folder, long.MaxValue), TimeProvider.System, CancellationToken.None);
        var template = new Template(leaves);
        var shards = new ShardCommitment[count];
        for (int i = 0; i < count; i++) shards[i] = template.Write(Path.Combine(folder, "shards"), i);
        DateTimeOffset expires = DateTimeOffset.UtcNow + s_life;
        for (int first = 0; first < count; first += RecordsAtOnce)
        {
            await Task.WhenAll(Enumerable.Range(first, Math.Min(RecordsAtOnce, count - first)).Select(i => Task.Run(() => depot.Catalogue.AddUploadAsync(
                new UploadPlace(new DealId(client, (ulong)i + 1), 0), shards[i], 0, expires))));
        }

        return shards;
    }

    /// <summary>What is read from these shards next comes from the disk and not from memory.</summary>
    public static void Forget(string folder)
    {
        Sync();
        foreach (string path in Directory.EnumerateFiles(Path.Combine(folder, "shards"), "*", SearchOption.AllDirectories))
        {
            using SafeFileHandle file = File.OpenHandle(path);
            _ = Advise(file, 0, 0, DontNeed);
        }
    }

    [LibraryImport("libc", EntryPoint = "sync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Sync();

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);

    /// <summary>The tree of a shard of zeros, of which the first leaf changes only the left edge.</summary>
    private sealed class Template
    {
        private const int HashBytes = MerkleTree.HashBytes;

        private readonly long _leaves;
        private readonly SidecarLayout _layout;
        private readonly byte[] _tree;
        private readonly byte[] _zeroNodes = new byte[(MerkleTree.DepthMax + 1) * HashBytes];

        public Template(long leaves)
        {
            _leaves = leaves;
            _layout = new SidecarLayout(leaves);
            byte[] zeros = new byte[1 << 20];
            MerkleTree.HashLeaves(zeros.AsSpan(0, MerkleTree.LeafBytes), Zero(0));
            for (int level = 0; level < MerkleTree.DepthMax; level++) MerkleTree.HashNode(Zero(level), Zero(level), Zero(level + 1));
            var tree = new ArrayBufferWriter<byte>();
            using var builder = new MerkleTreeBuilder(tree);
            for (long left = leaves * MerkleTree.LeafBytes; left > 0; left -= zeros.Length) builder.Append(zeros.AsSpan(0, (int)Math.Min(left, zeros.Length)));
            builder.TryFinish(out _);
            _tree = tree.WrittenSpan.ToArray();
        }

        public ShardCommitment Write(string folder, int number)
        {
            byte[] leaf = new byte[MerkleTree.LeafBytes];
            BitConverter.TryWriteBytes(leaf, number + 1);
            Span<byte> node = stackalloc byte[HashBytes];
            MerkleTree.HashLeaves(leaf, node);
            for (int level = 0; ; level++)
            {
                if (level >= MerkleTree.BlockLevel) node.CopyTo(_tree.AsSpan((int)_layout.OffsetOf(level, 0)));
                if (level == _layout.Depth) break;
                MerkleTree.HashNode(node, Sibling(level), node);
            }

            var shard = new ShardCommitment(MerkleTree.RootOf(node, _leaves), _leaves);
            string name = shard.Root.ToString()[2..];
            string place = Path.Combine(folder, name[..2], name);
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            using SafeFileHandle bytes = File.OpenHandle(place + ".shard", FileMode.CreateNew, FileAccess.Write);
            RandomAccess.Write(bytes, leaf, 0);
            RandomAccess.SetLength(bytes, shard.Bytes);
            File.WriteAllBytes(place + ".tree", _tree);
            return shard;
        }

        private Span<byte> Zero(int level) => _zeroNodes.AsSpan(level * HashBytes, HashBytes);

        /// <summary>The second node of a level.</summary>
        private ReadOnlySpan<byte> Sibling(int level)
        {
            if (2L << level <= _leaves) return Zero(level);
            if (1L << level >= _leaves) return MerkleTree.AbsentNode(level);
            return level >= MerkleTree.BlockLevel
                ? _tree.AsSpan((int)_layout.OffsetOf(level, 1), HashBytes)
                : throw new NotSupportedException("A shard that ends inside its first block but one has nodes that no sidecar holds.");
        }
    }
}
