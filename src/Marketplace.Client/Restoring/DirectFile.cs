using System.Collections;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Client.Restoring;

/// <summary>
/// A file that is filled from several places at once and written past the page cache. Each block of <see cref="BlockPool.BlockBytes"/> is
/// either put together in memory and written once, whole and directly, or written in pieces through the page cache; never both.
/// Where the system refuses direct writes, all goes through the page cache. Every byte must come exactly once. Safe for many threads.
/// </summary>
internal sealed partial class DirectFile : IDisposable
{
    /// <summary>Shorter files are left to the page cache: the first direct blocks of a file cost as much as it does at its best.</summary>
    public const long BytesMin = 4L << 20;

    /// <summary>What offsets, lengths and memory of direct writes are multiples of; enough for every disk in use.</summary>
    public const int Alignment = 4096;

    private const int GetFlags = 3;         // F_GETFL
    private const int SetFlags = 4;         // F_SETFL
    private const int InvalidArgument = 22; // EINVAL

    private readonly BlockPool _pool;
    private readonly SafeFileHandle _cached;
    private readonly SafeFileHandle? _direct;
    private readonly long _bytes;
    private readonly Action<int> _written;
    private readonly BitArray _inPieces;    // the pool's lock guards it
    private volatile bool _refused;

    /// <param name="pool">Memory for blocks.</param>
    /// <param name="cached">The file. It is closed with this.</param>
    /// <param name="direct">The same file from <see cref="TryOpen"/>, closed with this; null if all is to go through the page cache.</param>
    /// <param name="bytes">The file's length.</param>
    /// <param name="written">Told the bytes that were just written; their sum is the length when the file may be closed.</param>
    public DirectFile(BlockPool pool, SafeFileHandle cached, SafeFileHandle? direct, long bytes, Action<int> written)
    {
        _pool = pool;
        _cached = cached;
        _direct = direct;
        _bytes = bytes;
        _written = written;
        _inPieces = new BitArray(checked((int)((bytes + BlockPool.BlockBytes - 1) / BlockPool.BlockBytes)));
    }

    /// <summary>Opens an existing file for direct writes. Null if the system does not know or let them; some file systems refuse only the first write.</summary>
    public static SafeFileHandle? TryOpen(string path)
    {
        if (!OperatingSystem.IsLinux()) return null;
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            int direct = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x10000 : 0x4000; // O_DIRECT
            int flags = Control(file, GetFlags, 0);
            if (flags >= 0 && Control(file, SetFlags, flags | direct) == 0) return file;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What may be made may not always be opened again: umask, limits of open files.
        }

        file?.Dispose();
        return null;
    }

    /// <summary>Takes some bytes of the file. Those of a block that is not complete are written later, by who completes it or needs its memory.</summary>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        if (_direct is null)
        {
            WriteCached(bytes, offset);
            return;
        }

        while (!bytes.IsEmpty)
        {
            int index = (int)(offset / BlockPool.BlockBytes);
            int from = (int)(offset % BlockPool.BlockBytes);
            ReadOnlySpan<byte> piece = bytes[..Math.Min(bytes.Length, BlockPool.BlockBytes - from)];
            if (_pool.Enter(this, index) is { } block) Add(block, piece, from);
            else WriteCached(piece, offset);
            offset += piece.Length;
            bytes = bytes[piece.Length..];
        }
    }

    /// <summary>Whether what comes for a block that is not open goes through the page cache. Only under the pool's lock.</summary>
    internal bool IsInPieces(int index) => _refused || _inPieces[index];

    /// <summary>From now on what comes for a block goes through the page cache. Only under the pool's lock.</summary>
    internal void PutInPieces(int index) => _inPieces[index] = true;

    /// <summary>Writes what came of a block that is open no more.</summary>
    internal void WritePieces(OpenBlock block)
    {
        foreach ((int from, int bytes) in block.Pieces) WriteCached(block.Memory.Span.Slice(from, bytes), OffsetOf(block.Index) + from);
    }

    public void Dispose()
    {
        _direct?.Dispose();
        _cached.Dispose();
    }

    private static long OffsetOf(int index) => (long)index * BlockPool.BlockBytes;

    private void Add(OpenBlock block, ReadOnlySpan<byte> piece, int from)
    {
        piece.CopyTo(block.Memory.Span[from..]);
        int length = (int)Math.Min(BlockPool.BlockBytes, _bytes - OffsetOf(block.Index));
        if (!_pool.Leave(block, from, piece.Length, length)) return;
        WriteWhole(block.Memory.Span[..length], OffsetOf(block.Index));
        _pool.Free(block);
        _written(length);
    }

    private void WriteWhole(ReadOnlySpan<byte> block, long offset)
    {
        // What is left over at the end of the file is shorter than a direct write can be.
        int direct = _refused ? 0 : block.Length - (block.Length % Alignment);
        try
        {
            if (direct > 0) RandomAccess.Write(_direct!, block[..direct], offset);
        }
        catch (IOException exception) when (exception.HResult == InvalidArgument)
        {
            _refused = true;
            direct = 0;
        }

        if (direct < block.Length) RandomAccess.Write(_cached, block[direct..], offset + direct);
    }

    private void WriteCached(ReadOnlySpan<byte> piece, long offset)
    {
        RandomAccess.Write(_cached, piece, offset);
        _written(piece.Length);
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(SafeFileHandle file, int command, nint argument);
}
