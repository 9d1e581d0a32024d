using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>
/// A process on this machine, told by its number and by when it started, so that another one that was later given the same
/// number is never taken for it.
/// </summary>
/// <param name="Pid">Its number.</param>
/// <param name="StartTicks">Its start in the kernel's ticks since boot; null if nobody wrote it down.</param>
internal readonly partial record struct LocalProcess(int Pid, long? StartTicks)
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(25);

    /// <summary>Whether it still runs. A process that ended and was not yet waited for does not.</summary>
    public bool IsAlive => ReadStat(Pid) is { State: not ('Z' or 'X') } stat && (StartTicks is null || StartTicks == stat.StartTicks);

    /// <summary>
    /// Starts a program that outlives this one: its own session, nothing inherited, output appended to <paramref name="logFile"/>.
    /// </summary>
    /// <param name="program">Path of the program.</param>
    /// <param name="arguments">Its arguments; secrets do not belong here.</param>
    /// <param name="folder">Its working folder.</param>
    /// <param name="logFile">Where standard output and standard error go.</param>
    /// <param name="environment">Variables to set, or with null to remove.</param>
    public static LocalProcess StartDetached(
        string program, IEnumerable<string> arguments, string folder, string logFile, IReadOnlyDictionary<string, string?> environment)
    {
        // The shell gives way to setsid, which gives way to the program: the number stays the same. Descriptors that a caller may
        // have left open (a test runner's pipe) are closed, or whoever waits for its end would wait for the devnet's.
        const string Script = """
            log=$1; shift
            exec setsid "$@" >>"$log" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
            """;
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = folder, UseShellExecute = false };
        foreach (string argument in (string[])["-c", Script, "sh", logFile, program]) start.ArgumentList.Add(argument);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach ((string name, string? value) in environment)
        {
            if (value is null) start.Environment.Remove(name);
            else start.Environment[name] = value;
        }

        using Process process = Process.Start(start) ?? throw new MarketException(MarketErrorCode.Failed, $"{program} does not start");
        return new LocalProcess(process.Id, ReadStat(process.Id)?.StartTicks);
    }

    /// <summary>Asks it to end, and ends it if it has not after <paramref name="patience"/>. Returns once it is gone.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        if (!IsAlive) return;
        _ = Kill(Pid, SignalTerminate);
        long asked = Stopwatch.GetTimestamp();
        while (IsAlive)
        {
            if (Stopwatch.GetElapsedTime(asked) > patience) _ = Kill(Pid, SignalKill);
            await Task.Delay(s_lookAgain);
        }
    }

    private const int SignalTerminate = 15;
    private const int SignalKill = 9;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    private static (char State, long StartTicks)? ReadStat(int pid)
    {
        string text;
        try
        {
            text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        // pid (name) state … : the name may hold anything, so count from behind its last parenthesis. Field 22 is the start.
        string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (fields[0][0], long.Parse(fields[19], CultureInfo.InvariantCulture));
    }
}
