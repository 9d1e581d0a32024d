using System.Diagnostics;
using Marketplace.Testing;

namespace Marketplace.Chain.Tests;

/// <summary>The watcher that ends what a test host leaves behind.</summary>
public sealed class OffspringTests
{
    [Fact]
    public async Task What_a_host_started_and_what_that_started_ends_with_it_and_nothing_else_does()
    {
        string mark = Guid.NewGuid().ToString("N");
        using Process watcher = Offspring.Start(mark);
        using Process child = Sleep(mark, "exec sleep 300");
        using Process detached = Sleep(mark, "setsid sleep 300 & exec sleep 300");
        using Process stranger = Sleep("another", "exec sleep 300");
        try
        {
            Assert.False(watcher.WaitForExit(TimeSpan.FromMilliseconds(300)));
            Assert.False(child.HasExited || detached.HasExited);

            // What the kernel does when the host is gone.
            watcher.StandardInput.Close();

            await watcher.WaitForExitAsync().Within(Patience.Tool, "The watcher");
            await child.WaitForExitAsync().Within(Patience.Tool, "The end of a child");
            await detached.WaitForExitAsync().Within(Patience.Tool, "The end of a child that has a child");
            // The grandchild in its own session held the pipe: now nobody does.
            await detached.StandardOutput.ReadToEndAsync().Within(Patience.Tool, "The end of a grandchild");
            Assert.False(stranger.HasExited);
        }
        finally
        {
            foreach (Process one in (Process[])[child, detached, stranger])
            {
                if (!one.HasExited) one.Kill(entireProcessTree: true);
            }
        }
    }

    [Fact]
    public void This_very_host_is_watched_over() => Assert.NotNull(Environment.GetEnvironmentVariable(Offspring.MarkVariable));

    private static Process Sleep(string mark, string script)
    {
        ProcessStartInfo start = new("sh") { RedirectStandardOutput = true, UseShellExecute = false };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        start.Environment[Offspring.MarkVariable] = mark;
        return Process.Start(start)!;
    }
}
