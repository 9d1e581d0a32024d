using System.Buffers;
using Marketplace.Coding;

namespace Marketplace.Storage;

/// <summary>What all kinds of storage do alike when a shard is read.</summary>
public static class ShardContents
{
    private const int RehashBytes = 1 << 20;

    /// <summary>Reads a range with its proof and checks it. Failing input counts as corruption: the caller cannot have the bytes.</summary>
    public static ShardRead ReadRange(IShardReader shard, ShardCommitment commitment, long firstLeaf, Span<byte> data, Span<byte> proof)
    {
        long leaves = data.Length / MerkleTree.LeafBytes;
        try
        {
            shard.ReadShard(firstLeaf * MerkleTree.LeafBytes, data);
            int written = RangeProof.Write(shard, commitment.Leaves, firstLeaf, leaves, proof);
            return RangeProof.Verify(commitment, firstLeaf, data, proof[..written]) ? ShardRead.Good : ShardRead.Corrupt;
        }
        catch (IOException e) when (e is not StorageAwayException)
        {
            return ShardRead.Corrupt;
        }
    }

    /// <summary>Hashes everything that a reader gives, at a pace if there is one, and compares the tree beside it.</summary>
    public static async ValueTask<(ShardCommitment? Found, bool IsTreeRight)> CheckAsync(
        IShardReader shard, ShardCommitment commitment, Func<int, CancellationToken, ValueTask>? pace, CancellationToken token)
    {
        bool isTreeRight = true;
        ShardCommitment? found = await RehashAsync(shard, commitment, pace, (tree, at) =>
        {
            isTreeRight = isTreeRight && HasSidecar(shard, at, tree.Span);
            return ValueTask.CompletedTask;
        }, token);
        return (found, isTreeRight);
    }

    /// <summary>Writes a shard's tree into a new file, flushed. False if the bytes are not the shard's; the file is there then, too.</summary>
    internal static async ValueTask<bool> WriteTreeAsync(
        IShardReader shard, ShardCommitment commitment, IDisk disk, string path, Func<int, CancellationToken, ValueTask>? pace, CancellationToken token)
    {
        using IDiskFile file = disk.Create(path);
        if (await RehashAsync(shard, commitment, pace, (tree, at) => file.WriteAsync(tree, at, token), token) != commitment) return false;
        file.Flush();
        return true;
    }

    private static async ValueTask<ShardCommitment?> RehashAsync(
        IShardReader shard, ShardCommitment commitment, Func<int, CancellationToken, ValueTask>? pace, Func<ReadOnlyMemory<byte>, long, ValueTask> takeTree, CancellationToken token)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(RehashBytes);
        try
        {
            var sidecar = new ArrayBufferWriter<byte>();
            using var tree = new MerkleTreeBuilder(sidecar);
            long treeAt = 0;
            for (long at = 0; at < commitment.Bytes; at += RehashBytes)
            {
                token.ThrowIfCancellationRequested();
                int bytes = (int)Math.Min(RehashBytes, commitment.Bytes - at);
                if (pace is not null) await pace(bytes, token);
                shard.ReadShard(at, buffer.AsSpan(0, bytes));
                tree.Append(buffer.AsSpan(0, bytes));
                await takeTree(sidecar.WrittenMemory, treeAt);
                treeAt += sidecar.WrittenCount;
                sidecar.ResetWrittenCount();
                await Task.Yield();
            }

            if (!tree.TryFinish(out ShardCommitment found)) return null;
            await takeTree(sidecar.WrittenMemory, treeAt);
            return found;
        }
        catch (IOException e) when (e is not StorageAwayException)
        {
            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool HasSidecar(IShardReader shard, long at, ReadOnlySpan<byte> expected)
    {
        byte[] there = ArrayPool<byte>.Shared.Rent(expected.Length);
        try
        {
            shard.ReadSidecar(at, there.AsSpan(0, expected.Length));
            return there.AsSpan(0, expected.Length).SequenceEqual(expected);
        }
        catch (IOException e) when (e is not StorageAwayException)
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(there);
        }
    }
}
