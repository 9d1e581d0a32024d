using System.Buffers;
using System.IO.Pipelines;
using System.Net;

namespace Marketplace.Network;

/// <summary>
/// Streams a pipe as a request body. The pipe's own limits hold the writer back when the node is slow;
/// only the time that the node takes counts against the deadline, not the writer's.
/// </summary>
internal sealed class UploadContent(PipeReader source, Deadline deadline, NodeClientOptions options, IProgress<long>? progress) : HttpContent
{
    private const int WriteBytesMax = 256 * 1024;

    /// <summary>Why the writer gave up, if it did.</summary>
    public Exception? SourceFailure { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => CopyAsync(stream);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => CopyAsync(stream);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private async Task CopyAsync(Stream stream)
    {
        long sent = 0;
        while (true)
        {
            ReadResult read = await ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in read.Buffer)
            {
                for (int at = 0; at < segment.Length; at += WriteBytesMax)
                {
                    ReadOnlyMemory<byte> piece = segment.Slice(at, Math.Min(WriteBytesMax, segment.Length - at));
                    deadline.Restart(options.IdleTimeout, Timeout.InfiniteTimeSpan);
                    await stream.WriteAsync(piece, deadline.Token);
                    sent += piece.Length;
                    progress?.Report(sent);
                }
            }

            source.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) break;
        }

        deadline.Restart(options.FlushTimeout, options.FlushTimeout);
        await stream.FlushAsync(deadline.Token);
    }

    private async ValueTask<ReadResult> ReadAsync()
    {
        deadline.Pause();
        try
        {
            return await source.ReadAsync(deadline.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // With Expect: 100-continue nobody looks at a failed body before the response comes, and the node would wait for the rest.
            SourceFailure = e;
            deadline.Abort();
            throw;
        }
    }
}
