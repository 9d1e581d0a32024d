using System.Buffers;
using System.Text;
using CsCheck;
using ZstdSharp;

namespace Marketplace.Coding.Tests;

/// <summary>Manifests that somebody with the key made wrong, by mistake or by intent.</summary>
public sealed class HostileManifestTests
{
    private const long ChunksEnd = 1 << 20;

    [Fact]
    public void A_manifest_as_its_page_describes_it_is_read()
    {
        Manifest manifest = Decode([.. Start, .. Chunk(0, 256, 116, 100, 0), .. File("a", 100, 0, 1, 0), .. File("b", 40, 0, 1, 60), .. End(1, 2)]);
        Assert.Equal(["a", "b"], manifest.Entries.Select(entry => entry.Name.Value));
        Assert.Equal(new ChunkSlice(manifest.Chunks[0], 60, 40), Assert.Single(manifest.Slices(manifest.Entries.Last())));
    }

    public static TheoryData<string, BundleFault, byte[]> Wrong() => new()
    {
        { "another version", BundleFault.UnknownVersion, [2, .. End(0, 0)] },
        { "no end", BundleFault.Malformed, Start },
        { "nothing", BundleFault.Malformed, [] },
        { "something after the end", BundleFault.Malformed, [.. Start, .. End(0, 0), .. End(0, 0)] },
        { "wrong counts", BundleFault.Malformed, [.. Start, .. End(1, 0)] },
        { "half a record", BundleFault.Malformed, [.. Start, .. End(0, 0)[..^1]] },
        { "an unknown record", BundleFault.UnknownVersion, [.. Start, .. Record([9])] },
        { "an empty record", BundleFault.Malformed, [.. Start, 0] },
        { "a record too long", BundleFault.Malformed, [.. Start, 0xFF, 0xFF, 0xFF, 0x7F] },
        { "a length without end", BundleFault.Malformed, [.. Start, .. Enumerable.Repeat((byte)0xFF, 11)] },
        { "a number longer than it need be", BundleFault.Malformed, [.. Start, 0x80, 0x00] },
        { "bytes left in a record", BundleFault.Malformed, [.. Start, .. Record([4, 0, 0, 0])] },
        { "a name that climbs out", BundleFault.BadName, [.. Start, .. Removal("../x")] },
        { "an absolute name", BundleFault.BadName, [.. Start, .. Removal("/x")] },
        { "no name", BundleFault.BadName, [.. Start, .. Removal("")] },
        { "a name that is not UTF-8", BundleFault.BadName, [.. Start, .. Record([3, 1, 0xFF])] },
        { "a name longer than its record", BundleFault.Malformed, [.. Start, .. Record([3, 9, 65])] },
        { "a chunk in the head", BundleFault.Malformed, [.. Start, .. Chunk(0, 255, 116, 100, 0), .. End(1, 0)] },
        { "a chunk past the chunks' end", BundleFault.Malformed, [.. Start, .. Chunk(0, ChunksEnd - 115, 116, 100, 0), .. End(1, 0)] },
        { "a chunk past the end of every bundle", BundleFault.Malformed, [.. Start, .. Chunk(7, ShardGeometry.BundleBytesMax - 115, 116, 100, 0), .. End(1, 0)] },
        { "a chunk whose end is no number", BundleFault.Malformed, [.. Start, .. Chunk(7, long.MaxValue, 116, 100, 0), .. End(1, 0)] },
        { "a chunk that promises too much", BundleFault.Malformed, [.. Start, .. Chunk(0, 256, 116, ChunkRef.PlainBytesMax + 1, 1), .. End(1, 0)] },
        { "a raw chunk of two lengths", BundleFault.Malformed, [.. Start, .. Chunk(0, 256, 115, 100, 0), .. End(1, 0)] },
        { "a chunk that grew by compression", BundleFault.Malformed, [.. Start, .. Chunk(0, 256, 116, 100, 1), .. End(1, 0)] },
        { "an unknown encoding", BundleFault.Malformed, [.. Start, .. Chunk(0, 256, 116, 100, 2), .. End(1, 0)] },
        { "a file in no chunk", BundleFault.Malformed, [.. Start, .. File("a", 1, 0, 1, 0)] },
        { "a file past its chunks", BundleFault.Malformed, [.. Start, .. Chunk(0, 256, 116, 100, 0), .. File("a", 101, 0, 1, 0)] },
        { "a file with a chunk too many", BundleFault.Malformed, [.. Start, .. Chunk(0, 256, 116, 100, 0), .. Chunk(0, 372, 116, 100, 0), .. File("a", 100, 0, 2, 0)] },
        { "a file that begins past its first chunk", BundleFault.Malformed, [.. Start, .. Chunk(0, 256, 116, 100, 0), .. Chunk(0, 372, 116, 100, 0), .. File("a", 50, 0, 2, 100)] },
        { "a file without end", BundleFault.Malformed, [.. Start, .. Chunk(0, 256, 116, 100, 0), .. File("a", long.MaxValue, 0, 1, 99)] },
        { "an unknown kind", BundleFault.UnknownVersion, [.. Start, .. Record([2, 7, 0, 1, 0, 1, 65])] },
        { "an executable folder", BundleFault.Malformed, [.. Start, .. Record([2, 2, 1, 1, 0, 1, 65])] },
        { "version zero", BundleFault.Malformed, [.. Start, .. Record([2, 2, 0, 0, 0, 1, 65])] },
        { "a time outside the calendar", BundleFault.Malformed, [.. Start, .. Record([2, 2, 0, 1, .. Number(ulong.MaxValue), 1, 65])] },
        { "a link to nowhere", BundleFault.BadName, [.. Start, .. Record([2, 3, 0, 1, 0, 1, 65, 0])] },
        { "a link with NUL", BundleFault.BadName, [.. Start, .. Record([2, 3, 0, 1, 0, 1, 65, 2, 66, 0])] },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_manifest_that_is_wrong_is_refused_with_its_fault(string what, BundleFault fault, byte[] plain)
    {
        Assert.NotEmpty(what);
        SealingTests.AssertFault(fault, () => Decode(plain));
    }

    [Fact]
    public void Files_that_name_the_same_rows_again_and_again_are_refused_and_a_few_copies_are_read()
    {
        Assert.Equal(1000, Decode(Copies(rows: 1000, files: 1000)).Entries.Count());
        SealingTests.AssertFault(BundleFault.Malformed, () => Decode(Copies(rows: 1100, files: 1100)));

        static byte[] Copies(int rows, int files) =>
        [
            .. Start,
            .. Enumerable.Repeat(Chunk(7, 256, 17, 1, 0), rows).SelectMany(row => row),
            .. Enumerable.Repeat(File("a", rows, 0, rows, 0), files).SelectMany(file => file),
            .. End(rows, files),
        ];
    }

    [Theory]
    [InlineData(1000, 100)]                          // more sealed bytes than so few plain ones need
    [InlineData(2L << 30, 1L << 20)]
    [InlineData(1L << 20, 1L << 29)]                 // a bundle that pays for nothing of what it makes a reader hold
    [InlineData(1L << 30, (1L << 29) + 1)]
    public void A_footer_that_asks_for_more_than_any_manifest_needs_is_refused(long manifestBytes, long plainBytes)
    {
        using BundleKey key = SealingTests.NewKey();
        manifestBytes += 2000;
        int pieces = (int)((manifestBytes + BundleFooter.SealedPieceBytesMax - 1) / BundleFooter.SealedPieceBytesMax);
        long bundleBytes = BundleHead.SizeBytes + manifestBytes + BundleFooter.SizeBytes;
        byte[] sealedFooter = new byte[BundleFooter.SizeBytes];
        new BundleFooter(bundleBytes, BundleHead.SizeBytes, BundleHead.SizeBytes, manifestBytes, plainBytes, pieces).Seal(key, sealedFooter);
        SealingTests.AssertFault(BundleFault.Malformed, () => BundleFooter.Open(key, bundleBytes, sealedFooter));
    }

    [Fact]
    public void A_manifest_that_shrinks_to_nearly_nothing_makes_its_bundle_longer_and_is_read()
    {
        using BundleKey key = SealingTests.NewKey();
        string deep = string.Join('/', Enumerable.Repeat(new string('d', EntryName.PartBytesMax), 15));
        const int Folders = 4000;
        byte[] bundle = BundleTests.Write(key, MerkleTree.LeafBytes, writer =>
        {
            for (int i = 0; i < Folders; i++) writer.AddFolder(EntryName.Parse($"{deep}/{i}"), new EntryAttributes(1, DateTimeOffset.UnixEpoch));
        });
        BundleFooter footer = BundleFooter.Open(key, bundle.Length, bundle.AsSpan(^BundleFooter.SizeBytes..));
        Assert.True(footer.ManifestOffset - footer.ChunksEnd > footer.ManifestBytes);    // padding that Padmé alone would not add
        using var decoder = new ManifestDecoder(key, footer);
        for (int i = 0; i < footer.Pieces; i++) decoder.Append(bundle.AsSpan((int)footer.Piece(i).Offset, footer.Piece(i).Bytes));
        Assert.Equal(Folders, decoder.Complete().Records.Count);
    }

    [Fact]
    public void A_manifest_leaves_no_names_in_buffers_that_others_get()
    {
        using (var writer = new ManifestWriter())
        {
            writer.AddRemoval(EntryName.Parse("a secret name"));
            writer.Complete();
        }

        byte[] next = ArrayPool<byte>.Shared.Rent(BundleFooter.PieceBytesMax);
        Assert.False(next.AsSpan().ContainsAnyExcept((byte)0));
        ArrayPool<byte>.Shared.Return(next);
    }

    [Fact]
    public void A_bomb_ends_with_an_error_and_not_with_memory()
    {
        using var compressor = new Compressor(1);
        byte[] bomb = compressor.Wrap(new byte[256 << 20]).ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();
        SealingTests.AssertFault(BundleFault.Malformed, () => DecodeFrame(bomb, 100));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
    }

    [Fact]
    public void Bytes_that_are_no_frame_or_the_start_of_one_are_refused()
    {
        using var compressor = new Compressor(1);
        byte[] plain = [.. Start, .. End(0, 0)];
        byte[] frame = compressor.Wrap(plain).ToArray();
        SealingTests.AssertFault(BundleFault.Malformed, () => DecodeFrame(frame[..^1], plain.Length));
        SealingTests.AssertFault(BundleFault.Malformed, () => DecodeFrame(Sample.Bytes(1000, 1), plain.Length));
        SealingTests.AssertFault(BundleFault.Malformed, () => DecodeFrame(frame, plain.Length + 1));
        SealingTests.AssertFault(BundleFault.Malformed, () => DecodeFrame(frame, plain.Length - 1));
    }

    [Fact]
    public void Changed_bytes_of_a_manifest_are_read_or_refused_and_nothing_else()
    {
        byte[] good = [.. Start, .. Chunk(0, 256, 116, 100, 0), .. File("name", 100, 0, 1, 0), .. Removal("other"), .. Record([2, 3, 0, 1, 0, 1, 65, 2, 66, 66]), .. End(1, 3)];
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 3], Gen.Byte.Array[0, 12]).Sample((at, value, kind, insert) =>
        {
            byte[] changed = kind switch
            {
                0 => [.. good[..at], value, .. good[(at + 1)..]],
                1 => good[..at],
                2 => [.. good[..at], .. insert, .. good[at..]],
                _ => [.. good[..at], .. good[(at + 1)..]],
            };
            try
            {
                foreach (ManifestEntry entry in Decode(changed).Entries) Assert.True(EntryName.TryParse(entry.Name.Value, out _));
            }
            catch (BundleFormatException)
            {
                // Refused: what is wanted for most changes.
            }
        }, iter: 2000);
    }

    private static byte[] Start => [Manifest.Version];

    private static byte[] Number(ulong value)
    {
        byte[] bytes = new byte[VarInt.BytesMax];
        return bytes[..VarInt.Write(value, bytes)];
    }

    private static byte[] Record(byte[] body) => [.. Number((ulong)body.Length), .. body];

    private static byte[] Chunk(ulong deal, long offset, int sealedBytes, int plain, byte encoding) =>
        Record([1, .. Number(deal), .. Number((ulong)offset), .. Number((ulong)sealedBytes), .. Number((ulong)plain), encoding]);

    private static byte[] Text(string text) => [.. Number((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    private static byte[] File(string name, long bytes, int first, int count, int skip) =>
        Record([2, 1, 0, 1, 0, .. Text(name), .. Number((ulong)bytes), .. Number((ulong)first), .. Number((ulong)count), .. Number((ulong)skip)]);

    private static byte[] Removal(string name) => Record([3, .. Text(name)]);

    private static byte[] End(int chunks, int records) => Record([4, .. Number((ulong)chunks), .. Number((ulong)records)]);

    private static Manifest Decode(byte[] plain)
    {
        using var compressor = new Compressor(1);
        return DecodeFrame(compressor.Wrap(plain).ToArray(), plain.Length);
    }

    private static Manifest DecodeFrame(byte[] frame, long promisedBytes)
    {
        using BundleKey key = SealingTests.NewKey();
        int pieces = (frame.Length + BundleFooter.PieceBytesMax - 1) / BundleFooter.PieceBytesMax;
        long manifestBytes = frame.Length + (pieces * 16);
        long bundleBytes = ChunksEnd + manifestBytes + BundleFooter.SizeBytes;
        var footer = new BundleFooter(bundleBytes, ChunksEnd, ChunksEnd, manifestBytes, promisedBytes, pieces);
        using var decoder = new ManifestDecoder(key, footer);
        for (int i = 0; i < pieces; i++)
        {
            byte[] piece = frame[(i * BundleFooter.PieceBytesMax)..Math.Min(frame.Length, (i + 1) * BundleFooter.PieceBytesMax)];
            byte[] sealedPiece = new byte[piece.Length + 16];
            key.Cipher.Seal(SealDomain.ManifestPiece, footer.Piece(i).Offset, piece, sealedPiece);
            decoder.Append(sealedPiece);
        }

        return decoder.Complete();
    }
}
