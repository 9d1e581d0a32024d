using Microsoft.Win32.SafeHandles;

namespace Marketplace.Storage;

/// <summary>
/// A new file that is written from front to back, in large blocks that the disk takes from here itself: a node's shards are written once
/// and read seldom, and copying them through the system's page cache costs more than all else that is done to them. One block is on its
/// way while the next is filled. What does not fill a block goes the ordinary way, and so does everything where a file system has no
/// direct writing.
/// </summary>
internal sealed class BulkFile(SafeFileHandle handle) : IDiskFile
{
    private AlignedBlock? _filling;
    private AlignedBlock? _leaving;
    private Task _write = Task.CompletedTask;
    private long _written;
    private int _filled;
    private bool _isDirect;

    public long Length => _written + _filled;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset, CancellationToken token)
    {
        if (offset != Length) throw new InvalidOperationException("This file is written from front to back.");
        while (!bytes.IsEmpty)
        {
            _filling ??= AlignedBlock.Rent();
            int count = Math.Min(bytes.Length, AlignedBlock.Bytes - _filled);
            bytes[..count].CopyTo(_filling.Memory[_filled..]);
            bytes = bytes[count..];
            _filled += count;
            if (_filled == AlignedBlock.Bytes) await SendBlockAsync();
        }
    }

    public int Read(Span<byte> destination, long offset) => throw new NotSupportedException();

    public void Flush()
    {
        _write.GetAwaiter().GetResult();
        if (_filled > 0)
        {
            // The end need not be a whole number of the disk's blocks.
            if (_isDirect) DiskSync.SetDirect(handle, false);
            _isDirect = false;
            RandomAccess.Write(handle, _filling!.Memory.Span[.._filled], _written);
            _written += _filled;
            _filled = 0;
        }

        RandomAccess.FlushToDisk(handle);
    }

    public void Dispose()
    {
        try
        {
            _write.Wait();
        }
        catch (AggregateException)
        {
            // Whoever disposes before the flush has given the file up.
        }

        _leaving?.Return();
        _filling?.Return();
        _leaving = _filling = null;
        handle.Dispose();
    }

    private async ValueTask SendBlockAsync()
    {
        await _write;
        if (_written == 0) _isDirect = DiskSync.SetDirect(handle, true);
        (_filling, _leaving) = (_leaving, _filling);
        ReadOnlyMemory<byte> block = _leaving!.Memory;
        long offset = _written;
        _write = Task.Run(() => Write(block.Span, offset));
        _written += AlignedBlock.Bytes;
        _filled = 0;
    }

    private void Write(ReadOnlySpan<byte> block, long offset)
    {
        try
        {
            RandomAccess.Write(handle, block, offset);
        }
        catch (IOException) when (_isDirect && offset == 0)
        {
            // Some file systems agree to direct writing and then want larger blocks. If it is the disk that fails, it fails again.
            DiskSync.SetDirect(handle, false);
            _isDirect = false;
            RandomAccess.Write(handle, block, offset);
        }
    }
}
