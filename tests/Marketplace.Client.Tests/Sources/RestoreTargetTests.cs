using System.Text;
using Marketplace.Client.Restoring;
using Marketplace.Domain;
using Microsoft.Win32.SafeHandles;

namespace Marketplace.Client.Tests.Sources;

public sealed class RestoreTargetTests : IDisposable
{
    private static readonly DateTimeOffset s_time = new(2021, 3, 4, 5, 6, 7, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_not_committed_leaves_nothing()
    {
        using (RestoreTarget target = RestoreTarget.Open(_folder["out"], isFolder: true, force: false)) Fill(target, "a/b", "x");
        using (RestoreTarget target = RestoreTarget.Open(_folder["file"], isFolder: false, force: false)) Fill(target, "", "x");
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void A_folder_comes_back_with_links_modes_times_and_empty_folders()
    {
        using (RestoreTarget target = RestoreTarget.Open(_folder["out"], isFolder: true, force: false))
        {
            Fill(target, "bin/run", "x", executable: true);
            Fill(target, "日本語/ü", "y");
            target.AddFolder("empty/also", s_time);
            target.AddLink("link", "/etc/nowhere", s_time);
            target.Commit();
        }

        Assert.True(File.GetUnixFileMode(_folder["out/bin/run"]).HasFlag(UnixFileMode.UserExecute));
        Assert.False(File.GetUnixFileMode(_folder["out/日本語/ü"]).HasFlag(UnixFileMode.UserExecute));
        Assert.Equal(s_time.UtcDateTime, File.GetLastWriteTimeUtc(_folder["out/bin/run"]));
        Assert.Equal(s_time.UtcDateTime, Directory.GetLastWriteTimeUtc(_folder["out/empty/also"]));
        Assert.Equal("/etc/nowhere", new FileInfo(_folder["out/link"]).LinkTarget);
        Assert.Equal(s_time.UtcDateTime, new FileInfo(_folder["out/link"]).LastWriteTimeUtc);
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void An_existing_target_is_refused_without_force_but_an_empty_folder_is_welcome()
    {
        _folder.Write("file", "old");
        _folder.Write("full/old", "old");
        Directory.CreateDirectory(_folder["empty"]);
        Assert.Equal(MarketErrorCode.Usage, Refusal("file", isFolder: false).Code);
        Assert.Equal(MarketErrorCode.Usage, Refusal("full", isFolder: true).Code);
        using (RestoreTarget target = RestoreTarget.Open(_folder["empty"], isFolder: true, force: false))
        {
            Fill(target, "new", "x");
            target.Commit();
        }

        Assert.Equal("x", File.ReadAllText(_folder["empty/new"]));

        MarketException Refusal(string name, bool isFolder) =>
            Assert.Throws<MarketException>(() => RestoreTarget.Open(_folder[name], isFolder, force: false));
    }

    [Fact]
    public void Force_replaces_files_one_by_one_and_leaves_what_else_is_there()
    {
        _folder.Write("full/same", "old");
        _folder.Write("full/other", "kept");
        using (RestoreTarget target = RestoreTarget.Open(_folder["full"], isFolder: true, force: true))
        {
            Fill(target, "same", "new");
            target.Commit();
        }

        Assert.Equal(("new", "kept"), (File.ReadAllText(_folder["full/same"]), File.ReadAllText(_folder["full/other"])));
    }

    [Fact]
    public void A_link_in_an_existing_target_is_replaced_and_never_written_through()
    {
        _folder.Write("outside/passwd", "untouched");
        Directory.CreateDirectory(_folder["full"]);
        Directory.CreateSymbolicLink(_folder["full/etc"], _folder["outside"]);
        using (RestoreTarget target = RestoreTarget.Open(_folder["full"], isFolder: true, force: true))
        {
            Fill(target, "etc/passwd", "stored");
            target.Commit();
        }

        Assert.Equal("untouched", File.ReadAllText(_folder["outside/passwd"]));
        Assert.Equal("stored", File.ReadAllText(_folder["full/etc/passwd"]));
        Assert.Null(new DirectoryInfo(_folder["full/etc"]).LinkTarget);
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/outside")]
    [InlineData("a/../../outside")]
    public void A_name_that_leads_out_is_refused(string name)
    {
        using RestoreTarget target = RestoreTarget.Open(_folder["out"], isFolder: true, force: false);
        Assert.Throws<MarketException>(() => target.CreateFile(name, 1));
    }

    [Fact]
    public void A_file_is_not_put_in_the_place_of_a_folder_that_holds_something()
    {
        _folder.Write("full/old", "old");
        Assert.Throws<MarketException>(() => RestoreTarget.Open(_folder["full"], isFolder: false, force: true));
    }

    private static void Fill(RestoreTarget target, string name, string content, bool executable = false)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(content);
        using (SafeFileHandle handle = target.CreateFile(name, bytes.Length)) RandomAccess.Write(handle, bytes, 0);
        target.FinishFile(name, s_time, executable);
    }
}
