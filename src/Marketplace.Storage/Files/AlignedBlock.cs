using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Marketplace.Storage;

/// <summary>Memory that a disk reads and writes by itself: its address is a multiple of the disk's block.</summary>
internal sealed class AlignedBlock
{
    /// <summary>Bytes in a block of memory: enough that the disk is busy with each for longer than it takes to ask for it.</summary>
    public const int Bytes = 512 << 10;

    /// <summary>What places, lengths and addresses are multiples of; no disk in use has larger blocks.</summary>
    public const int Alignment = 4096;

    private const int KeptMax = 64;

    private static readonly ConcurrentStack<AlignedBlock> s_free = new();

    private AlignedBlock()
    {
        byte[] array = GC.AllocateUninitializedArray<byte>(Bytes + Alignment, pinned: true);
        int skip = (int)(Alignment - (Marshal.UnsafeAddrOfPinnedArrayElement(array, 0) % Alignment)) % Alignment;
        Memory = MemoryMarshal.CreateFromPinnedArray(array, skip, Bytes);
    }

    public Memory<byte> Memory { get; }

    public static AlignedBlock Rent() => s_free.TryPop(out AlignedBlock? block) ? block : new AlignedBlock();

    public void Return()
    {
        if (s_free.Count < KeptMax) s_free.Push(this);
    }
}
