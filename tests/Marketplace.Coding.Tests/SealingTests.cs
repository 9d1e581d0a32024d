using CsCheck;

namespace Marketplace.Coding.Tests;

public sealed class SealingTests
{
    private static readonly byte[] s_seed = Sample.Bytes(MasterKey.SeedBytes, 11);
    private static readonly byte[] s_salt = Sample.Bytes(BundleHead.SaltBytes, 12);

    [Fact]
    public void A_chunk_opens_to_what_was_sealed() =>
        Gen.Select(Gen.OneOf(Gen.Int[1, 300], Gen.Int[60_000, 70_000], Gen.Int[1, 1 << 20]), Gen.Bool, Gen.Int).Sample((bytes, text, seed) =>
        {
            using BundleKey key = NewKey();
            using var sealer = new ChunkSealer(key);
            using var opener = new ChunkOpener(key);
            byte[] plain = text ? Sample.Text(bytes, seed) : Sample.Bytes(bytes, seed);
            byte[] sealedBytes = new byte[bytes + ChunkRef.OverheadBytes];
            ChunkRef chunk = sealer.Seal(plain, 1000, sealedBytes);
            Assert.True(chunk.IsWellFormed);
            byte[] opened = new byte[bytes];
            opener.Open(chunk, sealedBytes.AsSpan(0, chunk.SealedBytes), opened);
            Assert.Equal(plain, opened);
        }, iter: 60);

    [Fact]
    public void Text_is_compressed_and_random_bytes_are_stored_as_they_are()
    {
        using BundleKey key = NewKey();
        using var sealer = new ChunkSealer(key);
        byte[] room = new byte[(1 << 20) + ChunkRef.OverheadBytes];
        Assert.Equal(ChunkEncoding.Zstd, sealer.Seal(Sample.Text(1 << 20, 1), 1000, room).Encoding);
        Assert.Equal(ChunkEncoding.Raw, sealer.Seal(Sample.Bytes(1 << 20, 1), 1000, room).Encoding);
        Assert.Equal(ChunkEncoding.Raw, sealer.Seal(new byte[1], 1000, room).Encoding);
    }

    [Fact]
    public void A_chunk_with_any_bit_flipped_or_moved_or_of_another_bundle_does_not_open() =>
        Gen.Select(Gen.Int[1, 5000], Gen.Bool, Gen.Int).Sample((bytes, text, seed) =>
        {
            using BundleKey key = NewKey();
            using BundleKey other = BundleKey.Derive(Master(), Sample.Bytes(BundleHead.SaltBytes, 13));
            using var sealer = new ChunkSealer(key);
            using var opener = new ChunkOpener(key);
            using var otherOpener = new ChunkOpener(other);
            byte[] plain = text ? Sample.Text(bytes, seed) : Sample.Bytes(bytes, seed);
            byte[] room = new byte[bytes + ChunkRef.OverheadBytes];
            ChunkRef chunk = sealer.Seal(plain, 1000, room);
            byte[] good = room[..chunk.SealedBytes];
            byte[] opened = new byte[bytes + 1];

            int bit = new Random(seed).Next(good.Length * 8);
            AssertFault(BundleFault.Tampered, () => opener.Open(chunk, Sample.FlipBit(good, bit), opened));
            AssertFault(BundleFault.Tampered, () => opener.Open(chunk with { Offset = 1001 }, good, opened));
            AssertFault(BundleFault.Tampered, () => otherOpener.Open(chunk, good, opened));
            AssertFault(BundleFault.Tampered, () => opener.Open(chunk, good[..^1], opened));
            AssertFault(BundleFault.Malformed, () => opener.Open(chunk with { PlainBytes = int.MaxValue }, good, opened));
            if (chunk.Encoding != ChunkEncoding.Zstd) return;
            AssertFault(BundleFault.Malformed, () => opener.Open(chunk with { PlainBytes = bytes + 1 }, good, opened));
            if (chunk.SealedBytes < bytes - 1 + ChunkRef.OverheadBytes)
                AssertFault(BundleFault.Malformed, () => opener.Open(chunk with { PlainBytes = bytes - 1 }, good, opened));
        }, iter: 10_000);

