using Marketplace.Domain;

namespace Marketplace.Node.Tests.Volumes;

public sealed class VolumeSettingsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("market-node-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("files:depot, 500 GiB")]
    [InlineData("files:/mnt/my disk, 1099511627777 B, draining")]
    [InlineData("ipfs:http://127.0.0.1:5001, 1 TiB")]
    [InlineData("s3:https://s3.example.org/bucket, 4 TiB")]
    [InlineData("s3:http://10.0.0.7:9000/bucket/node/7, 4 TiB, credentials /etc/key, region eu-west-3, draining")]
    public void What_is_written_is_read_back(string line)
    {
        Assert.True(VolumeSettings.TryParse(3, line, out VolumeSettings? volume));
        Assert.Equal(line, volume.ToString());
    }

    [Fact]
    public void One_line_changes_and_all_else_stays()
    {
        const string Text = "# mine\nlisten: 127.0.0.1:1\nvolume.0: files:depot, 1 GiB  # the old disk\n\nprice: 1\n";
        string added = NodeYaml.With(Text, "volume.1", "files:/b, 2 GiB");
        string drained = NodeYaml.With(added, "volume.0", "files:depot, 1 GiB, draining");

        Assert.Equal("# mine\nlisten: 127.0.0.1:1\nvolume.0: files:depot, 1 GiB, draining # the old disk\nvolume.1: files:/b, 2 GiB\n\nprice: 1\n", drained);
        Assert.Equal("# mine\nlisten: 127.0.0.1:1\nvolume.1: files:/b, 2 GiB\n\nprice: 1\n", NodeYaml.Without(drained, "volume.0"));
        Assert.Equal("price: 1\nvolume.4: x\n", NodeYaml.With("price: 1\n", "volume.4", "x"));
    }

    [Fact]
    public void A_key_that_others_may_read_or_that_is_none_is_refused()
    {
        var volume = new VolumeSettings(0, StoreAddress.Parse("s3:https://s3.example.org/bucket"), 1 << 30, "key");
        string path = Path.Combine(_folder, "key");
        Assert.Contains("no credentials file", Refusal(volume), StringComparison.Ordinal);

        var key = new BucketKey("name", "quite secret");
        NodeFiles.Write(path, key.ToFile());
        Assert.Equal(key, BucketKey.Read(volume, _folder));
        Assert.DoesNotContain("secret", key.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", volume.ToString(), StringComparison.Ordinal);

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
            Assert.Contains("Others may read", Refusal(volume), StringComparison.Ordinal);
            File.SetUnixFileMode(path, UnixFileMode.UserRead);
        }

        File.Delete(path);
        NodeFiles.Write(path, "[default]\naws_access_key_id = name\n");
        Assert.Contains("names no key", Refusal(volume), StringComparison.Ordinal);
    }

    private string Refusal(VolumeSettings volume) => Assert.Throws<MarketException>(() => BucketKey.Read(volume, _folder)).Message;
}
