using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace Marketplace.Hosting.Http;

/// <summary>
/// The memory that Kestrel receives into and sends from, in blocks of 64 KiB where its own are of 4: so much is read from a socket at once,
/// handed from stage to stage at once, and encrypted as one record. That is what the cost of a byte between the socket and an endpoint
/// consists of. A connection without traffic holds none.
/// </summary>
public sealed class TransportMemory : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    /// <summary>Bytes in a block.</summary>
    public const int BlockBytes = 64 << 10;

    /// <summary>Blocks that are kept for the next who need one: 32 MiB.</summary>
    public const int BlocksKeptMax = 512;

    private readonly ConcurrentStack<Block> _free = new();
    private int _kept;

    /// <inheritdoc />
    public override int MaxBufferSize => BlockBytes;

    /// <summary>All transports of a host share this pool.</summary>
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    /// <inheritdoc />
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        if (!_free.TryPop(out Block? block)) return new Block(this);
        Interlocked.Decrement(ref _kept);
        block.Take();
        return block;
    }

    /// <summary>Does nothing: whoever still holds a block may use it, and the collector frees the rest.</summary>
    protected override void Dispose(bool disposing)
    {
    }

    private void Return(Block block)
    {
        if (Interlocked.Increment(ref _kept) <= BlocksKeptMax) _free.Push(block);
        else Interlocked.Decrement(ref _kept);
    }

    private sealed class Block(TransportMemory pool) : IMemoryOwner<byte>
    {
        // Pinned for good, so that a call into the system need not pin it.
        private readonly Memory<byte> _bytes = System.Runtime.InteropServices.MemoryMarshal.CreateFromPinnedArray(
            GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true), 0, BlockBytes);

        private int _isTaken = 1;

        public Memory<byte> Memory => _bytes;

        public void Take() => _isTaken = 1;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isTaken, 0) == 1) pool.Return(this);
        }
    }
}
