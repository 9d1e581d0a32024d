using System.Diagnostics;
using System.Net.Sockets;
using Marketplace.Client.Json;
using Marketplace.Client.Sources;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Client.Tests.Sources;

public sealed class SourceTreeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_gives_its_files_links_and_empty_folders_in_order_of_name()
    {
        _folder.Write("photos/b.jpg", "bb");
        _folder.Write("photos/日本語/früh.txt", "x");
        _folder.Write("photos/.hidden", "");
        Directory.CreateDirectory(_folder["photos/empty/also"]);
        File.CreateSymbolicLink(_folder["photos/link"], "../outside");

        SourceObject walked = Assert.Single(SourceTree.Walk([_folder["photos"]], null));
        Assert.Equal(("photos", ObjectKind.Folder, 3L, 3L), (walked.Name, walked.Kind, walked.Files, walked.Bytes));
        Assert.Equal(
            ["photos/.hidden File", "photos/b.jpg File", "photos/empty/also Folder", "photos/link Symlink", "photos/日本語/früh.txt File"],
            walked.Entries.Select(entry => $"{entry.Name} {entry.Kind}"));
        Assert.Equal("../outside", walked.Entries[3].LinkTarget);
    }

    [Fact]
    public void A_link_to_a_folder_is_kept_and_never_followed()
    {
        _folder.Write("secret/key");
        Directory.CreateDirectory(_folder["photos"]);
        Directory.CreateSymbolicLink(_folder["photos/way out"], _folder["secret"]);
        SourceEntry entry = Assert.Single(SourceTree.Walk([_folder["photos"]], null)[0].Entries);
        Assert.Equal((ObjectKind.Symlink, _folder["secret"]), (entry.Kind, entry.LinkTarget));
    }

    [Fact]
    public void A_path_that_is_a_link_is_stored_as_one_unless_a_slash_asks_for_what_it_points_to()
    {
        _folder.Write("real/file");
        Directory.CreateSymbolicLink(_folder["alias"], "real");
        Assert.Equal(ObjectKind.Symlink, SourceTree.Walk([_folder["alias"]], null)[0].Kind);
        SourceObject followed = SourceTree.Walk([_folder["alias"] + "/"], null)[0];
        Assert.Equal("alias/file", Assert.Single(followed.Entries).Name);
    }

    [Fact]
    public void One_path_takes_the_name_itself_and_several_go_into_it()
    {
        string one = _folder.Write("one");
        string two = _folder.Write("two");
        Assert.Equal(["docs/x"], SourceTree.Walk([one], "docs/x/").Select(walked => walked.Name));
        Assert.Equal(["docs/one", "docs/two"], SourceTree.Walk([one, two], "docs").Select(walked => walked.Name));
        Assert.Equal(["one", "two"], SourceTree.Walk([one, two], null).Select(walked => walked.Name));
    }

    [Fact]
    public void Two_paths_with_one_name_are_refused()
    {
        string[] same = [_folder.Write("a/file"), _folder.Write("b/file")];
        Assert.Equal(MarketErrorCode.Usage, Assert.Throws<MarketException>(() => SourceTree.Walk(same, null)).Code);
    }

    [Fact]
    public void A_path_that_is_not_there_is_not_found() =>
        Assert.Equal(MarketErrorCode.NotFound, Assert.Throws<MarketException>(() => SourceTree.Walk([_folder["nothing"]], null)).Code);

    [Fact]
    public void A_pipe_and_a_socket_are_refused_by_name_without_being_opened()
    {
        _folder.Write("odd/fine");
        Run("mkfifo", _folder["odd/a-pipe"]);

        Assert.Contains("a-pipe", Assert.Throws<MarketException>(() => SourceTree.Walk([_folder["odd"]], null)).Message, StringComparison.Ordinal);
        File.Delete(_folder["odd/a-pipe"]);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder["odd/a-socket"]));
        Assert.Contains("a-socket", Assert.Throws<MarketException>(() => SourceTree.Walk([_folder["odd"]], null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_not_unicode_is_refused()
    {
        Directory.CreateDirectory(_folder["bad"]);
        Run("bash", "-c", "touch \"$0/$(printf 'caf\\351')\"", _folder["bad"]);

        try
        {
            Assert.Contains("UTF-8", Assert.Throws<MarketException>(() => SourceTree.Walk([_folder["bad"]], null)).Message, StringComparison.Ordinal);
        }
        finally
        {
            // The runtime cannot name the file, so it cannot remove it either.
            Run("rm", "-r", _folder["bad"]);
        }
    }

    [Fact]
    public void The_executable_bit_and_the_time_are_seen()
    {
        string path = _folder.Write("run.sh");
        var time = new DateTime(2020, 2, 3, 4, 5, 6, 789, DateTimeKind.Utc);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.SetLastWriteTimeUtc(path, time);
        SourceEntry entry = SourceTree.Walk([path], null)[0].Entries[0];
        Assert.True(entry.Executable);
        Assert.Equal(time, entry.ModifiedAt.UtcDateTime);
    }

    [Fact]
    public void A_file_that_grew_shrank_or_was_touched_since_it_was_found_is_not_read()
    {
        string path = _folder.Write("busy", "0123456789");
        SourceEntry entry = SourceTree.Walk([path], null)[0].Entries[0];
        using (SourceFile file = SourceFile.Open(entry))
        {
            byte[] buffer = new byte[100];
            Assert.Equal(4, file.Read(buffer.AsSpan(0, 4)));
            File.WriteAllText(path, "01234");
            Assert.Throws<MarketException>(() => file.Read(buffer));
        }

        Assert.Throws<MarketException>(() => SourceFile.Open(entry));
        File.AppendAllText(path, "56789");
        Assert.Throws<MarketException>(() => SourceFile.Open(entry));
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        Assert.True(process.WaitForExit(Patience.Tool), $"{program} does not end.");
    }
}
