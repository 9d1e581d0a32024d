using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Marketplace.Hosting.Http;

/// <summary>
/// TLS comes in records of 16 KiB, and each would go through all of HTTP by itself: a thread woken, a call into the system. Here as many
/// go together as there are: the socket sends when what HTTP flushed is encrypted as a whole, or a good part of it, and HTTP reads
/// everything that can be decrypted at once.
/// </summary>
public static class BulkTls
{
    /// <summary>Encrypted bytes that wait for the rest of a flush at most.</summary>
    public const int HeldBytesMax = 128 << 10;

    private static readonly object s_key = new();

    /// <summary>TLS as <paramref name="useHttps"/> sets it up, in bulk.</summary>
    public static void UseBulkTls(this ListenOptions listen, Action<ListenOptions> useHttps)
    {
        listen.Use(next => connection =>
        {
            var socket = new Socket(connection.Transport);
            connection.Items[s_key] = socket;
            return RunAsync(next, connection, socket);
        });
        useHttps(listen);
        listen.Use(next => async connection =>
        {
            var socket = (Socket)connection.Items[s_key]!;
            Stream tls = connection.Features.GetRequiredFeature<ISslStreamFeature>().SslStream;
            MemoryPool<byte> pool = connection.Features.GetRequiredFeature<IMemoryPoolFeature>().MemoryPool;
            var options = new StreamPipeReaderOptions(pool, TransportMemory.BlockBytes, TransportMemory.BlockBytes / 2, leaveOpen: true, useZeroByteReads: true);
            await using var whole = new WholeReads(tls, socket.WatchedInput);
            await RunAsync(next, connection, new Duplex(PipeReader.Create(whole, options), new HoldingOutput(connection.Transport.Output, socket.HeldOutput)));
        });
    }

    private static async Task RunAsync(ConnectionDelegate next, ConnectionContext connection, IDuplexPipe transport)
    {
        IDuplexPipe before = connection.Transport;
        connection.Transport = transport;
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

    /// <summary>Below TLS.</summary>
    private sealed class Socket(IDuplexPipe socket) : IDuplexPipe
    {
        public WatchedInput WatchedInput { get; } = new(socket.Input);

        public HeldOutput HeldOutput { get; } = new(socket.Output);

        public PipeReader Input => WatchedInput;

        public PipeWriter Output => HeldOutput;
    }

    /// <summary>Below TLS: knows whether bytes are there that TLS did not take yet.</summary>
    private sealed class WatchedInput(PipeReader socket) : PipeReader
    {
        private ReadOnlySequence<byte> _given;

        /// <summary>Whether TLS left something of what came.</summary>
        public bool HasMore { get; private set; }

        public override bool TryRead(out ReadResult result)
        {
            bool read = socket.TryRead(out result);
            if (read) _given = result.Buffer;
            return read;
        }

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            ReadResult result = await socket.ReadAsync(cancellationToken);
            _given = result.Buffer;
            return result;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            HasMore = !_given.Slice(consumed).IsEmpty;
            _given = default;
            socket.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => socket.CancelPendingRead();

        public override void Complete(Exception? exception = null) => socket.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => socket.CompleteAsync(exception);
    }

    /// <summary>
    /// Above TLS: a read takes record after record while bytes of more are there. The last of them may be incomplete, or say something to
    /// TLS alone; who reads does not wait for that, but the next read does.
    /// </summary>
    private sealed class WholeReads(Stream tls, WatchedInput socket) : Stream
    {
        private const int AheadBytes = 32 << 10;

        private byte[]? _buffer;
        private Task<int>? _ahead;
        private int _from;
        private int _to;

        public override bool CanRead => true;

        public override bool CanWrite => false;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_ahead is not null)
            {
                (_from, _to) = (0, await _ahead.WaitAsync(cancellationToken));
                _ahead = null;
            }
            else if (_from == _to)
            {
                int direct = await tls.ReadAsync(buffer, cancellationToken);
                if (direct == 0) return 0;
                return direct + TakeMore(buffer[direct..]);
            }

            int taken = Take(buffer);
            return taken == 0 ? 0 : taken + TakeMore(buffer[taken..]);
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        /// <summary>What can be had without waiting.</summary>
        private int TakeMore(Memory<byte> buffer)
        {
            int taken = 0;
            while (taken < buffer.Length && _from == _to && socket.HasMore)
            {
                _buffer ??= ArrayPool<byte>.Shared.Rent(AheadBytes);
                ValueTask<int> ahead = tls.ReadAsync(_buffer);
                if (!ahead.IsCompletedSuccessfully)
                {
                    _ahead = ahead.AsTask();
                    return taken;
                }

                (_from, _to) = (0, ahead.Result);
                if (_to == 0)
                {
                    // The end is told to who reads next.
                    _ahead = Task.FromResult(0);
                    return taken;
                }

                taken += Take(buffer[taken..]);
            }

            return taken;
        }

        private int Take(Memory<byte> buffer)
        {
            int bytes = Math.Min(buffer.Length, _to - _from);
            _buffer.AsSpan(_from, bytes).CopyTo(buffer.Span);
            _from += bytes;
            if (_from < _to || _buffer is null) return bytes;
            // Nothing is held for a connection that is idle.
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
            return bytes;
        }
    }

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
