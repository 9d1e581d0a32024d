using System.Diagnostics;
using Marketplace.Testing;
using Xunit.Abstractions;

namespace Marketplace.Chaos.Tests;

/// <summary>A short piece of what <c>scripts/chaos.sh</c> does for two hours of network time.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task Kills_disk_faults_and_price_changes_lose_no_byte_and_slash_no_honest_node()
    {
        string[] own = Program.Own;
        var start = new ProcessStartInfo(own[0], [own[1], "--seed", "11", "--minutes", "2", "--pace", "8", "--period", "20"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> said = process.StandardOutput.ReadToEndAsync();
        Task<string> progress = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().Within(s_longest, "The short run of chaos");
        output.WriteLine(await progress);
        output.WriteLine(await said);
        Assert.True(process.ExitCode == 0, await progress + await said);
    }
}
