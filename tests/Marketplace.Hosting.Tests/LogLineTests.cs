using System.Net;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Hosting.Logging;
using Microsoft.Extensions.Logging;

namespace Marketplace.Hosting.Tests;

public class LogLineTests
{
    [Fact]
    public void A_line_begins_with_utc_time_level_and_event()
    {
        var time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 6, TimeSpan.FromHours(1));
        string line = LogLine.Format(time, LogLevel.Information, new EventId(2101), "Pinger", "Pinged 3", null);
        Assert.Equal("2026-01-02T02:04:05.006Z info 2101 Pinger: Pinged 3", line);
    }

    [Fact]
    public void Text_of_strangers_cannot_forge_a_second_line()
    {
        string line = LogLine.Format(default, LogLevel.Warning, default, "X", "bad\r\nname\u2028\u001b[31m", new IOException("a\nb"));
        Assert.DoesNotContain(line, c => char.IsControl(c) || c == '\u2028');
        Assert.EndsWith("| IOException: a b", line, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_is_never_longer_than_its_limit() =>
        Assert.Equal(LogLine.CharsMax + 1, LogLine.Format(default, LogLevel.Warning, default, "X", new string('a', 100_000), null).Length);

    [Fact]
    public void A_full_log_keeps_one_older_file_and_no_more()
    {
        string folder = Directory.CreateTempSubdirectory("market-log-").FullName;
        string path = Path.Combine(folder, "a.log");
        using (var sink = new FileLineSink(path, fileBytesMax: 100))
        {
            for (int i = 0; i < 100; i++) sink.Write($"line {i:D3} of some length");
        }

        string[] files = Directory.GetFiles(folder);
        Assert.Equal(["a.log", "a.log.1"], files.Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.All(files, file => Assert.InRange(new FileInfo(file).Length, 0, 200));
        Assert.EndsWith("line 099 of some length", File.ReadAllText(path + ".1").TrimEnd(), StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_logged_url_shows_no_key() =>
        Assert.Equal("https://rpc.example.org", Redacted.Url(new Uri("https://user:pass@rpc.example.org/v2/key?apikey=1")));

    [Fact]
    public void Neighbours_in_one_v6_network_are_counted_together()
    {
        Assert.Equal(RequestLimits.PartitionOf(IPAddress.Parse("2001:db8:1:2::1")), RequestLimits.PartitionOf(IPAddress.Parse("2001:db8:1:2:ffff::9")));
        Assert.NotEqual(RequestLimits.PartitionOf(IPAddress.Parse("2001:db8:1:2::1")), RequestLimits.PartitionOf(IPAddress.Parse("2001:db8:1:3::1")));
        Assert.Equal("192.0.2.1", RequestLimits.PartitionOf(IPAddress.Parse("::ffff:192.0.2.1")));
    }

    [Fact]
    public void A_made_password_is_for_the_owner_alone_and_is_read_again()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("market-password-").FullName, "password");
        AdminPassword.FromFile(path);
        string password = File.ReadAllText(path).Trim();
        Assert.True(AdminPassword.FromFile(path).Matches(password));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public void A_short_password_is_refused() => Assert.Throws<MarketException>(() => new AdminPassword("short"));
}
