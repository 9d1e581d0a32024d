using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Marketplace.Hosting.Http;

/// <summary>
/// TLS hands each record of 16 KiB to the socket by itself, and the socket sends it by itself: a call into the system, and a reader woken,
/// for each. Here the socket sends when what HTTP flushed is encrypted as a whole, or a good part of it.
/// </summary>
public static class WholeFlushes
{
    /// <summary>Encrypted bytes that wait for the rest of a flush at most.</summary>
    public const int HeldBytesMax = 128 << 10;

    private static readonly object s_key = new();

    /// <summary>TLS as <paramref name="useHttps"/> sets it up, with flushes that stay whole.</summary>
    public static void UseWholeFlushes(this ListenOptions listen, Action<ListenOptions> useHttps)
    {
        listen.Use(next => connection =>
        {
            IDuplexPipe socket = connection.Transport;
            var held = new HeldOutput(socket.Output);
            connection.Items[s_key] = held;
            connection.Transport = new Duplex(socket.Input, held);
            return RunAsync(next, connection, socket);
        });
        useHttps(listen);
        listen.Use(next => connection =>
        {
            IDuplexPipe tls = connection.Transport;
            connection.Transport = new Duplex(tls.Input, new HoldingOutput(tls.Output, (HeldOutput)connection.Items[s_key]!));
            return RunAsync(next, connection, tls);
        });
    }

    private static async Task RunAsync(ConnectionDelegate next, ConnectionContext connection, IDuplexPipe before)
    {
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = before;
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Above TLS: while a flush is under way the socket is held.</summary>
    private sealed class HoldingOutput(PipeWriter tls, HeldOutput socket) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => tls.CanGetUnflushedBytes;

        public override long UnflushedBytes => tls.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => tls.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => tls.GetSpan(sizeHint);

        public override void Advance(int bytes) => tls.Advance(bytes);

        public override void CancelPendingFlush() => tls.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => tls.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => tls.CompleteAsync(exception);

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            socket.IsHeld = true;
            FlushResult result;
            try
            {
                result = await tls.FlushAsync(cancellationToken);
            }
            finally
            {
                socket.IsHeld = false;
            }

            FlushResult sent = await socket.FlushAsync(cancellationToken);
            return new FlushResult(result.IsCanceled || sent.IsCanceled, result.IsCompleted || sent.IsCompleted);
        }
    }

    /// <summary>Below TLS: a flush of a held output waits for more, up to <see cref="HeldBytesMax"/>.</summary>
    private sealed class HeldOutput(PipeWriter socket) : PipeWriter
    {
        private long _held;

        public bool IsHeld { get; set; }

        public override Memory<byte> GetMemory(int sizeHint = 0) => socket.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => socket.GetSpan(sizeHint);

        public override void Advance(int bytes)
        {
            _held += bytes;
            socket.Advance(bytes);
        }

        public override void CancelPendingFlush() => socket.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => socket.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => socket.CompleteAsync(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            if (IsHeld && _held < HeldBytesMax) return default;
            _held = 0;
            return socket.FlushAsync(cancellationToken);
        }
    }
}
