using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Marketplace.Benchmarks;

/// <summary>A finished child process: how long it took, the processor time that it took, and the most memory that it held.</summary>
internal sealed partial record Measured(double Seconds, double ProcessorSeconds, double PeakMiB)
{
    private const int Children = -1;    // RUSAGE_CHILDREN
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Runs a program to its end, one at a time. The peak is the kernel's own high-water mark (<c>VmHWM</c>), read every 20 ms; a shell
    /// script that ends in <c>exec</c> keeps its process number, so the mark is that of the program behind it. Processor time is what
    /// the kernel adds to that of our ended children.
    /// </summary>
    public static async Task<Measured> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program) { UseShellExecute = false, RedirectStandardOutput = true };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        double before = ChildrenSeconds();
        var clock = Stopwatch.StartNew();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        long peakKiB = 0;
        while (!process.HasExited)
        {
            peakKiB = Math.Max(peakKiB, HighWaterMark(process.Id));
            await Task.Delay(s_look);
        }

        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? new Measured(clock.Elapsed.TotalSeconds, ChildrenSeconds() - before, peakKiB / 1024.0)
            : throw new InvalidOperationException($"{program} {string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}: {await output}");
    }

    /// <summary>Processor seconds that running processes have taken so far.</summary>
    public static double SecondsOf(IEnumerable<int> pids)
    {
        long ticks = 0;
        foreach (int pid in pids)
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            ticks += long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        }

        return ticks / 100.0;    // USER_HZ, which Linux fixes for what it tells programs
    }

    private static double ChildrenSeconds()
    {
        if (GetUsage(Children, out Usage usage) != 0) throw new InvalidOperationException("The system does not count the time of children.");
        return usage.UserSeconds + usage.SystemSeconds + ((usage.UserMicroseconds + usage.SystemMicroseconds) / 1e6);
    }

    private static long HighWaterMark(int pid)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(text => text.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan("VmHWM:".Length).TrimEnd("kB "), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // the process ended between two looks
        }
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetUsage(int who, out Usage usage);

    [StructLayout(LayoutKind.Sequential, Size = 144)]
    private struct Usage
    {
        public long UserSeconds;
        public long UserMicroseconds;
        public long SystemSeconds;
        public long SystemMicroseconds;
    }
}
