using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Marketplace.Client.Restoring;

/// <summary>A block that waits for the rest of its bytes.</summary>
/// <param name="file">Whose it is.</param>
/// <param name="index">Which block of the file.</param>
/// <param name="memory">Its bytes, aligned for direct writes.</param>
internal sealed class OpenBlock(DirectFile file, int index, Memory<byte> memory)
{
    public DirectFile File => file;

    public int Index => index;

    public Memory<byte> Memory => memory;

    /// <summary>The ranges that came.</summary>
    public List<(int From, int Bytes)> Pieces { get; } = [];

    /// <summary>How many bytes came.</summary>
    public int Filled { get; set; }

    /// <summary>Threads that copy into it now.</summary>
    public int Copying { get; set; }
}

/// <summary>
/// The blocks that are being put together for the files of one restore; its memory is bounded whatever order the bytes come in.
/// When all blocks are taken, the one to which nothing came for the longest time is written in the pieces that it has.
/// Safe for many threads; nothing is copied or written under its lock.
/// </summary>
/// <param name="blocksMax">How many blocks there are.</param>
internal sealed class BlockPool(int blocksMax = BlockPool.BlocksMax) : IDisposable
{
    /// <summary>What is written at once.</summary>
    public const int BlockBytes = 1 << 20;

    /// <summary>Blocks of a restore: each read has one that it fills, and leaves one open where it began and one where it ended.</summary>
    public const int BlocksMax = 3 * ObjectDownload.ReadsMax;

    private readonly Lock _lock = new();
    private readonly List<OpenBlock> _open = []; // the one to which nothing came for the longest time is the first
    private readonly Stack<Memory<byte>> _free = [];
    private readonly List<Memory<byte>> _all = [];

    /// <summary>Blocks whose memory was taken so far.</summary>
    public int Blocks => _all.Count;

    /// <summary>Gives the block of a file to copy into, to be followed by <see cref="Leave"/>. Null if the bytes are to be written through the page cache.</summary>
    public OpenBlock? Enter(DirectFile file, int index)
    {
        while (true)
        {
            OpenBlock? oldest;
            lock (_lock)
            {
                OpenBlock? block = _open.Find(one => one.File == file && one.Index == index);
                if (block is null && file.IsInPieces(index)) return null;
                if (block is not null || TryOpen(file, index, out block))
                {
                    block.Copying++;
                    return block;
                }

                oldest = _open.Find(one => one.Copying == 0);
                (oldest?.File ?? file).PutInPieces(oldest?.Index ?? index);
                if (oldest is null) return null;
                _open.Remove(oldest);
            }

            oldest.File.WritePieces(oldest);
            Free(oldest);
        }
    }

    /// <summary>Notes what was copied into a block. True if that completed it: it is open no more, and the caller writes and frees it.</summary>
    public bool Leave(OpenBlock block, int from, int bytes, int length)
    {
        lock (_lock)
        {
            block.Copying--;
            block.Filled += bytes;
            block.Pieces.Add((from, bytes));
            _open.Remove(block);
            if (block.Filled == length) return true;
            _open.Add(block);
            return false;
        }
    }

    /// <summary>Takes back the memory of a block that was written.</summary>
    public void Free(OpenBlock block)
    {
        lock (_lock) _free.Push(block.Memory);
    }

    /// <summary>Wipes the memory, in which files were. Nobody may be in it any more.</summary>
    public void Dispose()
    {
        foreach (Memory<byte> memory in _all) CryptographicOperations.ZeroMemory(memory.Span);
    }

    private bool TryOpen(DirectFile file, int index, [NotNullWhen(true)] out OpenBlock? block)
    {
        block = null;
        if (!_free.TryPop(out Memory<byte> memory))
        {
            if (_all.Count == blocksMax) return false;
            memory = Allocate();
            _all.Add(memory);
        }

        block = new OpenBlock(file, index, memory);
        _open.Add(block);
        return true;
    }

    private static Memory<byte> Allocate()
    {
        byte[] pinned = GC.AllocateUninitializedArray<byte>(BlockBytes + DirectFile.Alignment, pinned: true);
        long past = Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0) % DirectFile.Alignment;
        return pinned.AsMemory(past == 0 ? 0 : (int)(DirectFile.Alignment - past), BlockBytes);
    }
}
