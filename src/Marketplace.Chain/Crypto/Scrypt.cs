using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Marketplace.Chain.Crypto;

/// <summary>
/// scrypt, RFC 7914. Our own because the library at hand refuses parameters that key stores in use have (N of 2^18 with r of 1),
/// and takes several times as long. Words of a block are kept in the order of Salsa20's diagonals, four to a vector.
/// </summary>
internal static class Scrypt
{
    private const int BlockBytes = 64;
    private const int BlockWords = BlockBytes / sizeof(uint);
    private const int BlockVectors = 4;

    /// <summary>Derives bytes from a password. Uses 128 × n × r bytes of memory, wiped at the end.</summary>
    /// <param name="password">The password.</param>
    /// <param name="salt">The salt.</param>
    /// <param name="n">Cost, a power of two.</param>
    /// <param name="r">Size of a block, in units of 128 bytes.</param>
    /// <param name="p">How often the work is done.</param>
    /// <param name="bytes">How many bytes to derive.</param>
    public static byte[] DeriveKey(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int n, int r, int p, int bytes)
    {
        if (n < 2 || !int.IsPow2(n)) throw new ArgumentOutOfRangeException(nameof(n), n, "A power of two is wanted.");
        int chunkBytes = checked(2 * BlockBytes * r);
        byte[] blocks = Rfc2898DeriveBytes.Pbkdf2(password, salt, 1, HashAlgorithmName.SHA256, checked(chunkBytes * p));
        Vector128<uint>[] memory = GC.AllocateUninitializedArray<Vector128<uint>>(checked(n * (chunkBytes / 16)));
        Vector128<uint>[] work = new Vector128<uint>[2 * (chunkBytes / 16)];
        try
        {
            for (int i = 0; i < p; i++) Mix(blocks.AsSpan(i * chunkBytes, chunkBytes), n, memory, work);
            return Rfc2898DeriveBytes.Pbkdf2(password, blocks, 1, HashAlgorithmName.SHA256, bytes);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(blocks);
            Array.Clear(memory);
            Array.Clear(work);
        }
    }

    /// <summary>scryptROMix over one chunk, in place.</summary>
    private static void Mix(Span<byte> chunk, int n, Span<Vector128<uint>> memory, Span<Vector128<uint>> work)
    {
        int vectors = chunk.Length / 16;
        Span<Vector128<uint>> x = work[..vectors], y = work[vectors..];
        Span<uint> words = MemoryMarshal.Cast<Vector128<uint>, uint>(x);
        for (int i = 0; i < words.Length; i++) words[i] = BinaryPrimitives.ReadUInt32LittleEndian(chunk[(Place(i) * sizeof(uint))..]);
        for (int i = 0; i < n; i++)
        {
            x.CopyTo(memory[(i * vectors)..]);
            MixBlocks(x, y);
        }

        int lastBlock = words.Length - BlockWords;
        for (int i = 0; i < n; i++)
        {
            int j = (int)(words[lastBlock] & (uint)(n - 1));
            ReadOnlySpan<Vector128<uint>> chosen = memory.Slice(j * vectors, vectors);
            for (int k = 0; k < vectors; k++) x[k] ^= chosen[k];
            MixBlocks(x, y);
        }

        for (int i = 0; i < words.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(chunk[(Place(i) * sizeof(uint))..], words[i]);
    }

    /// <summary>Where the word that is kept at <paramref name="index"/> stands in the byte form.</summary>
    private static int Place(int index) => index / BlockWords * BlockWords + index * 5 % BlockWords;

    /// <summary>scryptBlockMix: each block is mixed into the next; even ones go to the front, odd ones to the back.</summary>
    private static void MixBlocks(Span<Vector128<uint>> x, Span<Vector128<uint>> y)
    {
        int half = x.Length / 2;
        Vector128<uint> a = x[^4], b = x[^3], c = x[^2], d = x[^1];
        for (int at = 0, block = 0; at < x.Length; at += BlockVectors, block++)
        {
            Vector128<uint> a0 = a ^ x[at], b0 = b ^ x[at + 1], c0 = c ^ x[at + 2], d0 = d ^ x[at + 3];
            (a, b, c, d) = (a0, b0, c0, d0);
            for (int round = 0; round < 4; round++)
            {
                b ^= RotateLeft(a + d, 7);
                c ^= RotateLeft(b + a, 9);
                d ^= RotateLeft(c + b, 13);
                a ^= RotateLeft(d + c, 18);
                b = Vector128.Shuffle(b, Vector128.Create(3u, 0, 1, 2));
                c = Vector128.Shuffle(c, Vector128.Create(2u, 3, 0, 1));
                d = Vector128.Shuffle(d, Vector128.Create(1u, 2, 3, 0));
                d ^= RotateLeft(a + b, 7);
                c ^= RotateLeft(d + a, 9);
                b ^= RotateLeft(c + d, 13);
                a ^= RotateLeft(b + c, 18);
                b = Vector128.Shuffle(b, Vector128.Create(1u, 2, 3, 0));
                c = Vector128.Shuffle(c, Vector128.Create(2u, 3, 0, 1));
                d = Vector128.Shuffle(d, Vector128.Create(3u, 0, 1, 2));
            }

            a += a0;
            b += b0;
            c += c0;
            d += d0;
            int target = (block & 1) * half + block / 2 * BlockVectors;
            y[target] = a;
            y[target + 1] = b;
            y[target + 2] = c;
            y[target + 3] = d;
        }

        y.CopyTo(x);
    }

    private static Vector128<uint> RotateLeft(Vector128<uint> value, int bits) => (value << bits) | (value >>> (32 - bits));
}
