namespace Marketplace.Network;

/// <summary>
/// Lies between TLS and a socket. TLS hands over records of 16 KiB one by one; each would be a system call of its own, and wake its receiver.
/// They gather here until TLS is flushed or <see cref="GatherBytes"/> are there, and reads take as much from the socket at once.
/// Until the first flush everything passes as it comes. One reader and one writer at a time.
/// </summary>
internal sealed class GatheringStream(Stream socket) : AsyncStream
{
    /// <summary>Bytes that go to the socket, or come from it, at once.</summary>
    public const int GatherBytes = 128 * 1024;

    private byte[]? _output;
    private int _outputBytes;
    private byte[]? _input;
    private int _inputFrom;
    private int _inputTo;
    private bool _gathers;

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!_gathers) return socket.WriteAsync(buffer, cancellationToken);
        if (buffer.Length > GatherBytes - _outputBytes) return SendAndKeepAsync(buffer, cancellationToken);
        Keep(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task FlushAsync(CancellationToken cancellationToken)
    {
        _gathers = true;
        return _outputBytes == 0 ? Task.CompletedTask : SendAsync(cancellationToken).AsTask();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_inputFrom < _inputTo) return ValueTask.FromResult(Take(buffer.Span));

        // An empty read only waits: nothing is held for a connection that is idle.
        return buffer.IsEmpty || buffer.Length >= GatherBytes ? socket.ReadAsync(buffer, cancellationToken) : FillAndTakeAsync(buffer, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) socket.Dispose();
        base.Dispose(disposing);
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        _output ??= GC.AllocateUninitializedArray<byte>(GatherBytes);
        bytes.CopyTo(_output.AsSpan(_outputBytes));
        _outputBytes += bytes.Length;
    }

    private async ValueTask SendAndKeepAsync(ReadOnlyMemory<byte> buffer, CancellationToken token)
    {
        await SendAsync(token);
        if (buffer.Length > GatherBytes) await socket.WriteAsync(buffer, token);
        else Keep(buffer.Span);
    }

    private async ValueTask SendAsync(CancellationToken token)
    {
        int bytes = _outputBytes;
        _outputBytes = 0;
        if (bytes > 0) await socket.WriteAsync(_output.AsMemory(0, bytes), token);
    }

    private async ValueTask<int> FillAndTakeAsync(Memory<byte> buffer, CancellationToken token)
    {
        _input ??= GC.AllocateUninitializedArray<byte>(GatherBytes);
        _inputFrom = 0;
        _inputTo = await socket.ReadAsync(_input, token);
        return Take(buffer.Span);
    }

    private int Take(Span<byte> buffer)
    {
        int bytes = Math.Min(buffer.Length, _inputTo - _inputFrom);
        _input.AsSpan(_inputFrom, bytes).CopyTo(buffer);
        _inputFrom += bytes;
        return bytes;
    }
}