    [Fact]
    public void Both_implementations_of_the_cipher_give_the_same_bytes()
    {
        byte[] key = Sample.Bytes(32, 1);
        using var nsec = new BundleCipher(key, byNSec: true);
        using var platform = new BundleCipher(key, byNSec: false);
        Gen.Select(Gen.Byte.Array[0, 500], Gen.Long[0, long.MaxValue], Gen.Byte.Array[0, 300]).Sample((plain, position, context) =>
        {
            byte[] a = new byte[plain.Length + 16];
            byte[] b = new byte[plain.Length + 16];
            nsec.Seal(SealDomain.Chunk, position, plain, a, context);
            platform.Seal(SealDomain.Chunk, position, plain, b, context);
            Assert.Equal(a, b);
            byte[] opened = new byte[plain.Length];
            Assert.True(platform.TryOpen(SealDomain.Chunk, position, a, opened, context));
            Assert.Equal(plain, opened);
            a[0] ^= 1;
            Assert.False(platform.TryOpen(SealDomain.Chunk, position, a, opened, context));
            Assert.False(nsec.TryOpen(SealDomain.Chunk, position, a, opened, context));
        }, iter: 200);
    }

    [Fact]
    public void A_wrong_master_key_is_told()
    {
        using BundleKey key = NewKey();
        BundleHead head = BundleHead.Read(key.Head.Bytes);
        using var wrong = MasterKey.FromSeed(Sample.Bytes(MasterKey.SeedBytes, 14));
        AssertFault(BundleFault.WrongKey, () => BundleKey.Open(head, wrong));
        using BundleKey right = BundleKey.Open(head, Master());
        AssertSameKey(key, right);
    }

    [Fact]
    public void A_wrapped_key_opens_for_its_recipients_and_nobody_else()
    {
        using MasterKey client = Master();
        using RecipientKeyPair clientPair = client.CreateRecipientKeyPair();
        using var gateway = new RecipientKeyPair(Sample.Bytes(32, 15));
        using var stranger = new RecipientKeyPair(Sample.Bytes(32, 16));
        using BundleKey key = BundleKey.CreateWrapped(clientPair.PublicKey, gateway.PublicKey);
        BundleHead head = BundleHead.Read(key.Head.Bytes);
        Assert.Equal(BundleKeyKind.Wrapped, head.KeyKind);
        using BundleKey byClient = BundleKey.Open(head, client);
        using BundleKey byGateway = BundleKey.Open(head, gateway);
        AssertSameKey(key, byClient);
        AssertSameKey(key, byGateway);
        AssertFault(BundleFault.WrongKey, () => BundleKey.Open(head, stranger));
        Assert.Throws<ArgumentException>(() => BundleKey.CreateWrapped());
        Assert.Throws<ArgumentException>(() => BundleKey.CreateWrapped(new byte[32]));
    }

    [Fact]
    public void A_head_with_any_bit_flipped_never_opens_the_footer_of_its_bundle()
    {
        using MasterKey master = Master();
        using RecipientKeyPair pair = master.CreateRecipientKeyPair();
        foreach (BundleKey key in (BundleKey[])[NewKey(), BundleKey.Wrap(s_salt, Sample.Bytes(32, 17), pair.PublicKey)])
        {
            byte[] bundle = BundleTests.Write(key, 256, _ => { });
            for (int bit = 0; bit < BundleHead.SizeBytes * 8; bit++)
            {
                byte[] head = Sample.FlipBit(bundle.AsSpan(0, BundleHead.SizeBytes), bit);
                Assert.Throws<BundleFormatException>(() =>
                {
                    using BundleKey opened = BundleKey.Open(BundleHead.Read(head), master);
                    BundleFooter.Open(opened, bundle.Length, bundle.AsSpan(^BundleFooter.SizeBytes..));
                });
            }

            key.Dispose();
        }
    }

    [Fact]
    public void The_master_key_of_known_words_stays_what_it_is()
    {
        // BIP-39's first vector ("abandon … about", passphrase TREZOR).
        byte[] seed = Convert.FromHexString(
            "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04");
        using MasterKey master = MasterKey.FromSeed(seed);
        byte[] key = new byte[32];
        master.CopyTo(key);
        byte[] expected = System.Security.Cryptography.HKDF.DeriveKey(
            System.Security.Cryptography.HashAlgorithmName.SHA256, seed, 32, info: "storage-market master key v1"u8.ToArray());
        Assert.Equal(expected, key);
    }

    internal static MasterKey Master() => MasterKey.FromSeed(s_seed);

    internal static BundleKey NewKey()
    {
        using MasterKey master = Master();
        return BundleKey.Derive(master, s_salt);
    }

    internal static void AssertFault(BundleFault fault, Action action) => Assert.Equal(fault, Assert.Throws<BundleFormatException>(action).Fault);

    private static void AssertSameKey(BundleKey a, BundleKey b)
    {
        byte[] sealedBytes = new byte[4 + 16];
        a.Cipher.Seal(SealDomain.Chunk, 1, new byte[4], sealedBytes);
        Assert.True(b.Cipher.TryOpen(SealDomain.Chunk, 1, sealedBytes, new byte[4]));
    }
}
