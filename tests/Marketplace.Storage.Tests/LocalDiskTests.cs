namespace Marketplace.Storage.Tests;

/// <summary>Files that leave the system's page cache early hold what was written, whatever its length and its pieces.</summary>
public sealed class LocalDiskTests : IDisposable
{
    private const int BlockBytes = 4 << 20;
    private readonly string _folder = Directory.CreateTempSubdirectory("disk-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_may_not_be_touched_is_a_failure_of_the_disk()
    {
        // A folder where a file should be: nobody may delete it so, whoever they are.
        string path = Path.Combine(_folder, "odd");
        Directory.CreateDirectory(path);
        IOException e = Assert.Throws<IOException>(() => LocalDisk.Instance.Delete(path));
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xEF53, true)]
    [InlineData(0x65735546, false)]
    public void A_file_system_that_is_a_program_is_not_flushed_as_a_whole(uint kind, bool can) => Assert.Equal(can, DiskSync.CanFlushDisk(kind));

    [Theory]
    [InlineData(256, 256)]
    [InlineData(BlockBytes - 256, 70_000)]
    [InlineData(BlockBytes, BlockBytes)]
    [InlineData(BlockBytes + 256, 256 << 10)]
    [InlineData((5 * BlockBytes) - 4096, 4096)]
    [InlineData((7 * BlockBytes) + 12_544, 333_333)]
    [InlineData(9 * BlockBytes, 3 * BlockBytes)]
    public async Task What_was_written_is_read(int bytes, int pieceBytes)
    {
        byte[] data = new byte[bytes];
        new Random(bytes).NextBytes(data);
        string path = Path.Combine(_folder, "file");
        using (IDiskFile file = LocalDisk.Instance.Create(path))
        {
            for (int at = 0; at < bytes; at += pieceBytes) await file.WriteAsync(data.AsMemory(at, Math.Min(pieceBytes, bytes - at)), at, default);
            Assert.Equal(bytes, file.Length);
            file.Flush();
        }

        Assert.Equal(data, await File.ReadAllBytesAsync(path));
        using IDiskFile written = LocalDisk.Instance.TryOpen(path)!;
        for (int from = 0; from < bytes; from += 99_328)
        {
            byte[] read = new byte[Math.Min(bytes - from, (2 * BlockBytes) + 256)];
            for (int at = 0; at < read.Length;)
            {
                int count = written.Read(read.AsSpan(at), from + at);
                Assert.NotEqual(0, count);
                at += count;
            }

            Assert.Equal(data.AsSpan(from, read.Length).ToArray(), read);
        }

        Assert.Equal(0, written.Read(new byte[BlockBytes], bytes));
    }
}
