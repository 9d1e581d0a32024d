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
    public void A_byte_put_in_changes_at_most_three_chunks_in_999_of_1000_and_never_more_than_eight()
    {
        // Nothing but the chunks from the insertion to the next common cut can change, so the stream's length does not matter.
        const int Turns = 1000;
        byte[] stream = Sample.Bytes(48 << 20, 3);
        var ends = new HashSet<int>();
        var starts = new List<int>();
        int at = 0;
        foreach (int bytes in Cut(stream, s_key, stream.Length))
        {
            starts.Add(at);
            at += bytes;
            ends.Add(at);
        }

        var random = new Random(4);
        int many = 0;
        for (int turn = 0; turn < Turns; turn++)
        {
            int place = random.Next(32 << 20);
            int start = starts.FindLast(one => one <= place);
            byte[] changed = [.. stream.AsSpan(start, place - start), (byte)random.Next(256), .. stream.AsSpan(place, 12 << 20)];
            int changes = 0;
            int end = start;
            foreach (int bytes in Cut(changed, s_key, changed.Length))
            {
                changes++;
                end += bytes;
                if (end > place && ends.Contains(end - 1)) break;
            }

            if (changes > 3) many++;
            Assert.InRange(changes, 1, 8);
        }

        Assert.InRange(many, 0, Turns / 1000);
    }

    [Fact]
    public void Cuts_are_where_the_definition_says()
    {
        byte[] stream = [.. Sample.Bytes(9 << 20, 5), .. Sample.Text(9 << 20, 6)];
        Assert.Equal(PlainCut(stream, s_key), Cut(stream, s_key, 1_234_567));
    }

    /// <summary>docs/formats/bundle.md, word for word.</summary>
    private static List<int> PlainCut(byte[] stream, byte[] key)
    {
        byte[] table = new byte[2048];
        KeyDerivation.Derive(key, default, "storage-market gear v1"u8, table);
        var chunks = new List<int>();
        int start = 0;
        while (start < stream.Length)
        {
            ulong hash = 0;
            int end = Math.Min(stream.Length, start + Chunker.ChunkBytesMax);
            for (int at = start + Chunker.ChunkBytesMin - 64; at < end; at++)
            {
                hash = (hash << 1) + BitConverter.ToUInt64(table, 8 * stream[at]);
                int length = at + 1 - start;
                if (length <= Chunker.ChunkBytesMin) continue;
                if (hash >> (length <= Chunker.ChunkBytesNormal ? 42 : 46) == 0) end = at + 1;
            }

            chunks.Add(end - start);
            start = end;
        }

        return chunks;
    }

    private static List<int> Cut(ReadOnlySpan<byte> stream, byte[] key, int piece)
    {
        using var chunker = new Chunker(key);
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
