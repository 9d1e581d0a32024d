using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>Another slot of a deal, whose holder may hand out its shard.</summary>
/// <param name="Slot">The slot, which is the column it holds.</param>
/// <param name="Shard">What it promised to hold.</param>
/// <param name="Peer">Where.</param>
internal sealed record RepairSource(int Slot, ShardCommitment Shard, NodePeer Peer);

/// <summary>Makes a lost shard from what the other holders have, a piece at a time; each piece is checked against its root.</summary>
internal sealed class ShardRebuild(NodeClients peers, BandwidthCap bandwidth, NodeLimits limits, TimeProvider time)
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Writes the shard of a slot into an upload.</summary>
    /// <param name="redundancy">k of n; null for whole replicas.</param>
    /// <param name="slot">The column to make.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="sources">At least k others.</param>
    /// <param name="upload">Where it goes.</param>
    /// <param name="token">Cancels.</param>
    /// <exception cref="IOException">Fewer than k of the others handed out what they hold.</exception>
    public async Task WriteAsync(Redundancy? redundancy, int slot, long bytes, IReadOnlyList<RepairSource> sources, ShardUpload upload, CancellationToken token)
    {
        int needed = redundancy?.Needed ?? 1;
        ErasureCode? code = needed > 1 ? new ErasureCode(redundancy!.Value) : null;
        var spare = new Queue<RepairSource>(sources);
        var chosen = new List<Asked>();
        byte[][] pieces = [.. Enumerable.Range(0, needed).Select(_ => new byte[PieceBytes])];
        byte[] made = new byte[PieceBytes];
        ErasurePlan? plan = null;
        for (long offset = 0; offset < bytes;)
        {
            int length = (int)Math.Min(PieceBytes, bytes - offset);
            while (chosen.Count < needed)
            {
                if (!spare.TryDequeue(out RepairSource? next)) throw new IOException($"Fewer than {needed} of the other holders hand out what they hold.");
                chosen.Add(new Asked(next));
                plan = null;
            }

            await bandwidth.TakeAsync(length * needed, token);
            bool[] came = await Task.WhenAll(chosen.Select((source, i) => ReadAsync(source, offset, pieces[i].AsMemory(0, length), token)));
            if (came.Contains(false))
            {
                // Whoever failed or is too slow is not asked again for this shard.
                for (int i = needed - 1; i >= 0; i--)
                {
                    if (!came[i]) chosen.RemoveAt(i);
                }

                continue;
            }

            ReadOnlyMemory<byte> piece = pieces[0].AsMemory(0, length);
            if (code is not null)
            {
                plan ??= code.PlanRebuild([.. chosen.Select(asked => asked.Source.Slot)], slot);
                plan.ApplyRow(0, [.. pieces.Select(one => (ReadOnlyMemory<byte>)one.AsMemory(0, length))], 0, made.AsSpan(0, length));
                piece = made.AsMemory(0, length);
            }

            if (!await upload.TryAppendAsync(piece, token)) throw new IOException("The room that was reserved for the shard is too small.");
            offset += length;
        }
    }

    /// <summary>Reads a piece. False if the source does not give it, or not within what is left of its time: so each source costs at most the grace and the time of its bytes.</summary>
    private async Task<bool> ReadAsync(Asked asked, long offset, Memory<byte> destination, CancellationToken token)
    {
        asked.Bytes += destination.Length;
        TimeSpan left = limits.RepairGrace + TimeSpan.FromSeconds(asked.Bytes / limits.RepairBytesPerSecondMin) - asked.Taken;
        if (left <= TimeSpan.Zero) return false;
        using var enough = new CancellationTokenSource(left, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(token, enough.Token);
        long started = time.GetTimestamp();
        try
        {
            return (await peers.For(asked.Source.Peer).ReadAsync(asked.Source.Shard, offset, destination, null, either.Token)).IsOk;
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            asked.Taken += time.GetElapsedTime(started);
        }
    }

    private sealed class Asked(RepairSource source)
    {
        public RepairSource Source { get; } = source;

        public long Bytes { get; set; }

        public TimeSpan Taken { get; set; }
    }
}
