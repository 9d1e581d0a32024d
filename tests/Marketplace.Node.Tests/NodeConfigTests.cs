using System.Net;
using Marketplace.Chain.Accounts;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node.Tests;

public sealed class NodeConfigTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("market-node-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_back()
    {
        var config = new NodeConfig(
            IPEndPoint.Parse("0.0.0.0:4600"), PeerEndpoint.Parse("https://node.example.org:4600"),
            [new VolumeSettings(0, StoreAddress.Default, 3L << 30), new VolumeSettings(7, StoreAddress.Parse("files:/mnt/disk 2/market"), (1L << 40) + 1, IsDraining: true)],
            new Price(TokenAmount.Parse("0.015")), IPEndPoint.Parse("127.0.0.1:4601"))
        {
            Bandwidth = BandwidthSchedule.Parse("mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s; out 8 MiB/s"),
            ScrubEvery = TimeSpan.FromDays(7),
            Alerts = new Uri("https://hooks.example.org/market?key=1"),
        };
        Write(config.ToString());

        NodeConfig read = NodeConfig.Read(_folder);
        Assert.Equal(config.Volumes, read.Volumes);
        Assert.Equal(3L << 30, read.CapacityBytes);
        Assert.Equal(config with { Volumes = read.Volumes }, read);
    }

    [Theory]
    [InlineData("listen: everywhere")]
    [InlineData("url: http://node.example.org")]
    [InlineData("volume.1: files:disk")]
    [InlineData("volume.1: files:disk, lots")]
    [InlineData("volume.1: files:disk, 1 GiB, credentials key")]
    [InlineData("volume.0: files:disk, 1 GiB")]
    [InlineData("volume.1: files:depot, 1 GiB")]
    [InlineData("volume.1: s3:https://s3.example.org, 1 GiB")]
    [InlineData("volume.1: s3:https://name:secret@s3.example.org/bucket, 1 GiB")]
    [InlineData("volume.1: ipfs:http://127.0.0.1:5001/api, 1 GiB")]
    [InlineData("price: 0")]
    [InlineData("admin: 0.0.0.0:80")]
    [InlineData("bandwidth: slow")]
    [InlineData("scrub: often")]
    [InlineData("alerts: somewhere")]
    [InlineData("colour: blue")]
    public void What_is_wrong_is_named(string line)
    {
        Write("listen: 127.0.0.1:1\nurl: https://a.b:1\nvolume.0: files:depot, 1 GiB\nprice: 1\n" + line + "\n");
        MarketException e = Assert.Throws<MarketException>(() => NodeConfig.Read(_folder));
        Assert.Contains(line.StartsWith("colour", StringComparison.Ordinal) ? "line 5" : line.Split(':')[0], e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_setting_is_in_the_table_and_in_the_file_that_init_writes()
    {
        string page = File.ReadAllText(Path.Combine(Marketplace.Testing.Repository.Root, "docs", "settings.md"));
        string file = new NodeConfig(IPEndPoint.Parse("127.0.0.1:1"), PeerEndpoint.Parse("https://a.b:1"), [new VolumeSettings(0, StoreAddress.Default, 1 << 30)], new Price(TokenAmount.Parse("1")), IPEndPoint.Parse("127.0.0.1:2")).ToString();
        Assert.All(NodeConfig.Keys, key => Assert.Contains($"| `{key}` |", page, StringComparison.Ordinal));
        Assert.All(NodeConfig.Keys, key => Assert.Contains($"\n{key}: ", file.ReplaceLineEndings("\n"), StringComparison.Ordinal));
    }

    [Fact]
    public void What_has_a_default_in_the_table_may_be_left_out_and_nothing_else()
    {
        string[] page = File.ReadAllLines(Path.Combine(Marketplace.Testing.Repository.Root, "docs", "settings.md"));
        string[] file = ["listen: 127.0.0.1:1", "url: https://a.b:1", "volume.0: files:depot, 1 GiB", "price: 1", "admin: 127.0.0.1:2", "bandwidth:", "scrub: 7d", "alerts:", "repair.leastBounty: 1"];
        Assert.All(NodeConfig.Keys, key =>
        {
            bool isNeeded = page.Single(line => line.StartsWith($"| `{key}` |", StringComparison.Ordinal)).Contains($"`{key}` | – |", StringComparison.Ordinal);
            Write(string.Join('\n', file.Where(line => !line.StartsWith(key + ":", StringComparison.Ordinal))) + "\n");
            if (isNeeded) Assert.Contains(key, Assert.Throws<MarketException>(() => NodeConfig.Read(_folder)).Message, StringComparison.Ordinal);
            else NodeConfig.Read(_folder);
        });
    }

    [Fact]
    public void A_new_node_has_its_secrets_encrypted_and_to_itself()
    {
        string dataDir = Path.Combine(_folder, "node");
        NodeMade made = NodeSetup.Init(new NodeInit
        {
            DataDir = dataDir,
            CapacityBytes = 1 << 30,
            Price = TokenAmount.Parse("0.01"),
            Passphrase = "correct horse",
            Strength = KeyStoreStrength.Light,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
        });

        Assert.NotEqual(0, made.Url.Port);
        Assert.Equal(made.Url, NodeConfig.Read(dataDir).Url);
        using (var keys = NodeKeys.Open(dataDir, "correct horse"))
        {
            Assert.Equal(made.HotAddress, keys.Hot.Address);
            Assert.Equal(made.Fingerprint, keys.Fingerprint);
        }

        Assert.Throws<MarketException>(() => NodeKeys.Open(dataDir, "wrong"));
        Assert.Contains("ENCRYPTED", File.ReadAllText(Path.Combine(dataDir, NodeFiles.TlsKey)), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
        {
            Assert.All(Directory.GetFiles(dataDir), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        }

        Assert.Throws<MarketException>(() => NodeSetup.Init(new NodeInit { DataDir = dataDir, CapacityBytes = 1 << 30, Price = TokenAmount.Parse("1"), Passphrase = "x" }));
    }

    private void Write(string text) => File.WriteAllText(Path.Combine(_folder, NodeConfig.FileName), text);
}
