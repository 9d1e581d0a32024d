using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Marketplace.Coding;

/// <summary>
/// Cuts a stream into chunks where its content says so (FastCDC with normalisation), so that a change moves only the cuts near it.
/// The gear table comes from a key, so that the lengths tell nothing to whoever has not the key.
/// Keeps its place between calls; not for several threads. Disposing it wipes the table.
/// </summary>
public sealed class Chunker : IDisposable
{
    /// <summary>No chunk but a stream's last is shorter.</summary>
    public const int ChunkBytesMin = 512 * 1024;

    /// <summary>From this length on cuts become sixteen times as likely; the usual length lies a little above.</summary>
    public const int ChunkBytesNormal = 1024 * 1024;

    /// <summary>No chunk is longer.</summary>
    public const int ChunkBytesMax = 4 * 1024 * 1024;

    /// <summary>Bytes that the rolling hash remembers.</summary>
    private const int WindowBytes = 64;

    /// <summary>Bytes that each of four searches takes when they run side by side.</summary>
    private const int StretchBytes = 2048;

    private const int GearEntries = 256;
    private const ulong HardMask = ulong.MaxValue << (64 - 22);
    private const ulong EasyMask = ulong.MaxValue << (64 - 18);

    private readonly ulong[] _gear = GC.AllocateUninitializedArray<ulong>(GearEntries, pinned: true);
    private ulong _hash;
    private int _length;

    /// <param name="key">32 secret bytes; the same key cuts the same.</param>
    public Chunker(ReadOnlySpan<byte> key)
    {
        Span<byte> table = stackalloc byte[GearEntries * 8];
        KeyDerivation.Derive(key, default, KeyDerivation.GearInfo, table);
        for (int i = 0; i < GearEntries; i++) _gear[i] = BinaryPrimitives.ReadUInt64LittleEndian(table[(i * 8)..]);
        CryptographicOperations.ZeroMemory(table);
    }

    /// <inheritdoc />
    public void Dispose() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_gear.AsSpan()));

    /// <summary>
    /// How many of the bytes belong to the chunk that is open. <paramref name="cut"/> tells that the chunk ends with them and
    /// the next call begins a new one; otherwise all bytes belong to it and more may follow.
    /// </summary>
    public int Next(ReadOnlySpan<byte> bytes, out bool cut)
    {
        int i = Math.Clamp(ChunkBytesMin - WindowBytes - _length, 0, bytes.Length);
        ulong hash = _hash;
        cut = false;
        i = Roll(bytes, i, ChunkBytesMin, ref hash);
        i = Search(bytes, i, ChunkBytesNormal, HardMask, ref hash, ref cut);
        if (!cut) i = Search(bytes, i, ChunkBytesMax, EasyMask, ref hash, ref cut);
        if (_length + i == ChunkBytesMax) cut = true;
        _hash = cut ? 0 : hash;
        _length = cut ? 0 : _length + i;
        return i;
    }

    /// <summary>Begins anew, for another stream.</summary>
    public void Reset()
    {
        _hash = 0;
        _length = 0;
    }

    private int Roll(ReadOnlySpan<byte> bytes, int i, int until, ref ulong hash)
    {
        int end = Math.Clamp(until - _length, i, bytes.Length);
        for (; i < end; i++) hash = (hash << 1) + _gear[bytes[i]];
        return i;
    }

    private int Search(ReadOnlySpan<byte> bytes, int i, int until, ulong mask, ref ulong hash, ref bool cut)
    {
        int end = Math.Clamp(until - _length, i, bytes.Length);
        ulong[] gear = _gear;
        ulong rolling = hash;
        while (i < end)
        {
            // The hash knows 64 bytes only, so it can be had anywhere without what lies before them: four stretches at once keep the processor busy.
            if (end - i >= 4 * StretchBytes && !MayCut(bytes.Slice(i, 4 * StretchBytes), mask, ref rolling))
            {
                i += 4 * StretchBytes;
                continue;
            }

            int stop = Math.Min(end, i + (4 * StretchBytes));
            while (i < stop)
            {
                rolling = (rolling << 1) + gear[bytes[i++]];
                if ((rolling & mask) != 0) continue;
                cut = true;
                hash = rolling;
                return i;
            }
        }

        hash = rolling;
        return i;
    }

    /// <summary>Whether there is a cut anywhere; if not, <paramref name="hash"/> moves to the end of the bytes.</summary>
    private unsafe bool MayCut(ReadOnlySpan<byte> bytes, ulong mask, ref ulong hash)
    {
        ulong* gear = (ulong*)Unsafe.AsPointer(ref _gear[0]);
        fixed (byte* a = bytes)
        {
            byte* b = a + StretchBytes;
            byte* c = b + StretchBytes;
            byte* d = c + StretchBytes;
            ulong ha = hash, hb = 0, hc = 0, hd = 0;
            for (int i = -WindowBytes; i < 0; i++)
            {
                hb = (hb << 1) + gear[b[i]];
                hc = (hc << 1) + gear[c[i]];
                hd = (hd << 1) + gear[d[i]];
            }

            for (int i = 0; i < StretchBytes; i++)
            {
                ha = (ha << 1) + gear[a[i]];
                hb = (hb << 1) + gear[b[i]];
                hc = (hc << 1) + gear[c[i]];
                hd = (hd << 1) + gear[d[i]];
                if ((ha & mask) == 0 || (hb & mask) == 0 || (hc & mask) == 0 || (hd & mask) == 0) return true;
            }

            hash = hd;
            return false;
        }
    }
}
