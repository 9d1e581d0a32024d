using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Marketplace.Testing;

/// <summary>
/// Nothing that tests started outlives them, however they end: a test host that is killed cannot clean up, and a chain or a devnet
/// that stays would hold the pipes that a CI run waits at. All processes that a test host starts, and all that these start, carry a
/// mark in their environment; a watcher in a session of its own ends every one of them when the host's end of its input is closed,
/// which the kernel does whatever happened. Compiled into every test project.
/// </summary>
internal static class Offspring
{
    /// <summary>The variable that carries the mark. The command line under test drops what begins with <c>MARKET_</c>.</summary>
    public const string MarkVariable = "TESTS_OFFSPRING";

    // A process that is starting another one may be a round late; ten rounds are for a fork in flight, not for a fork bomb.
    private const string Watch = """
        trap '' HUP INT TERM
        cat > /dev/null
        for round in 1 2 3 4 5 6 7 8 9 10; do
            found=
            for file in $(grep -lsF "$1" /proc/[0-9]*/environ); do
                pid=${file#/proc/}
                kill -9 "${pid%/environ}" 2> /dev/null && found=1
            done
            [ "$found" ] || exit 0
        done
        """;

    private static Process? s_watcher;

    /// <summary>Watches over all that this process starts from now on. A process that is watched over already needs no second one.</summary>
#pragma warning disable CA2255 // A test assembly has no entry point of its own, and must not start anything before this.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void WatchThisProcess()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(MarkVariable) is not null) return;
        string mark = Guid.NewGuid().ToString("N");
        s_watcher = Start(mark);
        Environment.SetEnvironmentVariable(MarkVariable, mark);
    }

    /// <summary>Starts the watcher of a mark; it does its work when its standard input ends.</summary>
    internal static Process Start(string mark)
    {
        ProcessStartInfo start = new("setsid")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in (string[])["sh", "-c", Watch, "watcher", $"{MarkVariable}={mark}"]) start.ArgumentList.Add(argument);
        start.Environment.Remove(MarkVariable);
        return Process.Start(start) ?? throw new InvalidOperationException("The watcher over the tests' processes did not start.");
    }
}
