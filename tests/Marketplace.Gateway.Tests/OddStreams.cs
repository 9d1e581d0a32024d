using System.Security.Cryptography;

namespace Marketplace.Gateway.Tests;

/// <summary>Random bytes made as they are read, so that a long body takes no memory; their hash tells them again. Without a length.</summary>
internal sealed class GeneratedStream(long bytes, int seed = 1) : ReadOnlyStream
{
    private readonly Random _random = new(seed);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _left = bytes;

    /// <summary>Hash of what was read, once it is disposed.</summary>
    public byte[] Hash { get; private set; } = [];

    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, _left);
        _random.NextBytes(buffer[..count]);
        _hash.AppendData(buffer[..count]);
        _left -= count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Hash.Length == 0)
        {
            Hash = _hash.GetHashAndReset();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>One byte, which is held back until it is released.</summary>
internal sealed class HeldStream : ReadOnlyStream
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _given;

    /// <summary>Completes when somebody wants the byte.</summary>
    public Task Asked => _asked.Task;

    public void Release() => _released.SetResult();

    public override int Read(Span<byte> buffer) => throw new NotSupportedException();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _asked.TrySetResult();
        await _released.Task.WaitAsync(cancellationToken);
        if (_given) return 0;
        _given = true;
        buffer.Span[0] = 7;
        return 1;
    }
}

/// <summary>A stream that is read from beginning to end.</summary>
internal abstract class ReadOnlyStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public abstract override int Read(Span<byte> buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
