using System.Diagnostics;
using NSec.Cryptography;
using ZstdSharp;

namespace Marketplace.Coding.Tests;

/// <summary>What other people's programs and papers say of the parts that we build on.</summary>
public sealed class PublishedVectorTests
{
    /// <summary>"The Galois/Counter Mode of Operation" (McGrew, Viega), test case 16.</summary>
    [Fact]
    public void The_cipher_is_AES_256_GCM_as_its_authors_publish_it()
    {
        byte[] key = Convert.FromHexString("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        byte[] nonce = Convert.FromHexString("cafebabefacedbaddecaf888");
        byte[] associated = Convert.FromHexString("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        byte[] plain = Convert.FromHexString(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        byte[] expected = Convert.FromHexString(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
            "76fc6ece0f4e1768cddf8853bb2d551b");
        using var platform = new System.Security.Cryptography.AesGcm(key, 16);
        byte[] byPlatform = new byte[expected.Length];
        platform.Encrypt(nonce, plain, byPlatform.AsSpan(0, plain.Length), byPlatform.AsSpan(plain.Length), associated);
        Assert.Equal(expected, byPlatform);
        if (!Aes256Gcm.IsSupported) return;
        using Key imported = Key.Import(AeadAlgorithm.Aes256Gcm, key, KeyBlobFormat.RawSymmetricKey);
        Assert.Equal(expected, AeadAlgorithm.Aes256Gcm.Encrypt(imported, nonce, associated, plain));
    }

    [Fact]
    public void A_sealed_part_is_AES_256_GCM_with_nonce_and_associated_data_as_the_page_says()
    {
        byte[] key = Sample.Bytes(32, 1);
        byte[] plain = Sample.Bytes(100, 2);
        using var cipher = new BundleCipher(key);
        byte[] ours = new byte[116];
        cipher.Seal(SealDomain.ManifestPiece, 0x0102030405060708, plain, ours, [9, 9]);
        using var platform = new System.Security.Cryptography.AesGcm(key, 16);
        byte[] expected = new byte[116];
        platform.Encrypt([2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], plain, expected.AsSpan(0, 100), expected.AsSpan(100), [1, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]);
        Assert.Equal(expected, ours);
    }

    [Fact]
    public async Task The_zstd_program_opens_our_frames_and_we_open_its()
    {
        using var chunks = new ChunkCompressor();
        using var decompressor = new Decompressor();
        foreach (int bytes in (int[])[3000, 70_000, 1 << 20, ChunkRef.PlainBytesMax])
        {
            byte[] plain = Sample.Text(bytes, bytes);
            byte[] frame = new byte[bytes];
            Assert.True(chunks.TryCompress(plain, frame, out int written));
            Assert.Equal(plain, await ZstdAsync(["-d", "-c"], frame.AsMemory(0, written)));
            byte[] theirs = await ZstdAsync(["-19", "-c", $"--stream-size={bytes}"], plain);
            Assert.Equal(plain, decompressor.Unwrap(theirs).ToArray());
        }
    }

    private static async Task<byte[]> ZstdAsync(string[] arguments, ReadOnlyMemory<byte> input)
    {
        var start = new ProcessStartInfo("zstd", arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        using Process zstd = Process.Start(start)!;
        using var output = new MemoryStream();
        Task reading = zstd.StandardOutput.BaseStream.CopyToAsync(output);
        await zstd.StandardInput.BaseStream.WriteAsync(input);
        zstd.StandardInput.Close();
        await reading;
        await zstd.WaitForExitAsync();
        Assert.Equal(0, zstd.ExitCode);
        return output.ToArray();
    }
}
