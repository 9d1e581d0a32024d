using System.Buffers;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>How making a proof ended.</summary>
internal abstract record PeriodProof
{
    private PeriodProof() { }

    /// <summary>The bytes for the contract; they were checked as the contract checks them.</summary>
    public sealed record Made(byte[] Bytes, long BytesRead) : PeriodProof;

    /// <summary>A shard that was drawn is gone or damaged: the period cannot be proved.</summary>
    /// <param name="Shard">The shard.</param>
    /// <param name="Leaf">The leaf that could not be shown; null if the whole shard was read, and more than once.</param>
    /// <param name="IsWrong">Bytes are there, and they are not the shard's.</param>
    /// <param name="IsAway">Its storage does not answer, which says nothing about the bytes.</param>
    public sealed record ShardLost(ShardCommitment Shard, long? Leaf, bool IsWrong, bool IsAway = false) : PeriodProof;

    /// <summary>The node's copy of its ledger does not fit the draw: it must be read again.</summary>
    public sealed record LedgerBehind : PeriodProof;

    /// <summary>Draws, reads one block and some nodes of the tree for each draw, and writes the proof.</summary>
    public static async Task<PeriodProof> MakeAsync(ChallengeContext context, int liveDraws, IReadOnlyList<LedgerRange> ledger, ShardDepot depot, CancellationToken token)
    {
        IReadOnlyList<Draw> draws;
        try
        {
            draws = Challenges.Draw(context, liveDraws, position => Find(ledger, position));
        }
        catch (InvalidOperationException)
        {
            return new LedgerBehind();
        }

        var open = new Dictionary<Root, CountingReader>();
        try
        {
            foreach (Draw draw in draws)
            {
                if (!draw.IsLive || open.ContainsKey(draw.Range.Shard.Root)) continue;
                try
                {
                    if (await depot.OpenAsync(draw.Range.Shard.Root, token) is not { } content) return new ShardLost(draw.Range.Shard, draw.Leaf, IsWrong: false);
                    open.Add(draw.Range.Shard.Root, new CountingReader(content));
                }
                catch (IOException e)
                {
                    return new ShardLost(draw.Range.Shard, draw.Leaf, IsWrong: false, IsAway: e is StorageAwayException);
                }
            }

            var proof = new ArrayBufferWriter<byte>();
            foreach (Draw draw in draws)
            {
                int at = proof.WrittenCount;
                try
                {
                    ChallengeProof.Write([draw], one => open[one.Range.Shard.Root], proof);
                }
                catch (IOException e)
                {
                    return new ShardLost(draw.Range.Shard, draw.Leaf, IsWrong: false, IsAway: e is StorageAwayException);
                }

                ReadOnlySpan<byte> written = proof.WrittenSpan[(at + ChallengeProof.StartBytes)..];
                if (draw.IsLive && !ChallengeProof.VerifyLeaf(draw.Range.Shard, draw.Leaf, written)) return new ShardLost(draw.Range.Shard, draw.Leaf, IsWrong: true);
            }

            return new Made(proof.WrittenSpan.ToArray(), open.Values.Sum(reader => reader.BytesRead));
        }
        finally
        {
            foreach (CountingReader reader in open.Values) reader.Dispose();
        }
    }

    /// <summary>The range that holds a position, in a list sorted by start.</summary>
    internal static LedgerRange? Find(IReadOnlyList<LedgerRange> ledger, ulong position)
    {
        int low = 0;
        int high = ledger.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            LedgerRange range = ledger[middle];
            if (range.Holds(position)) return range;
            if (position < range.Start) high = middle - 1;
            else low = middle + 1;
        }

        return null;
    }

    private sealed class CountingReader(IShardContent content) : IShardReader, IDisposable
    {
        public long BytesRead { get; private set; }

        public void ReadShard(long offset, Span<byte> destination)
        {
            BytesRead += destination.Length;
            content.ReadShard(offset, destination);
        }

        public void ReadSidecar(long offset, Span<byte> destination)
        {
            BytesRead += destination.Length;
            content.ReadSidecar(offset, destination);
        }

        public void Dispose() => content.Dispose();
    }
}
