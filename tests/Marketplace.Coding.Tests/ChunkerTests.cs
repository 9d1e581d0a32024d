using CsCheck;

namespace Marketplace.Coding.Tests;

public sealed class ChunkerTests
{
    private static readonly byte[] s_key = Sample.Bytes(32, 99);

    [Fact]
    public void The_same_key_cuts_the_same_however_the_stream_is_split()
    {
        byte[] stream = Sample.Bytes(12_000_000, 1);
        List<int> whole = Cut(stream, s_key, stream.Length);
        Gen.Int[1, 300_000].Sample(piece => Assert.Equal(whole, Cut(stream, s_key, piece)), iter: 20);
        Assert.NotEqual(whole, Cut(stream, Sample.Bytes(32, 98), stream.Length));
    }

    [Fact]
    public void Chunks_keep_their_bounds_and_are_about_a_mebibyte()
    {
        byte[] stream = Sample.Bytes(64 << 20, 2);
        List<int> chunks = Cut(stream, s_key, 100_000);
        Assert.All(chunks[..^1], bytes => Assert.InRange(bytes, Chunker.ChunkBytesMin, Chunker.ChunkBytesMax));
        Assert.InRange(chunks.Average(), 0.8 * (1 << 20), 1.5 * (1 << 20));
    }

    [Fact]
    public void Bytes_without_a_cut_end_at_the_longest_chunk()
    {
        List<int> chunks = Cut(new byte[10 << 20], s_key, 1 << 20);
        Assert.All(chunks[..^1], bytes => Assert.InRange(bytes, Chunker.ChunkBytesMin, Chunker.ChunkBytesMax));
        Assert.Equal(10 << 20, chunks.Sum());
    }

    [Fact]
    public void An_insertion_changes_only_the_chunks_near_it()
    {
        byte[] stream = Sample.Bytes(32 << 20, 3);
        HashSet<string> before = Hashes(stream);
        var random = new Random(4);
        for (int turn = 0; turn < 10; turn++)
        {
            int at = random.Next(stream.Length);
            byte[] changed = [.. stream[..at], (byte)turn, .. stream[at..]];
            Assert.InRange(Hashes(changed).Count(hash => !before.Contains(hash)), 0, 3);
        }
    }

    private static HashSet<string> Hashes(byte[] stream)
    {
        var hashes = new HashSet<string>();
        int at = 0;
        foreach (int bytes in Cut(stream, s_key, stream.Length))
        {
            hashes.Add(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(stream.AsSpan(at, bytes))));
            at += bytes;
        }

        return hashes;
    }

    private static List<int> Cut(ReadOnlySpan<byte> stream, byte[] key, int piece)
    {
        var chunker = new Chunker(key);
        var chunks = new List<int>();
        int open = 0;
        while (!stream.IsEmpty)
        {
            int take = chunker.Next(stream[..Math.Min(piece, stream.Length)], out bool cut);
            open += take;
            stream = stream[take..];
            if (!cut) continue;
            chunks.Add(open);
            open = 0;
        }

        if (open > 0) chunks.Add(open);
        return chunks;
    }
}
