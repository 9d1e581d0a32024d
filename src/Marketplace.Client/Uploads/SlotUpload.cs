using System.IO.Pipelines;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Uploads;

/// <summary>A node that a shard may go to.</summary>
/// <param name="Peer">How to reach it.</param>
/// <param name="Owner">Who runs it.</param>
/// <param name="Price">What it asks.</param>
public sealed record UploadTarget(NodePeer Peer, Address Owner, Price Price);

/// <summary>A node that did not take its shard, and why.</summary>
public sealed record UploadFault(NodeId Node, string Reason);

/// <summary>One slot's upload to one node.</summary>
internal sealed class SlotUpload
{
    private const long PauseAtBytes = 1 << 20;
    private const int SegmentBytes = 64 * 1024;
    private const int FlushFromBytes = 128 * 1024;

    private static readonly PipeOptions s_pipe = new(
        pauseWriterThreshold: PauseAtBytes, resumeWriterThreshold: PauseAtBytes / 2, minimumSegmentSize: SegmentBytes, useSynchronizationContext: false);

    private readonly Pipe _pipe = new(s_pipe);
    private readonly TimeProvider _time;
    private readonly Task<NodeAnswer<UploadReceipt>> _answer;

    public SlotUpload(DealId deal, int slot, UploadTarget target, long bytesMax, long? bytesReserved, NodeClient node, TimeProvider time, CancellationToken token)
    {
        _time = time;
        Slot = slot;
        Target = target;
        _answer = node.UploadAsync(deal, slot, bytesMax, bytesReserved, _pipe.Reader, null, token);
    }

    public int Slot { get; }

    public UploadTarget Target { get; }

    /// <summary>Why the node does not have the shard; null while all is well.</summary>
    public string? Failure { get; private set; }

    public bool IsAlive => Failure is null;

    /// <summary>How long the last call of <see cref="FlushAsync"/> waited.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>How long the other slots waited for this one, all in all.</summary>
    public TimeSpan HeldUpOthers { get; set; }

    /// <summary>Copies bytes into the pipe without waiting.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (IsAlive) System.Buffers.BuffersExtensions.Write(_pipe.Writer, bytes);
    }

    /// <summary>Hands on what was written, once it is worth waking the connection, and waits while the node is slower than the source.</summary>
    public ValueTask FlushAsync(CancellationToken token)
    {
        Waited = TimeSpan.Zero;
        return IsAlive && _pipe.Writer.UnflushedBytes >= FlushFromBytes ? HandOnAsync(token) : ValueTask.CompletedTask;
    }

    private async ValueTask HandOnAsync(CancellationToken token)
    {
        try
        {
            ValueTask<FlushResult> flush = _pipe.Writer.FlushAsync(token);
            FlushResult flushed;
            if (flush.IsCompletedSuccessfully)
            {
                flushed = flush.Result;
            }
            else
            {
                long began = _time.GetTimestamp();
                flushed = await flush;
                Waited = _time.GetElapsedTime(began);
            }

            if (flushed.IsCompleted) await FailAsync("it ended the upload");
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !token.IsCancellationRequested)
        {
            await FailAsync(exception.Message);
        }
    }

    /// <summary>Ends the upload and hears whether the node has exactly this shard on its disk.</summary>
    public async Task FinishAsync(ShardCommitment expected)
    {
        if (!IsAlive) return;
        await _pipe.Writer.CompleteAsync();
        NodeAnswer<UploadReceipt> answer = await _answer;
        if (!answer.IsOk) Failure = answer.Refusal?.Message ?? answer.Outcome.ToString();
        else if (answer.Value!.Root != expected.Root || answer.Value.Leaves != expected.Leaves) Failure = "it reports another root than was sent";
    }

    /// <summary>Says that the node is of no use for this slot any more.</summary>
    public void Fail(string reason) => Failure ??= reason;

    /// <summary>Sends the node nothing any more. What still runs of the upload ends by itself; <see cref="AbandonAsync"/> waits for it.</summary>
    public void Drop(string reason)
    {
        Fail(reason);
        _pipe.Writer.Complete(new IOException(reason));
    }

    /// <summary>Gives the upload up; returns when nothing of it runs any more.</summary>
    public async Task AbandonAsync(Exception reason)
    {
        await _pipe.Writer.CompleteAsync(reason);
        try
        {
            await _answer;
        }
        catch (Exception)
        {
            // The reason comes back from the other side, whatever it is; the caller has it already.
        }
    }

    private async Task FailAsync(string otherwise)
    {
        await _pipe.Writer.CompleteAsync();
        string reason = otherwise;
        try
        {
            NodeAnswer<UploadReceipt> answer = await _answer;
            if (!answer.IsOk) reason = answer.Refusal?.Message ?? answer.Outcome.ToString();
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            reason = exception.Message;
        }

        Failure ??= reason;
    }
}
