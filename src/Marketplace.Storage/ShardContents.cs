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

    /// <summary>Hashes everything that a reader gives, at a pace if there is one.</summary>
    public static async ValueTask<ShardCommitment?> RehashAsync(
        IShardReader shard, ShardCommitment commitment, Func<int, CancellationToken, ValueTask>? pace, CancellationToken token)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(RehashBytes);
        try
        {
            using var tree = new MerkleTreeBuilder();
            for (long at = 0; at < commitment.Bytes; at += RehashBytes)
            {
                token.ThrowIfCancellationRequested();
                int bytes = (int)Math.Min(RehashBytes, commitment.Bytes - at);
                if (pace is not null) await pace(bytes, token);
                shard.ReadShard(at, buffer.AsSpan(0, bytes));
                tree.Append(buffer.AsSpan(0, bytes));
                await Task.Yield();
            }

            return tree.TryFinish(out ShardCommitment found) ? found : null;
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
}
